package consent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

func objection(lifted bool, purposes ...string) consent.Objection {
	return consent.Objection{Purposes: purposes, Lifted: lifted}
}

func TestObjections(t *testing.T) {
	mark := func(purpose string, raised bool, at consent.Instant) consent.PurposeMark {
		return consent.PurposeMark{Purpose: purpose, Mark: consent.Mark{Raised: raised, At: sec(at)}}
	}
	tests := []struct {
		name   string
		events []consent.Event
		want   []consent.PurposeMark
	}{
		{"to purposes", []consent.Event{event(1, objection(false, "q", "p"))},
			[]consent.PurposeMark{mark("p", true, 1), mark("q", true, 1)}},
		{"to all, and lifted for one", []consent.Event{event(1, objection(false)), event(2, objection(true, "p"))},
			[]consent.PurposeMark{mark("", true, 1), mark("p", false, 2)}},
		{"lifted for all", []consent.Event{event(1, objection(false, "p")), event(2, objection(true))},
			[]consent.PurposeMark{mark("", false, 2), mark("p", true, 1)}},
		{"raised again", []consent.Event{event(1, objection(false, "p")), event(2, objection(true, "p")),
			event(3, objection(false, "p"))}, []consent.PurposeMark{mark("p", true, 3)}},
		{"on a tie raised wins", []consent.Event{event(1, objection(false, "p"), id("1")), event(1, objection(true, "p"), id("2"))},
			[]consent.PurposeMark{mark("p", true, 1)}},
		{"unproven lifting does not count", []consent.Event{event(1, objection(false, "p")),
			event(2, objection(true, "p"), unproven)}, []consent.PurposeMark{mark("p", true, 1)}},
		{"lifting with evidence counts", []consent.Event{event(1, objection(false, "p")),
			event(2, objection(true, "p"), unproven, evidence)}, []consent.PurposeMark{mark("p", false, 2)}},
		{"unproven objections count", []consent.Event{event(1, objection(false, "p"), unproven)},
			[]consent.PurposeMark{mark("p", true, 1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, foldAll(t, tt.events).Objections); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRestrictions(t *testing.T) {
	restriction := func(g consent.Ground, lifted bool, purposes ...string) consent.Restriction {
		return consent.Restriction{Ground: g, Purposes: purposes, Lifted: lifted}
	}
	mark := func(g consent.Ground, purpose string, raised bool, at consent.Instant) consent.GroundMark {
		return consent.GroundMark{Ground: g, Purpose: purpose, Mark: consent.Mark{Raised: raised, At: sec(at)}}
	}
	const accuracy, unlawful = consent.AccuracyContested, consent.UnlawfulProcessing
	tests := []struct {
		name   string
		events []consent.Event
		want   []consent.GroundMark
	}{
		{"each ground by itself", []consent.Event{event(1, restriction(unlawful, false)), event(2, restriction(accuracy, false)),
			event(3, restriction(unlawful, true))},
			[]consent.GroundMark{mark(accuracy, "", true, 2), mark(unlawful, "", false, 3)}},
		{"each purpose by itself", []consent.Event{event(1, restriction(unlawful, false, "q", "p")),
			event(2, restriction(unlawful, true, "q"))},
			[]consent.GroundMark{mark(unlawful, "p", true, 1), mark(unlawful, "q", false, 2)}},
		{"on a tie raised wins", []consent.Event{event(1, restriction(unlawful, false), id("1")),
			event(1, restriction(unlawful, true), id("2"))}, []consent.GroundMark{mark(unlawful, "", true, 1)}},
		{"unproven lifting does not count", []consent.Event{event(1, restriction(unlawful, false)),
			event(2, restriction(unlawful, true), unproven)}, []consent.GroundMark{mark(unlawful, "", true, 1)}},
		{"unproven restrictions count", []consent.Event{event(1, restriction(unlawful, false), unproven)},
			[]consent.GroundMark{mark(unlawful, "", true, 1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, foldAll(t, tt.events).Restrictions); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestOptOuts(t *testing.T) {
	optOut := func(kind consent.OptOutKind, lifted bool) consent.OptOut {
		return consent.OptOut{Kind: kind, Lifted: lifted}
	}
	const sale, sensitive = consent.SaleOrSharing, consent.SensitiveDataUse
	tests := []struct {
		name            string
		events          []consent.Event
		sale, sensitive consent.Mark
	}{
		{"each kind by itself", []consent.Event{event(1, optOut(sale, false)), event(2, optOut(sensitive, false)),
			event(3, optOut(sensitive, true), evidence)}, consent.Mark{Raised: true, At: sec(1)}, consent.Mark{At: sec(3)}},
		{"lifting needs evidence", []consent.Event{event(1, optOut(sensitive, false)), event(2, optOut(sensitive, true))},
			consent.Mark{}, consent.Mark{Raised: true, At: sec(1)}},
		{"on a tie raised wins", []consent.Event{event(1, optOut(sale, false), id("1")),
			event(1, optOut(sale, true), id("2"), evidence)}, consent.Mark{Raised: true, At: sec(1)}, consent.Mark{}},
		{"unproven opt-outs count", []consent.Event{event(1, optOut(sale, false), unproven)},
			consent.Mark{Raised: true, At: sec(1)}, consent.Mark{}},
		{"imported liftings with evidence count", []consent.Event{event(1, optOut(sale, false)),
			event(2, optOut(sale, true), unproven, evidence)}, consent.Mark{At: sec(2)}, consent.Mark{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff([2]consent.Mark{tt.sale, tt.sensitive}, foldAll(t, tt.events).OptOuts); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSignals(t *testing.T) {
	gpc := func(v bool) consent.Signals { return consent.Signals{GPC: &v} }
	tests := []struct {
		name   string
		events []consent.Event
		want   consent.Signal
	}{
		{"first seen", []consent.Event{event(3, gpc(true))}, consent.Signal{Value: true, Since: sec(3), At: sec(3)}},
		{"an unbroken run", []consent.Event{event(1, gpc(true)), event(2, gpc(true)), event(3, gpc(true))},
			consent.Signal{Value: true, Since: sec(1), At: sec(3)}},
		{"a false breaks the run", []consent.Event{event(1, gpc(true)), event(2, gpc(false)), event(3, gpc(true)),
			event(4, gpc(true))}, consent.Signal{Value: true, Since: sec(3), At: sec(4)}},
		{"a false undoes nothing", []consent.Event{event(1, gpc(true)), event(2, gpc(false))},
			consent.Signal{Value: true, Since: sec(1), Broken: true, At: sec(2)}},
		{"false again", []consent.Event{event(1, gpc(false)), event(2, gpc(false))}, consent.Signal{Since: sec(2), At: sec(2)}},
		{"on a tie true wins, and begins anew", []consent.Event{event(1, gpc(true)), event(2, gpc(false), id("1")),
			event(2, gpc(true), id("2"))}, consent.Signal{Value: true, Since: sec(2), At: sec(2)}},
		{"whatever the ids", []consent.Event{event(1, gpc(true)), event(2, gpc(false), id("2")),
			event(2, gpc(true), id("1"))}, consent.Signal{Value: true, Since: sec(2), At: sec(2)}},
		{"an absent signal changes nothing", []consent.Event{event(1, gpc(true)), event(2, consent.Signals{DNT: new(false)})},
			consent.Signal{Value: true, Since: sec(1), At: sec(1)}},
		{"an unproven false does not count", []consent.Event{event(1, gpc(true)), event(2, gpc(false), unproven),
			event(3, gpc(true))}, consent.Signal{Value: true, Since: sec(1), At: sec(3)}},
		{"an unproven true counts", []consent.Event{event(1, gpc(false)), event(2, gpc(true), unproven)},
			consent.Signal{Value: true, Since: sec(2), At: sec(2)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, foldAll(t, tt.events).GPC); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The two signals of one event are told apart, also where the event is unproven.
func TestSignalsApart(t *testing.T) {
	s := foldAll(t, []consent.Event{
		event(1, consent.Signals{GPC: new(true), DNT: new(true)}),
		event(2, consent.Signals{GPC: new(true), DNT: new(false)}, unproven),
		event(3, consent.Signals{DNT: new(false)}),
	})
	want := []consent.Signal{{Value: true, Since: sec(1), At: sec(2)}, {Value: true, Since: sec(1), Broken: true, At: sec(3)}}
	if diff := cmp.Diff(want, []consent.Signal{s.GPC, s.DNT}); diff != "" {
		t.Errorf("gpc, dnt (-want +got):\n%s", diff)
	}
}
