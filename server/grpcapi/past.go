package grpcapi

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
)

// dated is a request that may be about the past.
type dated interface {
	GetAt() *timestamppb.Timestamp
	GetKnownAt() *timestamppb.Timestamp
}

// pastOf reads as of when a request is to be answered; nil: as of now. An instant that is not set is now.
func pastOf(r dated, now consent.Instant) (*explain.Past, []consent.Violation) {
	if r.GetAt() == nil && r.GetKnownAt() == nil {
		return nil, nil
	}
	times := eventReader{}
	read := func(field string, t *timestamppb.Timestamp) consent.Instant {
		if t == nil {
			return now
		}
		i := times.instant(field, t)
		if i > now {
			times.fault(field, "is in the future: what will be recorded by then is not known")
		}
		return i
	}
	past := &explain.Past{At: read("at", r.GetAt()), KnownAt: read("known_at", r.GetKnownAt())}
	return past, times.faults
}

func staleConsistency(field string) consent.Violation {
	return consent.Violation{
		Field: field, Description: "must be absent where at or known_at is set: what was recorded by then does not change",
	}
}

func currentPolicies(c consentv1.PolicyChoice) bool {
	return c == consentv1.PolicyChoice_POLICY_CHOICE_NOW
}

// maxListed bounds the entries of an answer that are there to be read by people.
const maxListed = 100

func first[T any](list []T) []T { return list[:min(len(list), maxListed)] }

// stateAsOf is nil for an answer as of now.
func stateAsOf(a *explain.AsOf) *consentv1.StateAsOf {
	if a == nil {
		return nil
	}
	return &consentv1.StateAsOf{
		At: timestamp(a.At), KnownAt: timestamp(a.KnownAt),
		RecordedLater: convertAll(first(a.Later), ledgerEntry), RecordedLaterCount: uint32(len(a.Later)),
		NotKnown: convertAll(first(a.Unknown), ledgerEntry), NotKnownCount: uint32(len(a.Unknown)),
	}
}

// decidingPolicies is nil for an answer as of now.
func decidingPolicies(d *explain.Deciding) *consentv1.DecidingPolicies {
	if d == nil {
		return nil
	}
	return &consentv1.DecidingPolicies{
		PolicyRevision: d.Revision, InForceNow: d.Now, InForceThen: d.Then,
		InForceFrom: timestamp(d.From), InForceUntil: timestamp(d.Until),
	}
}

func annulledEvent(a *consent.AnnulledEntry) *consentv1.AnnulledEvent {
	return &consentv1.AnnulledEvent{Entry: ledgerEntry(&a.Entry), By: ledgerEntry(&a.By)}
}
