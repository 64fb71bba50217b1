package grpcapi

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// eventReader converts events and collects their faults.
type eventReader struct {
	// path is that of the event being read, with a dot at the end.
	path   string
	faults []consent.Violation
}

// eventsOf converts a batch that arrives at now. It takes whatever the wire can carry and returns what is wrong with it
// beyond the rules of the proto files, each fault with its path in the request.
func eventsOf(batch []*consentv1.Event, now consent.Instant) ([]consent.Event, []consent.Violation) {
	events := make([]consent.Event, len(batch))
	r := eventReader{}
	for i, e := range batch {
		r.path = fmt.Sprintf("events[%d].", i)
		events[i] = r.event(e)
		for _, v := range events[i].Validate(now) {
			r.fault(v.Field, v.Description)
		}
	}
	return events, r.faults
}

func (r *eventReader) fault(field, description string) {
	r.faults = append(r.faults, consent.Violation{Field: r.path + field, Description: description})
}

func (r *eventReader) event(e *consentv1.Event) consent.Event {
	return consent.Event{
		ID: e.GetId(), OccurredAt: r.instant("occurred_at", e.GetOccurredAt()), Source: e.GetSource(), Evidence: e.GetEvidence(),
		Fact: r.fact(e),
	}
}

// instant converts a timestamp; an absent one is the absent instant, and so is one out of range, which is a fault.
func (r *eventReader) instant(field string, t *timestamppb.Timestamp) consent.Instant {
	if t == nil {
		return 0
	}
	if err := t.CheckValid(); err != nil {
		r.fault(field, "is no valid timestamp: its seconds or nanos are out of range")
		return 0
	}
	seconds, nanos := t.GetSeconds(), int64(t.GetNanos())
	if seconds < 0 || seconds == 0 && nanos == 0 {
		r.fault(field, "must be after 1970-01-01T00:00:00Z")
		return 0
	}
	if seconds >= int64(consent.MaxInstant/1e9) {
		r.fault(field, "must be before 2200-01-01T00:00:00Z: leave it out to say never")
		return 0
	}
	return consent.Instant(seconds*1e9 + nanos)
}

// fact converts what happened; nil if nothing did.
func (r *eventReader) fact(e *consentv1.Event) consent.Fact {
	switch kind := e.GetKind().(type) {
	case *consentv1.Event_Consent:
		return r.consent(kind.Consent)
	case *consentv1.Event_Objection:
		return consent.Objection{Purposes: kind.Objection.GetPurposes(), Lifted: kind.Objection.GetLifted()}
	case *consentv1.Event_Restriction:
		f := kind.Restriction
		return consent.Restriction{Ground: consent.Ground(f.GetGround()), Purposes: f.GetPurposes(), Lifted: f.GetLifted()}
	case *consentv1.Event_OptOut:
		return consent.OptOut{Kind: consent.OptOutKind(kind.OptOut.GetKind()), Lifted: kind.OptOut.GetLifted()}
	case *consentv1.Event_Signals:
		return consent.Signals{GPC: kind.Signals.Gpc, DNT: kind.Signals.Dnt}
	case *consentv1.Event_Erasure:
		return consent.Erasure{Stage: consent.Stage(kind.Erasure.GetStage())}
	case *consentv1.Event_Profile:
		return r.profile(kind.Profile)
	case *consentv1.Event_Annulment:
		return consent.Annulment{EventID: kind.Annulment.GetEventId()}
	case *consentv1.Event_Link:
		r.fault("link", "is recorded by LinkSubjects, for both ids at once")
		return consent.Link{With: kind.Link.GetWith()}
	case *consentv1.Event_Unlink:
		r.fault("unlink", "is recorded by UnlinkSubjects, for both ids at once")
		return consent.Unlink{With: kind.Unlink.GetWith()}
	case *consentv1.Event_Sharing:
		return consent.Sharing{Shared: kind.Sharing.GetShared()}
	}
	return nil
}

func (r *eventReader) consent(c *consentv1.ConsentEvent) consent.Consent {
	return consent.Consent{
		Purpose: c.GetPurpose(), Status: consent.Status(c.GetStatus()), NoticeVersion: c.GetNoticeVersion(),
		Explicit: c.GetExplicit(), GivenBy: actorOf(c.GetGivenBy()), Recipients: c.GetRecipients(), Countries: c.GetCountries(),
		ExpiresAt: r.instant("consent.expires_at", c.GetExpiresAt()),
	}
}

func (r *eventReader) profile(p *consentv1.ProfileEvent) consent.Profile {
	return consent.Profile{
		Jurisdiction:   p.Jurisdiction,
		Age:            ageOf(p.AgeMin, p.AgeMax),
		AccountStatus:  consent.AccountStatus(p.GetAccountStatus()),
		LastActivityAt: r.instant("profile.last_activity_at", p.GetLastActivityAt()),
		RetentionUntil: r.instant("profile.retention_until", p.GetRetentionUntil()),
		Relationship:   r.relationship(p.GetRelationship()),
	}
}

// ageOf converts two bounds, either of which may be unknown; nil if both are.
func ageOf(low, high *uint32) *consent.Age {
	if low == nil && high == nil {
		return nil
	}
	bound := func(b *uint32) int16 {
		if b == nil {
			return consent.Unbounded
		}
		return int16(min(*b, math.MaxInt16))
	}
	return &consent.Age{Min: bound(low), Max: bound(high)}
}

func (r *eventReader) relationship(p *consentv1.Relationship) *consent.Relationship {
	if p == nil {
		return nil
	}
	return &consent.Relationship{
		LastSaleAt:    r.instant("profile.relationship.last_sale_at", p.GetLastSaleAt()),
		SellingEntity: p.GetSellingEntity(), OptOutOffered: p.GetOptOutOffered(),
	}
}
