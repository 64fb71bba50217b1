package consent_test

import (
	"errors"
	"testing"

	"github.com/consentd/consentd/server/consent"
)

func TestRecordableDuringErasure(t *testing.T) {
	tests := []struct {
		name string
		fact consent.Fact
		want bool
	}{
		{"grant", given(1), false},
		{"request", status(consent.Requested), false},
		{"refusal", status(consent.Refused), true},
		{"withdrawal", status(consent.Withdrawn), true},
		{"invalidation", status(consent.Invalidated), true},
		{"objection", objection(false, "p"), true},
		{"lifted objection", objection(true, "p"), false},
		{"restriction", consent.Restriction{Ground: consent.AccuracyContested}, true},
		{"lifted restriction", consent.Restriction{Ground: consent.AccuracyContested, Lifted: true}, false},
		{"opt-out", consent.OptOut{Kind: consent.SaleOrSharing}, true},
		{"lifted opt-out", consent.OptOut{Kind: consent.SaleOrSharing, Lifted: true}, false},
		{"signal true", consent.Signals{GPC: new(true)}, true},
		{"signal false", consent.Signals{GPC: new(false)}, false},
		{"signals true and false", consent.Signals{GPC: new(true), DNT: new(false)}, false},
		{"further stage", consent.Erasure{Stage: consent.ErasureCompleted}, true},
		{"profile", consent.Profile{Jurisdiction: new("DE")}, false},
		{"closing the account", consent.Profile{AccountStatus: consent.AccountClosed}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := event(9, tt.fact)
			if got := e.RecordableDuringErasure(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			requested := event(5, consent.Erasure{Stage: consent.ErasureRequested}, id("requested"))
			standing := consent.Fold([]consent.Event{requested})
			stands := func() ([]consent.Entry, error) { return entries([]consent.Event{requested}), nil }
			if err := consent.Admit(standing, entries([]consent.Event{e}), stands); (err == nil) != tt.want {
				t.Errorf("Admit: %v", err)
			}
			nothing := func() ([]consent.Entry, error) { return nil, nil }
			if err := consent.Admit(&consent.State{}, entries([]consent.Event{e}), nothing); err != nil {
				t.Errorf("Admit without an erasure: %v", err)
			}
		})
	}
}

func TestAdmit(t *testing.T) {
	requested := event(5, consent.Erasure{Stage: consent.ErasureRequested}, id("requested"))
	cancelled := event(6, consent.Erasure{Stage: consent.ErasureCancelled}, id("cancelled"))
	stale := event(4, consent.Erasure{Stage: consent.ErasureCancelled}, id("stale"))
	imported := event(6, consent.Erasure{Stage: consent.ErasureCancelled}, id("imported"), unproven)
	grant := event(7, given(1), id("grant"))
	tests := []struct {
		name  string
		state []consent.Event
		batch []consent.Event
		// refused is the index of the refused event, -1: none.
		refused int
	}{
		{"a grant before the erasure of its batch", nil, []consent.Event{grant, requested}, -1},
		{"a grant after the erasure of its batch", nil, []consent.Event{requested, grant}, 1},
		{"a grant after the cancelling of its batch", []consent.Event{requested}, []consent.Event{cancelled, grant}, -1},
		{"a grant before the cancelling of its batch", []consent.Event{requested}, []consent.Event{grant, cancelled}, 0},
		{"erased and cancelled in one batch", nil, []consent.Event{requested, cancelled, grant}, -1},
		{"a cancelling older than the request", []consent.Event{requested}, []consent.Event{stale, grant}, 1},
		{"an unproven cancelling", []consent.Event{requested}, []consent.Event{imported, grant}, 1},
		{"after a cancelled erasure", []consent.Event{requested, cancelled}, []consent.Event{grant}, -1},
		{"back-dated before the erasure", []consent.Event{requested}, []consent.Event{event(1, given(1), id("early"))}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recorded := func() ([]consent.Entry, error) { return entries(tt.state), nil }
			err := consent.Admit(consent.Fold(tt.state), entries(tt.batch), recorded)
			if tt.refused < 0 {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			var about *consent.EventError
			if !errors.As(err, &about) || !errors.Is(err, consent.ErrErasureStands) {
				t.Fatalf("got %v, want an EventError around ErrErasureStands", err)
			}
			if about.Index != tt.refused || about.ID != tt.batch[tt.refused].ID {
				t.Errorf("got event %d %s, want %d", about.Index, about.ID, tt.refused)
			}
		})
	}
}
