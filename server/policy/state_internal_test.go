package policy

import (
	"reflect"
	"testing"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// fullState is a state with all that there can be.
func fullState(t *testing.T) *consent.State {
	t.Helper()
	mark := consent.Mark{Raised: true, At: 3}
	record := consent.Record{Status: consent.Given, GivenAt: 2, NoticeVersion: 1}
	s := &consent.State{
		Recorded: true, Newest: consent.Order{At: 9},
		Jurisdiction:   consent.Dated[string]{Value: "DE", At: 1},
		Age:            consent.Dated[consent.Age]{Value: consent.Age{Min: 20, Max: 30}, At: 1},
		AccountStatus:  consent.Dated[consent.AccountStatus]{Value: consent.AccountActive, At: 1},
		LastActivityAt: consent.Dated[consent.Instant]{Value: 4, At: 1}, RetentionUntil: consent.Dated[consent.Instant]{Value: 5, At: 1},
		Relationship: consent.Dated[consent.Relationship]{Value: consent.Relationship{LastSaleAt: 6}, At: 1},
		Erasure:      consent.Dated[consent.Stage]{Value: consent.ErasureRequested, At: 7},
		Completed:    consent.Completion{At: 1},
		GPC:          consent.Signal{Value: true, Since: 2, At: 2}, DNT: consent.Signal{Value: true, Since: 3, At: 3},
		OptOuts:      [2]consent.Mark{mark, mark},
		Consents:     []consent.PurposeConsents{{Purpose: "storage", Own: record}},
		Objections:   []consent.PurposeMark{{Mark: mark}},
		Restrictions: []consent.GroundMark{{Ground: consent.AccuracyContested, Mark: mark}},
	}
	for i := range reflect.TypeFor[consent.State]().NumField() {
		if v := reflect.ValueOf(s).Elem(); v.Field(i).IsZero() {
			t.Fatalf("this test does not know %s: set it here", v.Type().Field(i).Name)
		}
	}
	return s
}

// noFacts are the fields of a state that policies are not shown, with the reason.
var noFacts = map[string]string{
	"Newest":    "it orders what is folded, and says nothing of the subject",
	"Completed": "what it ended is gone from the state, and Erasure tells the newest stage",
}

// TestEveryFieldOfTheSubjectIsBuilt: each field has a case of its own, and none is missing where the state has it.
func TestEveryFieldOfTheSubjectIsBuilt(t *testing.T) {
	g, full := NewLoader(Options{Engine: Topdown}).current.Load(), fullState(t)
	b := engine.NewHeap(g.symbols)
	for field := range preparedFields {
		if g.records.field(b, full, field) == nil {
			t.Errorf("%s is absent from the input of a subject who has it: it needs a case in records.field", subjectKeys[field])
		}
		if !sameField(full, full, field) || sameField(full, &consent.State{}, field) {
			t.Errorf("%s: two states that agree in it are not told from two that differ: it needs a case in sameField", subjectKeys[field])
		}
	}
}

// TestEveryFactReachesPolicies: a state without one fact makes another input, and sameField knows in which fields.
func TestEveryFactReachesPolicies(t *testing.T) {
	g, full := NewLoader(Options{Engine: Topdown}).current.Load(), fullState(t)
	b := engine.NewHeap(g.symbols)
	for i := range reflect.TypeFor[consent.State]().NumField() {
		without, changed := *full, false
		name := reflect.TypeFor[consent.State]().Field(i).Name
		reflect.ValueOf(&without).Elem().Field(i).SetZero()
		for field := range preparedFields {
			differs := !sameValue(g.records.field(b, full, field), g.records.field(b, &without, field))
			if same := sameField(full, &without, field); same == differs {
				t.Errorf("without %s %s differs: %t, as sameField has it: %t", name, subjectKeys[field], differs, !same)
			}
			changed = changed || differs
		}
		if _, excepted := noFacts[name]; excepted == changed {
			t.Errorf("%s reaches policies: %t, is listed as no fact: %t", name, changed, excepted)
		}
	}
}

func sameValue(a, b engine.Value) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return engine.ToAST(a).Compare(engine.ToAST(b)) == 0
}
