package authz_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

func TestBatchReadsEachSubjectOnce(t *testing.T) {
	f := newFixture(t, nil)
	requests := []consent.Request{
		request("u", "a"), request("v", "a"), request("u", "b"), request("u", "c"), request("v", "b"),
	}
	results, err := f.BatchCheck(context.Background(), requests, nil, authz.Consistency{})
	if err != nil || len(results) != len(requests) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i, r := range results {
		if r.Err != nil || r.Decision.Effect != consent.Allow || r.Decision.ID == "" {
			t.Errorf("result %d is %+v", i, r)
		}
	}
	if diff := cmp.Diff([]string{"u", "v"}, f.states.subjects()); diff != "" {
		t.Errorf("reads differ (-want +got):\n%s", diff)
	}
}

// All decisions about a subject are made on one state, though another is current by the time of the second.
func TestBatchDecidesOnOneState(t *testing.T) {
	f := newFixture(t, nil)
	f.states.snapshots = []consent.Snapshot{{State: &consent.State{}, AsOf: 5}, {State: &consent.State{}, AsOf: 6}}
	requests := []consent.Request{request("u", "a"), request("v", "a"), request("u", "b")}
	results, err := f.BatchCheck(context.Background(), requests, nil, authz.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	var got []consent.Revision
	for _, r := range results {
		got = append(got, r.Decision.StateRevision)
	}
	if diff := cmp.Diff([]consent.Revision{5, 6, 5}, got); diff != "" {
		t.Errorf("state revisions differ (-want +got):\n%s", diff)
	}
}

func TestBatchUsesOneSetOfPolicies(t *testing.T) {
	loads := 0
	f := newFixture(t, func(c *authz.Config) {
		c.Policies = func() authz.Policies {
			loads++
			return &stubPolicies{revision: string(rune('0' + loads)), purposes: []string{"a", "b"}, decide: allowAll}
		}
	})
	r := request("u", "a")
	results, err := f.BatchCheck(context.Background(), []consent.Request{r, r}, nil, authz.Consistency{})
	if err != nil || loads != 1 {
		t.Fatalf("%d loads, %v", loads, err)
	}
	for _, result := range results {
		if result.Decision.PolicyRevision != "1" {
			t.Errorf("policy revision is %q", result.Decision.PolicyRevision)
		}
	}
	list, err := f.ListPurposes(context.Background(), &r, authz.Consistency{})
	if err != nil || loads != 2 || len(list) != 2 {
		t.Errorf("ListPurposes: %d loads, %d decisions, %v", loads, len(list), err)
	}
}

func TestBatchErrorsStayWithTheirItems(t *testing.T) {
	f := newFixture(t, nil)
	stranger := request("u", "a")
	stranger.Subject.Controller = "nobody"
	f.states.during = func() {
		f.states.err = nil
		if f.states.reads[len(f.states.reads)-1].Subject.ID == "v" {
			f.states.err = consent.ErrUnavailable
		}
	}
	requests := []consent.Request{request("v", "a"), request("u", "a"), stranger, request("v", "b")}
	results, err := f.BatchCheck(context.Background(), requests, nil, authz.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, results[0].Decision, results[0].Err, consent.ErrUnavailable)
	wantError(t, results[2].Decision, results[2].Err, consent.ErrUnknownController)
	wantError(t, results[3].Decision, results[3].Err, consent.ErrUnavailable)
	if r := results[1]; r.Err != nil || r.Decision.Effect != consent.Allow {
		t.Errorf("result 1 is %+v", r)
	}
	if diff := cmp.Diff([]string{"v", "u"}, f.states.subjects()); diff != "" {
		t.Errorf("reads differ (-want +got):\n%s", diff)
	}
}

func TestEmptyBatch(t *testing.T) {
	results, err := newFixture(t, nil).BatchCheck(context.Background(), nil, nil, authz.Consistency{})
	if err != nil || len(results) != 0 {
		t.Errorf("got %v, %v", results, err)
	}
}

func TestListPurposesDecidesEachOnOneState(t *testing.T) {
	f, r := newFixture(t, nil), request("u", "")
	f.policies.decide = func(r *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
		if r.Purpose == "b" {
			return consent.Decision{Reasons: []consent.Reason{{Code: consent.PurposeProhibited}}}
		}
		return allowAll(r, s, at)
	}
	list, err := f.ListPurposes(context.Background(), &r, authz.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]consent.Effect{}
	for _, d := range list {
		got[d.Purpose] = d.Decision.Effect
	}
	if diff := cmp.Diff(map[string]consent.Effect{"a": consent.Allow, "b": consent.Deny, "c": consent.Allow}, got); diff != "" {
		t.Errorf("effects differ (-want +got):\n%s", diff)
	}
	if list[0].Purpose != "a" || list[2].Purpose != "c" || len(f.states.reads) != 1 || r.Purpose != "" {
		t.Errorf("order %q … %q, %d reads, request's purpose %q", list[0].Purpose, list[2].Purpose, len(f.states.reads), r.Purpose)
	}
}

func TestStoreErrorEndsListPurposes(t *testing.T) {
	f, r := newFixture(t, nil), request("u", "")
	f.states.err = consent.ErrUnavailable
	if list, err := f.ListPurposes(context.Background(), &r, authz.Consistency{}); !errors.Is(err, consent.ErrUnavailable) ||
		list != nil {
		t.Errorf("got %v, %v", list, err)
	}
}

// observed keeps copies of what it was told.
type observed struct{ told []string }

func (o *observed) Decided(_ context.Context, d *authz.Decided) {
	if d.Decision.ID == "" || d.Now != now || d.Began.IsZero() {
		panic("told of a decision without its id, instant or beginning")
	}
	o.told = append(o.told, d.Request.Subject.ID+" "+d.Request.Purpose)
}

func TestObserversAreToldOfWhatIsGivenOut(t *testing.T) {
	seen := &observed{}
	f := newFixture(t, func(c *authz.Config) { c.Observers = []authz.Observer{seen} })
	one, other := request("u", "a"), request("v", "b")
	if _, err := f.Check(t.Context(), &one, authz.Consistency{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.BatchCheck(t.Context(), []consent.Request{one, other}, nil, authz.Consistency{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ListPurposes(t.Context(), &other, authz.Consistency{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Answer(t.Context(), &one, authz.Consistency{}); err != nil { // nobody acts upon it
		t.Fatal(err)
	}
	unknown := consent.Request{Subject: consent.Subject{Controller: "nobody", ID: "u"}, Purpose: "a"}
	if _, err := f.Check(t.Context(), &unknown, authz.Consistency{}); err == nil {
		t.Fatal("an unknown controller was decided")
	}
	want := []string{"u a", "u a", "v b", "v a", "v b", "v c"}
	if diff := cmp.Diff(want, seen.told); diff != "" {
		t.Errorf("told of others (-want +got):\n%s", diff)
	}
}

// refusing is a recorder that takes no decisions about some subjects.
type refusing map[string]bool

func (r refusing) Recorded(_ context.Context, d *authz.Decided) error {
	if r[d.Request.Subject.ID] {
		return consent.ErrNotLogged
	}
	return nil
}

// TestWhatCannotBeRecordedIsNotGivenOut: the error is the call's, or of a batch the request's, with the zero decision.
func TestWhatCannotBeRecordedIsNotGivenOut(t *testing.T) {
	seen := &observed{}
	f := newFixture(t, func(c *authz.Config) { c.Observers, c.Recorder = []authz.Observer{seen}, refusing{"u": true} })
	one, other := request("u", "a"), request("v", "b")
	if d, err := f.Check(t.Context(), &one, authz.Consistency{}); !errors.Is(err, consent.ErrNotLogged) || d.Effect != consent.Deny ||
		d.ID != "" {
		t.Errorf("%+v, %v", d, err)
	}
	results, err := f.BatchCheck(t.Context(), []consent.Request{one, other}, nil, authz.Consistency{})
	if err != nil || !errors.Is(results[0].Err, consent.ErrNotLogged) || results[0].Decision.ID != "" || results[1].Err != nil {
		t.Errorf("%+v, %v", results, err)
	}
	if _, err := f.ListPurposes(t.Context(), &one, authz.Consistency{}); !errors.Is(err, consent.ErrNotLogged) {
		t.Errorf("ListPurposes: %v", err)
	}
	if diff := cmp.Diff([]string{"v b"}, seen.told); diff != "" {
		t.Errorf("observers were told of what was not given out (-want +got):\n%s", diff)
	}
}
