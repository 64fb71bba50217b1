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

// build is a set under construction.
type build struct {
	*tree.Tree
	loader  *Loader
	symbols *engine.Symbols
}

// set checks that tables and policies match, and compiles them into s.
func (b *build) set(s *Set) error {
	compiler, err := b.compile(ast.EvalModeTopdown)
	if err != nil {
		return err
	}
	if err := b.match(decisionRules(compiler)); err != nil {
		return err
	}
	program, err := b.program()
	if err != nil {
		return err
	}
	store := inmem.NewFromObjectWithOpts(b.Documents, inmem.OptReturnASTValuesOnRead(true))
	s.compiler, s.data, s.book = compiler, store, sync.OnceValue(func() *book { return newBook(compiler) })
	for _, id := range b.ids() {
		described := describe(id, b.Tables[id])
		c := &controller{
			table: b.Tables[id], horizon: horizon{durations: durations(b.Tables[id]), dates: b.Dates}, compiled: b.entrypoint(program, id),
		}
		if c.reference, err = reference(compiler, store, id); err != nil {
			return err
		}
		for _, p := range described.Purposes {
			c.purposes = append(c.purposes, p.Name)
		}
		s.controllers[id] = c
		s.description.Controllers = append(s.description.Controllers, described)
	}
	return nil
}

func (b *build) ids() []string { return slices.Sorted(maps.Keys(b.Tables)) }

// compile compiles copies of the modules: a compiler changes them, and each mode its own way.
func (b *build) compile(mode ast.CompilerEvalMode) (*ast.Compiler, error) {
	modules := make(map[string]*ast.Module, len(b.Modules))
	for name, m := range b.Modules {
		modules[name] = m.Copy()
	}
	compiler := ast.NewCompiler().WithEvalMode(mode).WithPathConflictsCheck(b.inData)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, fmt.Errorf("compiling policies: %w", compiler.Errors)
	}
	return compiler, nil
}

// inData reports whether data stand at a path; a rule there would hide or be hidden by them.
func (b *build) inData(path []string) (bool, error) {
	var at any = b.Documents
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
func (b *build) match(decisions map[string]*ast.Location) error {
	var faults []error
	for _, id := range slices.Sorted(maps.Keys(decisions)) {
		if b.Tables[id] == nil {
			faults = append(faults, fmt.Errorf("%s: controller %q has a policy but no table: add controllers/%s/data.yaml",
				decisions[id], id, id))
		}
	}
	for _, id := range b.ids() {
		if decisions[id] == nil {
			faults = append(faults, fmt.Errorf("%s: controller %q has a table but no policy: add a rule %s", b.Tables[id].File(), id, decisionPath(id)))
		}
	}
	if len(b.Tables) == 0 {
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
func (b *build) program() (*engine.Program, error) {
	if b.loader.options.Engine == Topdown {
		return nil, nil
	}
	compiler, err := b.compile(ast.EvalModeIR)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, id := range b.ids() {
		paths = append(paths, decisionPath(id))
	}
	plan, err := engine.NewPlanner().Entrypoints(context.Background(), compiler, paths...)
	if err != nil {
		return nil, err
	}
	data, err := b.data()
	if err != nil {
		return nil, err
	}
	program, err := engine.Compile(plan, data, engine.Options{
		Symbols: b.symbols, StrictBuiltinErrors: true, MaxSteps: b.loader.options.MaxSteps, Native: b.loader.options.native,
		NoNative: b.loader.options.Engine == Delegating,
		Cases:    casePaths,
		// An early exit, or an evaluation at compile time, would hide rules that fire.
		TrackRules: b.loader.options.TrackRules, NoEarlyExit: b.loader.options.TrackRules, NoFold: b.loader.options.TrackRules,
	})
	if err != nil {
		return nil, fmt.Errorf("compiling the policies' plan: %w", err)
	}
	return program, nil
}

// data are the documents as the compiled engine has them.
func (b *build) data() (engine.Value, error) {
	documents, err := ast.InterfaceToValue(b.Documents)
	if err != nil {
		return nil, fmt.Errorf("reading the policies' data: %w", err)
	}
	data, err := engine.FromAST(b.symbols, documents)
	if err != nil {
		return nil, fmt.Errorf("reading the policies' data: %w", err)
	}
	return data, nil
}

// entrypoint returns the compiled decision of a controller; nil where topdown evaluates, because it is to or because the
// compiler does not support something.
func (b *build) entrypoint(program *engine.Program, id string) *engine.Entrypoint {
	if program == nil {
		return nil
	}
	path := (append(ast.MustParseRef(tree.Rules), ast.StringTerm(id), ast.StringTerm("decision"))).String()
	e, err := program.Entrypoint(path)
	if err != nil {
		b.loader.counts.unsupported.Add(1)
		b.loader.logger.Warn("topdown evaluates a controller that cannot be compiled", "controller", id, "cause", err)
		return nil
	}
	return e
}

// reference prepares a controller's decision for topdown. A built-in's error is the policy's: a rule that it would leave
// undefined may be one that denies.
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

// sortedModules are the compiler's modules in the order of their files.
func sortedModules(compiler *ast.Compiler) []*ast.Module {
	var out []*ast.Module
	for _, name := range slices.Sorted(maps.Keys(compiler.Modules)) {
		out = append(out, compiler.Modules[name])
	}
	return out
}
