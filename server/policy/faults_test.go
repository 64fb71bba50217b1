package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

func TestFaultsOfErrors(t *testing.T) {
	type faults []consent.PolicyFault
	for name, row := range map[string]struct {
		err  error
		want faults
	}{
		"none":               {nil, nil},
		"a place in Rego":    {errors.New("a/b.rego:3: wrong"), faults{{File: "a/b.rego", Line: 3, Message: "wrong"}}},
		"with a column":      {errors.New("/a/b.rego:3:7: wrong"), faults{{File: "a/b.rego", Line: 3, Message: "wrong"}}},
		"a place in a table": {errors.New("a/data.yaml:4: wrong: here"), faults{{File: "a/data.yaml", Line: 4, Message: "wrong: here"}}},
		"no line":            {errors.New("a/data.yaml: wrong"), faults{{File: "a/data.yaml", Message: "wrong"}}},
		"no place":           {errors.New("all is\n  wrong"), faults{{Message: "all is"}, {Message: "wrong"}}},
		"joined": {errors.Join(errors.New("x.rego:1: a"), errors.New("x.rego:2: b")),
			faults{{File: "x.rego", Line: 1, Message: "a"}, {File: "x.rego", Line: 2, Message: "b"}}},
		"as they are": {
			fmt.Errorf("wrapped: %w", &consent.PolicyFaultsError{Faults: faults{{File: "y", Line: 1, Message: "m"}}}),
			faults{{File: "y", Line: 1, Message: "m"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]consent.PolicyFault(row.want), policy.Faults(row.err)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// What OPA's compiler says of a rule that needs itself, and of a variable that has no value, ends in what to do.
func TestFaultsOfRecursionAndUnsafeVariables(t *testing.T) {
	const rego = "controllers/acme/acme.rego"
	const (
		acme      = "data.consentd.controllers.acme."
		recursive = ": no rule may need itself: decide one of these without the other"
		unsafe    = "give the variable a value in the same body, or import what it names"
	)
	for name, row := range map[string]struct{ added, want string }{
		"a rule that needs itself": {"x if x\n",
			"rule " + acme + "x is recursive: " + acme + "x -> " + acme + "x" + recursive},
		"two that need each other": {"x if not y\ny if not x\n",
			"rule " + acme + "x is recursive: " + acme + "x -> " + acme + "y -> " + acme + "x" + recursive},
		"a function that calls itself": {"f(n) := f(n - 1)\n",
			"rule " + acme + "f is recursive: " + acme + "f -> " + acme + "f" + recursive},
		"a variable in a negation":       {"x if not y == 1\n", "var y is unsafe: " + unsafe},
		"a variable in a head":           {"x contains y if input.purpose\n", "var y is unsafe: " + unsafe},
		"a package that is not imported": {"x if nowhere.y == 1\n", "var nowhere is unsafe: " + unsafe},
	} {
		t.Run(name, func(t *testing.T) {
			before := acmeRego("input.subject.known == true")
			_, err := policy.Load(with(rego, before+row.added), policy.Options{})
			faults := policy.Faults(err)
			want := consent.PolicyFault{File: rego, Line: 1 + strings.Count(before, "\n"), Message: row.want}
			if len(faults) == 0 || faults[0] != want {
				t.Errorf("faults = %q, want first %q", faults, want)
			}
		})
	}
}

// What Load refuses has a file and a line wherever the fault is in one line.
func TestFaultsOfLoadHavePlaces(t *testing.T) {
	const rego, table = "controllers/acme/acme.rego", "controllers/acme/data.yaml"
	for name, row := range map[string]struct {
		files fstest.MapFS
		file  string
		line  int
		says  string
	}{
		"a syntax error":      {with(rego, "package x\n\nallow if {"), rego, 3, "correct the rule"},
		"an unknown function": {with(rego, acmeRego("nope(1)")), rego, 8, "nope"},
		"a refused built-in":  {with(rego, acmeRego("time.now_ns() > 1")), rego, 8, "not allowed"},
		"a type error":        {with(rego, acmeRego(`1 + "a" == 2`)), rego, 8, "want: (x: number, y: number"},
		"a table": {with(table, "notice: {version: 1, material: 1}\npurposes:\n  storage: {basis: NO, clause: x}"), table, 3,
			"one of CONSENT, EXPLICIT_CONSENT, CONTRACT, LEGAL_OBLIGATION"},
		"broken YAML": {with(table, "a: 1\nb: 2\nc: d: e\n"), table, 3, "mapping values"},
		"two bases": {with(table, "purposes:\n  storage:\n    basis: CONSENT\n    basis: CONTRACT\n"), table, 4,
			"keep one of them"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Load(row.files, policy.Options{})
			faults := policy.Faults(err)
			if len(faults) == 0 || faults[0].File != row.file || faults[0].Line != row.line ||
				!strings.Contains(faults[0].Message, row.says) {
				t.Errorf("faults = %q, want the first in %s:%d with %q", faults, row.file, row.line, row.says)
			}
		})
	}
}
