package engine_test

import (
	"flag"
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
	rnd    *rand.Rand
	rules  []string // documents so far
	nested []string // references to rules below a variable key, so far
	funcs  []string
	n      int
	mocks  bool // functions are replaced. topdown knows them by their types, so such modules have to be well typed
}

func (g *generator) pick(list ...string) string { return list[g.rnd.IntN(len(list))] }

func (g *generator) scalar() string {
	return g.pick(`"a"`, `"b"`, `"c"`, `1`, `2`, `1.0`, `0`, `true`, `false`, `null`, `-1`, `10`, `"1"`)
}

func (g *generator) ref() string {
	refs := []string{
		`input.a`, `input.b`, `input.c.x`, `input.c[input.k]`, `input.list[0]`, `input.list[i]`, `input[input.k]`,
		`data.t.rows[input.k].v`, `data.t.rows[input.k]`, `data.t.list[1]`, `data.t.one`, `data.t.none`, `input.missing`,
		`data.t.nums[input.n]`, `data.t.nums["0"]`,
	}
	refs = append(refs, g.rules...)
	refs = append(refs, g.nested...)
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
	switch g.rnd.IntN(20) {
	case 14:
		return fmt.Sprintf(`not %s`, g.pick(g.found(), g.found()+" == "+g.scalar(), fmt.Sprintf("%s in %s", g.found(), g.collection())))
	case 15:
		return fmt.Sprintf(`every %s in %s { %s == %s; not %s }`, v, g.collection(), v, v, g.found())
	case 16:
		return fmt.Sprintf(`some %s in {%s, %s}; %s != %s`, v, g.ref(), g.ref(), v, g.scalar())
	case 17:
		if g.mocks {
			return g.mocked(v)
		}
	case 18:
		return fmt.Sprintf(`not count([e | some e in %s; not %s == e]) %s 1`, g.collection(), g.found(), g.pick("==", ">"))
	case 19:
		return fmt.Sprintf(`%s := %s; not %s with %s as %s`, v, g.ref(), g.found(), g.pick(`input.k`, `input`, `input.c`), v)
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

// found is a reference to rules that are found by a variable key, where there are some.
func (g *generator) found() string {
	if len(g.nested) == 0 {
		return g.ref()
	}
	return g.pick(g.nested...)
}

// mocked replaces functions, between documents and over each other.
func (g *generator) mocked(v string) string {
	f := g.pick(append([]string{"max_of", "plus", "minus", "count"}, g.funcs...)...)
	value := g.pick(g.scalar(), g.ref(), v)
	switch {
	case f == "max_of" || f == "plus" || f == "minus":
		value = g.pick(value, "max_of", "plus")
	case len(g.funcs) > 0:
		value = g.pick(value, g.pick(g.funcs...))
	}
	modifiers := []string{fmt.Sprintf("with %s as %s", f, value)}
	for range g.rnd.IntN(3) {
		target := g.pick(`input.a`, `input.c.x`, `input.k`, `data.t.one`)
		modifiers = append(modifiers, fmt.Sprintf("with %s as %s", target, g.pick(g.ref(), g.scalar(), v)))
	}
	g.rnd.Shuffle(len(modifiers), func(i, j int) { modifiers[i], modifiers[j] = modifiers[j], modifiers[i] })
	ref, expr := g.ref(), g.pick(g.ref(), "max_of(1, "+g.ref()+")")
	return fmt.Sprintf("%s := %s\n\t%s == %s\n\t%s %s", v, ref, v, v, expr, strings.Join(modifiers, " "))
}

// group writes rules below keys, to be found by a variable one; some have a variable in their heads, or lie deeper.
func (g *generator) group(name string) string {
	var b strings.Builder
	for _, k := range []string{"a", "b", "c"} {
		switch g.rnd.IntN(8) {
		case 0:
			fmt.Fprintf(&b, "%s.%s[k] := %s if {\n\tk := %s\n\t%s\n}\n", name, k, g.scalar(), g.pick(`"x"`, `"y"`, `input.k`), g.body())
		case 1:
			fmt.Fprintf(&b, "%s.%s := {\"x\": %s}\n", name, k, g.term(1))
		case 2:
			fmt.Fprintf(&b, "%s.%s.x contains %s if {\n\t%s\n}\n", name, k, g.term(1), g.body())
		case 3:
			fmt.Fprintf(&b, "default %s.%s.x := false\n", name, k)
			fallthrough
		case 4:
			fmt.Fprintf(&b, "%s.%s.x := %s if {\n\t%s\n} else := %s\n", name, k, g.scalar(), g.body(), g.scalar())
		default:
			fmt.Fprintf(&b, "%s.%s.x := %s if {\n\t%s\n}\n", name, k, g.term(1), g.body())
		}
	}
	g.nested = append(g.nested, name+"[input.k]", name+"[input.k].x", name+"[input.k][input.a]", name+"[data.t.list[0]].x")
	return b.String()
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
	switch g.rnd.IntN(12) {
	case 8, 9:
		return g.group(name)
	case 10: // alternatives of one value, some of which come by other names, and chains of them
		c := g.scalar()
		fmt.Fprintf(&b, "%s := %s if {\n\t%s\n}\n", name, c, g.body())
		fmt.Fprintf(&b, "%s := v if {\n\tv := %s\n\t%s\n}\n", name, g.pick(c, g.ref()), g.body())
		fmt.Fprintf(&b, "%s := %s if {\n\t%s\n} else := %s if {\n\t%s\n}\n", name, c, g.body(), c, g.body())
	case 0: // complete, alternatives, default
		fmt.Fprintf(&b, "default %s := %s\n", name, g.pick(`false`, `"d"`, `[]`))
		c := g.scalar()
		for range 1 + g.rnd.IntN(3) {
			fmt.Fprintf(&b, "%s := %s if {\n\t%s\n}\n", name, g.pick(c, c, g.scalar()), g.body())
		}
	case 1: // else chain
		fmt.Fprintf(&b, "%s := %s if {\n\t%s\n} else := %s if {\n\t%s\n} else := %s\n",
			name, g.term(2), g.body(), g.term(1), g.body(), g.scalar())
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
		all := []any{
			"a", "b", "c", 1, 2, 1.5, true, false, nil, []any{1, "a"}, map[string]any{"v": 1},
			jsonNumber("1.0"), jsonNumber("-0"),
		}
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

// How many modules TestRandomModules compares; more of them are for a change of the compiler.
var (
	randomModules = flag.Int("modules", 100, "random modules to compare with topdown")
	randomFirst   = flag.Int("first", 0, "seed of the first of them")
)

// TestRandomModules compares the rules of random modules with topdown, under all variants. A module that OPA rejects is
// skipped, and so are the rules that are given to topdown.
func TestRandomModules(t *testing.T) {
	n := *randomModules
	if testing.Short() {
		n = 30
	}
	count, outcomes := tally{}, map[string]bool{}
	for i := range n {
		seed := *randomFirst + i
		g := &generator{rnd: rand.New(rand.NewPCG(uint64(seed), 7)), mocks: seed%2 == 1}
		src := g.module()
		mod, err := ast.ParseModule("t.rego", src)
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		s := &set{modules: map[string]*ast.Module{"t.rego": mod}, data: randomData}
		if !g.mocks {
			s.skip = []ast.StageID{ast.StageCheckTypes}
		}
		if !s.compiles() {
			continue
		}
		if g.mocks {
			count.typed++
		}
		r := random{set: s, src: src, strict: seed%4 > 1, count: &count}
		for _, o := range r.compare(t, g) {
			outcomes[o] = true
		}
		count.modules++
	}
	t.Logf("%+v, %d outcomes", count, len(outcomes))
	if count.modules < n/3 || len(outcomes) < min(n, 1000) || count.refused > count.rules/2 {
		t.Errorf("too few of %d modules: %+v, %d outcomes", n, count, len(outcomes))
	}
}

// tally counts what random modules showed; spared are errors of rules at which topdown did not look.
type tally struct{ modules, typed, rules, refused, evaluations, spared int }

func (s *set) compiles() bool {
	c := ast.NewCompiler().WithSkipStages(s.skip...)
	c.Compile(s.copies())
	return !c.Failed()
}

// random is a random module that is compared with topdown.
type random struct {
	*set
	src    string
	strict bool
	count  *tally
}

func (r *random) compare(t *testing.T, g *generator) (outcomes []string) {
	var paths []string
	for _, rule := range g.rules {
		paths = append(paths, "data.t."+rule)
	}
	if len(paths) == 0 {
		return nil
	}
	sym, known := engine.NewSymbols(), shapes{}
	programs := r.programs(t, sym, paths)
	queries := r.references(t, r.strict, paths...)
	for _, path := range paths {
		r.count.rules++
		entries := r.entries(t, programs, path)
		if entries == nil {
			r.count.refused++
			continue
		}
		for range 6 {
			input := ast.MustInterfaceToValue(g.input())
			own := records(sym, known, input)
			want := evalTopdown(t.Context(), queries[path], input)
			outcomes = append(outcomes, want)
			for i, e := range entries {
				r.count.evaluations++
				got, want := evalEngine(t.Context(), e, own), want
				if strings.HasPrefix(got, "error") && strings.HasPrefix(want, "error") {
					continue // topdown decides; which of several errors comes first is its business
				}
				if got != want && strings.HasPrefix(got, "error") {
					// Topdown's index skips a rule that a later test refuses, and so an error
					// before that test. The plan has no index.
					r.count.spared++
					early := !variants[i].opts.NoEarlyExit && !variants[i].opts.NoFuse
					want = evalTopdown(t.Context(), queries[path], input, rego.EvalRuleIndexing(false), rego.EvalEarlyExit(early))
				}
				if got != want && !(strings.HasPrefix(got, "error") && strings.HasPrefix(want, "error")) {
					t.Errorf("%s, %s, strict %t:\nengine  %s\ntopdown %s\ninput %v\n%s", path, variants[i].name, r.strict, got, want, input, r.src)
					return outcomes
				}
			}
		}
	}
	return outcomes
}

// entries are a path's in all programs; nil: it is given to topdown.
func (r *random) entries(t *testing.T, programs []*engine.Program, path string) (out []*engine.Entrypoint) {
	for i, p := range programs {
		e, err := p.Entrypoint(path)
		switch {
		case err != nil && i == 0:
			return nil
		case err != nil:
			t.Fatalf("%v\n%s", err, r.src)
		}
		out = append(out, e)
	}
	return out
}

func (r *random) programs(t *testing.T, sym *engine.Symbols, paths []string) (out []*engine.Program) {
	plan := r.plan(t, paths...)
	for _, v := range variants {
		o := v.opts
		if o.Cases != nil {
			o.Cases = randomCases
		}
		o.Symbols, o.StrictBuiltinErrors = sym, r.strict
		out = append(out, r.set.compile(t, plan, o))
	}
	return out
}
