package consent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

func TestProfile(t *testing.T) {
	age := func(low, high int16) consent.Profile { return consent.Profile{Age: &consent.Age{Min: low, Max: high}} }
	place := func(p string) consent.Profile { return consent.Profile{Jurisdiction: &p} }
	account := func(s consent.AccountStatus) consent.Profile { return consent.Profile{AccountStatus: s} }
	sale := func(r consent.Relationship) consent.Profile { return consent.Profile{Relationship: &r} }
	offered := consent.Relationship{LastSaleAt: 1, SellingEntity: "x", OptOutOffered: true}
	silent := consent.Relationship{LastSaleAt: 1, SellingEntity: "x"}
	tests := []struct {
		name   string
		events []consent.Event
		want   consent.State
	}{
		{"only what is set changes", []consent.Event{event(1, place("DE")), event(2, age(20, 30)),
			event(3, consent.Profile{LastActivityAt: 7, RetentionUntil: 8})}, consent.State{
			Jurisdiction: consent.Dated[string]{Value: "DE", At: sec(1)}, Age: consent.Dated[consent.Age]{
				Value: consent.Age{Min: 20, Max: 30}, At: sec(2),
			},
			LastActivityAt: consent.Dated[consent.Instant]{Value: 7, At: sec(3)},
			RetentionUntil: consent.Dated[consent.Instant]{Value: 8, At: sec(3)},
		}},
		{"an empty jurisdiction is a value", []consent.Event{event(1, place("DE")), event(2, place(""))},
			consent.State{Jurisdiction: consent.Dated[string]{At: sec(2)}}},
		{"jurisdiction ties by id", []consent.Event{event(1, place("DE"), id("2")), event(1, place("US-CA"), id("1"))},
			consent.State{Jurisdiction: consent.Dated[string]{Value: "DE", At: sec(1)}}},
		{"the age bounds are one field", []consent.Event{event(1, age(20, 30)), event(2, age(21, consent.Unbounded))},
			consent.State{Age: consent.Dated[consent.Age]{Value: consent.Age{Min: 21, Max: consent.Unbounded}, At: sec(2)}}},
		{"the younger wins a tie", []consent.Event{event(1, age(10, 12), id("1")), event(1, age(30, 40), id("2")),
			event(1, age(10, consent.Unbounded), id("3"))},
			consent.State{Age: consent.Dated[consent.Age]{Value: consent.Age{Min: 10, Max: 12}, At: sec(1)}}},
		{"closed wins a tie", []consent.Event{event(1, account(consent.AccountClosed), id("1")),
			event(1, account(consent.AccountActive), id("2"))},
			consent.State{AccountStatus: consent.Dated[consent.AccountStatus]{Value: consent.AccountClosed, At: sec(1)}}},
		{"reopened", []consent.Event{event(1, account(consent.AccountClosed)), event(2, account(consent.AccountActive))},
			consent.State{AccountStatus: consent.Dated[consent.AccountStatus]{Value: consent.AccountActive, At: sec(2)}}},
		{"an unproven event never reopens", []consent.Event{event(1, account(consent.AccountClosed)),
			event(2, account(consent.AccountActive), unproven)},
			consent.State{AccountStatus: consent.Dated[consent.AccountStatus]{Value: consent.AccountClosed, At: sec(1)}}},
		{"an unproven closing counts", []consent.Event{event(1, account(consent.AccountClosed), unproven)},
			consent.State{AccountStatus: consent.Dated[consent.AccountStatus]{Value: consent.AccountClosed, At: sec(1)}}},
		{"unproven facts count", []consent.Event{event(1, place("DE"), unproven), event(1, age(1, 2), unproven)},
			consent.State{
				Jurisdiction: consent.Dated[string]{Value: "DE", At: sec(1)},
				Age:          consent.Dated[consent.Age]{Value: consent.Age{Min: 1, Max: 2}, At: sec(1)},
			}},
		{"the newer activity, not the later", []consent.Event{event(1, consent.Profile{LastActivityAt: 9}),
			event(2, consent.Profile{LastActivityAt: 8})}, consent.State{
			LastActivityAt: consent.Dated[consent.Instant]{Value: 8, At: sec(2)},
		}},
		{"the earlier activity wins a tie", []consent.Event{event(1, consent.Profile{LastActivityAt: 8}, id("1")),
			event(1, consent.Profile{LastActivityAt: 9}, id("2"))},
			consent.State{LastActivityAt: consent.Dated[consent.Instant]{Value: 8, At: sec(1)}}},
		{"the earlier retention wins a tie", []consent.Event{event(1, consent.Profile{RetentionUntil: 8}, id("1")),
			event(1, consent.Profile{RetentionUntil: 9}, id("2"))},
			consent.State{RetentionUntil: consent.Dated[consent.Instant]{Value: 8, At: sec(1)}}},
		{"the relationship is one field", []consent.Event{event(1, sale(offered)), event(2, sale(consent.Relationship{}))},
			consent.State{Relationship: consent.Dated[consent.Relationship]{At: sec(2)}}},
		{"no opt-out offered wins a tie", []consent.Event{event(1, sale(silent), id("1")), event(1, sale(offered), id("2"))},
			consent.State{Relationship: consent.Dated[consent.Relationship]{Value: silent, At: sec(1)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := *foldAll(t, tt.events)
			got.Newest, got.Recorded = consent.Order{}, false
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
