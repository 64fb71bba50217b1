package engine_test

import (
	"context"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/engine"
)

// neighborhood evaluates around one center and compares with Entrypoint.Eval.
type neighborhood struct {
	sym     *engine.Symbols
	entry   *engine.Entrypoint
	near    *engine.Neighbors
	records []string
	center  map[string]any
	own     engine.Value
	outcome string
	// spared counts the neighbors whose answer was known from what the center read.
	spared int
}

func newNeighborhood(sym *engine.Symbols, entry *engine.Entrypoint, records ...string) *neighborhood {
	return &neighborhood{sym: sym, entry: entry, near: entry.Neighbors(records...), records: records}
}

func (n *neighborhood) moveTo(t *testing.T, in map[string]any) {
	t.Helper()
	n.center, n.own = in, valueOf(t, n.sym, in)
	n.outcome = outcome(func(use func(engine.Result) error) error {
		return n.near.Center(t.Context(), engine.Request{Input: n.own}, use)
	})
	if want := evalEngine(t.Context(), n.entry, n.own); n.outcome != want {
		t.Fatalf("center: got %s, want %s\ninput %v", n.outcome, want, in)
	}
}

func (n *neighborhood) compare(t *testing.T, in map[string]any) {
	t.Helper()
	own, changed := valueOf(t, n.sym, in), n.changed(in)
	want := evalEngine(t.Context(), n.entry, own)
	got := outcome(func(use func(engine.Result) error) error {
		return n.near.Eval(t.Context(), engine.Request{Input: own}, changed, use)
	})
	if got != want {
		t.Fatalf("neighbor: got %s\nwant %s\ncenter %v\ninput %v", got, want, n.center, in)
	}
	if changed&n.near.Read() == 0 {
		n.spared++
		if want != n.outcome {
			t.Fatalf("nothing that was read changed: was %s, is %s\ncenter %v\ninput %v", n.outcome, want, n.center, in)
		}
	}
}

// changed are the fields in which an input differs from the center.
func (n *neighborhood) changed(in map[string]any) (f engine.Fields) {
	for key := range union(in, n.center) {
		if reflect.DeepEqual(in[key], n.center[key]) && has(in, key) == has(n.center, key) {
			continue
		}
		is, ok1 := in[key].(map[string]any)
		was, ok2 := n.center[key].(map[string]any)
		if !ok1 || !ok2 || !contains(n.records, key) {
			f |= n.near.Field(key, "")
			continue
		}
		for field := range union(is, was) {
			if !reflect.DeepEqual(is[field], was[field]) || has(is, field) != has(was, field) {
				f |= n.near.Field(key, field)
			}
		}
	}
	return f
}

func has(m map[string]any, key string) bool { _, ok := m[key]; return ok }

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func union(a, b map[string]any) map[string]bool {
	out := map[string]bool{}
	for _, m := range []map[string]any{a, b} {
		for k := range m {
			out[k] = true
		}
	}
	return out
}

func valueOf(t *testing.T, sym *engine.Symbols, in any) engine.Value {
	t.Helper()
	v, err := engine.FromAST(sym, ast.MustInterfaceToValue(in))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func outcome(eval func(func(engine.Result) error) error) string {
	var v ast.Value
	err := eval(func(r engine.Result) error {
		v = engine.ToAST(r.Value)
		return nil
	})
	return outcomeOf(v, err)
}

// TestNeighborsOfShipped: a neighbor has the outcome of an evaluation by itself, over the shipped policies and inputs
// that differ in some fields, and what the center did not read does not matter.
func TestNeighborsOfShipped(t *testing.T) {
	c := compareShipped(t, engine.Options{Cases: shippedCases}) // as the service has it
	m := newMutator(corpus(t), 7)
	spared := 0
	for _, id := range controllers {
		n := newNeighborhood(c.sym, c.entries[id][0], "subject", "recipient", "context")
		for range 40 {
			in := m.next()
			in["controller"] = id
			n.moveTo(t, in)
			for range 25 {
				neighbor := clone(in).(map[string]any)
				for range 1 + m.rnd.IntN(2) {
					m.mutate(neighbor)
				}
				n.compare(t, neighbor)
			}
		}
		spared += n.spared
	}
	if spared < 500 {
		t.Errorf("only %d of 6000 neighbors differed in nothing that was read", spared)
	}
}

// TestNeighborsOfRandomModules: the same over random modules, with all options, errors included.
func TestNeighborsOfRandomModules(t *testing.T) {
	modules, spared := 0, 0
	for seed := range uint64(120) {
		g := &generator{rnd: rand.New(rand.NewPCG(seed, 11))}
		mod := ast.MustParseModule(g.module())
		s := &set{modules: map[string]*ast.Module{"t.rego": mod}, data: randomData, skip: []ast.StageID{ast.StageCheckTypes}}
		if !s.compiles() {
			continue
		}
		modules++
		opts := variants[int(seed)%len(variants)].opts
		opts.Symbols = engine.NewSymbols()
		if seed%3 == 0 {
			opts.Cases = randomCases
		}
		for _, rule := range g.rules {
			plan := s.plan(t, "data.t."+rule)
			if len(plan.Refused()) > 0 {
				continue
			}
			e, err := s.compile(t, plan, opts).Entrypoint("data.t." + rule)
			if err != nil {
				t.Fatal(err)
			}
			n := newNeighborhood(opts.Symbols, e, "c")
			for range 3 {
				n.moveTo(t, g.input())
				for range 8 {
					n.compare(t, g.near(n.center))
				}
			}
			spared += n.spared
		}
	}
	if modules < 40 || spared < 500 {
		t.Errorf("%d modules, %d neighbors differed in nothing that was read", modules, spared)
	}
}

// near is an input that has one or two fields of another.
func (g *generator) near(center map[string]any) map[string]any {
	out, other := clone(center).(map[string]any), g.input()
	for range 1 + g.rnd.IntN(2) {
		switch k := g.pick("a", "b", "k", "n", "list", "c", "c.x", "c.a"); k {
		case "c.x", "c.a":
			copyField(out["c"].(map[string]any), other["c"].(map[string]any), k[2:])
		default:
			copyField(out, other, k)
		}
	}
	return out
}

func copyField(to, from map[string]any, key string) {
	delete(to, key)
	if v, ok := from[key]; ok {
		to[key] = v
	}
}

// TestNeighborsForget: a field that is not said to have changed is not looked at again: the other tests can fail.
func TestNeighborsForget(t *testing.T) {
	c := compareShipped(t, engine.Options{})
	n := newNeighborhood(c.sym, c.entries["example"][0], "subject")
	in := corpus(t)[0]
	in["controller"], in["purpose"] = "example", "storage"
	n.moveTo(t, in)
	neighbor := clone(in).(map[string]any)
	neighbor["purpose"] = "no_such_purpose"
	got := outcome(func(use func(engine.Result) error) error {
		return n.near.Eval(context.Background(), engine.Request{Input: valueOf(t, c.sym, neighbor)}, 0, use)
	})
	if got != n.outcome {
		t.Errorf("got %s, want the center's %s", got, n.outcome)
	}
}

// TestNeighborsOfRememberedCalls: a call that a center answers by what the function returned last depends on what the
// function read then.
func TestNeighborsOfRememberedCalls(t *testing.T) {
	const source = `package t

f(x) := {[x, e, input.b] | some e in ["p", "q"]}

first := f(input.a)

second := f(input.a)

r := [first, second]
`
	s := &set{modules: map[string]*ast.Module{"t.rego": ast.MustParseModule(source)}, data: randomData}
	sym := engine.NewSymbols()
	e, err := s.program(t, engine.Options{Symbols: sym}, "data.t.r").Entrypoint("data.t.r")
	if err != nil {
		t.Fatal(err)
	}
	n := newNeighborhood(sym, e)
	n.moveTo(t, map[string]any{"a": 1, "b": 1})
	n.compare(t, map[string]any{"a": 1, "b": 2})
	n.compare(t, map[string]any{"a": 2, "b": 1})
}
