package explain

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/store/storetest"
)

// paged is a ledger that gives one entry per page.
type paged []consent.Entry

func (p paged) Events(_ context.Context, _ consent.Subject, page consent.Page) (consent.Entries, error) {
	i := len(page.After)
	if i >= len(p) {
		return consent.Entries{}, nil
	}
	found := consent.Entries{Entries: p[i : i+1]}
	if i+1 < len(p) {
		found.Next = fmt.Sprintf("%*s", i+1, "")
	}
	return found, nil
}

// states must not be asked: as of an instant only the ledger counts.
type states struct{ t *testing.T }

func (s states) Snapshot(context.Context, consent.Subject, consent.Freshness) (consent.Snapshot, error) {
	s.t.Error("the current state was read")
	return consent.Snapshot{}, consent.ErrUnavailable
}

func (s states) Applied() consent.Revision { return 0 }

// naive is the state at an instant, event by event in the order of recording.
func naive(t *testing.T, ledger []consent.Entry, at consent.Instant) *consent.State {
	t.Helper()
	state, folded := &consent.State{}, []consent.Entry{}
	for _, e := range ledger {
		recorded, occurred := e.RecordedAt <= at, e.Event.OccurredAt <= at
		if !recorded || !occurred {
			continue
		}
		next, err := consent.Advance(state, []consent.Entry{e}, func() ([]consent.Entry, error) { return folded, nil })
		if err != nil {
			t.Fatal(err)
		}
		state, folded = next, append(folded, e)
	}
	return state
}

// TestAsOfAgreesWithARefold compares answers as of an instant with a naive refold, for 10,000 random subjects and instants.
func TestAsOfAgreesWithARefold(t *testing.T) {
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	authorizer, err := authz.New(authz.Config{States: states{t}, Policies: func() authz.Policies { return set }})
	if err != nil {
		t.Fatal(err)
	}
	subjects, instants, changed := 500, 20, 0
	if RaceEnabled {
		subjects = 20
	}
	for seed := range uint64(subjects) {
		draw := rand.New(rand.NewPCG(seed, 1))
		generator := storetest.NewGenerator(seed)
		var ledger paged
		for i, e := range generator.Events(draw.IntN(20)) {
			recorded := consent.InstantOf(storetest.Epoch.Add(time.Duration(draw.IntN(24)) * time.Second / 2))
			ledger = append(ledger, consent.Entry{Event: e, RecordedAt: recorded, Revision: consent.Revision(i/2 + 1)})
		}
		x := &Explainer{config: Config{Authorizer: authorizer, Ledger: ledger}}
		request := &consent.Request{
			Subject: generator.Subject(), Purpose: []string{"marketing_email", "third_party_disclosure", "storage"}[draw.IntN(3)],
		}
		for range instants {
			at := consent.InstantOf(storetest.Epoch.Add(time.Duration(draw.IntN(28)-2) * time.Second / 2))
			answer, _, err := x.answer(t.Context(), Question{Request: request, At: at})
			if err != nil {
				t.Fatal(err)
			}
			want := naive(t, ledger, at)
			if diff := cmp.Diff(want, answer.Snapshot.State, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d at %v: state (-naive +got):\n%s", seed, at.Time(), diff)
			}
			decided := set.Decide(t.Context(), request, &consent.Snapshot{State: want}, at)
			if !policy.SameAnswer(&decided, &answer.Decision) || answer.Now != at {
				t.Fatalf("seed %d at %v: decided %v, want %v", seed, at.Time(), answer.Decision, decided)
			}
			if want.Known() && len(ledger) > 0 && want.Newest != consent.FoldEntries(ledger).Newest {
				changed++
			}
		}
	}
	if changed < subjects {
		t.Errorf("only %d of the states differ from those of now: the test says little", changed)
	}
}
