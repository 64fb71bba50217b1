// Package logrule evaluates the rules of a decision log: which lines are left out, and which fields are taken off them.
//
// They are one Rego v1 file of package consentd.decision_log, with data.consentd.decision_log.drop, a boolean, and
// data.consentd.decision_log.mask, a set or an array of paths; either may be missing. The input is the line. They are
// evaluated by the engine that decides checks, and by topdown what that does not support. A file that does not compile,
// or calls what is not a function of its arguments, is refused with the place; a rule that errs on a line, or answers
// out of shape, is an error of Judge, which names no value of the line.
package logrule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/consentd/consentd/server/policy/engine"
)

const root = "data.consentd.decision_log"

// Rules are those of a file. They are immutable; all methods may be called concurrently.
type Rules struct {
	drop, mask rule
	symbols    *engine.Symbols
	coarse     bool
}

// rule is one of the two; the zero value is one that is missing.
type rule struct {
	compiled *engine.Entrypoint
	// reference is topdown's, where compiled is nil.
	reference *rego.PreparedEvalQuery
}

// Load reads and compiles a file. The error names file and line.
func Load(file string) (*Rules, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	module, err := ast.ParseModuleWithOpts(file, string(content), ast.ParserOptions{RegoVersion: ast.RegoV1})
	switch {
	case err != nil:
		return nil, err
	case module == nil:
		return nil, fmt.Errorf("%s: holds no rules: begin with package consentd.decision_log", file)
	case module.Package.Path.String() != root:
		return nil, fmt.Errorf("%s: is of %s: begin with package consentd.decision_log", module.Package.Loc(), module.Package.Path)
	}
	reference, err := compile(file, module, ast.EvalModeTopdown)
	if err != nil {
		return nil, err
	}
	r := &Rules{symbols: engine.NewSymbols(), coarse: coarse(reference)}
	return r, r.compile(file, module, reference)
}

// compile makes the two rules.
func (r *Rules) compile(file string, module *ast.Module, reference *ast.Compiler) error {
	paths := map[string]*rule{}
	for name, to := range map[string]*rule{"drop": &r.drop, "mask": &r.mask} {
		if slices.ContainsFunc(module.Rules, func(r *ast.Rule) bool { return string(r.Head.Ref()[0].Value.(ast.Var)) == name }) {
			paths[root+"."+name] = to
		}
	}
	if len(paths) == 0 {
		return fmt.Errorf("%s: has neither drop nor mask: write a rule of one of these names", file)
	}
	planned, err := compile(file, module, ast.EvalModeIR)
	if err != nil {
		return err
	}
	for path, to := range paths {
		query, err := rego.New(rego.Query(path), rego.Compiler(reference), rego.StrictBuiltinErrors(true)).
			PrepareForEval(context.Background())
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		to.reference = &query
	}
	var all []string
	for path := range paths {
		all = append(all, path)
	}
	slices.Sort(all)
	plan, err := engine.NewPlanner().Entrypoints(context.Background(), planned, all...)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	program, err := engine.Compile(plan, nil, engine.Options{Symbols: r.symbols, StrictBuiltinErrors: true})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for path, to := range paths {
		if compiled, err := program.Entrypoint(path); err == nil {
			to.compiled = compiled // else topdown evaluates it
		}
	}
	return nil
}

// compile compiles a copy of the module: a compiler changes it. Built-ins that are no function of their arguments are
// unknown to it.
func compile(file string, module *ast.Module, mode ast.CompilerEvalMode) (*ast.Compiler, error) {
	capabilities := ast.CapabilitiesForThisVersion()
	capabilities.Builtins = slices.DeleteFunc(capabilities.Builtins, func(b *ast.Builtin) bool { return b.Nondeterministic })
	compiler := ast.NewCompiler().WithEvalMode(mode).WithCapabilities(capabilities)
	if compiler.Compile(map[string]*ast.Module{file: module.Copy()}); compiler.Failed() {
		return nil, compiler.Errors
	}
	return compiler, nil
}

// coarsePaths are what coarse rules may read.
var coarsePaths = []ast.Ref{
	ast.MustParseRef("input.caller"), ast.MustParseRef("input.request.controller"), ast.MustParseRef("input.request.purpose"),
	ast.MustParseRef("input.response.decision"),
}

// coarse reports whether nothing else of the input is read, as the refs of the compiled rules tell.
func coarse(compiler *ast.Compiler) bool {
	all := true
	for _, m := range compiler.Modules {
		ast.WalkRefs(m, func(ref ast.Ref) bool {
			if ref.HasPrefix(ast.InputRootRef) && !slices.ContainsFunc(coarsePaths, ref.HasPrefix) {
				all = false
			}
			return false
		})
	}
	return all
}

// Coarse reports whether a verdict depends on caller, controller, purpose and decision alone.
func (r *Rules) Coarse() bool { return r.coarse }

// Judge says of a line, which is a JSON object, whether it is left out, and which fields are taken off it.
func (r *Rules) Judge(ctx context.Context, text []byte) (drop bool, mask []string, err error) {
	defer func() { // it runs on the log's own goroutine, where nothing else would keep a panic from the process
		if cause := recover(); cause != nil {
			drop, mask, err = false, nil, fmt.Errorf("panicked: %v", cause)
		}
	}()
	input, err := ast.ValueFromReader(bytes.NewReader(text))
	if err != nil {
		return false, nil, errors.New("the line is no JSON")
	}
	value, err := r.drop.eval(ctx, r.symbols, input)
	if err != nil {
		return false, nil, fmt.Errorf("drop: %w", err)
	}
	switch v := value.(type) {
	case nil:
	case ast.Boolean:
		drop = bool(v)
	default:
		return false, nil, fmt.Errorf("drop: is of type %s: want true or false", ast.ValueName(v))
	}
	if value, err = r.mask.eval(ctx, r.symbols, input); err != nil {
		return false, nil, fmt.Errorf("mask: %w", err)
	}
	mask, err = pathsOf(value)
	return drop, mask, err
}

// pathsOf reads a set or an array of strings; nil is an empty one.
func pathsOf(value ast.Value) (paths []string, err error) {
	each := func(t *ast.Term) {
		if s, ok := t.Value.(ast.String); ok {
			paths = append(paths, string(s))
		} else {
			err = fmt.Errorf("mask: has an element of type %s: want paths, such as \"request.context.ip\"", ast.ValueName(t.Value))
		}
	}
	switch v := value.(type) {
	case nil:
	case ast.Set:
		v.Foreach(each)
	case *ast.Array:
		v.Foreach(each)
	default:
		return nil, fmt.Errorf("mask: is of type %s: want a set of paths", ast.ValueName(v))
	}
	slices.Sort(paths)
	return paths, err
}

// eval returns what a rule says of an input; nil: it is missing, or undefined.
func (r *rule) eval(ctx context.Context, symbols *engine.Symbols, input ast.Value) (value ast.Value, err error) {
	switch {
	case r.reference == nil:
		return nil, nil
	case r.compiled == nil:
		return r.topdown(ctx, input)
	}
	in, err := engine.FromAST(symbols, input)
	if err != nil {
		return nil, err
	}
	err = r.compiled.Eval(ctx, engine.Request{Input: in}, func(result engine.Result) error {
		if result.Value != nil {
			value = engine.ToAST(result.Value)
		}
		return nil
	})
	if err != nil {
		// topdown has the last word, as it has in checks.
		return r.topdown(ctx, input)
	}
	return value, nil
}

func (r *rule) topdown(ctx context.Context, input ast.Value) (ast.Value, error) {
	results, err := r.reference.Eval(ctx, rego.EvalParsedInput(input))
	if err != nil {
		return nil, errors.New(firstLine(err.Error()))
	}
	if len(results) == 0 {
		return nil, nil
	}
	return ast.InterfaceToValue(results[0].Expressions[0].Value)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
