package question

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Controller is the one whose policy answers: example has both purposes on consent, and no rule of its own.
const Controller = "example"

// NoticeVersion is a version of the controller's notice that is material today.
const NoticeVersion = 3

// Check is the question as consentd is asked it.
func (p Population) Check(q Question) *consentv1.CheckRequest {
	return &consentv1.CheckRequest{Controller: Controller, SubjectId: p.ID(q.Subject), Purpose: Purposes[q.Purpose]}
}

// Record is the subject's state as consentd is told it: all events of subject n in one call.
func (p Population) Record(n int) *consentv1.RecordEventsRequest {
	s := p.Subject(n)
	events := []*consentv1.Event{p.event(s.ID+"-profile", ConsentAt)}
	events[0].Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{
		Jurisdiction: proto.String("DE"), AgeMin: proto.Uint32(30), AgeMax: proto.Uint32(30),
	}}
	for i, c := range s.Consents {
		events = append(events, p.consentEvents(s.ID+"-"+Purposes[i], Purposes[i], c)...)
	}
	return &consentv1.RecordEventsRequest{Controller: Controller, SubjectId: s.ID, Events: events}
}

func (p Population) consentEvents(id, purpose string, c Consent) []*consentv1.Event {
	var events []*consentv1.Event
	switch c.Status {
	case Given, Withdrawn:
		given := p.event(id+"-given", ConsentAt)
		given.Kind = ConsentKind(purpose, consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, c.ExpiresAt)
		events = append(events, given)
	case Refused:
		refused := p.event(id+"-refused", ConsentAt)
		refused.Kind = ConsentKind(purpose, consentv1.ConsentStatus_CONSENT_STATUS_REFUSED, time.Time{})
		events = append(events, refused)
	}
	if c.Status == Withdrawn {
		withdrawn := p.event(id+"-withdrawn", WithdrawnAt)
		withdrawn.Kind = ConsentKind(purpose, consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN, time.Time{})
		events = append(events, withdrawn)
	}
	if c.Objected {
		objected := p.event(id+"-objected", ObjectionAt)
		objected.Kind = &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{Purposes: []string{purpose}}}
		events = append(events, objected)
	}
	return events
}

func (p Population) event(id string, at time.Duration) *consentv1.Event {
	return &consentv1.Event{Id: id, OccurredAt: timestamppb.New(p.Start.Add(at)), Source: "privacy_settings"}
}

// ConsentKind is a consent event's content, explicit, to the notice of today; a zero expiresAt means never.
func ConsentKind(purpose string, status consentv1.ConsentStatus, expiresAt time.Time) *consentv1.Event_Consent {
	c := &consentv1.ConsentEvent{Purpose: purpose, Status: status, NoticeVersion: NoticeVersion, Explicit: true}
	if !expiresAt.IsZero() {
		c.ExpiresAt = timestamppb.New(expiresAt)
	}
	return &consentv1.Event_Consent{Consent: c}
}
