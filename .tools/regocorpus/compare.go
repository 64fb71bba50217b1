package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/consentd/consentd/server/policy/engine"
)

// variants are the combinations of the engine's options; the last tells cases apart by what inputs have.
var variants = []engine.Options{
	{},
	{NoSlots: true, NoFuse: true, NoFold: true, NoDispatch: true, NoEarlyExit: true},
	{NoSlots: true},
	{NoFuse: true},
	{NoFold: true, TrackRules: true},
	{NoDispatch: true, NoEarlyExit: true},
	{NoNative: true},
	{Cases: [][]string{}},
}

// now is the time that built-ins see.
var now = time.Unix(1_780_000_000, 0)

// comparison is a set under comparison.
type comparison struct {
	*set
	options
	counts   *counts
	compiler *ast.Compiler
	symbols  *engine.Symbols
	programs []*engine.Program
	inputs   []ast.Value // that tests use
	rnd      *rand.Rand
}

func (s *set) compare(ctx context.Context, counts *counts, o options) error {
	c := &comparison{
		set: s, options: o, counts: counts, symbols: engine.NewSymbols(),
		rnd: rand.New(rand.NewPCG(o.seed, 0)),
	}
	var err error
	if c.compiler, err = s.compile(); err != nil {
		return err
	}
	tests, paths := s.entrypoints()
	if len(paths) == 0 {
		return nil
	}
	c.inputs = s.inputs()
	if err := c.program(ctx, paths); err != nil {
		return err
	}
	for _, path := range paths {
		counts.entrypoints++
		if tests[path] {
			counts.tests++
		}
		if err := c.entrypoint(ctx, path, tests[path]); err != nil {
			return err
		}
	}
	return nil
}

// program compiles all entrypoints, once for each variant.
func (c *comparison) program(ctx context.Context, paths []string) error {
	compiler, err := c.compile()
	if err != nil {
		return err
	}
	plan, err := engine.NewPlanner().Entrypoints(ctx, compiler, paths...)
	if err != nil {
		return err
	}
	for _, o := range variants {
		o.Symbols = c.symbols
		if o.Cases != nil {
			o.Cases = c.casePaths()
		}
		p, err := engine.Compile(plan, nil, o)
		if err != nil {
			return err
		}
		c.programs = append(c.programs, p)
	}
	return nil
}

// casePaths are the commonest keys of inputs.
func (c *comparison) casePaths() (out [][]string) {
	seen := map[string]int{}
	for _, in := range c.inputs {
		if o, ok := in.(ast.Object); ok {
			o.Foreach(func(k, _ *ast.Term) {
				if s, ok := k.Value.(ast.String); ok {
					seen[string(s)]++
				}
			})
		}
	}
	names := slices.SortedFunc(maps.Keys(seen), func(a, b string) int {
		if seen[a] != seen[b] {
			return seen[b] - seen[a]
		}
		return strings.Compare(a, b)
	})
	for _, n := range names[:min(len(names), 6)] {
		out = append(out, []string{n})
	}
	return out
}

// entrypoints are the paths of all documents that rules make, and which of them are tests.
func (s *set) entrypoints() (tests map[string]bool, paths []string) {
	tests = map[string]bool{}
	seen := map[string]bool{}
	for _, m := range s.modules {
		for _, r := range m.Rules {
			ref := r.Ref().StringPrefix()
			path := ref.String()
			if len(r.Head.Args) > 0 || seen[path] {
				continue
			}
			seen[path] = true
			paths = append(paths, path)
			if name, ok := ref[len(ref)-1].Value.(ast.String); ok && strings.HasPrefix(string(name), "test_") {
				tests[path] = true
			}
		}
	}
	slices.Sort(paths)
	return tests, paths
}

// inputs are the constant objects that stand for the input in `with`, each once.
func (s *set) inputs() (out []ast.Value) {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(s.modules)) {
		ast.WalkExprs(s.modules[name], func(e *ast.Expr) bool {
			for _, w := range e.With {
				if w.Target.Equal(ast.InputRootDocument) && w.Value.IsGround() && ast.IsConstant(w.Value.Value) && !seen[w.Value.String()] {
					seen[w.Value.String()] = true
					out = append(out, w.Value.Value)
				}
			}
			return false
		})
	}
	return out
}

func (c *comparison) entrypoint(ctx context.Context, path string, test bool) error {
	var entries []*engine.Entrypoint
	for _, p := range c.programs {
		e, err := p.Entrypoint(path)
		var unsupported *engine.UnsupportedError
		switch {
		case errors.As(err, &unsupported):
			c.counts.refused[reason(unsupported.Cause)]++
			return nil
		case err != nil:
			return err
		}
		entries = append(entries, e)
	}
	inputs := []ast.Value{nil}
	for len(inputs) < c.options.inputs && !test {
		if len(inputs) == 1 || len(c.inputs) == 0 {
			inputs = append(inputs, ast.NewObject())
		} else {
			inputs = append(inputs, c.inputs[c.rnd.IntN(len(c.inputs))])
		}
		if len(c.inputs) == 0 && len(inputs) == 2 {
			break
		}
	}
	query, err := c.prepare(ctx, path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, input := range inputs {
		c.evaluate(ctx, question{path: path, input: input, query: query, entries: entries})
	}
	return nil
}

// reason is a cause without its place.
func reason(cause string) string {
	if _, rest, ok := strings.Cut(cause, ".rego:"); ok {
		if _, rest, ok := strings.Cut(rest, ": "); ok {
			return rest
		}
	}
	return cause
}

func (c *comparison) prepare(ctx context.Context, path string) (rego.PreparedEvalQuery, error) {
	return rego.New(
		rego.Query(path), rego.Compiler(c.compiler), rego.Store(inmem.New()),
		rego.GenerateJSON(func(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }),
	).PrepareForEval(ctx)
}

// question is an entrypoint with one input.
type question struct {
	path    string
	input   ast.Value
	query   rego.PreparedEvalQuery
	entries []*engine.Entrypoint
}

func (c *comparison) evaluate(ctx context.Context, q question) {
	want, ok := c.byTopdown(ctx, q)
	if !ok {
		c.counts.undecided++
		return
	}
	if strings.HasPrefix(want, "error ") {
		c.counts.failures++
	} else {
		c.counts.values++
	}
	var own engine.Value
	if q.input != nil {
		var err error
		if own, err = engine.FromAST(c.symbols, q.input); err != nil {
			return
		}
	}
	for i, e := range q.entries {
		c.counts.evaluations++
		got, err := byEngine(ctx, e, own)
		switch {
		case errors.Is(err, engine.ErrBudget) || errors.Is(err, engine.ErrDepth):
			c.counts.overBudget++
		case err != nil && strings.HasPrefix(want, "error "):
		case err != nil && errors.As(err, new(*engine.Error)):
			c.counts.spared++
		case err != nil || got != want:
			c.counts.differences++
			if c.counts.differences <= c.shown {
				fmt.Printf(
					"DIFFERENCE %s, variant %d, input %v\n  engine  %s %v\n  topdown %s\n", q.path, i, cut(fmt.Sprint(q.input)), cut(got),
					err, cut(want),
				)
			}
		}
	}
}

func cut(s string) string { return s[:min(len(s), 600)] }

// byTopdown is the value, "undefined", or an error; not ok: it took too long.
func (c *comparison) byTopdown(ctx context.Context, q question) (outcome string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	opts := []rego.EvalOption{rego.EvalTime(now)}
	if q.input != nil {
		opts = append(opts, rego.EvalParsedInput(q.input))
	}
	results, err := q.query.Eval(ctx, opts...)
	switch {
	case ctx.Err() != nil:
		return "", false
	case err != nil:
		return "error " + err.Error(), true
	case len(results) == 0:
		return "undefined", true
	}
	return results[0].Expressions[0].Value.(ast.Value).String(), true
}

func byEngine(ctx context.Context, e *engine.Entrypoint, input engine.Value) (outcome string, err error) {
	err = e.Eval(ctx, engine.Request{Input: input, Now: now}, func(r engine.Result) error {
		outcome = "undefined"
		if v := engine.ToAST(r.Value); v != nil {
			outcome = v.String()
		}
		return nil
	})
	return outcome, err
}
