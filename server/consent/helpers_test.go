package consent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// event returns an event at the given instant; its id is the option id or "e".
func event(at consent.Instant, fact consent.Fact, options ...func(*consent.Event)) consent.Event {
	e := consent.Event{ID: "e", OccurredAt: at, Source: "privacy_settings", Fact: fact}
	for _, option := range options {
		option(&e)
	}
	return e
}

func id(id string) func(*consent.Event) { return func(e *consent.Event) { e.ID = id } }

func evidence(e *consent.Event) { e.Evidence = "https://example.com/receipt" }

// unproven makes an event an import without evidence.
func unproven(e *consent.Event) { e.Source = consent.SourceImport }

// number gives the events ids of their own, in order: a, b, c and so on.
func number(events []consent.Event) []consent.Event {
	for i := range events {
		if events[i].ID == "e" {
			events[i].ID = string(rune('a' + i))
		}
	}
	return events
}

// permute calls f with every order of the events.
func permute(events []consent.Event, f func([]consent.Event)) {
	var rec func(int)
	rec = func(k int) {
		if k == len(events) {
			f(events)
			return
		}
		for i := k; i < len(events); i++ {
			events[k], events[i] = events[i], events[k]
			rec(k + 1)
			events[k], events[i] = events[i], events[k]
		}
	}
	rec(0)
}

// foldAll folds the events in every order of arrival, one by one, and fails unless all agree with Fold.
func foldAll(t *testing.T, events []consent.Event) *consent.State {
	t.Helper()
	want := consent.Fold(number(events))
	permute(events, func(order []consent.Event) {
		if diff := cmp.Diff(want, arrive(t, order, 1)); diff != "" {
			t.Fatalf("order of arrival %v (-fold +arrived):\n%s", ids(order), diff)
		}
	})
	return want
}

// arrive advances an empty state by the events in their order, n at a time.
func arrive(t *testing.T, order []consent.Event, n int) *consent.State {
	t.Helper()
	state := &consent.State{}
	for i := 0; i < len(order); i += n {
		fresh := order[i:min(i+n, len(order))]
		next, err := consent.Advance(state, fresh, func() ([]consent.Event, error) { return order[:i], nil })
		if err != nil {
			t.Fatal(err)
		}
		state = next
	}
	return state
}

func ids(events []consent.Event) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

// record returns the record of purpose p, or that of p and the recipient.
func record(t *testing.T, s *consent.State, recipient string) consent.Record {
	t.Helper()
	for _, p := range s.Consents {
		if p.Purpose != "p" {
			continue
		}
		if recipient == "" {
			return p.Own
		}
		for _, r := range p.Recipients {
			if r.Recipient == recipient {
				return r.Record
			}
		}
	}
	return consent.Record{}
}
