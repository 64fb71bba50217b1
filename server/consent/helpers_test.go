package consent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// sec is the last nanosecond of the nth second, from which all that occurs at it counts, whether it restricts or not.
func sec(n consent.Instant) consent.Instant { return n*1e9 + 999_999_999 }

// event returns an event at the end of the nth second; its id is the option id or "e".
func event(n consent.Instant, fact consent.Fact, options ...func(*consent.Event)) consent.Event {
	e := consent.Event{ID: "e", OccurredAt: sec(n), Source: "privacy_settings", Fact: fact}
	for _, option := range options {
		option(&e)
	}
	return e
}

func id(id string) func(*consent.Event) { return func(e *consent.Event) { e.ID = id } }

// at sets the instant itself.
func at(i consent.Instant) func(*consent.Event) { return func(e *consent.Event) { e.OccurredAt = i } }

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
		if diff := cmp.Diff(want, arrive(t, entries(order), 1)); diff != "" {
			t.Fatalf("order of arrival %v (-fold +arrived):\n%s", ids(order), diff)
		}
	})
	return want
}

// entries are events that were recorded when they occurred.
func entries(events []consent.Event) []consent.Entry {
	list := make([]consent.Entry, len(events))
	for i := range events {
		list[i].Event = events[i]
	}
	return list
}

// arrive advances an empty state by the entries in their order, n at a time.
func arrive(t *testing.T, order []consent.Entry, n int) *consent.State {
	t.Helper()
	state := &consent.State{}
	for i := 0; i < len(order); i += n {
		fresh := order[i:min(i+n, len(order))]
		next, err := consent.Advance(state, fresh, func() ([]consent.Entry, error) { return order[:i], nil })
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
