package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/consentd/consentd/server/policy/engine"
	"github.com/consentd/consentd/server/policy/tree"
)

// compilation makes the parts of a set.
type compilation struct {
	*tree.Tree
	// modules are those that are compiled: all but those of access, or of tests with all that they need.
	modules map[string]*ast.Module
	options Options
	journal *journal
	symbols *engine.Symbols
}

// compile checks the set's files, and makes the rest of the set of them.
func (s *Set) compile() error {
	if err := refuse(s.tree.Modules); err != nil {
		return err
	}
	c := &compilation{
		Tree: s.tree, modules: s.tree.DecisionModules(), options: s.options, journal: s.journal, symbols: s.generation.symbols,
	}
	compiler, err := c.compiler(ast.EvalModeTopdown)
	if err != nil {
		return err
	}
	if err := c.match(decisionRules(compiler)); err != nil {
		return err
	}
	program, err := c.program()
	if err != nil {
		return err
	}
	if s.access, err = newAccessRules(s.tree, s.options, s.journal); err != nil {
		return err
	}
	s.compiler, s.data = compiler, inmem.NewFromObjectWithOpts(c.Documents, inmem.OptReturnASTValuesOnRead(true))
	s.book = sync.OnceValue(func() *book { return newBook(compiler) })
	for _, id := range c.ids() {
		if err := s.add(id, c.entrypoint(program, id)); err != nil {
			return err
		}
	}
	return nil
}

// add makes what the set keeps of a controller; compiled may be nil.
func (s *Set) add(id string, compiled *engine.Entrypoint) (err error) {
	table := s.tree.Tables[id]
	one := &controller{
		id: id, table: table, horizon: horizon{durations: durations(table), dates: s.tree.Dates}, compiled: compiled,
	}
	if one.reference, err = reference(s.compiler, s.data, id); err != nil {
		return err
	}
	described := describe(id, table)
	for _, p := range described.Purposes {
		one.purposes, one.declared = append(one.purposes, p.Name), append(one.declared, p)
	}
	s.controllers[id] = one
	s.description.Controllers = append(s.description.Controllers, described)
	return nil
}

func (c *compilation) ids() []string { return slices.Sorted(maps.Keys(c.Tables)) }

// compiler returns one that compiled copies of the modules: a compiler changes them, and each mode its own way.
func (c *compilation) compiler(mode ast.CompilerEvalMode) (*ast.Compiler, error) {
	modules := make(map[string]*ast.Module, len(c.modules))
	for name, m := range c.modules {
		modules[name] = m.Copy()
	}
	compiler := ast.NewCompiler().WithEvalMode(mode).WithPathConflictsCheck(c.inData)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, fmt.Errorf("compiling policies: %w", compiler.Errors)
	}
	return compiler, nil
}

// inData reports whether data stand at a path; a rule there would hide or be hidden by them.
func (c *compilation) inData(path []string) (bool, error) {
	var at any = c.Documents
	for _, key := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return false, nil
		}
		if at, ok = object[key]; !ok {
			return false, nil
		}
	}
	return true, nil
}

// match refuses a table without a policy, and the reverse.
func (c *compilation) match(decisions map[string]*ast.Location) error {
	var faults []error
	for _, id := range slices.Sorted(maps.Keys(decisions)) {
		if c.Tables[id] == nil {
			faults = append(faults, fmt.Errorf("%s: controller %q has a policy but no table: add controllers/%s/data.yaml",
				decisions[id], id, id))
		}
	}
	for _, id := range c.ids() {
		if decisions[id] == nil {
			faults = append(faults,
				fmt.Errorf("%s: controller %q has a table but no policy: add a rule %s", c.Tables[id].File(), id, decisionPath(id)))
		}
	}
	if len(c.Tables) == 0 {
		faults = append(faults, errors.New("no controllers: add controllers/<id>/data.yaml and a policy beside it"))
	}
	return errors.Join(faults...)
}

func decisionPath(id string) string { return fmt.Sprintf("%s[%q].decision", tree.Rules, id) }

// decisionRules returns where each controller's decision is defined.
func decisionRules(compiler *ast.Compiler) map[string]*ast.Location {
	found := map[string]*ast.Location{}
	prefix := ast.MustParseRef(tree.Rules)
	for _, m := range compiler.Modules {
		for _, rule := range m.Rules {
			ref := rule.Ref()
			if len(ref) == len(prefix)+2 && ref.HasPrefix(prefix) && ref[len(ref)-1].Equal(ast.StringTerm("decision")) {
				id, ok := ref[len(prefix)].Value.(ast.String)
				if at := found[string(id)]; ok && (at == nil || rule.Loc().Compare(at) < 0) {
					found[string(id)] = rule.Loc()
				}
			}
		}
	}
	return found
}

// program compiles all controllers' decisions; nil where topdown is to evaluate.
func (c *compilation) program() (*engine.Program, error) {
	if c.options.Engine == Topdown {
		return nil, nil
	}
	compiler, err := c.compiler(ast.EvalModeIR)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, id := range c.ids() {
		paths = append(paths, decisionPath(id))
	}
	plan, err := engine.NewPlanner().Entrypoints(context.Background(), compiler, paths...)
	if err != nil {
		return nil, err
	}
	data, err := c.data()
	if err != nil {
		return nil, err
	}
	program, err := engine.Compile(plan, data, engine.Options{
		Symbols: c.symbols, StrictBuiltinErrors: true, MaxSteps: c.options.MaxSteps, Native: c.options.native,
		NoNative: c.options.Engine == Delegating,
		Cases:    specialized,
		// An early exit, or an evaluation at compile time, would hide rules that fire.
		TrackRules: c.options.TrackRules, NoEarlyExit: c.options.TrackRules, NoFold: c.options.TrackRules,
	})
	if err != nil {
		return nil, fmt.Errorf("compiling the policies' plan: %w", err)
	}
	return program, nil
}

// data are the documents as the compiled engine has them.
func (c *compilation) data() (engine.Value, error) {
	documents, err := ast.InterfaceToValue(c.Documents)
	if err != nil {
		return nil, fmt.Errorf("reading the policies' data: %w", err)
	}
	data, err := engine.FromAST(c.symbols, documents)
	if err != nil {
		return nil, fmt.Errorf("reading the policies' data: %w", err)
	}
	return data, nil
}

// entrypoint returns the compiled decision of a controller; nil where topdown evaluates, because it is to or because
// the compiler does not support something.
func (c *compilation) entrypoint(program *engine.Program, id string) *engine.Entrypoint {
	if program == nil {
		return nil
	}
	path := (append(ast.MustParseRef(tree.Rules), ast.StringTerm(id), ast.StringTerm("decision"))).String()
	e, err := program.Entrypoint(path)
	if err != nil {
		c.journal.counts.unsupported.Add(1)
		c.journal.logger.Warn("topdown evaluates a controller that cannot be compiled", "controller", id, "cause", err)
		return nil
	}
	return e
}

// reference prepares a controller's decision for topdown. A built-in's error is the policy's: a rule that it would
// leave undefined may be one that denies.
func reference(compiler *ast.Compiler, store storage.Store, id string) (rego.PreparedEvalQuery, error) {
	query, err := rego.New(
		rego.Query(decisionPath(id)),
		rego.Compiler(compiler),
		rego.Store(store),
		rego.StrictBuiltinErrors(true),
		rego.GenerateJSON(func(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }),
	).PrepareForEval(context.Background())
	if err != nil {
		return query, fmt.Errorf("preparing the policy of controller %q: %w", id, err)
	}
	return query, nil
}
