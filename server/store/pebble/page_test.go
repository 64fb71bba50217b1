package pebble_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/pebble"
)

// A page ends at about 1 MiB, so that it fits into one message, and holds an entry however large that is.
func TestPagesAreBoundedByBytes(t *testing.T) {
	s := open(t, t.TempDir(), pebble.Options{})
	defer s.Close()
	who := consent.Subject{Controller: "example", ID: "someone"}
	for i := range 10 {
		e := consent.Event{
			ID: fmt.Sprint(i), OccurredAt: 5, Evidence: strings.Repeat("x", 300<<10),
			Fact: consent.Erasure{Stage: consent.ErasureRequested},
		}
		if i == 9 {
			e.Evidence = strings.Repeat("x", 2<<20)
		}
		if _, err := s.Record(t.Context(), consent.Batch{Subject: who, Events: []consent.Event{e}}); err != nil {
			t.Fatal(err)
		}
	}
	var sizes []int
	for page := (consent.Page{Limit: 1000}); ; {
		got, err := s.Events(t.Context(), who, page)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(got.Entries))
		if page.After = got.Next; got.Next == "" {
			break
		}
	}
	if fmt.Sprint(sizes) != "[4 4 2]" {
		t.Errorf("pages of %v entries, want [4 4 2]", sizes)
	}
}
