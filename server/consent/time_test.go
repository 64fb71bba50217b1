package consent_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/storetest"
)

// TestCountsFrom is the time from which an event counts: occurred_at or recorded_at, the earlier, and for what
// restricts the end of that second.
func TestCountsFrom(t *testing.T) {
	const s = consent.Instant(1e9)
	entry := func(occurred, recorded consent.Instant, fact consent.Fact) []consent.Entry {
		return []consent.Entry{{Event: event(0, fact, at(occurred)), RecordedAt: recorded}}
	}
	tests := []struct {
		name               string
		fact               consent.Fact
		occurred, recorded consent.Instant
		want               consent.Instant
	}{
		{"a grant", given(1), 5*s + 1, 9 * s, 5*s + 1},
		{"a grant from a clock that runs ahead", given(1), 55 * s, 9*s + 3, 9*s + 3},
		{"a withdrawal", status(consent.Withdrawn), 5 * s, 9 * s, 6*s - 1},
		{"a withdrawal at the end of its second", status(consent.Withdrawn), 6*s - 1, 9 * s, 6*s - 1},
		{"a withdrawal in the second of its recording, past it", status(consent.Withdrawn), 9 * s, 9*s + 3, 10*s - 1},
		{"a withdrawal from a clock that runs ahead", status(consent.Withdrawn), 55 * s, 9*s + 3, 10*s - 1},
		{"a withdrawal at the epoch", status(consent.Withdrawn), 1, 1, s - 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := record(t, consent.FoldEntries(entry(tt.occurred, tt.recorded, tt.fact)), "")
			if got := max(r.GivenAt, r.DeniedAt); got != tt.want {
				t.Errorf("counts from %d, want %d", got, tt.want)
			}
		})
	}
	profile := consent.Profile{Jurisdiction: new("DE"), AccountStatus: consent.AccountClosed}
	state := consent.FoldEntries(entry(5*s, 9*s, profile))
	if state.Jurisdiction.At != 5*s || state.AccountStatus.At != 6*s-1 {
		t.Errorf("of a profile the place counts from %d, the closing from %d", state.Jurisdiction.At, state.AccountStatus.At)
	}
	signals := consent.FoldEntries(entry(5*s, 9*s, consent.Signals{GPC: new(true), DNT: new(false)}))
	if signals.GPC.At != 6*s-1 || signals.DNT.At != 5*s {
		t.Errorf("signals count from %d and %d", signals.GPC.At, signals.DNT.At)
	}
}

// TestNoClockAheadWins: no grant, cancelling or lifting stamped ahead beats a denial that is recorded later.
func TestNoClockAheadWins(t *testing.T) {
	const now, ahead = consent.Instant(1e18), consent.Instant(55e9)
	ahead2 := func(fact consent.Fact) consent.Entry {
		return consent.Entry{Event: event(0, fact, at(now+ahead), id("ahead"), evidence), RecordedAt: now}
	}
	later := func(fact consent.Fact) consent.Entry {
		return consent.Entry{Event: event(0, fact, at(now+5e9), id("later")), RecordedAt: now + 5e9}
	}
	if r := record(
		t, consent.FoldEntries([]consent.Entry{ahead2(given(1)), later(status(consent.Withdrawn))}), "",
	); r.Status != consent.Withdrawn {
		t.Errorf("a grant stamped ahead: %+v", r)
	}
	lifted := consent.FoldEntries([]consent.Entry{ahead2(objection(true, "p")), later(objection(false, "p"))})
	if !lifted.Objections[0].Raised {
		t.Errorf("a lifting stamped ahead: %+v", lifted.Objections)
	}
	cancelled := consent.FoldEntries(
		[]consent.Entry{ahead2(consent.Erasure{Stage: eCancelled}), later(consent.Erasure{Stage: eRequested})},
	)
	if !cancelled.Erasure.Value.Stands() {
		t.Errorf("a cancelling stamped ahead: %+v", cancelled.Erasure)
	}
}

func TestImports(t *testing.T) {
	for source, imported := range map[string]bool{
		"import": true, "import_2019": true, "crm_import": true, "import_": true, "crm_import_2": false, "reimport": false,
		"important": false, "imports": false, "privacy_settings": false,
	} {
		e := event(1, given(1))
		e.Source = source
		if got := consent.Fold([]consent.Event{e}).Consents[0].Own.Status == 0; got != imported || e.Imported() != imported {
			t.Errorf("source %q: an import %v, want %v", source, e.Imported(), imported)
		}
	}
}

// randomGrants returns n grants of one instant.
func randomGrants(r *rand.Rand, n int) (events []consent.Event) {
	for i := range n {
		c := given(uint32(1 + r.IntN(3)))
		c.Explicit, c.GivenBy = r.IntN(2) == 0, consent.Actor(r.IntN(3))
		c.ExpiresAt = sec(consent.Instant(r.IntN(4)*10)) * consent.Instant(r.IntN(2))
		for _, country := range []string{"DE", "JP", "US"} {
			if r.IntN(2) == 0 {
				c.Countries = append(c.Countries, country)
			}
		}
		e := event(5, c, id(string(rune('a'+i))))
		if r.IntN(2) == 0 {
			evidence(&e)
		}
		events = append(events, e)
	}
	return events
}

// TestWeakerOfBoth: several grants of one instant count as one that has the weaker of each in everything, in whatever
// order and grouping they come, and whatever their ids are.
func TestWeakerOfBoth(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 7))
		events := randomGrants(r, 2+r.IntN(3))
		got := record(t, foldAll(t, events), "")
		for i := range events {
			events[i].ID = string(rune('z' - i))
		}
		if diff := cmp.Diff(got, record(t, consent.Fold(events), ""), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: other ids (-before +after):\n%s", seed, diff)
		}
		for _, e := range events {
			c := e.Fact.(consent.Consent)
			switch {
			case got.Explicit && !c.Explicit, got.Evidence && e.Evidence == "", got.NoticeVersion > c.NoticeVersion,
				c.ExpiresAt != 0 && (got.ExpiresAt == 0 || got.ExpiresAt > c.ExpiresAt),
				got.GivenBy == consent.ByParent && c.GivenBy != consent.ByParent:
				t.Fatalf("seed %d: %+v is stronger than %+v", seed, got, e)
			}
			for _, country := range got.Countries {
				if !slices.Contains(c.Countries, country) {
					t.Fatalf("seed %d: %s is not in %+v", seed, country, e)
				}
			}
		}
	}
}

// TestAnnulmentEqualsNeverSeen: the state after annulments is that of a history without what they annul,
// but that the subject stays known.
func TestAnnulmentEqualsNeverSeen(t *testing.T) {
	annulled := 0
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 3))
		history := recorded(storetest.NewGenerator(seed).Events(1+r.IntN(10)), r)
		var annulments []consent.Entry
		rest := slices.DeleteFunc(slices.Clone(history), func(e consent.Entry) bool {
			if _, ok := e.Event.Fact.(consent.Annulment); ok {
				return true
			}
			stage, _ := e.Event.Fact.(consent.Erasure)
			if stage.Stage == eCompleted || r.IntN(3) > 0 {
				return false
			}
			annulments = append(
				annulments, consent.Entry{Event: event(1, consent.Annulment{EventID: e.Event.ID}, id("annul-"+e.Event.ID), evidence)},
			)
			return true
		})
		history = slices.DeleteFunc(history, func(e consent.Entry) bool {
			_, ok := e.Event.Fact.(consent.Annulment)
			return ok
		})
		annulled += len(annulments)
		want := consent.FoldEntries(rest)
		want.Recorded = len(history) > 0
		all := slices.Concat(history, annulments)
		for range 2 {
			if diff := cmp.Diff(want, consent.FoldEntries(all)); diff != "" {
				t.Fatalf("seed %d (-never seen +annulled):\n%s", seed, diff)
			}
			if diff := cmp.Diff(want, arrive(t, all, 1+r.IntN(3))); diff != "" {
				t.Fatalf("seed %d (-never seen +arrived):\n%s", seed, diff)
			}
			shuffle(history, r)
			all = slices.Concat(history, annulments)
		}
	}
	if annulled < 5000 {
		t.Errorf("only %d annulments: the test says little", annulled)
	}
}

// TestOutcomesNameWhatOutranks: what is superseded, and nothing else, names another event of the subject.
func TestOutcomesNameWhatOutranks(t *testing.T) {
	seen := map[consent.Effectiveness]int{}
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 5))
		history := recorded(storetest.NewGenerator(seed).Events(2+r.IntN(8)), r)
		old, fresh := history[:len(history)-1], history[len(history)-1:]
		next := consent.FoldEntries(history)
		got, err := consent.Outcomes(next, fresh, func() ([]consent.Entry, error) { return old, nil })
		if err != nil {
			t.Fatal(err)
		}
		seen[got[0].Effect]++
		by := slices.IndexFunc(old, func(e consent.Entry) bool { return e.Event.ID == got[0].By.ID })
		if (got[0].Effect == consent.Superseded) != (by >= 0) {
			t.Fatalf("seed %d: %v came to %+v on top of %v", seed, fresh, got, old)
		}
	}
	for _, effect := range []consent.Effectiveness{consent.Counted, consent.Superseded, consent.Unproven} {
		if seen[effect] < 100 {
			t.Errorf("%v came %d times: the test says little", effect, seen[effect])
		}
	}
}
