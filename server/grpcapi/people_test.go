package grpcapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// family is a fake behind which user-1 and a cookie are one person.
func family(recorded *[]consent.Batch, errs ...error) *fake {
	return &fake{
		record: func(b consent.Batch) (consent.Recorded, error) {
			var err error
			if n := len(*recorded); n < len(errs) {
				err = errs[n]
			}
			b.Events = append([]consent.Event(nil), b.Events...)
			*recorded = append(*recorded, b)
			return consent.Recorded{Revision: 7, Applied: 1, Outcomes: []consent.Outcome{{Effect: consent.Counted}}}, err
		},
		person: func(consent.Subject) (consent.Person, error) {
			return consent.Person{IDs: []string{"cookie:c", "user-1"}, Shared: []string{"till"}}, nil
		},
	}
}

func link(change func(*consentv1.LinkSubjectsRequest)) *consentv1.LinkSubjectsRequest {
	r := &consentv1.LinkSubjectsRequest{
		Controller: "acme", SubjectId: "user-1", LinkedId: "cookie:c", EventId: "e", Source: "login",
		OccurredAt: timestamppb.New((noon - 5).Time()),
	}
	if change != nil {
		change(r)
	}
	return r
}

func unlink(evidence string) *consentv1.UnlinkSubjectsRequest {
	return &consentv1.UnlinkSubjectsRequest{
		Controller: "acme", SubjectId: "user-1", LinkedId: "cookie:c", EventId: "e", Source: "support", Evidence: evidence,
	}
}

func TestLinkSubjects(t *testing.T) {
	var recorded []consent.Batch
	fenced := 0
	f := family(&recorded)
	f.fence = func(context.Context) error { fenced++; return nil }
	client := consentv1.NewConsentServiceClient(serve(t, f).conn)
	got, err := client.LinkSubjects(t.Context(), link(func(r *consentv1.LinkSubjectsRequest) {
		r.Fence, r.Evidence = true, "urn:login:7"
	}))
	want := &consentv1.LinkSubjectsResponse{
		ConsistencyToken: "token", Revision: 7,
		Outcome: &consentv1.EventOutcome{Effect: consentv1.EventEffect_EVENT_EFFECT_COUNTED},
		Person:  &consentv1.Person{SubjectIds: []string{"cookie:c", "user-1"}, SharedIds: []string{"till"}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	batch := []consent.Batch{{
		Subject: consent.Subject{Controller: "acme", ID: "user-1"}, RecordedAt: noon,
		Events: []consent.Event{{
			ID: "e", OccurredAt: noon - 5, Source: "login", Evidence: "urn:login:7", Fact: consent.Link{With: "cookie:c"},
		}},
	}}
	if diff := cmp.Diff(batch, recorded); diff != "" {
		t.Errorf("batch (-want +got):\n%s", diff)
	}
	if fenced != 1 {
		t.Errorf("the fence was waited for %d times", fenced)
	}
}

// The account is the person's side, whichever id is named first.
func TestLinkHasASensibleSide(t *testing.T) {
	var recorded []consent.Batch
	client := consentv1.NewConsentServiceClient(serve(t, family(&recorded)).conn)
	swapped := link(func(r *consentv1.LinkSubjectsRequest) { r.SubjectId, r.LinkedId = "cookie:c", "account:1" })
	if _, err := client.LinkSubjects(t.Context(), swapped); err != nil {
		t.Fatal(err)
	}
	if _, err := client.LinkSubjects(t.Context(), link(func(r *consentv1.LinkSubjectsRequest) {
		r.SubjectId, r.LinkedId = "account:1", "cookie:c"
	})); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(recorded[0], recorded[1]); diff != "" || recorded[0].Subject.ID != "account:1" {
		t.Errorf("of %v (-one way +the other):\n%s", recorded[0].Subject, diff)
	}
	if diff := cmp.Diff(consent.Fact(consent.Link{With: "cookie:c"}), recorded[0].Events[0].Fact); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnlinkSubjects(t *testing.T) {
	var recorded []consent.Batch
	client := consentv1.NewConsentServiceClient(serve(t, family(&recorded)).conn)
	got, err := client.UnlinkSubjects(t.Context(), unlink("urn:case:1"))
	want := &consentv1.UnlinkSubjectsResponse{
		ConsistencyToken: "token", Revision: 7,
		Outcome: &consentv1.EventOutcome{Effect: consentv1.EventEffect_EVENT_EFFECT_COUNTED},
		Person:  &consentv1.Person{SubjectIds: []string{"cookie:c", "user-1"}, SharedIds: []string{"till"}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	event := consent.Event{
		ID: "e", OccurredAt: noon, Source: "support", Evidence: "urn:case:1", Fact: consent.Unlink{With: "user-1"}, // the same, whichever id is named first
	}
	if diff := cmp.Diff([]consent.Event{event}, recorded[0].Events); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestLinksThatAreRefused(t *testing.T) {
	long := strings.Repeat("x", 257)
	for name, row := range map[string]struct {
		change func(*consentv1.LinkSubjectsRequest)
		fields []string
	}{
		"nothing": {func(r *consentv1.LinkSubjectsRequest) { proto.Reset(r) }, []string{
			"controller", "subject_id", "linked_id", "event_id", "source"}},
		"itself": {func(r *consentv1.LinkSubjectsRequest) { r.LinkedId = r.SubjectId }, []string{"linked_id"}},
		"malformed": {func(r *consentv1.LinkSubjectsRequest) { r.SubjectId, r.LinkedId = "account:", "cookie:" }, []string{
			"subject_id", "linked_id"}},
		"too long": {func(r *consentv1.LinkSubjectsRequest) { r.LinkedId, r.EventId = long, long }, []string{"linked_id", "event_id"}},
		"future": {func(r *consentv1.LinkSubjectsRequest) { r.OccurredAt = timestamppb.New((noon + 61e9).Time()) }, []string{
			"occurred_at"}},
		"epoch":    {func(r *consentv1.LinkSubjectsRequest) { r.OccurredAt = &timestamppb.Timestamp{} }, []string{"occurred_at"}},
		"source":   {func(r *consentv1.LinkSubjectsRequest) { r.Source = "A page" }, []string{"source"}},
		"evidence": {func(r *consentv1.LinkSubjectsRequest) { r.Evidence = "see above" }, []string{"evidence"}},
		"import":   {func(r *consentv1.LinkSubjectsRequest) { r.Source = "import" }, []string{"evidence"}},
	} {
		t.Run(name, func(t *testing.T) {
			var recorded []consent.Batch
			client := consentv1.NewConsentServiceClient(serve(t, family(&recorded)).conn)
			_, err := client.LinkSubjects(t.Context(), link(row.change))
			if status.Code(err) != codes.InvalidArgument || len(recorded) > 0 {
				t.Fatalf("err = %v, recorded %v", err, recorded)
			}
			if diff := cmp.Diff(row.fields, fields(err)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
	client := consentv1.NewConsentServiceClient(serve(t, family(new([]consent.Batch))).conn)
	if _, err := client.UnlinkSubjects(t.Context(), unlink("")); !cmp.Equal(fields(err), []string{"evidence"}) {
		t.Errorf("a parting without evidence: %v", err)
	}
	_, err := client.LinkSubjects(t.Context(), link(func(r *consentv1.LinkSubjectsRequest) { r.Controller = "nobody" }))
	if status.Code(err) != codes.NotFound {
		t.Errorf("an unknown controller: %v", err)
	}
}

// A link is one event, so that its error names no position among events.
func TestErrorsOfLinksNameNoPosition(t *testing.T) {
	for err, code := range map[error]codes.Code{
		consent.ErrLinkedAlready: codes.FailedPrecondition, consent.ErrPersonTooLarge: codes.FailedPrecondition,
		consent.ErrEventConflict: codes.AlreadyExists, consent.ErrErasureStands: codes.FailedPrecondition,
	} {
		f := family(new([]consent.Batch), &consent.EventError{ID: "e", Err: err})
		client := consentv1.NewConsentServiceClient(serve(t, f).conn)
		_, got := client.LinkSubjects(t.Context(), link(nil))
		if status.Code(got) != code || strings.Contains(got.Error(), "events[") || len(fields(got)) > 0 {
			t.Errorf("%v leaves as %v", err, got)
		}
	}
}

// A link that the server dated is the same link when it is repeated, whatever the time; another one of its id is not.
func TestALinkWithoutADateIsRepeated(t *testing.T) {
	first := consent.Event{ID: "e", OccurredAt: noon - 9, Source: "login", Fact: consent.Link{With: "cookie:c"}}
	conflict := &consent.EventError{ID: "e", Err: consent.ErrEventConflict}
	for name, row := range map[string]struct {
		ledger []consent.Entry
		code   codes.Code
		dates  []consent.Instant
	}{
		"on record": {
			[]consent.Entry{{Event: consent.Event{ID: "d"}}, {Event: first}}, codes.OK, []consent.Instant{noon, noon - 9},
		},
		"of another subject's own": {nil, codes.AlreadyExists, []consent.Instant{noon}},
	} {
		t.Run(name, func(t *testing.T) {
			var recorded []consent.Batch
			f := family(&recorded, conflict)
			f.events = func(_ consent.Subject, p consent.Page) (consent.Entries, error) {
				if !p.Alone {
					return consent.Entries{}, errors.New("read the ledgers of all ids")
				}
				return consent.Entries{Entries: row.ledger}, nil
			}
			client := consentv1.NewConsentServiceClient(serve(t, f).conn)
			_, err := client.LinkSubjects(t.Context(), link(func(r *consentv1.LinkSubjectsRequest) { r.OccurredAt = nil }))
			if status.Code(err) != row.code {
				t.Errorf("err = %v, want %v", err, row.code)
			}
			var dates []consent.Instant
			for _, b := range recorded {
				dates = append(dates, b.Events[0].OccurredAt)
			}
			if diff := cmp.Diff(row.dates, dates); diff != "" {
				t.Errorf("dates (-want +got):\n%s", diff)
			}
		})
	}
}

// GetSubject says who the id names; of a shared id, whom it is linked to.
func TestGetSubjectSaysWho(t *testing.T) {
	for name, row := range map[string]struct {
		person consent.Person
		want   *consentv1.Person
	}{
		"alone": {consent.Person{IDs: []string{"s"}}, &consentv1.Person{SubjectIds: []string{"s"}}},
		"linked": {
			consent.Person{IDs: []string{"a", "s"}, Shared: []string{"t"}},
			&consentv1.Person{SubjectIds: []string{"a", "s"}, SharedIds: []string{"t"}},
		},
		"shared": {consent.Person{IDs: []string{"a"}, Shared: []string{"s"}}, &consentv1.Person{SubjectIds: []string{"a"}, Shared: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, &fake{person: func(consent.Subject) (consent.Person, error) { return row.person, nil }})
			got, err := consentv1.NewConsentServiceClient(s.conn).GetSubject(t.Context(), &consentv1.GetSubjectRequest{
				Controller: "acme", SubjectId: "s",
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got.GetPerson(), protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
