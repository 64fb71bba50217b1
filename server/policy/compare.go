package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
	"github.com/consentd/consentd/server/policy/tree"
)

// DifferenceError is returned where the compiled engine answers other than topdown. topdown is right.
type DifferenceError struct {
	// Compiled and Topdown are the whole answers, or the error.
	Compiled, Topdown string
}

// Error has both answers.
func (e *DifferenceError) Error() string {
	return fmt.Sprintf("the compiled engine answers %s, OPA answers %s: report this, and run the server with "+
		"--policy-engine topdown until it is mended", e.Compiled, e.Topdown)
}

// differ compares an answer of the compiled engine with topdown's, whole; nil values are undefined. Where topdown fails
// but for an undefined decision, any answer differs.
func differ(compiled, topdown ast.Value, err error) *DifferenceError {
	failed := err != nil && !errors.Is(err, errUndefined)
	switch {
	case failed:
		return &DifferenceError{Compiled: text(compiled), Topdown: err.Error()}
	case !same(topdown, compiled):
		return &DifferenceError{Compiled: text(compiled), Topdown: text(topdown)}
	}
	return nil
}

func same(a, b ast.Value) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Compare(b) == 0
}

func text(v ast.Value) string {
	if v == nil {
		return "undefined"
	}
	return v.String()
}

// Compare decides a request by both engines, and returns topdown's decision. The error is a *DifferenceError where the
// compiled engine has another answer, else that of the policy or the context. Where the compiled engine fails, or does
// not support the policy, topdown decides in service too: that is no difference. It takes about a millisecond.
func (s *Set) Compare(
	ctx context.Context, request *consent.Request, state *consent.State, now consent.Instant,
) (d consent.Decision, err error) {
	c, ok := s.controllers[request.Subject.Controller]
	if !ok {
		return d, consent.ErrUnknownController
	}
	s.withInput(request, state, now, func(input engine.Value) {
		var difference *DifferenceError
		value, failure := c.refer(ctx, engine.ToAST(input))
		if c.compiled != nil && ctx.Err() == nil {
			difference = c.compareWith(ctx, input, value, failure)
		}
		switch {
		case ctx.Err() != nil:
			err = fmt.Errorf("evaluating: %w", context.Cause(ctx))
		case difference != nil:
			err = difference
		case failure != nil:
			err = failure
		default:
			d, err = s.generation.readAST(value, request)
		}
	})
	return d, err
}

func (c *controller) compareWith(ctx context.Context, input engine.Value, want ast.Value, failure error) *DifferenceError {
	answer, err := answerOf(ctx, c.compiled, input)
	if err != nil {
		return nil
	}
	return differ(answer, want, failure)
}

func answerOf(ctx context.Context, e *engine.Entrypoint, input engine.Value) (answer ast.Value, err error) {
	err = e.Eval(ctx, engine.Request{Input: input}, func(r engine.Result) error {
		answer = engine.ToAST(r.Value)
		return nil
	})
	return answer, err
}

// Compare asks whether a caller may do something, and has topdown answer too. The error is a *DifferenceError where the
// compiled engine has another answer, or why the policy has none.
func (a *Access) Compare(ctx context.Context, c *caller.Caller, act caller.Act) error {
	s := a.scratch.Get().(*scratch)
	defer a.scratch.Put(s)
	input := a.records.build(s, c, act)
	var answer ast.Value
	if a.compiled != nil {
		var err error
		if answer, err = answerOf(ctx, a.compiled, input); err != nil {
			return err
		}
	}
	value, err := a.refer(ctx, engine.ToAST(input))
	if err != nil {
		return err
	}
	if _, ok := value.(ast.Boolean); !ok {
		return errAllow
	}
	if d := differ(answer, value, nil); a.compiled != nil && d != nil {
		return d
	}
	return nil
}

// TestDifference is a test of which the engines make different things.
type TestDifference struct {
	Name     string // data.x_test.test_y
	Location *ast.Location
	*DifferenceError
}

// CompareTests evaluates the test rules of some packages by both engines and returns those that differ. Modules are all
// that the tests need, as they were parsed. A test that the compiled engine fails in, or does not support, does not
// differ: topdown would decide.
func (s *Set) CompareTests(
	ctx context.Context, modules map[string]*ast.Module, documents map[string]any, wanted func(pkg string) bool,
) (differences []TestDifference, err error) {
	tests := testRules(modules, wanted)
	if len(tests) == 0 {
		return nil, nil
	}
	c := &compilation{
		Tree: &tree.Tree{Documents: documents}, modules: modules, options: s.options, journal: s.journal, symbols: engine.NewSymbols(),
	}
	program, err := c.testProgram(ctx, slices.Sorted(maps.Keys(tests)))
	if err != nil {
		return nil, err
	}
	compiler, err := c.compiler(ast.EvalModeTopdown)
	if err != nil {
		return nil, err
	}
	store := inmem.NewFromObjectWithOpts(documents, inmem.OptReturnASTValuesOnRead(true))
	for _, path := range slices.Sorted(maps.Keys(tests)) {
		e, err := program.Entrypoint(path)
		if err != nil {
			continue
		}
		difference, err := compareTest(ctx, e, testQuery{path: path, compiler: compiler, store: store})
		if err != nil {
			return differences, err
		}
		if difference != nil {
			differences = append(differences, TestDifference{Name: path, Location: tests[path], DifferenceError: difference})
		}
	}
	return differences, nil
}

// testRules are the paths of the test rules, and where they stand first.
func testRules(modules map[string]*ast.Module, wanted func(pkg string) bool) map[string]*ast.Location {
	tests := map[string]*ast.Location{}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		m := modules[name]
		if !wanted(m.Package.Path.String()) {
			continue
		}
		for _, r := range m.Rules {
			rule, ok := r.Head.Ref()[0].Value.(ast.Var)
			if !ok || !strings.HasPrefix(string(rule), "test_") || len(r.Head.Args) > 0 {
				continue
			}
			path := m.Package.Path.Append(ast.StringTerm(string(rule))).String()
			if tests[path] == nil {
				tests[path] = r.Loc()
			}
		}
	}
	return tests
}

func (c *compilation) testProgram(ctx context.Context, paths []string) (*engine.Program, error) {
	compiler, err := c.compiler(ast.EvalModeIR)
	if err != nil {
		return nil, err
	}
	plan, err := engine.NewPlanner().Entrypoints(ctx, compiler, paths...)
	if err != nil {
		return nil, err
	}
	data, err := c.data()
	if err != nil {
		return nil, err
	}
	return engine.Compile(plan, data, engine.Options{Symbols: c.symbols, Native: c.options.native})
}

// testQuery is a test as topdown evaluates it.
type testQuery struct {
	path     string
	compiler *ast.Compiler
	store    storage.Store
}

// compareTest evaluates one test by both engines. As in OPA's tester an error of a built-in makes its call undefined.
func compareTest(ctx context.Context, e *engine.Entrypoint, q testQuery) (*DifferenceError, error) {
	compiled, err := answerOf(ctx, e, nil)
	if err != nil {
		return nil, ctx.Err()
	}
	results, err := rego.New(
		rego.Query(q.path), rego.Compiler(q.compiler), rego.Store(q.store),
		rego.GenerateJSON(func(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }),
	).Eval(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var want ast.Value
	if len(results) == 1 {
		want, _ = results[0].Expressions[0].Value.(ast.Value)
	}
	return differ(compiled, want, err), nil
}
