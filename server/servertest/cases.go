package servertest

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/cases"
)

// Run is one case on its way through the API. Its messages are made from the words of the corpus by name, not by way of
// the domain's types, so that a slip in the server's conversions cannot cancel itself out.
type Run struct {
	Case *cases.Case
	// Subject is an id that no other run uses.
	Subject string
	// Start is what the case's times count from.
	Start time.Time
}

// Record records the case's events, those under other controllers first, each by a call of its own. It returns the
// error of the first call that fails, and whether that was the case's last event.
func (r Run) Record(ctx context.Context, client consentv1.ConsentServiceClient) (last bool, err error) {
	for _, other := range r.Case.Also {
		if _, err := r.record(ctx, client, other); err != nil {
			return false, err
		}
	}
	n, err := r.record(ctx, client, cases.Also{Controller: r.Case.Controller, Events: r.Case.Events})
	return n == len(r.Case.Events)-1, err
}

// record returns how many events were recorded before the error.
func (r Run) record(ctx context.Context, client consentv1.ConsentServiceClient, of cases.Also) (int, error) {
	for i := range of.Events {
		event, err := r.event(&of.Events[i])
		if err != nil {
			return i, err
		}
		event.Id = of.Events[i].IDIn(r.Subject, i)
		_, err = client.RecordEvents(ctx, &consentv1.RecordEventsRequest{
			Controller: of.Controller, SubjectId: r.Subject, Events: []*consentv1.Event{event},
		})
		if err != nil {
			return i, err
		}
	}
	return len(of.Events), nil
}

// Check is the request of the case.
func (r Run) Check() (*consentv1.CheckRequest, error) {
	c := &r.Case.Check
	request := &consentv1.CheckRequest{
		Controller: r.Case.Controller, SubjectId: r.Subject, Purpose: c.Purpose, DataCategories: c.DataCategories,
	}
	if c.Recipient != nil {
		kind, err := enum(consentv1.RecipientKind_value, "RECIPIENT_KIND_", c.Recipient.Kind)
		if err != nil {
			return nil, err
		}
		request.Recipient = &consentv1.Recipient{
			Kind: consentv1.RecipientKind(kind), Id: c.Recipient.ID, Country: c.Recipient.Country,
		}
	}
	if c.Context == nil {
		return request, nil
	}
	var err error
	request.Context, err = structpb.NewStruct(c.Context)
	return request, err
}

// enum is the value of a bare name; the empty name is unspecified.
func enum(values map[string]int32, prefix, name string) (int32, error) {
	if name == "" {
		return 0, nil
	}
	value, ok := values[prefix+name]
	if !ok {
		return 0, fmt.Errorf("%s%s is no name of the API", prefix, name)
	}
	return value, nil
}

func (r Run) time(t *cases.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(t.From(r.Start))
}

func (r Run) event(e *cases.Event) (*consentv1.Event, error) {
	out := &consentv1.Event{OccurredAt: r.time(&e.At), Source: e.SourceOrDefault(), Evidence: e.Evidence}
	var err error
	switch {
	case e.Consent != nil:
		out.Kind, err = r.consent(e.Consent)
	case e.Objection != nil:
		out.Kind = &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{
			Purposes: e.Objection.Purposes, Lifted: e.Objection.Lifted,
		}}
	case e.Restriction != nil:
		out.Kind, err = restriction(e.Restriction)
	case e.OptOut != nil:
		out.Kind, err = optOut(e.OptOut)
	case e.Signals != nil:
		out.Kind = &consentv1.Event_Signals{Signals: &consentv1.SignalsEvent{Gpc: e.Signals.GPC, Dnt: e.Signals.DNT}}
	case e.Erasure != nil:
		out.Kind, err = erasure(e.Erasure)
	case e.Profile != nil:
		out.Kind, err = r.profile(e.Profile)
	case e.Annulment != nil:
		out.Kind = &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: e.Annulment.AnnulledIn(r.Subject)}}
	}
	return out, err
}

func (r Run) consent(c *cases.Consent) (*consentv1.Event_Consent, error) {
	status, err := enum(consentv1.ConsentStatus_value, "CONSENT_STATUS_", c.Status)
	if err != nil {
		return nil, err
	}
	actor, err := enum(consentv1.GivenBy_value, "GIVEN_BY_", c.GivenBy)
	return &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
		Purpose: c.Purpose, Status: consentv1.ConsentStatus(status), NoticeVersion: c.NoticeVersion, Explicit: c.Explicit,
		GivenBy: consentv1.GivenBy(actor), Recipients: c.Recipients, Countries: c.Countries, ExpiresAt: r.time(c.ExpiresAt),
	}}, err
}

func restriction(e *cases.Restriction) (*consentv1.Event_Restriction, error) {
	ground, err := enum(consentv1.RestrictionGround_value, "RESTRICTION_GROUND_", e.Ground)
	return &consentv1.Event_Restriction{Restriction: &consentv1.RestrictionEvent{
		Ground: consentv1.RestrictionGround(ground), Purposes: e.Purposes, Lifted: e.Lifted,
	}}, err
}

func optOut(e *cases.OptOut) (*consentv1.Event_OptOut, error) {
	kind, err := enum(consentv1.OptOutKind_value, "OPT_OUT_KIND_", e.Kind)
	return &consentv1.Event_OptOut{OptOut: &consentv1.OptOutEvent{Kind: consentv1.OptOutKind(kind), Lifted: e.Lifted}}, err
}

func erasure(e *cases.Erasure) (*consentv1.Event_Erasure, error) {
	stage, err := enum(consentv1.ErasureStage_value, "ERASURE_STAGE_", e.Stage)
	return &consentv1.Event_Erasure{Erasure: &consentv1.ErasureEvent{Stage: consentv1.ErasureStage(stage)}}, err
}

func (r Run) profile(p *cases.Profile) (*consentv1.Event_Profile, error) {
	status, err := enum(consentv1.AccountStatus_value, "ACCOUNT_STATUS_", p.AccountStatus)
	out := &consentv1.ProfileEvent{
		Jurisdiction: p.Jurisdiction, AgeMin: p.AgeMin, AgeMax: p.AgeMax, AccountStatus: consentv1.AccountStatus(status),
		LastActivityAt: r.time(p.LastActivityAt), RetentionUntil: r.time(p.RetentionUntil),
	}
	if s := p.Relationship; s != nil {
		out.Relationship = &consentv1.Relationship{
			LastSaleAt: r.time(s.LastSaleAt), SellingEntity: s.SellingEntity, OptOutOffered: s.OptOutOffered,
		}
	}
	return &consentv1.Event_Profile{Profile: out}, err
}
