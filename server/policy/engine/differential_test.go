package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/consentd/consentd/server/policy/engine"
)

var controllers = []string{"example", "jasminai", "jsers", "livex", "somesing", "z-image"}

// outcome is the whole result of an evaluation: a value, undefined, or an error's code.
func outcomeOf(v ast.Value, err error) string {
	var e *engine.Error
	var te *topdown.Error
	switch {
	case errors.As(err, &e):
		return "error " + e.Code
	case errors.As(err, &te):
		return "error " + te.Code
	case err != nil:
		return "error " + err.Error()
	case v == nil:
		return "undefined"
	}
	return v.String()
}

func evalTopdown(ctx context.Context, q rego.PreparedEvalQuery, input ast.Value, opts ...rego.EvalOption) string {
	rs, err := q.Eval(ctx, append(opts, rego.EvalParsedInput(input))...)
	if err != nil || len(rs) == 0 {
		return outcomeOf(nil, err)
	}
	return outcomeOf(rs[0].Expressions[0].Value.(ast.Value), nil)
}

func evalEngine(ctx context.Context, e *engine.Entrypoint, input engine.Value) string {
	var v ast.Value
	err := e.Eval(ctx, engine.Request{Input: input}, func(r engine.Result) error {
		v = engine.ToAST(r.Value)
		return nil
	})
	return outcomeOf(v, err)
}

// mutator changes inputs, mostly within their vocabulary: values are taken from
// where the same key has them in other inputs.
type mutator struct {
	rnd    *rand.Rand
	inputs []map[string]any
	pool   map[string][]any
}

func newMutator(inputs []map[string]any, seed uint64) *mutator {
	m := &mutator{rnd: rand.New(rand.NewPCG(seed, 1)), inputs: inputs, pool: map[string][]any{}}
	for _, in := range inputs {
		m.collect(in)
	}
	return m
}

func (m *mutator) collect(o map[string]any) {
	for k, v := range o {
		m.pool[k] = append(m.pool[k], v)
		if child, ok := v.(map[string]any); ok {
			m.collect(child)
		}
	}
}

func (m *mutator) next() map[string]any {
	in := clone(m.inputs[m.rnd.IntN(len(m.inputs))]).(map[string]any)
	for range 1 + m.rnd.IntN(4) {
		m.mutate(in)
	}
	return in
}

func (m *mutator) mutate(o map[string]any) {
	keys := sortedKeys(o)
	if len(keys) == 0 {
		o["x"] = m.odd()
		return
	}
	k := keys[m.rnd.IntN(len(keys))]
	if child, ok := o[k].(map[string]any); ok && m.rnd.IntN(4) > 0 {
		m.mutate(child)
		return
	}
	switch m.rnd.IntN(8) {
	case 0:
		delete(o, k)
	case 1:
		o[k] = m.odd()
	case 2: // a sibling's name: consents and marks of other purposes
		all := sortedKeys(m.pool)
		o[all[m.rnd.IntN(len(all))]] = o[k]
	default:
		if pool := m.pool[k]; len(pool) > 0 {
			o[k] = clone(pool[m.rnd.IntN(len(pool))])
		}
	}
}

func (m *mutator) odd() any {
	odd := []any{nil, true, false, 0, 1, 1.5, -1, "", "x", "GIVEN", []any{}, []any{"x", nil}, map[string]any{},
		map[string]any{"a": 1}, jsonNumber("-0"), jsonNumber("1.0"), jsonNumber("1e3"), jsonNumber("12345678901234567890")}
	return odd[m.rnd.IntN(len(odd))]
}

func clone(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := slices.Clone(x)
		for i := range out {
			out[i] = clone(out[i])
		}
		return out
	}
	return v
}

// comparison evaluates inputs with topdown and with programs of several options.
type comparison struct {
	sym     *engine.Symbols
	shapes  shapes
	queries map[string]rego.PreparedEvalQuery
	entries map[string][]*engine.Entrypoint // by controller, one per variant
	seen    map[string]int
}

func compareShipped(t testing.TB, opts ...engine.Options) *comparison {
	t.Helper()
	s := shipped(t)
	c := &comparison{
		sym: engine.NewSymbols(), shapes: shapes{}, queries: map[string]rego.PreparedEvalQuery{},
		entries: map[string][]*engine.Entrypoint{}, seen: map[string]int{},
	}
	var rules []string
	for _, id := range controllers {
		rules = append(rules, decisionOf(id))
		c.queries[id] = s.reference(t, decisionOf(id))
	}
	for _, o := range opts {
		o.Symbols = c.sym
		prog := s.program(t, o, rules...)
		for _, id := range controllers {
			e, err := prog.Entrypoint(entryOf(id))
			if err != nil {
				t.Fatal(err)
			}
			c.entries[id] = append(c.entries[id], e)
		}
	}
	return c
}

// check returns a description of the first difference, or "".
func (c *comparison) check(ctx context.Context, id string, in any) string {
	input, err := ast.InterfaceToValue(in)
	if err != nil {
		return err.Error()
	}
	own, err := engine.FromAST(c.sym, input)
	if err != nil {
		return err.Error()
	}
	want := evalTopdown(ctx, c.queries[id], input)
	c.seen[want]++
	for i, e := range c.entries[id] {
		for _, own := range []engine.Value{own, records(c.sym, c.shapes, input)} {
			if got := evalEngine(ctx, e, own); got != want {
				return fmt.Sprintf("%s, variant %d: engine %s\ntopdown %s\ninput %v", id, i, got, want, input)
			}
		}
	}
	return ""
}

func TestShippedCorpus(t *testing.T) {
	c := compareShipped(t, allOptions()...)
	for _, in := range corpus(t) {
		if diff := c.check(t.Context(), in["controller"].(string), in); diff != "" {
			t.Fatal(diff)
		}
	}
	t.Logf("%d outcomes", len(c.seen))
}

func allOptions() (out []engine.Options) {
	for _, v := range variants {
		out = append(out, v.opts)
	}
	return out
}

func TestShippedMutations(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 50
	}
	c := compareShipped(t, variants[0].opts, variants[1].opts, engine.Options{Cases: shippedCases}, engine.Options{Cases: fineCases})
	m := newMutator(corpus(t), 42)
	for range n {
		in := m.next()
		for _, id := range controllers {
			if diff := c.check(t.Context(), id, in); diff != "" {
				t.Fatal(diff)
			}
		}
	}
	t.Logf("%d outcomes", len(c.seen))
}

// TestPlantedDifference shows that the comparison can fail: a built-in that is
// wrong in one case is found.
func TestPlantedDifference(t *testing.T) {
	wrong := func(args []engine.Value) (engine.Value, bool) {
		if s, ok := engine.AsString(args[0]); ok && s == "storage" {
			return engine.False, true
		}
		return nil, false
	}
	c := compareShipped(t, engine.Options{Native: map[string]engine.Native{ast.Member.Name: wrong}})
	for _, in := range corpus(t) {
		if diff := c.check(t.Context(), in["controller"].(string), in); diff != "" {
			return
		}
	}
	t.Fatal("no difference found")
}

// TestConcurrent evaluates one program with shared input from several
// goroutines; the race detector watches.
func TestConcurrent(t *testing.T) {
	c := compareShipped(t, engine.Options{TrackRules: true}, engine.Options{Cases: fineCases})
	inputs := mainInputs(t)
	var wg sync.WaitGroup
	for name, in := range inputs {
		id, _, _ := strings.Cut(name, "/")
		own, err := engine.FromAST(c.sym, ast.MustInterfaceToValue(in))
		if err != nil {
			t.Fatal(err)
		}
		want := evalEngine(t.Context(), c.entries[id][0], own)
		for range 4 {
			wg.Go(func() {
				for i := range 100 {
					if got := evalEngine(t.Context(), c.entries[id][i%2], own); got != want {
						t.Errorf("%s: got %s, want %s", name, got, want)
					}
				}
			})
		}
	}
	wg.Wait()
}

func FuzzShipped(f *testing.F) {
	c := compareShipped(f, variants[0].opts, engine.Options{Cases: shippedCases}, engine.Options{Cases: fineCases})
	inputs := corpus(f)
	for seed := range uint64(8) {
		f.Add(seed, uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, controller uint8) {
		m := mutator{rnd: rand.New(rand.NewPCG(seed, 2)), inputs: inputs, pool: pools(inputs)}
		if diff := c.check(t.Context(), controllers[int(controller)%len(controllers)], m.next()); diff != "" {
			t.Fatal(diff)
		}
	})
}

var (
	poolOnce sync.Once
	poolAll  map[string][]any
)

func pools(inputs []map[string]any) map[string][]any {
	poolOnce.Do(func() { poolAll = newMutator(inputs, 0).pool })
	return poolAll
}
