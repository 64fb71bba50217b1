package engine_test

import (
	"context"
	"errors"
	"fmt"
	"go/build"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/test/cases"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/consentd/consentd/server/policy/engine"
)

// variants are the combinations of options under which the suites run.
var variants = []struct {
	name string
	opts engine.Options
}{
	{"default", engine.Options{}},
	{"plain", engine.Options{NoSlots: true, NoFuse: true, NoFold: true, NoDispatch: true, NoEarlyExit: true}},
	{"noslots", engine.Options{NoSlots: true}},
	{"nofuse", engine.Options{NoFuse: true}},
	{"nofold", engine.Options{NoFold: true, TrackRules: true}},
	{"nodispatch", engine.Options{NoDispatch: true, NoEarlyExit: true}},
	{"delegated", engine.Options{NoNative: true}},
	{"cases", engine.Options{Cases: fineCases}},
}

// casesOf are options like o, but if they tell cases apart, then by what an input has, to a depth of two.
func casesOf(o engine.Options, input ast.Value) engine.Options {
	object, ok := input.(ast.Object)
	if o.Cases == nil || !ok {
		return o
	}
	o.Cases = nil
	object.Foreach(func(k, v *ast.Term) {
		name, ok := k.Value.(ast.String)
		if !ok {
			return
		}
		o.Cases = append(o.Cases, []string{string(name)})
		if inner, ok := v.Value.(ast.Object); ok {
			inner.Foreach(func(k, _ *ast.Term) {
				if field, ok := k.Value.(ast.String); ok {
					o.Cases = append(o.Cases, []string{string(name), string(field)})
				}
			})
		}
	})
	return o
}

// suites are OPA's compliance suites, with what must pass. The one case that is
// missing in each needs test.sleep, which only OPA's own test binary has.
var suites = []struct {
	dir     string
	version ast.RegoVersion
	want    int
}{
	{"v1", ast.RegoV1, 2399},
	{"v0", ast.RegoV0, 2026},
}

func TestCompliance(t *testing.T) {
	pkg, err := build.Import("github.com/open-policy-agent/opa/v1/test/cases", ".", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range suites {
		all := cases.MustLoad(filepath.Join(pkg.Dir, "testdata", s.dir)).Sorted().Cases
		passed := make([]int, len(variants))
		for _, tc := range all {
			runCase(t, s.dir, s.version, tc, passed)
		}
		for i, v := range variants {
			t.Logf("%s %s: %d of %d", s.dir, v.name, passed[i], len(all))
			if passed[i] < s.want {
				t.Errorf("%s %s: %d of %d cases pass, want %d", s.dir, v.name, passed[i], len(all), s.want)
			}
		}
	}
}

func runCase(t *testing.T, suite string, version ast.RegoVersion, tc cases.TestCase, passed []int) {
	for k, v := range tc.Env {
		t.Setenv(k, v)
	}
	plan, err := planCase(t.Context(), version, tc)
	if err != nil {
		t.Logf("%s/%s: not planned: %v", suite, tc.Note, err)
		return
	}
	for i, v := range variants {
		if err := evalCase(t.Context(), plan, tc, v.opts); err != nil {
			t.Errorf("%s/%s (%s, %s): %v", suite, tc.Note, filepath.Base(tc.Filename), v.name, err)
			continue
		}
		passed[i]++
	}
}

func planCase(ctx context.Context, version ast.RegoVersion, tc cases.TestCase) (*engine.Plan, error) {
	popts := ast.ParserOptions{RegoVersion: version}
	if tc.ExperimentalKeywords {
		popts.Capabilities = ast.CapabilitiesForThisVersion(ast.CapabilitiesExperimentalKeywords(true))
	}
	parsed := map[string]*ast.Module{}
	for i, m := range tc.Modules {
		name := fmt.Sprintf("test-%d.rego", i)
		mod, err := ast.ParseModuleWithOpts(name, m, popts)
		if err != nil {
			return nil, err
		}
		parsed[name] = mod
	}
	c := ast.NewCompiler().WithDefaultRegoVersion(version).WithEvalMode(ast.EvalModeIR)
	if c.Compile(parsed); c.Failed() {
		return nil, c.Errors
	}
	query, err := ast.ParseBodyWithOpts(tc.Query, popts)
	if err != nil {
		return nil, err
	}
	return engine.PlanQuery(ctx, c, rego.ParsedQuery(query), rego.SetRegoVersion(version))
}

func evalCase(ctx context.Context, plan *engine.Plan, tc cases.TestCase, opts engine.Options) (err error) {
	opts.StrictBuiltinErrors = tc.StrictError
	term := inputOf(tc)
	opts = casesOf(opts, term)
	opts.Symbols = engine.NewSymbols()
	data, err := dataOf(opts.Symbols, tc)
	if err != nil {
		return err
	}
	prog, err := engine.Compile(plan, data, opts)
	if err != nil {
		return err
	}
	entry, err := prog.Query(engine.QueryName)
	if err != nil {
		return err
	}
	var input engine.Value
	if term != nil {
		input = records(opts.Symbols, shapes{}, term)
	}
	check := func(r engine.Result) error { return checkResult(tc, engine.ToAST(r.Value).(ast.Set)) }
	if err := checkError(tc, entry.Eval(ctx, engine.Request{Input: input}, check)); err != nil {
		return err
	}
	// Once more: a pooled evaluation must not remember anything.
	return checkError(tc, entry.Eval(ctx, engine.Request{Input: input}, check))
}

func dataOf(sym *engine.Symbols, tc cases.TestCase) (engine.Value, error) {
	if tc.Data == nil {
		return nil, nil
	}
	v, err := ast.InterfaceToValue(*tc.Data)
	if err != nil {
		return nil, err
	}
	return engine.FromAST(sym, v)
}

func inputOf(tc cases.TestCase) ast.Value {
	switch {
	case tc.InputTerm != nil:
		return ast.MustParseTerm(*tc.InputTerm).Value
	case tc.Input != nil:
		return ast.MustInterfaceToValue(*tc.Input)
	}
	return nil
}

// checkError compares an outcome with the error that a case wants, by code:
// texts name rules, which the plan does not know.
func checkError(tc cases.TestCase, err error) error {
	if tc.WantErrorCode == nil && tc.WantError == nil {
		return err
	}
	var e *engine.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("got error %v, want one of the policy", err)
	}
	if tc.WantErrorCode != nil && e.Code != *tc.WantErrorCode {
		return fmt.Errorf("got error code %s, want %s", e.Code, *tc.WantErrorCode)
	}
	return nil
}

var errMismatch = errors.New("unexpected result")

func checkResult(tc cases.TestCase, got ast.Set) error {
	if tc.WantErrorCode != nil || tc.WantError != nil {
		return fmt.Errorf("%w: %v, want an error", errMismatch, got)
	}
	if tc.WantResult == nil {
		return nil
	}
	want := ast.NewSet()
	for _, b := range *tc.WantResult {
		want.Add(ast.NewTerm(ast.MustInterfaceToValue(b)))
	}
	norm := ast.NewSet()
	for _, t := range got.Slice() {
		norm.Add(ast.NewTerm(bindings(tc, t.Value.(ast.Object))))
	}
	if want.Compare(norm) != 0 {
		return fmt.Errorf("%w: got %v, want %v", errMismatch, norm, want)
	}
	return nil
}

// bindings makes JSON of the values of a result, as the suite has them.
func bindings(tc cases.TestCase, o ast.Object) ast.Value {
	out := ast.NewObject()
	o.Foreach(func(k, v *ast.Term) {
		j, err := ast.JSON(v.Value)
		if err != nil {
			panic(err)
		}
		if list, ok := j.([]any); ok && tc.SortBindings {
			slices.SortFunc(list, util.Compare)
		}
		if name := string(k.Value.(ast.String)); !tc.IgnoreGeneratedVars || !strings.HasPrefix(name, "__localq") {
			out.Insert(k, ast.NewTerm(ast.MustInterfaceToValue(j)))
		}
	})
	return out
}

var _ = topdown.ConflictErr
