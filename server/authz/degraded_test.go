package authz_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// stubStale knows one state, of an age that grows by step each time it is asked for.
type stubStale struct {
	state     *consent.State
	age, step time.Duration
	absent    bool
	asked     int
}

func (s *stubStale) Stale(consent.Subject) (consent.Snapshot, func() time.Duration, bool) {
	s.asked++
	age := func() time.Duration {
		now := s.age
		s.age += s.step
		return now
	}
	return consent.Snapshot{State: s.state, Changed: 2, AsOf: 3}, age, !s.absent
}

// away is a fixture whose store is away, and whose purposes declare each mode.
func away(t *testing.T, stale *stubStale) *fixture {
	t.Helper()
	f := newFixture(t, func(c *authz.Config) {
		if stale != nil {
			c.Stale = stale
		}
	})
	f.states.err = fmt.Errorf("reading: %w: the database is away", consent.ErrUnavailable)
	f.policies.purposes = []string{"denying", "failing", "staling"}
	f.policies.degraded = map[string]consent.Degraded{
		"failing": {When: consent.Fail}, "denying": {When: consent.DenyDegraded},
		"staling": {When: consent.ServeStale, StaleLimit: time.Minute},
	}
	return f
}

var ignoreIDs = cmpopts.IgnoreFields(consent.Decision{}, "ID")

// denied and served are what degraded purposes come to.
var (
	denied = consent.Decision{
		Effect: consent.Deny, Reasons: []consent.Reason{{Code: consent.StateUnavailable, Clause: "§denying"}}, PolicyRevision: "p1",
		Degraded: consent.DegradedDenied,
	}
	served = consent.Decision{
		Effect: consent.Allow, Reasons: holds, Basis: consent.BasisContract, PolicyRevision: "p1", StateRevision: 3,
		Degraded: consent.DegradedStale, StateAge: 30 * time.Second,
	}
)

// TestDegraded: what each mode answers, by consistency, to single checks and to batches.
func TestDegraded(t *testing.T) {
	answers := map[string]*consent.Decision{"failing": nil, "denying": &denied, "staling": &served, "undeclared": nil}
	for purpose, want := range answers {
		t.Run(purpose, func(t *testing.T) {
			f := away(t, &stubStale{state: &consent.State{}, age: 30 * time.Second})
			r := request("u", purpose)
			d, err := f.Check(t.Context(), &r, authz.Consistency{})
			wantDegraded(t, d, err, want)
			results, err := f.BatchCheck(t.Context(), []consent.Request{r}, nil, authz.Consistency{})
			if err != nil {
				t.Fatal(err)
			}
			wantDegraded(t, results[0].Decision, results[0].Err, want)
			wantUndegraded(t, f, r)
		})
	}
}

// wantDegraded: nil stands for the error.
func wantDegraded(t *testing.T, d consent.Decision, err error, want *consent.Decision) {
	t.Helper()
	if want == nil {
		if !errors.Is(err, consent.ErrUnavailable) || d.Effect != consent.Deny || d.Degraded != 0 {
			t.Errorf("answered %+v, %v, want %v", d, err, consent.ErrUnavailable)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*want, d, ignoreIDs); diff != "" || len(d.ID) != 32 {
		t.Errorf("decision with id %q (-want +got):\n%s", d.ID, diff)
	}
}

// wantUndegraded: calls that demand how fresh the state must be fail, as do those that are over and those about nobody.
func wantUndegraded(t *testing.T, f *fixture, r consent.Request) {
	t.Helper()
	for _, c := range []authz.Consistency{
		{Freshness: consent.FullyConsistent}, {Token: tokenOf(f, 3)}, {Token: tokenOf(f, 0)},
	} {
		d, err := f.Check(t.Context(), &r, c)
		wantDegraded(t, d, err, nil)
		results, err := f.BatchCheck(t.Context(), []consent.Request{r}, nil, c)
		if err != nil {
			t.Fatal(err)
		}
		wantDegraded(t, results[0].Decision, results[0].Err, nil)
		if list, err := f.ListPurposes(t.Context(), &r, c); list != nil || !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("ListPurposes answers %v, %v", list, err)
		}
	}
	if _, err := f.Check(t.Context(), &r, authz.Consistency{Token: "nonsense"}); !errors.Is(err, consent.ErrBadToken) {
		t.Errorf("a bad token: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.states.during = cancel
	if d, err := f.Check(ctx, &r, authz.Consistency{}); err == nil {
		t.Errorf("a call that ended while it read was answered %+v", d)
	}
	f.states.during = nil
	if a, err := f.Answer(t.Context(), &r, authz.Consistency{}); !errors.Is(err, consent.ErrUnavailable) {
		t.Errorf("an explanation is degraded: %+v, %v", a.Decision, err)
	}
	r.Subject.Controller = "nobody"
	if _, err := f.Check(t.Context(), &r, authz.Consistency{}); !errors.Is(err, consent.ErrUnknownController) {
		t.Errorf("an unknown controller: %v", err)
	}
}

// TestOtherErrorsDoNotDegrade: the store must be what fails.
func TestOtherErrorsDoNotDegrade(t *testing.T) {
	for _, cause := range []error{errors.New("a fault of ours"), context.Canceled, context.DeadlineExceeded} {
		f := away(t, nil)
		f.states.err = cause
		r := request("u", "denying")
		if d, err := f.Check(t.Context(), &r, authz.Consistency{}); !errors.Is(err, cause) || d.Degraded != 0 {
			t.Errorf("%v: answered %+v, %v", cause, d, err)
		}
	}
}

// TestBatchDegradesEachByItself: a purpose that fails leaves the others alone.
func TestBatchDegradesEachByItself(t *testing.T) {
	f := away(t, &stubStale{state: &consent.State{}, age: 30 * time.Second})
	results, err := f.BatchCheck(t.Context(), []consent.Request{
		request("u", "denying"), request("u", "failing"), request("v", "staling"), request("u", "staling"),
	}, nil, authz.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []*consent.Decision{&denied, nil, &served, &served} {
		wantDegraded(t, results[i].Decision, results[i].Err, want)
	}
	if len(f.states.reads) != 2 {
		t.Errorf("%d reads, want one for each subject", len(f.states.reads))
	}
}

// TestListPurposesDegradesWhole: it has no place for an error of one purpose.
func TestListPurposesDegradesWhole(t *testing.T) {
	f := away(t, &stubStale{state: &consent.State{}, age: 30 * time.Second})
	r := request("u", "")
	if list, err := f.ListPurposes(t.Context(), &r, authz.Consistency{}); list != nil || !errors.Is(err, consent.ErrUnavailable) {
		t.Errorf("with a purpose that fails: %v, %v", list, err)
	}
	f.policies.purposes = []string{"denying", "staling"}
	list, err := f.ListPurposes(t.Context(), &r, authz.Consistency{})
	want := []authz.PurposeDecision{{Purpose: "denying", Decision: denied}, {Purpose: "staling", Decision: served}}
	if diff := cmp.Diff(want, list, ignoreIDs); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestStaleHasALimit: of age, also of what it became while the policy decided; and there must be a state.
func TestStaleHasALimit(t *testing.T) {
	for name, stale := range map[string]*stubStale{
		"nobody has any":                nil,
		"none is known of the subject":  {absent: true},
		"it is too old":                 {state: &consent.State{}, age: time.Minute + 1},
		"it became too old meanwhile":   {state: &consent.State{}, age: time.Minute, step: 1},
		"it became so while it decided": {state: &consent.State{}, age: 59 * time.Second, step: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			f := away(t, stale)
			r := request("u", "staling")
			d, err := f.Check(t.Context(), &r, authz.Consistency{})
			wantDegraded(t, d, err, nil)
		})
	}
	f := away(t, &stubStale{state: &consent.State{}, age: time.Minute})
	r := request("u", "staling")
	if d, err := f.Check(t.Context(), &r, authz.Consistency{}); err != nil || d.StateAge != time.Minute {
		t.Errorf("at the limit: %+v, %v", d, err)
	}
}

// TestStaleAllowStandsAlone: an ALLOW that the subject's own word might have ended meanwhile is none; a denial is one.
func TestStaleAllowStandsAlone(t *testing.T) {
	given := consent.Fold([]consent.Event{{ID: "1", OccurredAt: now - 1, Fact: consent.Consent{
		Purpose: "other", Status: consent.Given, NoticeVersion: 1,
	}}})
	needs := func(what func(*consent.State) bool) func(*consent.Request, *consent.Snapshot, consent.Instant) consent.Decision {
		return func(r *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
			if !what(s.State) {
				return consent.Decision{Reasons: []consent.Reason{{Code: consent.ConsentMissing}}}
			}
			return allowAll(r, s, at)
		}
	}
	for name, holds := range map[string]func(*consent.State) bool{
		"a consent":      func(s *consent.State) bool { return s.Consents[0].Own.Status == consent.Given },
		"no objection":   func(s *consent.State) bool { return len(s.Objections) == 0 },
		"no opt-out":     func(s *consent.State) bool { return !s.OptOuts[consent.SaleOrSharing-1].Raised },
		"no signal":      func(s *consent.State) bool { return !s.GPC.Value },
		"no refusal yet": func(s *consent.State) bool { return len(s.Consents) == 1 },
	} {
		t.Run(name, func(t *testing.T) {
			f := away(t, &stubStale{state: given})
			f.policies.decide = needs(holds)
			r := request("u", "staling")
			d, err := f.Check(t.Context(), &r, authz.Consistency{})
			wantDegraded(t, d, err, nil)
		})
	}
	f := away(t, &stubStale{state: given})
	f.policies.decide = needs(func(*consent.State) bool { return false })
	r := request("u", "staling")
	d, err := f.Check(t.Context(), &r, authz.Consistency{})
	if err != nil || d.Effect != consent.Deny || d.Degraded != consent.DegradedStale || d.Reasons[0].Code != consent.ConsentMissing {
		t.Errorf("a denial: %+v, %v", d, err)
	}
}

// TestDegradedDecisionsAreTold to observers, with what they are.
func TestDegradedDecisionsAreTold(t *testing.T) {
	f := away(t, &stubStale{state: &consent.State{}, age: 30 * time.Second})
	var told []consent.Degradation
	f.config.Observers = []authz.Observer{observing(func(d *authz.Decided) { told = append(told, d.Decision.Degraded) })}
	a, err := authz.New(f.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, purpose := range []string{"denying", "failing", "staling"} {
		r := request("u", purpose)
		_, _ = a.Check(t.Context(), &r, authz.Consistency{})
	}
	if diff := cmp.Diff([]consent.Degradation{consent.DegradedDenied, consent.DegradedStale}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// observing is an observer.
type observing func(*authz.Decided)

func (f observing) Decided(_ context.Context, d *authz.Decided) { f(d) }
