package grpcapi

import (
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

func ledgerEntry(e *consent.Entry) *consentv1.LedgerEntry {
	return &consentv1.LedgerEntry{
		Event: wireEvent(&e.Event), RecordedAt: timestamp(e.RecordedAt), Revision: uint64(e.Revision),
		SubjectId: e.SubjectID, RecordedBy: wireCaller(e.By),
	}
}

// wireCaller is nil for nobody.
func wireCaller(by consent.Identity) *consentv1.Caller {
	if by.IsZero() {
		return nil
	}
	return &consentv1.Caller{Kind: by.Kind, Id: by.ID, Issuer: by.Issuer}
}

// wireEvent converts an event back; an actor comes out as GIVEN_BY_SUBJECT where none was named.
func wireEvent(e *consent.Event) *consentv1.Event {
	out := &consentv1.Event{Id: e.ID, OccurredAt: timestamp(e.OccurredAt), Source: e.Source, Evidence: e.Evidence}
	switch f := e.Fact.(type) {
	case consent.Consent:
		out.Kind = &consentv1.Event_Consent{Consent: wireConsent(f)}
	case consent.Objection:
		out.Kind = &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{Purposes: f.Purposes, Lifted: f.Lifted}}
	case consent.Restriction:
		out.Kind = &consentv1.Event_Restriction{Restriction: &consentv1.RestrictionEvent{
			Ground: consentv1.RestrictionGround(f.Ground), Purposes: f.Purposes, Lifted: f.Lifted,
		}}
	case consent.OptOut:
		out.Kind = &consentv1.Event_OptOut{OptOut: &consentv1.OptOutEvent{
			Kind: consentv1.OptOutKind(f.Kind), Lifted: f.Lifted,
		}}
	case consent.Signals:
		out.Kind = &consentv1.Event_Signals{Signals: &consentv1.SignalsEvent{Gpc: f.GPC, Dnt: f.DNT}}
	case consent.Erasure:
		out.Kind = &consentv1.Event_Erasure{Erasure: &consentv1.ErasureEvent{Stage: consentv1.ErasureStage(f.Stage)}}
	case consent.Profile:
		out.Kind = &consentv1.Event_Profile{Profile: wireProfile(f)}
	case consent.Annulment:
		out.Kind = &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: f.EventID}}
	case consent.Link:
		out.Kind = &consentv1.Event_Link{Link: &consentv1.LinkEvent{With: f.With, Linked: f.Linked}}
	case consent.Unlink:
		out.Kind = &consentv1.Event_Unlink{Unlink: &consentv1.UnlinkEvent{With: f.With}}
	case consent.Sharing:
		out.Kind = &consentv1.Event_Sharing{Sharing: &consentv1.SharingEvent{Shared: f.Shared}}
	}
	return out
}

func wireConsent(c consent.Consent) *consentv1.ConsentEvent {
	return &consentv1.ConsentEvent{
		Purpose: c.Purpose, Status: consentv1.ConsentStatus(c.Status), NoticeVersion: c.NoticeVersion, Explicit: c.Explicit,
		GivenBy: givenByOf(c.GivenBy), Recipients: c.Recipients, Countries: c.Countries, ExpiresAt: timestamp(c.ExpiresAt),
	}
}

func wireProfile(p consent.Profile) *consentv1.ProfileEvent {
	out := &consentv1.ProfileEvent{
		Jurisdiction: p.Jurisdiction, AccountStatus: consentv1.AccountStatus(p.AccountStatus),
		LastActivityAt: timestamp(p.LastActivityAt), RetentionUntil: timestamp(p.RetentionUntil),
	}
	if p.Age != nil {
		out.AgeMin, out.AgeMax = wireBound(p.Age.Min), wireBound(p.Age.Max)
	}
	if p.Relationship != nil {
		out.Relationship = wireRelationship(p.Relationship)
	}
	return out
}

func wireRelationship(r *consent.Relationship) *consentv1.Relationship {
	return &consentv1.Relationship{
		LastSaleAt: timestamp(r.LastSaleAt), SellingEntity: r.SellingEntity, OptOutOffered: r.OptOutOffered,
	}
}

// wireBound converts a bound of an age; nil where it is unknown.
func wireBound(b int16) *uint32 {
	if b < 0 {
		return nil
	}
	bound := uint32(b)
	return &bound
}
