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

func (s states) Mark(context.Context, consent.Revision) (consent.HistoryMark, bool, error) {
	return 0, false, nil
}

// active is a history in which the active set was in force for ever.
type active struct{ set *policy.Set }

func (a active) At(_ context.Context, _ consent.Instant) (consent.PolicySpan, error) {
	return consent.PolicySpan{Revision: a.set.Revision(), From: 1}, nil
}

func (a active) Set(_ context.Context, revision string) (*policy.Set, error) {
	return nil, &consent.PolicyNotKeptError{Revision: revision}
}

// naive is the state as of the past, event by event in the order of recording, by the definition: what was recorded by
// one instant, and had occurred by the other; an annulment counts by its recording, where what it annuls is there.
func naive(t *testing.T, ledger []consent.Entry, p Past) *consent.State {
	t.Helper()
	state, folded, there := &consent.State{}, []consent.Entry{}, map[string]bool{}
	for _, e := range ledger {
		occurred := e.Event.OccurredAt <= p.At || e.RecordedAt <= p.At
		if f, ok := e.Event.Fact.(consent.Annulment); ok {
			occurred = there[f.EventID]
		}
		if e.RecordedAt > p.KnownAt || !occurred {
			continue
		}
		there[e.Event.ID] = true
		next, err := consent.Advance(state, []consent.Entry{e}, func() ([]consent.Entry, error) { return folded, nil })
		if err != nil {
			t.Fatal(err)
		}
		state, folded = next, append(folded, e)
	}
	return state
}

// ledgerOf is a random ledger: some events are recorded long after they occurred, some before the time that they bear,
// and some are annulled.
func ledgerOf(generator *storetest.Generator, draw *rand.Rand) (ledger paged) {
	recorded := consent.InstantOf(storetest.Epoch)
	for i, e := range generator.Events(draw.IntN(20)) {
		recorded += consent.Instant(draw.IntN(3)) * consent.Instant(time.Second/2)
		ledger = append(ledger, consent.Entry{Event: e, RecordedAt: recorded, Revision: consent.Revision(i/2 + 1)})
		if _, annulment := e.Fact.(consent.Annulment); !annulment && draw.IntN(6) == 0 {
			recorded += consent.Instant(draw.IntN(8)) * consent.Instant(time.Second/2)
			by := consent.Event{
				ID: fmt.Sprintf("annulment-%d", i), OccurredAt: consent.InstantOf(storetest.Epoch) + consent.Instant(draw.IntN(12e9)),
				Source: "support", Evidence: "urn:x", Fact: consent.Annulment{EventID: ledger[draw.IntN(len(ledger))].Event.ID},
			}
			ledger = append(ledger, consent.Entry{Event: by, RecordedAt: recorded, Revision: consent.Revision(i/2 + 1)})
		}
	}
	return ledger
}

// TestPastAgreesWithARefold compares answers as of the past with a naive refold, for 10,000 random subjects and pairs
// of instants. With one instant for both, the state is what a check read then: all that was recorded by it.
func TestPastAgreesWithARefold(t *testing.T) {
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	authorizer, err := authz.New(authz.Config{States: states{t}, Policies: func() authz.Policies { return set }})
	if err != nil {
		t.Fatal(err)
	}
	subjects, instants := 500, 20
	if RaceEnabled {
		subjects = 20
	}
	var changed, later, unknown, annulled int
	for seed := range uint64(subjects) {
		draw := rand.New(rand.NewPCG(seed, 1))
		generator := storetest.NewGenerator(seed)
		ledger := ledgerOf(generator, draw)
		x := &Explainer{config: Config{
			Authorizer: authorizer, Ledger: ledger, Active: func() *policy.Set { return set }, History: active{set},
		}}
		request := &consent.Request{
			Subject: generator.Subject(), Purpose: []string{"marketing_email", "third_party_disclosure", "storage"}[draw.IntN(3)],
		}
		instant := func() consent.Instant {
			return consent.InstantOf(storetest.Epoch.Add(time.Duration(draw.IntN(40)-2) * time.Second / 2))
		}
		for i := range instants {
			p := Past{At: instant(), KnownAt: instant()}
			if i%4 == 0 {
				p.KnownAt = p.At
			}
			a, err := x.answerAsOf(t.Context(), Question{Request: request, Past: &p})
			if err != nil {
				t.Fatal(err)
			}
			want := naive(t, ledger, p)
			if diff := cmp.Diff(want, a.Snapshot.State, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d at %+v: state (-naive +got):\n%s", seed, p, diff)
			}
			decided := set.Decide(t.Context(), request, &consent.Snapshot{State: want}, p.At)
			if !policy.SameDecision(&decided, &a.Decision) || a.Now != p.At {
				t.Fatalf("seed %d at %+v: decided %v, want %v", seed, p, a.Decision, decided)
			}
			if p.At == p.KnownAt {
				checked := fold(recordedBy(ledger, p.At)).State
				if diff := cmp.Diff(checked, a.Snapshot.State, cmpopts.EquateEmpty()); diff != "" || len(a.asOf.Later) > 0 {
					t.Fatalf("seed %d at %+v: not what a check read (-check +got):\n%s", seed, p, diff)
				}
			}
			if want.Known() && want.Newest != consent.FoldEntries(ledger).Newest {
				changed++
			}
			later, unknown, annulled = later+len(a.asOf.Later), unknown+len(a.asOf.Unknown), annulled+len(consent.AnnulledOf(a.entries))
			if len(a.entries) > len(ledger)-len(a.asOf.Unknown) {
				t.Fatalf("seed %d at %+v: %d entries count and %d are not known, of %d", seed, p, len(a.entries), len(a.asOf.Unknown),
					len(ledger))
			}
		}
	}
	t.Logf("%d states differ from those of now, %d entries were recorded later, %d were unknown, %d annulled", changed, later,
		unknown, annulled)
	if min(changed, later, unknown, annulled) < subjects {
		t.Error("the test says little")
	}
}

func recordedBy(ledger []consent.Entry, at consent.Instant) (kept []consent.Entry) {
	for _, e := range ledger {
		if e.RecordedAt <= at {
			kept = append(kept, e)
		}
	}
	return kept
}
