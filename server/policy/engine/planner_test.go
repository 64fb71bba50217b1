package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/consentd/consentd/server/policy/engine"
)

// TestPlannerFaults has the shapes of rules that OPA 1.22.2's planner, or the engine, got wrong. Each decides all
// inputs like topdown under all variants, or is given to topdown (refused).
func TestPlannerFaults(t *testing.T) {
	purposes := []string{`{"purpose": "ads"}`, `{"purpose": "storage"}`, `{"purpose": "other"}`, `{"purpose": 1}`, `{}`}
	tests := []struct {
		name, rules string
		inputs      []string
		refused     bool
	}{
		{name: "not over a rule found by a variable key", rules: `
			banned.storage.reason := "x"
			banned.ads.reason := "y" if input.strict
			p if not banned[input.purpose]`, inputs: purposes},
		{name: "not over a field of a rule found by a variable key", rules: `
			purposes.storage.blocked := true
			purposes.ads.blocked := false
			purposes.mail.blocked if input.strict
			p if not purposes[input.purpose].blocked`,
			inputs: append(purposes, `{"purpose": "mail"}`, `{"purpose": "mail", "strict": true}`)},
		{name: "not over a comparison with a rule found by a variable key", rules: `
			purposes.storage.kind := 1
			purposes.ads.kind := 2
			p if not purposes[input.purpose].kind == 1`, inputs: purposes},
		{name: "not over rules beside data", rules: `
			t.storage.x := 1
			p if not data.t.t[input.purpose].x`, inputs: purposes},
		{name: "explicit not in a loop", rules: `
			import future.keywords.not
			banned.storage.reason := "x"
			banned.ads.reason := "y" if input.strict
			p contains x if { some x in ["storage", "none", "ads", "other"]; not { y := banned[x].reason; y == "x" } }`,
			inputs: []string{`{}`, `{"strict": true}`}},
		{name: "every over a domain found by a variable key", rules: `
			lists.storage.all := [1, 2]
			lists.ads.all := [] if input.strict
			p if every x in lists[input.purpose].all { x < 3 }
			q if every x in lists[input.purpose].all { x < 2 }`, inputs: append(purposes, `{"purpose": "ads", "strict": true}`)},
		{name: "not inside a loop", rules: `
			banned.storage.reason := "x"
			banned.ads.reason := "y"
			p contains x if { some x in ["storage", "none", "ads", "other"]; not banned[x] }`, inputs: []string{`{}`}},
		{name: "not inside a comprehension inside not", rules: `
			banned.storage.reason := "x"
			banned.ads.reason := "y"
			p if not count([x | some x in input.list; not banned[x]]) > 1`,
			inputs: []string{`{"list": ["storage", "ads"]}`, `{"list": ["a", "b"]}`, `{"list": ["a", "ads"]}`, `{}`}},
		{name: "not with an input", rules: `
			banned.storage.reason := "x"
			banned.ads.reason := "y"
			p if not banned[input.purpose] with input.purpose as "storage"
			q if not banned[input.purpose] with input.purpose as "none"
			r := [x | some x in [true]; not banned[input.purpose] with input.purpose as input.other]`,
			inputs: append(purposes, `{"other": "ads"}`)},
		{name: "every over rules found by a variable key", rules: `
			banned.storage.reason := "x"
			banned.ads.reason := "y"
			p if every x in input.list { not banned[x] }
			q if every x in input.list { banned[x].reason == "x" }`,
			inputs: []string{`{"list": ["storage"]}`, `{"list": ["a", "b"]}`, `{"list": ["a", "ads"]}`, `{"list": []}`}},
		{name: "nested rules beside a rule with a variable in its head", refused: true, rules: `
			limits.ads.max := 1
			limits.ads[k] := 2 if k := "m"
			limits.storage.max := 5
			p := limits[input.purpose].max`, inputs: purposes},
		{name: "early exit by constants after propagation hides an error", rules: `
			allow := "ALLOW"
			effect := allow if input.known
			effect := allow if to_number(input.purpose) == 1
			p := effect`, inputs: []string{`{"known": true, "purpose": "x"}`, `{"known": true, "purpose": "1"}`, `{"purpose": "x"}`}},
		{name: "early exit by constants after propagation hides a conflict", rules: `
			one := 1
			both := 1 if input.a
			both := 2 if input.b
			p := one if input.known
			p := one if both == 1`, inputs: []string{`{"known": true, "a": true, "b": true}`, `{"known": true}`}},
		{name: "early exit by equal literals", rules: `
			both := 1 if input.a
			both := 2 if input.b
			p := "x" if input.known
			p := "x" if both == 1`, inputs: []string{`{"known": true, "a": true, "b": true}`, `{"a": true, "b": true}`}},
		{name: "early exit through else chains", rules: `
			both := 1 if input.a
			both := 2 if input.b
			p := true if input.known else := true if input.b
			p := true if both == 1`, inputs: []string{`{"known": true, "a": true, "b": true}`, `{"a": true, "b": true}`, `{"a": true}`}},
		{name: "a function replaced before input", rules: `
			f(x) := x
			q := [f(1), input.a]
			p := x if x := q with f as 5 with input.a as 3
			r := x if x := q with input.a as 3 with f as 5
			s := x if x := q with count as 1 with data.t.u as 3 with input as {"a": 9}`, inputs: []string{`{"a": 1}`, `{}`}},
		{name: "a replacement by a reference to the replaced document", rules: `
			f(x) := x
			q := [f(1), input.a]
			p := x if x := q with f as input.a with input.a as 3
			r := x if x := q with input.a as 3 with f as input.a`, inputs: []string{`{"a": 1}`, `{}`}},
		{name: "a replacement that reads another", rules: `
			f(x) := x
			g(x) := f(x)
			q := [f(1), g(2)]
			p := x if { y := f(7); x := q with f as y }
			r := x if { y := input.a; x := s with g as y }
			s := x if x := q with f as g(3)
			v := x if { some y in [1, 2]; y > 1; x := w with f as y }
			w := x if { x := q with g as f(4) }`, inputs: []string{`{"a": 1}`, `{}`}},
		{name: "rules found by a variable key under a function that a value replaces", refused: true, rules: `
			blocked.ads.x := 1 if count(input.list) == 2
			blocked.storage.x := 2
			q if not blocked[input.purpose].x
			p if q with count as input.n
			r := x if x := blocked[input.purpose].x with count as input.n`,
			inputs: []string{
				`{"purpose": "ads", "list": [], "n": 2}`, `{"purpose": "ads", "list": [1, 2], "n": 3}`, `{"purpose": "storage", "n": 2}`,
			}},
		{name: "several replacements in one expression", refused: true, rules: `
			f(x) := x
			q := [count(input.list), f(1), upper("a")]
			p if { m := {"a": input.n}; q == [m, {"b": 1}, "A"] with count as m with f as {"b": 1} }
			r := x if x := q with count as input.n with upper as lower
			tasks contains t if { m := man(input.list); m != null; some l in m.layers; files := blob(l); t := files[l] }
			man(_) := input.zz
			blob(_) := input.yy
			deny contains x if { some t in tasks; x := t.kind }
			same(a, b) if a == b
			s if { m := {"layers": ["a"]}; k := {"kind": "P"}
				same(deny, {"P"}) with input.image.ref as "x" with man as m with blob as {"a": k} }
			u if { m := {"layers": ["a"]}; k := {"kind": "P"}
				same(deny, {"P"}) with man as m with blob as {"a": k} }`, inputs: []string{`{"list": [1], "n": 2}`}},
		{name: "a replacement of a built-in", rules: `
			mock(x) := 7
			q := [count(input.list), startswith(input.a, "x")]
			p := x if x := q with count as mock
			r := x if x := q with startswith as input.b
			s := x if x := q with startswith as endswith`,
			inputs: []string{`{"a": "xay", "list": [1], "b": true}`, `{"a": "aax", "list": []}`}},
		{name: "sets of references that are equal, iterated", refused: true, rules: `
			p := count([x | some x in {input.a, input.b}])`, inputs: []string{`{"a": 1, "b": 1}`, `{"a": 1, "b": 2}`}},
		{name: "sets of references that are equal, under a name", refused: true, rules: `
			f(s) := count([x | some x in s])
			p := f({input.a, input.b})
			q := count([k | some k, _ in {input.a: 1, input.b: 1}])
			r := count([x | s := {input.a, input.b}; s[x]])
			u if { s := {input.a, input.b}; every x in s { x == 1 } }`, inputs: []string{`{"a": 1, "b": 1}`, `{"a": 1, "b": 2}`}},
		{name: "sets of references as arguments and values", rules: `
			p := {input.a, input.b}
			q := count({input.a, input.b})
			r if input.c in {input.a, input.b}
			s := {input.a: 1, input.b: 1}`, inputs: []string{`{"a": 1, "b": 1, "c": 1}`, `{"a": 1, "b": 2, "c": 3}`}},
		{name: "an error after the first failure of every", rules: `
			f(x) := 1 if x > 1
			f(x) := 2 if x > 2
			p if every x in [0, 1, 5] { f(x) == 1 }`, inputs: []string{`{}`}},
		{name: "a definedness check before a predicate that fails", rules: `
			p if { a := input.a; startswith(input.b, input.n); a == 2 }`,
			inputs: []string{`{"b": "x", "n": 1}`, `{"a": 2, "b": "x", "n": 1}`, `{"a": 2, "b": "x", "n": "x"}`}},
		{name: "a conflict before a predicate over something undefined", rules: `
			both := "x" if input.a
			both := "y" if input.b
			other.both := "x" if input.a
			other.both := "y" if input.b
			key := input.c
			p if { both; startswith(data.d[key], both) }
			q if { x := both; startswith(data.d[key], x) }
			r if { x := both; data.d[key] == x }
			s if { x := both; data.d[key][x] == 1 }
			u if { x := other.both; data.d[key] == x }
			v contains x if { x := both; y := data.d[key]; y != x }
			w := {"a": y, "b": x} if { x := both; y := data.d[key] }`,
			inputs: []string{`{"a": true, "b": true}`, `{"a": true}`, `{"a": true, "c": "ads"}`, `{"a": true, "b": true, "c": "ads"}`,
				`{"a": true, "b": true, "c": "none"}`, `{}`}},
		{name: "a predicate that fails before a guard", rules: `
			p contains 1 if { startswith(input.b, input.n); data.d[input.purpose] == "a" }
			p contains 2 if { startswith(input.b, input.n); data.d[input.purpose] == "b" }
			p contains 3 if { startswith(input.b, input.n); data.d[input.purpose] == "c" }
			p contains 4 if { startswith(input.b, input.n); data.d[input.purpose] == "d" }`,
			inputs: []string{`{"b": "x", "n": 1, "purpose": "ads"}`, `{"b": "x", "n": "x", "purpose": "ads"}`, `{"b": "x", "n": 1}`}},
		{name: "rules of one prefix that read each other", refused: true, rules: `
			q[x].a := 1 if some x in ["ads", "storage"]
			q[x].b := 2 if { some x in ["ads"]; q[x].a == 1 }
			p := q`, inputs: []string{`{}`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := module(t, "package t\n"+test.rules+"\n", map[string]any{"d": map[string]any{"ads": "a"}})
			for _, path := range documents(s) {
				for _, strict := range []bool{false, true} {
					checkLikeTopdown(t, s, path, likeTopdown{inputs: test.inputs, strict: strict, refused: test.refused})
				}
			}
		})
	}
}

// documents are the paths of the single-word rules of a set, without functions.
func documents(s *set) (out []string) {
	seen := map[string]bool{}
	for _, m := range s.modules {
		for _, r := range m.Rules {
			path := fmt.Sprint(m.Package.Path.String(), ".", r.Head.Ref()[0].Value)
			if ref := r.Head.Ref(); len(r.Head.Args) == 0 && (len(ref) == 1 || !ref[1].IsGround()) && !seen[path] {
				seen[path] = true
				out = append(out, path)
			}
		}
	}
	return out
}

type likeTopdown struct {
	inputs          []string
	strict, refused bool
}

// checkLikeTopdown compares a document with topdown, values and error codes, for all inputs and variants.
func checkLikeTopdown(t *testing.T, s *set, path string, want likeTopdown) {
	t.Helper()
	q := s.references(t, want.strict, path)[path]
	plan := s.plan(t, path)
	for _, v := range variants {
		for _, in := range want.inputs {
			input := ast.MustParseTerm(in).Value
			o := casesOf(v.opts, input)
			o.Symbols, o.StrictBuiltinErrors = engine.NewSymbols(), want.strict
			e, err := s.compile(t, plan, o).Entrypoint(path)
			var unsupported *engine.UnsupportedError
			if errors.As(err, &unsupported) && want.refused {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			expected := evalTopdown(t.Context(), q, input)
			for range 2 {
				got := evalEngine(t.Context(), e, records(o.Symbols, shapes{}, input))
				if got != expected && strings.HasPrefix(got, "error") { // of a rule at which topdown did not look
					early := !v.opts.NoEarlyExit && !v.opts.NoFuse
					expected = evalTopdown(t.Context(), q, input, rego.EvalRuleIndexing(false), rego.EvalEarlyExit(early))
				}
				if got != expected {
					t.Errorf("%s, %s, strict %t, input %s: engine %s, topdown %s", path, v.name, want.strict, in, got, expected)
				}
			}
		}
	}
}
