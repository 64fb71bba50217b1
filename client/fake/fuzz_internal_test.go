package fake

import (
	"strings"
	"testing"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// FuzzRules: no text is more than rules or faults with their places, and what rules decide is what a server would.
func FuzzRules(f *testing.F) {
	for _, text := range []string{
		"", "# nothing", "---", "rules:", "rules: []\ncontrollers: {a: [b], c: }", "rules: [{decision: ALLOW, times: 1, delay: 1s}]",
		"a: &x {decision: DENY}\nrules: [*x]", "rules: [{decision: RECORDED, purpose: ads}, {error: INTERNAL}]",
		"rules: [{decision: DENY, obligations: [{code: RECORD_SIGNAL, parameters: {signal: gpc}}]}]", "rules: [&a [*a]]",
		"rules: [{decision: ALLOW, permitted_data_categories: [user.name], context: {a: [1, {b: null}]}}]", "\x00", "[", "? a",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse("f.yaml", text)
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if strings.HasPrefix(line, "f.yaml:") {
					return
				}
			}
			t.Fatalf("%q: a fault without a place: %v", text, err)
		}
		for _, r := range s.rules {
			request := &consent.Request{
				Subject: consent.Subject{Controller: "example", ID: "u"}, Purpose: "ads", DataCategories: []string{"user.name"},
			}
			if r.decision == nil {
				continue
			}
			if d := r.answer(request, &consent.State{}, 1); authz.Malformed(&d, request) != nil {
				t.Errorf("%q: %+v", text, d)
			}
		}
	})
}
