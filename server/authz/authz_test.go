package authz_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

var exceptID = cmpopts.IgnoreFields(consent.Decision{}, "ID")

func TestCheckAnswersByStateAndPolicy(t *testing.T) {
	f := newFixture(t, nil)
	r := request("u", "a", "user.contact")
	f.policies.decide = func(got *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
		if got != &r || s.Changed != 2 || at != now {
			t.Errorf("policy was asked %+v on change %d at %d", got, s.Changed, at)
		}
		d := allowAll(got, s, at)
		d.ValidUntil = now + 7
		d.Obligations = []consent.Obligation{{Code: consent.AggregateOnly}}
		return d
	}
	d, err := f.Check(context.Background(), &r, authz.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	want := consent.Decision{
		Effect: consent.Allow, Reasons: holds, Basis: consent.BasisContract, ValidUntil: now + 7,
		Obligations:             []consent.Obligation{{Code: consent.AggregateOnly}},
		PermittedDataCategories: []string{"user.contact"}, PolicyRevision: "p1", StateRevision: 5,
	}
	if diff := cmp.Diff(want, d, exceptID); diff != "" {
		t.Errorf("decision differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]read{{r.Subject, consent.MinimizeLatency}}, f.states.reads); diff != "" {
		t.Errorf("reads differ (-want +got):\n%s", diff)
	}
}

func TestDecisionIDsAreUnique(t *testing.T) {
	f := newFixture(t, nil)
	seen := map[string]bool{}
	for range 10_000 {
		r := request("u", "a")
		d, err := f.Check(context.Background(), &r, authz.Consistency{})
		if err != nil || len(d.ID) != 32 || seen[d.ID] {
			t.Fatalf("id is %q (seen before: %v), error %v", d.ID, seen[d.ID], err)
		}
		seen[d.ID] = true
	}
}

func TestUnknownControllerIsFoundOutFirst(t *testing.T) {
	f := newFixture(t, nil)
	r := request("u", "a")
	r.Subject.Controller = "nobody"
	d, err := f.Check(context.Background(), &r, authz.Consistency{})
	wantError(t, d, err, consent.ErrUnknownController)
	if _, err := f.ListPurposes(context.Background(), &r, authz.Consistency{}); !errors.Is(err, consent.ErrUnknownController) {
		t.Errorf("ListPurposes gave %v", err)
	}
	if len(f.states.reads) != 0 {
		t.Errorf("%d states were read", len(f.states.reads))
	}
}

// wantError checks that a call failed with target, and without a decision.
func wantError(t *testing.T, d consent.Decision, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error is %v, want %v", err, target)
	}
	if diff := cmp.Diff(consent.Decision{}, d); diff != "" {
		t.Errorf("decision beside an error: %s", diff)
	}
}

func TestStoreErrorIsNoDecision(t *testing.T) {
	f := newFixture(t, nil)
	f.states.err = consent.ErrUnavailable
	r := request("u", "a")
	d, err := f.Check(context.Background(), &r, authz.Consistency{})
	wantError(t, d, err, consent.ErrUnavailable)
	if !strings.Contains(err.Error(), "reading subject state") {
		t.Errorf("error %q does not say what was done", err)
	}
}

func TestMissingStateIsNoDecision(t *testing.T) {
	f := newFixture(t, nil)
	f.states.snapshots = []consent.Snapshot{{AsOf: 5}}
	r := request("u", "a")
	d, err := f.Check(context.Background(), &r, authz.Consistency{})
	wantError(t, d, err, consent.ErrUnavailable)
}

func TestNoActivePoliciesIsAnError(t *testing.T) {
	f := newFixture(t, func(c *authz.Config) { c.Policies = func() authz.Policies { return nil } })
	r := request("u", "a")
	if d, err := f.Check(context.Background(), &r, authz.Consistency{}); err == nil || d.Effect != consent.Deny {
		t.Errorf("got %v, %v", d, err)
	}
}

// A context that ends is an error, wherever the call is: before, while the state is read, while the policy decides.
func TestEndedContextIsNoDecision(t *testing.T) {
	for name, arrange := range map[string]func(*fixture, func()){
		"before":   func(_ *fixture, end func()) { end() },
		"reading":  func(f *fixture, end func()) { f.states.during = end },
		"deciding": func(f *fixture, end func()) { f.policies.decide = afterwards(end) },
	} {
		t.Run(name, func(t *testing.T) {
			f, r := newFixture(t, nil), request("u", "a")
			try := func(call func(context.Context) (consent.Decision, error)) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				arrange(f, cancel)
				d, err := call(ctx)
				wantError(t, d, err, context.Canceled)
			}
			try(func(ctx context.Context) (consent.Decision, error) { return f.Check(ctx, &r, authz.Consistency{}) })
			try(func(ctx context.Context) (consent.Decision, error) {
				results, err := f.BatchCheck(ctx, []consent.Request{r}, nil, authz.Consistency{})
				if results != nil {
					t.Error("BatchCheck gave results")
				}
				return consent.Decision{}, err
			})
			try(func(ctx context.Context) (consent.Decision, error) {
				results, err := f.ListPurposes(ctx, &r, authz.Consistency{})
				if results != nil {
					t.Error("ListPurposes gave results")
				}
				return consent.Decision{}, err
			})
		})
	}
}

func afterwards(end func()) func(*consent.Request, *consent.Snapshot, consent.Instant) consent.Decision {
	return func(r *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
		end()
		return allowAll(r, s, at)
	}
}

func TestPassedDeadlineIsNoDecision(t *testing.T) {
	f, r := newFixture(t, nil), request("u", "a")
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	d, err := f.Check(ctx, &r, authz.Consistency{})
	wantError(t, d, err, context.DeadlineExceeded)
	if len(f.states.reads) != 0 {
		t.Error("the state was read nonetheless")
	}
}

func TestFreshnessIsPassedOn(t *testing.T) {
	f, r := newFixture(t, nil), request("u", "a")
	if _, err := f.Check(context.Background(), &r, authz.Consistency{Freshness: consent.FullyConsistent}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]read{{r.Subject, consent.FullyConsistent}}, f.states.reads); diff != "" {
		t.Errorf("reads differ (-want +got):\n%s", diff)
	}
}

// A token whose change has not been announced to the cache yet is served from the store.
func TestStateOlderThanTheTokenIsReadAgain(t *testing.T) {
	f, r := newFixture(t, nil), request("u", "a")
	old, fresh := f.states.snapshots[0], f.states.snapshots[0]
	old.AsOf, fresh.AsOf = 3, 5
	f.states.snapshots = []consent.Snapshot{old, fresh}
	d, err := f.Check(context.Background(), &r, authz.Consistency{Token: tokenOf(f, 4)})
	if err != nil || d.StateRevision != 5 {
		t.Errorf("got state %d, %v; want 5", d.StateRevision, err)
	}
	want := []read{{r.Subject, consent.MinimizeLatency}, {r.Subject, consent.FullyConsistent}}
	if diff := cmp.Diff(want, f.states.reads); diff != "" {
		t.Errorf("reads differ (-want +got):\n%s", diff)
	}
}

func TestStateThatStaysOlderThanTheTokenIsRefused(t *testing.T) {
	f, r := newFixture(t, nil), request("u", "a")
	f.states.snapshots[0].AsOf = 3
	d, err := f.Check(context.Background(), &r, authz.Consistency{Token: tokenOf(f, 4)})
	wantError(t, d, err, consent.ErrUnavailable)
}

func TestConfigReportsAllFaults(t *testing.T) {
	_, err := authz.New(authz.Config{})
	if err == nil || !strings.Contains(err.Error(), "States") || !strings.Contains(err.Error(), "Policies") {
		t.Errorf("error is %v, want both faults", err)
	}
}
