package servertest_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
)

// stage is a server whose clock the stories set.
type stage struct {
	*servertest.Server
	// all is the test that the server lives as long as.
	all   *testing.T
	clock atomic.Int64
	// doors are the ways to ask, in the stories of people.
	doors *doors
}

func newStage(t *testing.T) *stage {
	s := &stage{all: t}
	// A whole second, so that stories can say what is of one second.
	s.clock.Store(time.Now().Truncate(time.Second).UnixNano())
	s.start(t.TempDir())
	return s
}

func (s *stage) start(dir string) {
	s.Server = servertest.Start(s.all, servertest.Options{
		DataDir: dir, Now: func() consent.Instant { return consent.Instant(s.clock.Load()) },
	})
}

// story is what happens to one subject of the controller example, named as somebody would report it.
type story struct {
	name  string
	steps []step
}

type step func(*testing.T, *scene)

// scene is a story that is being told.
type scene struct {
	*stage
	subject string
}

// play tells stories, each of a subject of its own.
func (s *stage) play(t *testing.T, stories []story) {
	for _, told := range stories {
		t.Run(told.name, func(t *testing.T) {
			on := &scene{stage: s, subject: told.name}
			for _, step := range told.steps {
				step(t, on)
			}
		})
	}
}

// kind gives an event its kind.
type kind func(*consentv1.Event)

func of(purpose string, s consentv1.ConsentStatus, more ...func(*consentv1.ConsentEvent)) kind {
	c := &consentv1.ConsentEvent{Purpose: purpose, Status: s}
	if s == consentv1.ConsentStatus_CONSENT_STATUS_GIVEN {
		c.NoticeVersion = 3
	}
	for _, change := range more {
		change(c)
	}
	return func(e *consentv1.Event) { e.Kind = &consentv1.Event_Consent{Consent: c} }
}

func give(purpose string, more ...func(*consentv1.ConsentEvent)) kind {
	return of(purpose, consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, more...)
}

func withdraw(purpose string) kind {
	return of(purpose, consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN)
}

func refuse(purpose string) kind { return of(purpose, consentv1.ConsentStatus_CONSENT_STATUS_REFUSED) }

func object(purposes ...string) kind { return objection(false, purposes) }

func liftObjection(purposes ...string) kind { return objection(true, purposes) }

func objection(lifted bool, purposes []string) kind {
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{Purposes: purposes, Lifted: lifted}}
	}
}

func restrict(purposes ...string) kind { return restriction(false, purposes) }

func liftRestriction(purposes ...string) kind { return restriction(true, purposes) }

func restriction(lifted bool, purposes []string) kind {
	ground := consentv1.RestrictionGround_RESTRICTION_GROUND_ACCURACY_CONTESTED
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Restriction{
			Restriction: &consentv1.RestrictionEvent{Ground: ground, Purposes: purposes, Lifted: lifted},
		}
	}
}

func gpc(value bool) kind {
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Signals{Signals: &consentv1.SignalsEvent{Gpc: &value}}
	}
}

func livesIn(place string) kind {
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{Jurisdiction: &place}}
	}
}

func erase(reached consentv1.ErasureStage) kind {
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Erasure{Erasure: &consentv1.ErasureEvent{Stage: reached}}
	}
}

func annul(id string) kind {
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: id}}
	}
}

// A detail changes an event.
type detail func(*consentv1.Event)

func from(name string) detail { return func(e *consentv1.Event) { e.Source = name } }

func proof(uri string) detail { return func(e *consentv1.Event) { e.Evidence = uri } }

// eventAt is an event of a time that is so far from now; its id is within the story.
func (s *scene) eventAt(id string, at time.Duration, what kind, details []detail) *consentv1.Event {
	e := &consentv1.Event{
		Id: s.subject + "/" + id, OccurredAt: timestamppb.New(time.Unix(0, s.clock.Load()).Add(at)), Source: "privacy_settings",
	}
	what(e)
	if a := e.GetAnnulment(); a != nil {
		a.EventId = s.subject + "/" + a.GetEventId()
	}
	for _, change := range details {
		change(e)
	}
	return e
}

// record records an event of its own call. want is what becomes of it: its effect with what supersedes it and the
// warnings, or the code with which it is refused and the field at fault.
func record(id string, at time.Duration, what kind, want string, details ...detail) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		s.send(t, []string{want}, s.eventAt(id, at, what, details))
	}
}

func (s *scene) send(t *testing.T, want []string, events ...*consentv1.Event) {
	t.Helper()
	s.sendUnder(t, s.subject, want, events...)
}

// sendUnder sends events of an id.
func (s *scene) sendUnder(t *testing.T, id string, want []string, events ...*consentv1.Event) {
	t.Helper()
	response, err := s.Consents.RecordEvents(context.Background(), &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: id, Events: events,
	})
	got := []string{refusalText(err)}
	if err == nil {
		got = nil
		for _, o := range response.GetOutcomes() {
			got = append(got, s.outcomeText(o))
		}
	}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("%s: %q (%v), want %q", events[0].GetId(), got, err, want)
	}
}

func refusalText(err error) string {
	name := code.Code(status.Code(err)).String()
	for _, field := range violations(err) {
		name += " " + strings.TrimPrefix(field, "events[0].")
	}
	return name
}

func (s *scene) outcomeText(o *consentv1.EventOutcome) string {
	text := strings.TrimPrefix(o.GetEffect().String(), "EVENT_EFFECT_")
	if o.GetSupersededBy() != "" {
		text += " by " + o.GetSupersededByKind() + " " + strings.TrimPrefix(o.GetSupersededBy(), s.subject+"/")
	}
	for _, w := range o.GetWarnings() {
		text += " " + strings.TrimPrefix(w.GetCode().String(), "EVENT_WARNING_CODE_") + " " + w.GetPurpose()
		if w.GetNearest() != "" {
			text += " near " + w.GetNearest()
		}
	}
	return text
}

// check expects a decision with a reason: "ALLOW", "DENY OBJECTED".
func check(purpose, want string) step { return checkFor(purpose, nil, want) }

// share is check for a recipient in the USA.
func share(purpose string, recipient consentv1.RecipientKind, want string) step {
	return checkFor(purpose, &consentv1.Recipient{Kind: recipient, Id: "partner", Country: "US"}, want)
}

func checkFor(purpose string, recipient *consentv1.Recipient, want string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		r, err := s.Decisions.Check(context.Background(), &consentv1.CheckRequest{
			Controller: "example", SubjectId: s.subject, Purpose: purpose, Recipient: recipient,
		})
		if err != nil {
			t.Fatalf("check of %s: %v", purpose, err)
		}
		got := answer(r)
		effect, reason, _ := strings.Cut(want, " ")
		if got.Decision != effect || reason != "" && !strings.Contains(strings.Join(got.Reasons, " "), reason) {
			t.Errorf("check of %s: %s %v, want %s", purpose, got.Decision, got.Reasons, want)
		}
	}
}

// later has time pass.
func later(d time.Duration) step {
	return func(_ *testing.T, s *scene) { s.clock.Add(int64(d)) }
}

// restart stops the server and starts another on its data.
func restart(t *testing.T, s *scene) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	s.start(s.DataDir)
}
