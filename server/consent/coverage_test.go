package consent_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/consentd/consentd/server/consent"
)

// TestCoverage compares the coverage of random marks with its definition: a purpose is covered if the newest event that
// names it was raised, or if the newest for all was raised and no newer event lifted it for this purpose.
func TestCoverage(t *testing.T) {
	covered, exempt := 0, 0
	for seed := range uint64(20_000) {
		draw := rand.New(rand.NewPCG(seed, 7))
		var events []consent.Event
		for i := range draw.IntN(8) {
			f := consent.Objection{Lifted: draw.IntN(2) == 0}
			if n := draw.IntN(3); n > 0 {
				f.Purposes = []string{[]string{"a", "b"}[n-1]}
			}
			// Times are far enough apart for the ends of seconds not to meet.
			events = append(
				events, consent.Event{ID: fmt.Sprint(i), OccurredAt: consent.Instant((10*i + 10) * 1e9), Source: "support", Fact: f},
			)
		}
		newest := func(purpose string) (raised bool, at consent.Instant) {
			for _, e := range events {
				f := e.Fact.(consent.Objection)
				if purpose == "" && len(f.Purposes) == 0 || slices.Contains(f.Purposes, purpose) {
					raised, at = !f.Lifted, e.OccurredAt
				}
			}
			return raised, at
		}
		all, allAt := newest("")
		marks := consent.Fold(events).Objections
		coverage := consent.CoverageOf(marks)
		for i, m := range marks {
			raised, at := newest(m.Purpose)
			want := raised || all && at < allAt
			if coverage[i].Covered != want {
				t.Fatalf("seed %d: %q is covered: %v, want %v of %+v", seed, m.Purpose, coverage[i].Covered, want, marks)
			}
			if m.Purpose == "" {
				continue
			}
			lifted := all && !raised && at > allAt
			if slices.Contains(coverage[0].Exempt, m.Purpose) != lifted {
				t.Fatalf("seed %d: exempt are %q of %+v", seed, coverage[0].Exempt, marks)
			}
			if want {
				covered++
			}
			if lifted {
				exempt++
			}
		}
	}
	if covered < 1000 || exempt < 1000 {
		t.Errorf("covered %d times, exempt %d times: the test says little", covered, exempt)
	}
}
