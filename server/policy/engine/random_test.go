package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/consentd/consentd/server/policy/engine"
)

// generator writes small random Rego modules. Every rule refers only to inputs,
// data and rules before it, so there is no recursion.
type generator struct {
	rnd   *rand.Rand
	rules []string // documents so far
	funcs []string
	n     int
}

func (g *generator) pick(list ...string) string { return list[g.rnd.IntN(len(list))] }

func (g *generator) scalar() string {
	return g.pick(`"a"`, `"b"`, `"c"`, `1`, `2`, `1.0`, `0`, `true`, `false`, `null`, `-1`, `10`, `"1"`)
}

func (g *generator) ref() string {
	refs := []string{
		`input.a`, `input.b`, `input.c.x`, `input.c[input.k]`, `input.list[0]`, `input.list[i]`, `input[input.k]`,
		`data.t.rows[input.k].v`, `data.t.rows[input.k]`, `data.t.list[1]`, `data.t.one`, `data.t.none`, `input.missing`, `data.t.nums[input.n]`, `data.t.nums["0"]`,
	}
	refs = append(refs, g.rules...)
	r := refs[g.rnd.IntN(len(refs))]
	if strings.Contains(r, "[i]") {
		return `input.list[count(input.list) - 1]`
	}
	return r
}

func (g *generator) collection() string {
	return g.pick(`input.list`, `input.c`, `data.t.list`, `data.t.rows`, `{1, 2, "a"}`, `["a", "b", 1.0]`, `{"a": 1, "b": {"v": 2}}`,
		`[x | some x in input.list]`, `{x | some x in data.t.list; x != 1}`, `{k: v | some k, v in input.c}`)
}

func (g *generator) term(depth int) string {
	if depth <= 0 || g.rnd.IntN(3) == 0 {
		return g.pick(g.scalar(), g.ref(), g.ref())
	}
	d := depth - 1
	switch g.rnd.IntN(10) {
	case 0:
		return fmt.Sprintf(`[%s, %s]`, g.term(d), g.term(d))
	case 1:
		return fmt.Sprintf(`{%s, %s}`, g.term(d), g.term(d))
	case 2:
		return fmt.Sprintf(`{"x": %s, "y": %s}`, g.term(d), g.term(d))
	case 3:
		return fmt.Sprintf(`count(%s)`, g.collection())
	case 4:
		return fmt.Sprintf(`[e | some e in %s; e != %s]`, g.collection(), g.term(d))
	case 5:
		return fmt.Sprintf(`object.get(%s, %s, %s)`, g.pick(`input.c`, `data.t.rows`, `input`), g.scalar(), g.scalar())
	case 6:
		return fmt.Sprintf(`%s(%s, %s)`, g.pick(`max_of`, `plus`, `minus`), g.term(d), g.term(d))
	case 7:
		if len(g.funcs) > 0 {
			return fmt.Sprintf(`%s(%s)`, g.pick(g.funcs...), g.term(d))
		}
	case 8:
		// Keys without conflict: topdown does not evaluate a comprehension that is
		// compared with a value of another type, the plan does.
		return fmt.Sprintf(`{[e, k]: k | some k, e in %s}`, g.collection())
	case 9:
		return fmt.Sprintf(`(%s | %s)`, g.pick(`{1, 2}`, `{x | some x in input.list}`), g.pick(`{"a"}`, `{x | some x in data.t.list}`))
	}
	return g.ref()
}

func (g *generator) expr(depth int) string {
	g.n++
	v := fmt.Sprintf("v%d", g.n)
	d := depth - 1
	switch g.rnd.IntN(14) {
	case 0:
		return fmt.Sprintf(`%s == %s`, g.ref(), g.scalar())
	case 1:
		return fmt.Sprintf(`%s != %s`, g.ref(), g.term(d))
	case 2:
		return fmt.Sprintf(`not %s`, g.ref())
	case 3:
		return fmt.Sprintf(`not %s == %s`, g.ref(), g.scalar())
	case 4:
		return fmt.Sprintf(`some %s in %s; %s %s %s`, v, g.collection(), v, g.pick("==", "!=", "<", ">="), g.term(d))
	case 5:
		return fmt.Sprintf(`every %s in %s { %s != %s }`, v, g.collection(), v, g.term(d))
	case 6:
		return fmt.Sprintf(`every %s, e in %s { %s != %s; e != %s }`, v, g.collection(), v, g.scalar(), g.term(d))
	case 7:
		return fmt.Sprintf(`%s := %s; %s == %s`, v, g.ref(), v, g.pick(v, g.scalar(), g.ref()))
	case 8:
		return fmt.Sprintf(`%s in %s`, g.term(d), g.collection())
	case 9:
		return fmt.Sprintf(`%s with %s as %s`, g.ref(), g.pick(`input.a`, `input.c.x`, `input`, `input.k`), g.scalar())
	case 10:
		return fmt.Sprintf(`%s with data.t.one as %s with input.b as %s`, g.ref(), g.scalar(), g.ref())
	case 11:
		return fmt.Sprintf(`[%s, "z"] = [%s, "z"]`, v, g.ref())
	case 12:
		return fmt.Sprintf(`{"x": %s} = {"x": %s}`, v, g.ref())
	}
	return g.ref()
}

func (g *generator) body() string {
	var out []string
	for range 1 + g.rnd.IntN(3) {
		out = append(out, g.expr(2))
	}
	return strings.Join(out, "\n\t")
}

func (g *generator) rule(i int) string {
	name := fmt.Sprintf("r%d", i)
	var b strings.Builder
	switch g.rnd.IntN(8) {
	case 0: // complete, alternatives, default
		fmt.Fprintf(&b, "default %s := %s\n", name, g.pick(`false`, `"d"`, `[]`))
		c := g.scalar()
		for range 1 + g.rnd.IntN(3) {
			fmt.Fprintf(&b, "%s := %s if {\n\t%s\n}\n", name, g.pick(c, c, g.scalar()), g.body())
		}
	case 1: // else chain
		fmt.Fprintf(&b, "%s := %s if {\n\t%s\n} else := %s if {\n\t%s\n} else := %s\n", name, g.term(2), g.body(), g.term(1), g.body(), g.scalar())
	case 2: // partial set
		for range 1 + g.rnd.IntN(3) {
			fmt.Fprintf(&b, "%s contains %s if {\n\t%s\n}\n", name, g.term(1), g.body())
		}
	case 3: // partial object
		fmt.Fprintf(&b, "%s[k] := v if {\n\tsome k, v in %s\n\t%s\n}\n", name, g.collection(), g.body())
	case 4: // function
		fmt.Fprintf(&b, "%s(x) := %s if {\n\tx != %s\n\t%s\n} else := x\n", name, g.term(1), g.scalar(), g.body())
		g.funcs = append(g.funcs, name)
		return b.String()
	case 5: // guarded rules, enough for a dispatch table
		for _, k := range []string{"a", "b", "c", "d", "a", "e"} {
			fmt.Fprintf(&b, "%s contains %s if {\n\tinput.k == %q\n\t%s\n}\n", name, g.scalar(), k, g.body())
		}
	case 6: // the same, of a complete rule
		for _, k := range []string{"a", "b", "c", "d", "e"} {
			fmt.Fprintf(&b, "%s := %s if {\n\tinput.k == %q\n\t%s\n}\n", name, g.scalar(), k, g.body())
		}
	default:
		fmt.Fprintf(&b, "%s := %s\n", name, g.term(3))
	}
	g.rules = append(g.rules, name)
	return b.String()
}

const helpers = `
max_of(a, b) := a if a > b
max_of(a, b) := b if b >= a
`

func (g *generator) module() string {
	var b strings.Builder
	b.WriteString("package t\n" + helpers)
	for i := range 3 + g.rnd.IntN(5) {
		b.WriteString(g.rule(i))
	}
	return b.String()
}

func (g *generator) input() map[string]any {
	value := func() any {
		all := []any{"a", "b", "c", 1, 2, 1.5, true, false, nil, []any{1, "a"}, map[string]any{"v": 1}, jsonNumber("1.0"), jsonNumber("-0")}
		return all[g.rnd.IntN(len(all))]
	}
	in := map[string]any{"k": g.pick("a", "b", "c", "d", "zz"), "n": g.rnd.IntN(3)}
	for _, k := range []string{"a", "b"} {
		if g.rnd.IntN(4) > 0 {
			in[k] = value()
		}
	}
	c := map[string]any{}
	for _, k := range []string{"x", "a", "b"} {
		if g.rnd.IntN(3) > 0 {
			c[k] = value()
		}
	}
	in["c"] = c
	list := []any{}
	for range g.rnd.IntN(4) {
		list = append(list, value())
	}
	in["list"] = list
	return in
}

// randomCases leaves out the input's n, and one of its nested fields, so that cases know much but not all.
var randomCases = [][]string{{"k"}, {"a"}, {"b"}, {"c", "x"}, {"c", "a"}, {"list"}}

var randomData = map[string]any{"t": map[string]any{
	"rows": map[string]any{"a": map[string]any{"v": 1}, "b": map[string]any{"v": "a"}, "c": map[string]any{}},
	"list": []any{"a", 1, 2, "c"}, "one": 1, "nums": []any{"zero", []any{1}},
}}

// TestRandomModules compares whole packages of random modules with topdown,
// under all variants. A module that OPA rejects is skipped.
func TestRandomModules(t *testing.T) {
	n := 100
	if testing.Short() {
		n = 30
	}
	compared, outcomes := 0, map[string]bool{}
	for seed := range n {
		g := &generator{rnd: rand.New(rand.NewPCG(uint64(seed), 7))}
		src := g.module()
		mod, err := ast.ParseModule("t.rego", src)
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		s := &set{modules: map[string]*ast.Module{"t.rego": mod}, data: randomData, skip: []ast.StageID{ast.StageCheckTypes}}
		if !s.compiles() {
			continue
		}
		for _, o := range compareRandom(t, g, s, src) {
			outcomes[o] = true
		}
		compared++
	}
	t.Logf("%d modules compared, %d outcomes", compared, len(outcomes))
	if compared < n/3 || len(outcomes) < n {
		t.Errorf("too few: %d modules, %d outcomes of %d", compared, len(outcomes), n)
	}
}

func (s *set) compiles() bool {
	c := ast.NewCompiler().WithSkipStages(s.skip...)
	c.Compile(s.copies())
	return !c.Failed()
}

func compareRandom(t *testing.T, g *generator, s *set, src string) (outcomes []string) {
	sym, known := engine.NewSymbols(), shapes{}
	for _, rule := range g.rules {
		path := "data.t." + rule
		q := s.reference(t, path)
		var entries []*engine.Entrypoint
		for _, v := range variants {
			o := v.opts
			if o.Cases != nil {
				o.Cases = randomCases
			}
			o.Symbols = sym
			e, err := s.program(t, o, path).Entrypoint(path)
			if err != nil {
				t.Fatalf("%v\n%s", err, src)
			}
			entries = append(entries, e)
		}
		for range 6 {
			input := ast.MustInterfaceToValue(g.input())
			own := records(sym, known, input)
			want := evalTopdown(t.Context(), q, input)
			outcomes = append(outcomes, want)
			for i, e := range entries {
				got, want := evalEngine(t.Context(), e, own), want
				if got != want && strings.HasPrefix(got, "error") {
					// Topdown's index skips a rule that a later test refuses, and so an error
					// before that test. The plan has no index.
					want = evalTopdown(t.Context(), q, input, rego.EvalRuleIndexing(false), rego.EvalEarlyExit(false))
				}
				if got != want {
					t.Errorf("%s, %s:\nengine  %s\ntopdown %s\ninput %v\n%s", path, variants[i].name, got, want, input, src)
					return outcomes
				}
			}
		}
	}
	return outcomes
}
