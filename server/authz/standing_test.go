package authz_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// stopping is a fixture whose cache stops to count while its policy decides for the nth time. What is cached allows,
// what the store has denies.
func stopping(t *testing.T, nth int) *fixture {
	t.Helper()
	standing, decided := true, 0
	f := newFixture(t, func(c *authz.Config) { c.Holds = func(until int64) bool { return until == 7 && standing } })
	cached, latest := f.states.snapshots[0], f.states.snapshots[0]
	cached.Until, latest.AsOf, latest.Changed = 7, 6, 6
	f.states.snapshots = []consent.Snapshot{cached, latest}
	f.policies.decide = func(r *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
		if decided++; decided == nth {
			standing = false
		}
		if s.Changed == 6 {
			return consent.Decision{Effect: consent.Deny, Reasons: []consent.Reason{{Code: consent.ConsentWithdrawn}}}
		}
		return allowAll(r, s, at)
	}
	return f
}

// TestStandingIsAskedAgain: a decision on a cached state that does not count any more when it is there is made anew.
func TestStandingIsAskedAgain(t *testing.T) {
	f, r := stopping(t, 1), request("u", "a")
	d, err := f.Check(t.Context(), &r, authz.Consistency{})
	if err != nil || d.Effect != consent.Deny || d.StateRevision != 6 {
		t.Errorf("got %v on state %d, %v; want what the store says", d.Effect, d.StateRevision, err)
	}
	want := []read{{r.Subject, consent.MinimizeLatency}, {r.Subject, consent.FullyConsistent}}
	if diff := cmp.Diff(want, f.states.reads); diff != "" {
		t.Errorf("reads differ (-want +got):\n%s", diff)
	}
	f = stopping(t, 1)
	a, err := f.Answer(t.Context(), &r, authz.Consistency{})
	if err != nil || a.Decision.Effect != consent.Deny || a.Snapshot.AsOf != 6 {
		t.Errorf("an answer is %+v, %v", a, err)
	}
}

// TestStandingOfMany: those decided before stay, those after are on the newer state, which is read once.
func TestStandingOfMany(t *testing.T) {
	f, r := stopping(t, 2), request("u", "a")
	list, err := f.ListPurposes(t.Context(), &r, authz.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	var got []consent.Effect
	for _, d := range list {
		got = append(got, d.Decision.Effect)
	}
	if diff := cmp.Diff([]consent.Effect{consent.Allow, consent.Deny, consent.Deny}, got); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	if len(f.states.reads) != 2 {
		t.Errorf("%d reads", len(f.states.reads))
	}
}

// TestWhatDoesNotStandIsNoAnswer: where the store cannot be read then, there is none.
func TestWhatDoesNotStandIsNoAnswer(t *testing.T) {
	f, r := stopping(t, 1), request("u", "a")
	f.states.during = func() {
		if len(f.states.reads) > 1 {
			f.states.err = consent.ErrUnavailable
		}
	}
	d, err := f.Check(t.Context(), &r, authz.Consistency{})
	wantError(t, d, err, consent.ErrUnavailable)
}

// awaiting are states to which the change of revision 4 comes while it is waited for.
type awaiting struct {
	*stubStates
	waited []consent.Revision
}

func (a *awaiting) Await(_ context.Context, r consent.Revision) { a.waited = append(a.waited, r) }

// TestTokensWaitForTheFeed: before the store is asked.
func TestTokensWaitForTheFeed(t *testing.T) {
	for name, row := range map[string]struct {
		asOf []consent.Revision
		want []consent.Freshness
	}{
		"it comes": {[]consent.Revision{3, 4}, []consent.Freshness{consent.MinimizeLatency, consent.MinimizeLatency}},
		"it does not": {
			[]consent.Revision{3, 3, 5},
			[]consent.Freshness{consent.MinimizeLatency, consent.MinimizeLatency, consent.FullyConsistent},
		},
		"it is there": {[]consent.Revision{4}, []consent.Freshness{consent.MinimizeLatency}},
	} {
		t.Run(name, func(t *testing.T) {
			a := &awaiting{}
			f := newFixture(t, func(c *authz.Config) {
				a.stubStates = c.States.(*stubStates)
				c.States = a
			})
			f.states.snapshots = nil
			for _, asOf := range row.asOf {
				f.states.snapshots = append(f.states.snapshots, consent.Snapshot{State: &consent.State{}, AsOf: asOf})
			}
			r := request("u", "a")
			if d, err := f.Check(t.Context(), &r, authz.Consistency{Token: tokenOf(f, 4)}); err != nil || d.StateRevision < 4 {
				t.Errorf("decided on %d, %v", d.StateRevision, err)
			}
			var got []consent.Freshness
			for _, r := range f.states.reads {
				got = append(got, r.Freshness)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("reads (-want +got):\n%s", diff)
			}
			if waits := len(row.asOf) > 1; (len(a.waited) > 0) != waits {
				t.Errorf("waited for %v", a.waited)
			}
		})
	}
}
