package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/consentd/consentd/server/policy/engine"
)

func module(t testing.TB, src string, data map[string]any) *set {
	t.Helper()
	m, err := ast.ParseModule("t.rego", src)
	if err != nil {
		t.Fatal(err)
	}
	return &set{modules: map[string]*ast.Module{"t.rego": m}, data: data}
}

// TestPitfalls has a case for each place where an engine of this kind is easily
// wrong. Each is compared with topdown under all variants.
func TestPitfalls(t *testing.T) {
	data := map[string]any{
		"n": map[string]any{"2": "two"}, "l": []any{"x", "y"},
		"o": map[string]any{"a": 1, "b": map[string]any{"c": 2}},
	}
	tests := []struct{ name, rules string }{
		{"breaks of nested blocks", `p contains x if { some x in [1, 2, 3]; not x == 2; every y in [x] { y != 3 } }`},
		{"every over no collection", `p if { every x in input.s { x == 1 } }`},
		{"parameters that are not contiguous", `
			f(a, b) := [b, a] if a != b
			f(a, b) := a if a == b
			p := [f(1, 2), f(3, 3), f(input.n, input.s)]`},
		{"locals reused between rules", `
			p contains x if { x := input.a; y := 1; y == x }
			p contains z if { z := input.b; not z == 1 }
			p contains w if w := input.missing`},
		{"definedness through copies", `p := [a, b] if { a := input.a; b := {x | x := input.missing} }`},
		{"a failed step leaves its target undefined", "q[k] contains v if { some k in [\"x\", \"y\"]; v := input.o[k] }\np := q"},
		{"data by number", `p := data.n[2]`},
		{"data by number through a variable", `p := x if { o := data.n; x := o[2] }`},
		{"a list of data by string", `p := data.l["1"]`},
		{"with keeps what was computed before", `
			p := [x, y, z] if { x := input.a; y := q with input.a as 5; z := q }
			q := input.a`},
		{"with inside with", "q := [input.a, input.b]\np := x if { x := r with input.a as 7 }\nr := y if { y := q with input.b as 8 }"},
		{"with data", "q := data.o.b.c\np := [q, x, y] if { x := q with data.o.b.c as 9; y := q }"},
		{"with restored when its block fails", `p := q if { not r with input.a as 99 }` + "\nr if input.a == 1\nq := input.a"},
		{"with below a scalar", `q := input.a.b` + "\np := x if { x := q with input.a.b as 3 }"},
		{"undefined is remembered", "q if input.missing\np if { not q; not q }"},
		{"undefined equals nothing", `p if input.missing == input.absent`},
		{"an error of a built-in is undefined", "default p := \"none\"\np := count(input.n)"},
		{"a wrong type is delegated", "p := [x | some v in [1, \"a\", null, [1]]; x := v + 1]"},
		{"numbers by literal", `
			p := [input.x == 1, 1.0 == 1, {1, 1.0, 1e0}, {1: 2}[1.0], -0, input.z, input.z == 0, 9007199254740993 == 9007199254740992]`},
		{"sums and products beyond int64", `
			p := [9223372036854775807 + 1, -9223372036854775807 - 9, 4611686018427387904 * 2, sum([9223372036854775807, 1])]`},
		{"quotients and remainders", `p := [7 % 3, -7 % 3, 6 / 3, 7 / 2, 0 / 5]`},
		{"sets in order", `p := [x | some x in {"b", 1, [2], {"a": 1}, null, true, "a", {3}}]`},
		{"objects in order", `p := [k | some k, _ in {"b": 1, "a": 2, "c": 3}]`},
		{"big collections", `
			p := [count(s), 57 in s, 100 in s, o[77], object.keys(o)] if {
				s := {x | some x in numbers.range(1, 60)}
				o := {x: y | some x in numbers.range(70, 99); y := x * 2}
			}`},
		{"base and virtual documents merge", "a.b.c := 1\na.x := input.a\np := data.t.a"},
		{"relations", `p := {x | walk(input.o, x)}`},
		{"void calls", `p if { print("x", input.missing); true }`},
		{"dynamic calls", "q.x := 1\nq.y := input.missing\np := [v | some k in [\"x\", \"y\", \"z\"]; v := data.t.q[k]]"},
		{"a conflict", "p := 1 if input.a\np := 2 if input.b"},
		{"a conflict of keys", `p := {k: v | some v in [1, 2]; k := "x"}`},
		{"else after an undefined", "p := 1 if { input.missing } else := 2 if { input.a == 2 } else := 3"},
		{"early exit", "p if input.a\np if { q }\nq := 1 if input.a\nq := 1 if input.b"},
		{"an empty union is its operand", `p := [a | set(), set() | a, a & set(), a - set(), array.concat([], [1])] if a := {input.a}`},
		{"a literal in a loop is new each time", `p := [{"x": x, "y": [x]} | some x in [1, 2]]`},
		{"objects built around a comprehension", `p := {"a": input.a, "b": [x | some x in input.l], "c": input.b}`},
		{"guards", guarded("p", 12)},
		{"guards of complete rules", strings.ReplaceAll(guarded("p", 12), "contains", ":=")},
		{"membership guards", `
			p contains 1 if input.k in {"k1", "k3"}
			p contains 2 if input.k in {"k3"}
			p contains 3 if input.k in {"k4", "k3"}
			p contains 4 if input.k == "k3"`},
	}
	input := map[string]any{"a": 1, "b": 2, "n": 5, "s": "str", "o": map[string]any{"y": 1}, "l": []any{3, 1, 2}, "k": "k3",
		"x": jsonNumber("1.0"), "z": jsonNumber("-0")}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := module(t, "package t\n"+test.rules+"\n", data)
			term := ast.MustInterfaceToValue(input)
			want := evalTopdown(t.Context(), s.reference(t, "data.t.p"), term)
			for _, v := range variants {
				v.opts = casesOf(v.opts, term)
				v.opts.Symbols = engine.NewSymbols()
				own := records(v.opts.Symbols, shapes{}, term)
				entry, err := s.program(t, v.opts, "data.t.p").Entrypoint("data.t.p")
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if got := evalEngine(t.Context(), entry, own); got != want {
						t.Errorf("%s: got %s, want %s", v.name, got, want)
					}
				}
			}
		})
	}
}

// guarded are n rules that begin with a test of input.k.
func guarded(name string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s contains %d if { input.k == \"k%d\"; input.a == 1 }\n", name, i, i)
	}
	return b.String()
}

func entry(t testing.TB, src string, opts engine.Options) *engine.Entrypoint {
	t.Helper()
	e, err := module(t, "package t\n"+src+"\n", nil).program(t, opts, "data.t.p").Entrypoint("data.t.p")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const loops = `p := count([1 |
	some a in numbers.range(1, 300)
	some b in numbers.range(1, 300)
	some c in numbers.range(1, 300)
	a + b == c
])`

func TestLimits(t *testing.T) {
	ignore := func(engine.Result) error { return nil }
	t.Run("steps", func(t *testing.T) {
		err := entry(t, loops, engine.Options{MaxSteps: 50_000}).Eval(t.Context(), engine.Request{}, ignore)
		if !errors.Is(err, engine.ErrBudget) {
			t.Errorf("error = %v, want ErrBudget", err)
		}
	})
	t.Run("a budget is for one evaluation", func(t *testing.T) {
		e := entry(t, `p := [x | some x in input]`, engine.Options{MaxSteps: 60})
		in := engine.NewHeap(engine.NewSymbols()).Strings(make([]string, 40))
		for range 10 {
			if err := e.Eval(t.Context(), engine.Request{Input: in}, ignore); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("cancellation", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := entry(t, loops, engine.Options{}).Eval(ctx, engine.Request{}, ignore)
		var e *engine.Error
		if !errors.As(err, &e) || e.Code != topdown.CancelErr || !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want a cancellation", err)
		}
	})
	t.Run("depth", func(t *testing.T) {
		src := "f0(x) := x\n"
		for i := 1; i < 60; i++ {
			src += fmt.Sprintf("f%d(x) := f%d(x) + input\n", i, i-1)
		}
		err := entry(t, src+"p := f59(1)", engine.Options{MaxDepth: 30}).Eval(t.Context(), engine.Request{Input: engine.Int(1)}, ignore)
		if !errors.Is(err, engine.ErrDepth) {
			t.Errorf("error = %v, want ErrDepth", err)
		}
	})
}

func TestStrictBuiltinErrors(t *testing.T) {
	e := entry(t, `p := to_number("x")`, engine.Options{StrictBuiltinErrors: true})
	err := e.Eval(t.Context(), engine.Request{}, func(engine.Result) error { return nil })
	var pe *engine.Error
	if !errors.As(err, &pe) || pe.Code != topdown.BuiltinErr || pe.File != "t.rego" || pe.Row != 2 {
		t.Errorf("error = %#v", err)
	}
}

func TestNowIsTheRequests(t *testing.T) {
	e := entry(t, `p := [time.now_ns(), time.now_ns()]`, engine.Options{})
	now := time.Unix(5, 7)
	err := e.Eval(t.Context(), engine.Request{Now: now}, func(r engine.Result) error {
		if got := engine.ToAST(r.Value).String(); got != "[5000000007, 5000000007]" {
			t.Errorf("now = %s", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnsupportedIsPerEntrypoint(t *testing.T) {
	unknown := &ast.Builtin{Name: "unknown", Decl: types.NewFunction(types.Args(types.A), types.A)}
	decl := &rego.Function{Name: unknown.Name, Decl: unknown.Decl}
	impl := func(rego.BuiltinContext, []*ast.Term) (*ast.Term, error) { return nil, nil }
	capabilities := ast.CapabilitiesForThisVersion()
	capabilities.Builtins = append(capabilities.Builtins, unknown)
	c := ast.NewCompiler().WithCapabilities(capabilities)
	m := ast.MustParseModule("package t\np := input.x\nq := unknown(input)\nr if q\n")
	if c.Compile(map[string]*ast.Module{"t.rego": m}); c.Failed() {
		t.Fatal(c.Errors)
	}
	plan, err := engine.PlanQuery(t.Context(), c, rego.Query("data.t.p; data.t.q; data.t.r"), rego.FunctionDyn(decl, impl))
	if err != nil {
		t.Fatal(err)
	}
	prog, err := engine.Compile(plan, nil, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prog.Entrypoint("data.t.p"); err != nil {
		t.Errorf("the supported one: %v", err)
	}
	for _, path := range []string{"data.t.q", "data.t.r", "data.t.missing"} {
		var unsupported *engine.UnsupportedError
		if _, err := prog.Entrypoint(path); !errors.As(err, &unsupported) || unsupported.Entrypoint != path {
			t.Errorf("%s: error = %v, want UnsupportedError", path, err)
		}
	}
}

// TestPanicIsAnError: a fault becomes an error, and the evaluation is not reused.
func TestPanicIsAnError(t *testing.T) {
	boom := func([]engine.Value) (engine.Value, bool) { panic("boom") }
	e := entry(t, `p := upper(input)`, engine.Options{Native: map[string]engine.Native{"upper": boom}})
	for range 2 {
		request := engine.Request{Input: engine.NewHeap(engine.NewSymbols()).String("x")}
		err := e.Eval(t.Context(), request, func(engine.Result) error { return nil })
		var p *engine.PanicError
		if !errors.As(err, &p) || p.Value != "boom" || len(p.Stack) == 0 {
			t.Fatalf("error = %v, want a PanicError", err)
		}
	}
}

func TestRulesThatSucceeded(t *testing.T) {
	src := "package t\n\np contains 1 if input == 1\n\np contains 2 if input == 2\n\np contains 3 if q\n\nq if input == 2\n"
	s := module(t, src, nil)
	prog := s.program(t, engine.Options{TrackRules: true}, "data.t.p")
	e, err := prog.Entrypoint("data.t.p")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[int64]string{1: "[data.t.p:3]", 2: "[data.t.p:5 data.t.p:7 data.t.q:9]", 3: "[]"} {
		var got []string
		err := e.Eval(t.Context(), engine.Request{Input: engine.Int(in)}, func(r engine.Result) error {
			r.Rules(func(i int) {
				rule := prog.Rules()[i]
				got = append(got, fmt.Sprintf("%s:%d", rule.Path, rule.Row))
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if slicesSorted(got) != want {
			t.Errorf("input %d: rules %v, want %v", in, got, want)
		}
	}
}

// TestFrozenInputSurvivesPolicySwap: a value that was built before a program,
// from the same table, or another, means the same to it.
func TestFrozenInputSurvivesPolicySwap(t *testing.T) {
	sym := engine.NewSymbols()
	shape := engine.NewShape(sym, "purpose", "status")
	b := engine.NewHeap(sym)
	input := b.Record(shape, []engine.Value{b.String("new_purpose"), b.String("GIVEN")})
	for _, table := range []*engine.Symbols{sym, engine.NewSymbols()} {
		src := `p := input.status if input.purpose == "new_purpose"`
		e := entry(t, src, engine.Options{Symbols: table})
		if got := evalEngine(t.Context(), e, input); got != `"GIVEN"` {
			t.Errorf("got %s", got)
		}
	}
}

func TestRetainedMemoryIsCapped(t *testing.T) {
	e := entry(t, `p := count([{"x": x} | some x in input])`, engine.Options{MaxRetained: 1 << 16})
	in := engine.NewHeap(engine.NewSymbols()).Strings(make([]string, 20_000))
	if got := evalEngine(t.Context(), e, in); got != "20000" {
		t.Fatal(got)
	}
	if got := evalEngine(t.Context(), e, engine.NewHeap(engine.NewSymbols()).Strings([]string{"a"})); got != "1" {
		t.Fatal(got)
	}
	if held := engine.Held(e); held > 1<<16 {
		t.Errorf("%d bytes are retained", held)
	}
}

// TestNoAllocations is the budget of an evaluation of the shipped policies.
func TestNoAllocations(t *testing.T) {
	s := shipped(t)
	sym := engine.NewSymbols()
	prog := s.program(t, engine.Options{Symbols: sym, Cases: fineCases}, decisionOf("jasminai"), decisionOf("example"))
	for name, in := range mainInputs(t) {
		id, _, _ := strings.Cut(name, "/")
		e, err := prog.Entrypoint(entryOf(id))
		if err != nil {
			t.Fatal(err)
		}
		input, err := engine.FromAST(sym, ast.MustInterfaceToValue(in))
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		run := func() {
			if err := e.Eval(ctx, engine.Request{Input: input}, func(engine.Result) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(100, run); n >= 1 && !raceEnabled {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkGuarded(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		rules := guarded("p", n)
		for name, src := range map[string]string{"partial": rules, "complete": strings.ReplaceAll(rules, "contains", ":=")} {
			s := module(b, "package t\n"+src, nil)
			sym := engine.NewSymbols()
			e, err := s.program(b, engine.Options{Symbols: sym}, "data.t.p").Entrypoint("data.t.p")
			if err != nil {
				b.Fatal(err)
			}
			term := ast.MustInterfaceToValue(map[string]any{"k": "k7", "a": 1})
			in, err := engine.FromAST(sym, term)
			if err != nil {
				b.Fatal(err)
			}
			q := s.reference(b, "data.t.p")
			b.Run(fmt.Sprintf("%s/%d/engine", name, n), func(b *testing.B) { benchEngine(b, e, in) })
			b.Run(fmt.Sprintf("%s/%d/topdown", name, n), func(b *testing.B) { benchTopdown(b, q, term) })
		}
	}
}
