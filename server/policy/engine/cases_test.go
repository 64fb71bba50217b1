package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/engine"
)

// pair is a rule compiled with cases and without.
type pair struct {
	sym          *engine.Symbols
	shapes       shapes
	cases, whole *engine.Entrypoint
}

func newPair(t testing.TB, s *set, path string, opts engine.Options) *pair {
	t.Helper()
	p := &pair{sym: engine.NewSymbols(), shapes: shapes{}}
	opts.Symbols = p.sym
	var err error
	if p.cases, err = s.program(t, opts, path).Entrypoint(path); err != nil {
		t.Fatal(err)
	}
	opts.Cases = nil
	if p.whole, err = s.program(t, opts, path).Entrypoint(path); err != nil {
		t.Fatal(err)
	}
	return p
}

// differ returns what differs for an input, as records and as ordinary objects.
func (p *pair) differ(t testing.TB, in any) string {
	t.Helper()
	term := ast.MustInterfaceToValue(in)
	own, err := engine.FromAST(p.sym, term)
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range []engine.Value{records(p.sym, p.shapes, term), own} {
		got, want := evalEngine(t.Context(), p.cases, input), evalEngine(t.Context(), p.whole, input)
		if got != want {
			return fmt.Sprintf("with cases %s\nwithout %s\ninput %v", got, want, term)
		}
	}
	return ""
}

// TestCasesChangeNothing evaluates rules for many inputs of each case: what a table has from one must hold for all.
// Each rule is a trap.
func TestCasesChangeNothing(t *testing.T) {
	tests := []struct{ name, rules string }{
		{"another input inside", `p := [q, x, q] if { x := q with input.k as "z" }` + "\nq := [input.k, r]\nr if input.k == \"a\""},
		{"other data inside", `p := [q, x] if { x := q with data.o.a as 7 }` + "\nq := [input.k, data.o.a]"},
		{"dropped rules inside", `
			p contains x if { x := q with input.k as "b" }
			q := 1 if input.k == "a"
			q := 2 if input.k == "b"`},
		{"dropped rules of what is unknown inside", `p contains [x, q] if { x := q with input.k as "b" }` +
			"\nq := 1 if { input.k == \"a\"; input.n == 1 }\nq := 2 if { input.k == \"b\"; input.n == 1 }"},
		{"a conflict in what is known", "p := [q, input.n]\nq := 1 if input.k == \"a\"\nq := 2 if input.k in {\"a\", \"b\"}"},
		{"an error before a test that fails", `
			p contains 1 if { q; input.k == "a" }
			p contains 2
			q := 1 if input.n
			q := 2 if input.m`},
		{"a failing call before a test that fails", "p contains 1 if { to_number(input.s) == 1; input.k == \"a\" }\np contains 2"},
		{"a test of types before one that fails", "p contains 1 if { startswith(input.n, \"a\"); input.k == \"a\" }\np contains 2"},
		{"an error of what is known", "p contains q\np contains 1\nq := to_number(input.k)"},
		{"not of what is unknown", `
			p contains 1 if not input.n == 1
			p contains 2 if { not input.n == 1; input.k == "a" }
			p contains 3 if not q
			q if input.n == 2`},
		{"functions", `
			p := [f(input.k), f(input.n), g("a")]
			f(x) := 1 if { x == input.k; input.n == 1 } else := 2 if { input.k == "a" } else := x
			g(x) if x == input.k`},
		{"a remembered call", "p := [f(input.k), count(f(input.k)), f(input.k)]\nf(x) := {y | some y in input.l; y != x}"},
		{"a remembered call of two documents", `
			p := [q, r]
			default q := -1
			q := count(f(input.k))
			default r := -1
			r := count(f(input.k))
			f(x) := {y | some y in [1, x, input.n]}`},
		{"else chains", `
			p := 1 if { input.k == "x" } else := 2 if { input.k == "a"; input.n == 1 } else := 3 if { input.n == 2 } else := input.m`},
		{"defaults", "default p := 0\np := 1 if { input.k == \"a\"; input.n == 1 }\np := 2 if { input.k == \"b\"; input.n == 1 }"},
		{"early exit", "p if input.n == 1\np if input.k == \"a\"\np if { input.k == \"b\"; q }\nq := 1 if input.n\nq := 2 if input.m"},
		{"fields that are absent", "p := [object.get(input.c, \"x\", 0), q, count(input.c)]\ndefault q := 5\nq := input.c.x"},
		{"fields of what is empty", "p := [[v | some v in input.c], [v | some v in input.l], count(input.l)]"},
		{"the input as a whole", "p := [input, input.k]"},
		{"keys that are known, values that are not", "p := {x | some x in [input.c.x, input.c.y]} | {y | y := input.c[input.k]}"},
		{"guards", guarded("p", 6)},
		{"dynamic documents", "q.a := input.n\nq.b := input.k\np := data.t.q[input.k]"},
		{"sets that are shared", "p := [sort(q), count(q), q | {input.n}]\nq := {\"c\", \"b\", \"a\", input.k}"},
		{"nested rules", `
			p := [q, r]
			q contains x if { input.k == "a"; some x in r }
			r contains input.n if s
			s if input.k in {"a", "b"}`},
		{"a delegated call", "p := [q, input.n]\nq := sprintf(\"%v\", [input.k])"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := module(t, "package t\n"+test.rules+"\n", map[string]any{"o": map[string]any{"a": 1}})
			for _, strict := range []bool{false, true} {
				p := newPair(t, s, "data.t.p", engine.Options{Cases: [][]string{{"k"}, {"c"}, {"l"}}, StrictBuiltinErrors: strict})
				caseInputs(func(in map[string]any) {
					if diff := p.differ(t, in); diff != "" {
						t.Error(diff)
					}
				})
			}
		})
	}
}

// caseInputs calls f with several inputs of each of several cases.
func caseInputs(f func(map[string]any)) {
	for _, c := range []any{nil, map[string]any{}, map[string]any{"x": 1}, map[string]any{"x": 2}, map[string]any{"y": 1, "a": 3}, 5} {
		for _, k := range []any{nil, "a", "b", "k1", "elsewhere", 1, true, []any{"a"}} {
			for _, n := range []any{nil, 1, 2, "a"} {
				for _, l := range []any{[]any{}, []any{"a", 1}} {
					in := map[string]any{"l": l, "s": "1", "m": n, "a": 1}
					for name, v := range map[string]any{"c": c, "k": k, "n": n} {
						if v != nil {
							in[name] = v
						}
					}
					f(in)
				}
			}
		}
	}
}

// TestCasesOfRandomModules does the same with random modules and inputs.
func TestCasesOfRandomModules(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 50
	}
	for seed := range n {
		g := &generator{rnd: rand.New(rand.NewPCG(uint64(seed), 11))}
		src := g.module()
		s := &set{
			modules: map[string]*ast.Module{"t.rego": ast.MustParseModule(src)}, data: randomData,
			skip: []ast.StageID{ast.StageCheckTypes},
		}
		if !s.compiles() || len(g.rules) == 0 {
			continue
		}
		path := "data.t." + g.rules[len(g.rules)-1]
		if len(s.plan(t, path).Refused()) > 0 {
			continue
		}
		p := newPair(t, s, path, engine.Options{Cases: randomCases, StrictBuiltinErrors: seed%2 == 0})
		for range 8 {
			in := g.input()
			for range 6 { // of the same case, mostly
				if diff := p.differ(t, in); diff != "" {
					t.Fatalf("%s\n%s\n%s", path, diff, src)
				}
				in["n"], in["b"] = g.rnd.IntN(3), g.input()["b"]
			}
		}
	}
}

// TestCasesKnowMuch: a table of the shipped policies knows what depends on the case alone, and drops rules.
func TestCasesKnowMuch(t *testing.T) {
	s := shipped(t)
	for name, in := range mainInputs(t) {
		id := in.(map[string]any)["controller"].(string)
		p := newPair(t, s, entryOf(id), engine.Options{Cases: shippedCases})
		known, steps := engine.Table(p.cases, records(p.sym, p.shapes, ast.MustInterfaceToValue(in)))
		none, all := engine.Table(p.cases, engine.NewHeap(p.sym).Object(engine.Field{Key: "controller", Value: engine.Int(1)}))
		t.Logf("%s: %d slots known, %d steps; of no controller %d, %d", name, known, steps, none, all)
		if known < 25 || steps > 150 {
			t.Errorf("%s: only %d slots known, %d steps left", name, known, steps)
		}
	}
}

// TestPanicInACase: a fault while a table is made is a fault of the evaluation.
func TestPanicInACase(t *testing.T) {
	boom := func([]engine.Value) (engine.Value, bool) { panic("boom") }
	s := module(t, "package t\np := [upper(input.k), input.n]\n", nil)
	p := newPair(t, s, "data.t.p", engine.Options{Cases: [][]string{{"k"}}, Native: map[string]engine.Native{"upper": boom}})
	for range 2 {
		input := records(p.sym, p.shapes, ast.MustInterfaceToValue(map[string]any{"k": "a"}))
		if got := evalEngine(t.Context(), p.cases, input); got != "error evaluating a policy: panic: boom" {
			t.Errorf("got %s", got)
		}
	}
}

// TestCasesKnowNoTime: what a delegated built-in yields is not the case's.
func TestCasesKnowNoTime(t *testing.T) {
	s := module(t, "package t\np := [q, input.n] if not input.k\nq := time.now_ns()\n", nil)
	p := newPair(t, s, "data.t.p", engine.Options{Cases: [][]string{{"k"}}})
	for i := range int64(3) {
		input := engine.NewHeap(p.sym).Object(engine.Field{Key: "n", Value: engine.Int(i)})
		request := engine.Request{Now: time.Unix(0, 5+i), Input: input}
		err := p.cases.Eval(t.Context(), request, func(r engine.Result) error {
			if got, want := engine.ToAST(r.Value).String(), fmt.Sprintf("[%d, %d]", 5+i, i); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestManyCases are more than tables are kept for.
func TestManyCases(t *testing.T) {
	src := "package t\np := [q, input.n]\n"
	names := make([]any, 8000)
	for i := range names {
		names[i] = fmt.Sprintf("k%d", i)
	}
	s := module(t, src+"q contains x if { some x in data.names; x == input.k }\n", map[string]any{"names": names})
	p := newPair(t, s, "data.t.p", engine.Options{Cases: [][]string{{"k"}}})
	for i := range names {
		input := engine.NewHeap(p.sym).Object(
			engine.Field{Key: "k", Value: engine.NewHeap(p.sym).String(names[i].(string))},
			engine.Field{Key: "n", Value: engine.Int(int64(i))})
		if got, want := evalEngine(t.Context(), p.cases, input), fmt.Sprintf(`[{"k%d"}, %d]`, i, i); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if n := engine.Tables(p.cases); n < 500 || n > 2048 {
		t.Errorf("%d tables", n)
	}
}
