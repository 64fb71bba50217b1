package explain

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/storetest"
)

// TestFactsAreAllThereIs: a state without any of its facts is that of a person of whom nothing is known but that there
// is something; one without one fact has all the others, and the state itself stays as it was.
func TestFactsAreAllThereIs(t *testing.T) {
	for seed := range uint64(500) {
		events := storetest.NewGenerator(seed).Events(int(seed % 30))
		state, again := consent.Fold(events), consent.Fold(events)
		facts := factsOf(state)
		bare := without(state, facts...)
		if diff := cmp.Diff(&consent.State{Recorded: state.Recorded, Newest: state.Newest}, bare, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: without all facts (-want +got):\n%s", seed, diff)
		}
		for i, f := range facts {
			left := map[string]any{}
			for _, g := range factsOf(without(state, f)) {
				left[g.key] = g.value
			}
			for j, g := range facts {
				_, there := left[g.key]
				// A record that goes leaves the entry of its purpose behind only where another record needs it.
				if there == (i == j) && !isRequestOf(g.key, f.key) {
					t.Fatalf("seed %d: without %s, %s is there: %v", seed, f.key, g.key, there)
				}
			}
			if f.text() == "" {
				t.Errorf("%s has no text", f.key)
			}
		}
		if diff := cmp.Diff(again, state, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: the state was changed:\n%s", seed, diff)
		}
	}
}

// isRequestOf reports whether one fact is the request beside the record that the other is: it goes with it.
func isRequestOf(request, record string) bool { return request == record+".requested" }

// TestAttribution: the events behind a fact are those without which it would not be there, or be another.
func TestAttribution(t *testing.T) {
	for seed := range uint64(300) {
		var entries []consent.Entry
		for _, e := range storetest.NewGenerator(seed).Events(12) {
			entries = append(entries, consent.Entry{Event: e})
		}
		behind := attribute(t.Context(), entries)
		for _, f := range factsOf(fold(entries).State) {
			if len(behind[f.key]) == 0 {
				t.Fatalf("seed %d: nothing is behind %s", seed, f.key)
			}
			last := behind[f.key][len(behind[f.key])-1].Event
			var others []consent.Entry
			tied := false
			for _, e := range entries {
				if e.Event.ID != last.ID {
					others = append(others, e)
					tied = tied || e.Event.OccurredAt/1e9 == last.OccurredAt/1e9 // what restricts counts to the end of its second
				}
			}
			if tied || f.value == true {
				continue // another event may say the same: of the same instant or, where the entry is all that there is, of any
			}
			for _, g := range factsOf(fold(others).State) {
				if g.key == f.key && cmp.Equal(g.value, f.value) {
					t.Fatalf("seed %d: %s is the same without %s: %+v", seed, f.key, last.ID, f.value)
				}
			}
		}
	}
}
