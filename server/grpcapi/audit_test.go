package grpcapi_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/acts"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// audit remembers acts, or refuses them.
type audit struct {
	mu sync.Mutex
	// written were waited for, noted were not.
	written, noted []acts.Act
	full           bool
}

func (a *audit) Write(_ context.Context, act acts.Act) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.full {
		return fmt.Errorf("%w: %s", consent.ErrUnaudited, driverText)
	}
	a.written = append(a.written, act)
	return nil
}

func (a *audit) Note(act acts.Act) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noted = append(a.noted, act)
}

// take returns what was written and noted since the last time.
func (a *audit) take() (written, noted []acts.Act) {
	a.mu.Lock()
	defer a.mu.Unlock()
	written, noted, a.written, a.noted = a.written, a.noted, nil, nil
	return written, noted
}

// asPortal has every call come from a caller.
func asPortal() grpc.ServerOption {
	portal := &caller.Caller{Kind: caller.KindToken, ID: "portal", Issuer: "https://id.example"}
	return grpc.InTapHandle(func(ctx context.Context, _ *tap.Info) (context.Context, error) { return caller.With(ctx, portal), nil })
}

var portal = consent.Identity{Kind: "token", ID: "portal", Issuer: "https://id.example"}

func recordRequest(events ...*consentv1.Event) *consentv1.RecordEventsRequest {
	return &consentv1.RecordEventsRequest{Controller: "acme", SubjectId: "s", Events: events}
}

func objectionOf(id string) *consentv1.Event {
	return &consentv1.Event{Id: id, OccurredAt: timestamppb.New(noon.Time()), Source: "support",
		Kind: &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{}}}
}

// someCalls are calls that are acts, and what is audited of each besides who did it.
var someCalls = map[string]struct {
	call           func(context.Context, *served) error
	written, noted []acts.Act
}{
	"GetSubject": {func(ctx context.Context, s *served) error {
		_, err := consentv1.NewConsentServiceClient(s.conn).GetSubject(ctx,
			&consentv1.GetSubjectRequest{Controller: "acme", SubjectId: "s"})
		return err
	}, []acts.Act{{Method: "GetSubject", Controller: "acme", Subject: "s", Outcome: "OK"}}, nil},
	"ListEvents": {func(ctx context.Context, s *served) error {
		_, err := consentv1.NewConsentServiceClient(s.conn).ListEvents(ctx,
			&consentv1.ListEventsRequest{Controller: "acme", SubjectId: "s"})
		return err
	}, []acts.Act{{Method: "ListEvents", Controller: "acme", Subject: "s", Outcome: "OK"}}, nil},
	"RecordEvents": {func(ctx context.Context, s *served) error {
		_, err := consentv1.NewConsentServiceClient(s.conn).RecordEvents(ctx, recordRequest(objectionOf("e1"), objectionOf("e2")))
		return err
	}, nil, []acts.Act{{Method: "RecordEvents", Controller: "acme", Subject: "s", Outcome: "OK",
		Events: []acts.Event{{ID: "e1", Kind: "objection"}, {ID: "e2", Kind: "objection"}}}}},
	"ActivatePolicy": {func(ctx context.Context, s *served) error {
		_, err := consentv1.NewPolicyServiceClient(s.conn).ActivatePolicy(ctx, &consentv1.ActivatePolicyRequest{
			Files: []*consentv1.PolicyFile{{Path: "a.rego", Content: []byte("x")}},
		})
		return err
	}, []acts.Act{{Method: "ActivatePolicy", Files: 1, Begun: true}},
		[]acts.Act{{Method: "ActivatePolicy", Files: 1, Policies: "r2", Outcome: "OK"}}},
	"DiffPolicy": {func(ctx context.Context, s *served) error {
		stream, err := consentv1.NewPolicyServiceClient(s.conn).DiffPolicy(ctx, diffRequest("busy"))
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) == codes.ResourceExhausted {
			return nil // the comparison was asked for
		}
		return err
	}, []acts.Act{{Method: "DiffPolicy", Files: 1, Begun: true}},
		[]acts.Act{{Method: "DiffPolicy", Files: 1, Outcome: "RESOURCE_EXHAUSTED"}}},
}

func serveAudited(t *testing.T, a *audit) (*served, *bool) {
	activated := new(bool)
	f := &fake{acts: a, activate: func(consent.Candidate) (consent.Activated, error) {
		*activated = true
		return consent.Activated{Revision: "r2"}, nil
	}}
	return serve(t, f, asPortal()), activated
}

func TestActsAreAudited(t *testing.T) {
	a := &audit{}
	s, _ := serveAudited(t, a)
	for name, c := range someCalls {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "request-7")
		if err := c.call(ctx, s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		written, noted := settled(t, a, len(c.written), len(c.noted))
		for _, list := range [][]acts.Act{c.written, c.noted} {
			for i := range list {
				list[i].By, list[i].RequestID = portal, "request-7"
			}
		}
		if diff := cmp.Diff(c.written, written); diff != "" {
			t.Errorf("%s: written (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(c.noted, noted); diff != "" {
			t.Errorf("%s: noted (-want +got):\n%s", name, diff)
		}
	}
}

// settled takes what was audited, once it is as many: a stream's client has its answer before its handler has returned.
func settled(t *testing.T, a *audit, written, noted int) (w, n []acts.Act) {
	t.Helper()
	enough := func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.written) >= written && len(a.noted) >= noted
	}
	for deadline := time.Now().Add(10 * time.Second); !enough() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	return a.take()
}

// TestNothingIsReadUnaudited: a disk that is full refuses what reads and what changes policies, before anything is
// done, and nothing else.
func TestNothingIsReadUnaudited(t *testing.T) {
	a := &audit{full: true}
	s, activated := serveAudited(t, a)
	for name, c := range someCalls {
		err := c.call(t.Context(), s)
		if name == "RecordEvents" {
			if err != nil {
				t.Errorf("%s is refused because of the audit: %v", name, err)
			}
			continue
		}
		if status.Code(err) != codes.Unavailable || strings.Contains(err.Error(), driverText) {
			t.Errorf("%s: %v, want UNAVAILABLE", name, err)
		}
	}
	if *activated {
		t.Error("policies were activated unaudited")
	}
	if _, noted := a.take(); len(noted) != 1 || noted[0].Method != "RecordEvents" {
		t.Errorf("noted %+v", noted)
	}
	check := &consentv1.CheckRequest{Controller: "acme", SubjectId: "s", Purpose: "ads"}
	if _, err := consentv1.NewDecisionServiceClient(s.conn).Check(t.Context(), check); status.Code(err) == codes.Unavailable {
		t.Errorf("a check is refused because of the audit: %v", err)
	}
}

// TestOutcomesAreAudited: what was refused too, and with what.
func TestOutcomesAreAudited(t *testing.T) {
	a := &audit{}
	var fail error
	f := &fake{acts: a,
		read:   func(consent.Subject) (consent.Snapshot, error) { return consent.Snapshot{}, fail },
		record: func(consent.Batch) (consent.Recorded, error) { return consent.Recorded{}, fail }}
	s := serve(t, f, asPortal())
	for _, test := range []struct {
		err     error
		outcome string
		denied  bool
	}{
		{consent.ErrForbidden, "PERMISSION_DENIED", true}, {consent.ErrUnauthenticated, "UNAUTHENTICATED", true},
		{consent.ErrUnavailable, "UNAVAILABLE", false}, {errors.New("a bug"), "INTERNAL", false},
	} {
		fail = test.err
		_, err := consentv1.NewConsentServiceClient(s.conn).GetSubject(t.Context(),
			&consentv1.GetSubjectRequest{Controller: "acme", SubjectId: "s"})
		written, _ := a.take()
		if err == nil || len(written) != 1 || written[0].Outcome != test.outcome || written[0].Denied != test.denied {
			t.Errorf("%v: error %v, written %+v", test.err, err, written)
		}
		_, err = consentv1.NewConsentServiceClient(s.conn).RecordEvents(t.Context(), recordRequest(objectionOf("e1")))
		written, noted := a.take()
		if all := append(written, noted...); err == nil || len(all) != 1 || all[0].Outcome != test.outcome ||
			len(written) != map[bool]int{true: 1}[test.denied] {
			t.Errorf("recording, %v: error %v, written %+v, noted %+v", test.err, err, written, noted)
		}
	}
	// What cannot be decoded is an act on nobody, and one that nobody was permitted: these are few, whoever sends many.
	err := raw(t, s, consentv1.ConsentService_GetSubject_FullMethodName, []byte{0xff})
	written, _ := a.take()
	if status.Code(err) != codes.InvalidArgument || len(written) != 1 || written[0].Outcome != "INVALID_ARGUMENT" ||
		written[0].Subject != "" || !written[0].Denied {
		t.Errorf("error %v, written %+v", err, written)
	}
}

// TestRequestIDsAreHarmless: what a caller calls a request is taken over if it prints.
func TestRequestIDsAreHarmless(t *testing.T) {
	a := &audit{}
	s, _ := serveAudited(t, a)
	for id, want := range map[string]string{"r-1": "r-1", strings.Repeat("x", 129): "", "a b": "", "": ""} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", id)
		if err := someCalls["GetSubject"].call(ctx, s); err != nil {
			t.Fatal(err)
		}
		if written, _ := a.take(); len(written) != 1 || written[0].RequestID != want {
			t.Errorf("%q: %+v", id, written)
		}
	}
}

// TestRecorderIsTheCaller: the server says who records, whatever the request says.
func TestRecorderIsTheCaller(t *testing.T) {
	var batches []consent.Batch
	entry := consent.Entry{
		Event:      consent.Event{ID: "e1", OccurredAt: noon, Source: "support", Fact: consent.Objection{}},
		RecordedAt: noon, Revision: 1, By: portal,
	}
	f := &fake{
		record: func(b consent.Batch) (consent.Recorded, error) {
			batches = append(batches, b)
			return consent.Recorded{Applied: 1, Outcomes: make([]consent.Outcome, len(b.Events))}, nil
		},
		events: func(consent.Subject, consent.Page) (consent.Entries, error) {
			return consent.Entries{Entries: []consent.Entry{entry, {Event: entry.Event}}}, nil
		},
	}
	s := serve(t, f, asPortal())
	client := consentv1.NewConsentServiceClient(s.conn)
	_, err := client.RecordEvents(t.Context(), recordRequest(objectionOf("e1")))
	_, linked := client.LinkSubjects(t.Context(), &consentv1.LinkSubjectsRequest{
		Controller: "acme", SubjectId: "a", LinkedId: "b", EventId: "l1", Source: "login", Evidence: "urn:login:1",
	})
	_, parted := client.UnlinkSubjects(t.Context(), &consentv1.UnlinkSubjectsRequest{
		Controller: "acme", SubjectId: "a", LinkedId: "b", EventId: "l2", Source: "login", Evidence: "urn:login:2",
	})
	if err := errors.Join(err, linked, parted); err != nil {
		t.Fatal(err)
	}
	if len(batches) != 3 || slices.ContainsFunc(batches, func(b consent.Batch) bool { return b.By != portal }) {
		t.Errorf("batches %+v", batches)
	}
	listed, err := client.ListEvents(t.Context(), &consentv1.ListEventsRequest{Controller: "acme", SubjectId: "s"})
	if err != nil {
		t.Fatal(err)
	}
	by := listed.GetEntries()[0].GetRecordedBy()
	if by.GetKind() != portal.Kind || by.GetId() != portal.ID || by.GetIssuer() != portal.Issuer ||
		listed.GetEntries()[1].RecordedBy != nil {
		t.Errorf("listed %v", listed)
	}
}
