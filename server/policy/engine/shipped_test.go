package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/policy/engine"
)

// set is a set of policies in both evaluators.
type set struct {
	modules map[string]*ast.Module
	data    map[string]any
	skip    []ast.StageID // of the compiler
}

func shipped(t testing.TB) *set {
	t.Helper()
	isTest := func(_ string, info fs.FileInfo, _ int) bool { return strings.HasSuffix(info.Name(), "_test.rego") }
	loaded, err := loader.NewFileLoader().WithFS(policies.FS).Filtered([]string{"."}, isTest)
	if err != nil {
		t.Fatal(err)
	}
	s := &set{modules: map[string]*ast.Module{}, data: loaded.Documents}
	for name, f := range loaded.Modules {
		s.modules[name] = f.Parsed
	}
	return s
}

func (s *set) compiler(t testing.TB, mode ast.CompilerEvalMode) *ast.Compiler {
	t.Helper()
	c := ast.NewCompiler().WithEvalMode(mode).WithSkipStages(s.skip...)
	if c.Compile(s.copies()); c.Failed() {
		t.Fatal(c.Errors)
	}
	return c
}

// copies returns the modules for a compiler, which changes them.
func (s *set) copies() map[string]*ast.Module {
	out := map[string]*ast.Module{}
	for name, m := range s.modules {
		out[name] = m.Copy()
	}
	return out
}

func (s *set) plan(t testing.TB, entrypoints ...string) *engine.Plan {
	t.Helper()
	plan, err := engine.NewPlanner().Entrypoints(t.Context(), s.compiler(t, ast.EvalModeTopdown), entrypoints...)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func (s *set) compile(t testing.TB, plan *engine.Plan, opts engine.Options) *engine.Program {
	t.Helper()
	if opts.Symbols == nil {
		opts.Symbols = engine.NewSymbols()
	}
	data, err := engine.FromAST(opts.Symbols, ast.MustInterfaceToValue(s.data))
	if err != nil {
		t.Fatal(err)
	}
	prog, err := engine.Compile(plan, data, opts)
	if err != nil {
		t.Fatal(err)
	}
	return prog
}

func (s *set) program(t testing.TB, opts engine.Options, entrypoints ...string) *engine.Program {
	t.Helper()
	return s.compile(t, s.plan(t, entrypoints...), opts)
}

// reference prepares a rule for topdown; an evaluation's value is an ast.Value.
func (s *set) reference(t testing.TB, entrypoint string) rego.PreparedEvalQuery {
	t.Helper()
	return s.references(t, false, entrypoint)[entrypoint]
}

// references prepares rules for topdown; strict makes an error of a built-in that of the evaluation.
func (s *set) references(t testing.TB, strict bool, entrypoints ...string) map[string]rego.PreparedEvalQuery {
	t.Helper()
	c := s.compiler(t, ast.EvalModeTopdown)
	store := inmem.NewFromObjectWithOpts(s.data, inmem.OptReturnASTValuesOnRead(true))
	out := map[string]rego.PreparedEvalQuery{}
	for _, path := range entrypoints {
		q, err := rego.New(
			rego.Query(path), rego.Compiler(c), rego.StrictBuiltinErrors(strict), rego.Store(store),
			rego.GenerateJSON(func(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }),
		).PrepareForEval(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out[path] = q
	}
	return out
}

func decisionOf(controller string) string {
	return fmt.Sprintf("data.consentd.controllers[%q].decision", controller)
}

func entryOf(controller string) string {
	if strings.Contains(controller, "-") {
		return decisionOf(controller)
	}
	return "data.consentd.controllers." + controller + ".decision"
}

// mainInputs are the inputs of the four main purposes, by controller/purpose.
func mainInputs(t testing.TB) map[string]any {
	t.Helper()
	bs, err := os.ReadFile("testdata/inputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := decode(bs, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// corpus are the inputs of the cases of the service's corpus.
func corpus(t testing.TB) []map[string]any {
	t.Helper()
	bs, err := os.ReadFile("testdata/corpus.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	for sc := bufio.NewScanner(bytes.NewReader(bs)); sc.Scan(); {
		var in map[string]any
		if err := decode(sc.Bytes(), &in); err != nil {
			t.Fatal(err)
		}
		out = append(out, in)
	}
	return out
}

func decode(bs []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(bs))
	d.UseNumber()
	return d.Decode(v)
}

// BenchmarkLoad is what a policy swap costs beside parsing and checking.
func BenchmarkLoad(b *testing.B) {
	s := shipped(b)
	c := s.compiler(b, ast.EvalModeTopdown)
	var rules []string
	for _, id := range controllers {
		rules = append(rules, decisionOf(id))
	}
	sym := engine.NewSymbols()
	plan := func() *engine.Plan {
		p, err := engine.NewPlanner().Entrypoints(context.Background(), c, rules...)
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	b.Run("plan", func(b *testing.B) {
		for b.Loop() {
			plan()
		}
	})
	p := plan()
	data, err := engine.FromAST(sym, ast.MustInterfaceToValue(s.data))
	if err != nil {
		b.Fatal(err)
	}
	for name, cases := range map[string][][]string{"compile": nil, "compile cases": shippedCases} {
		b.Run(name, func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				if _, err := engine.Compile(p, data, engine.Options{Symbols: sym, Cases: cases}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTable is what the first evaluation of a case costs more.
func BenchmarkTable(b *testing.B) {
	sym := engine.NewSymbols()
	prog := shipped(b).program(b, engine.Options{Symbols: sym, StrictBuiltinErrors: true, Cases: shippedCases}, decisionOf("jasminai"))
	entry, err := prog.Entrypoint(entryOf("jasminai"))
	if err != nil {
		b.Fatal(err)
	}
	input := records(sym, shapes{}, ast.MustInterfaceToValue(mainInputs(b)["jasminai/marketing_email"]))
	defer reportCPU(b)()
	b.ReportAllocs()
	for b.Loop() {
		engine.Table(entry, input)
	}
}

func BenchmarkShipped(b *testing.B) {
	s := shipped(b)
	sym := engine.NewSymbols()
	prog := s.program(b, engine.Options{Symbols: sym, Cases: shippedCases}, decisionOf("jasminai"), decisionOf("example"))
	b.Logf("%+v", prog.Stats())
	inputs := mainInputs(b)
	for _, controller := range []string{"jasminai", "example"} {
		entry, err := prog.Entrypoint(entryOf(controller))
		if err != nil {
			b.Fatal(err)
		}
		query := s.reference(b, decisionOf(controller))
		for _, purpose := range []string{"marketing_email", "ai_training", "special_category_personalization", "affiliate_sharing"} {
			term := ast.MustInterfaceToValue(inputs[controller+"/"+purpose])
			input := records(sym, shapes{}, term)
			b.Run(controller+"/"+purpose+"/engine", func(b *testing.B) { benchEngine(b, entry, input) })
			b.Run(controller+"/"+purpose+"/topdown", func(b *testing.B) { benchTopdown(b, query, term) })
		}
	}
}

func benchEngine(b *testing.B, entry *engine.Entrypoint, input engine.Value) {
	b.ReportAllocs()
	defer reportCPU(b)()
	ctx := context.Background()
	for b.Loop() {
		err := entry.Eval(ctx, engine.Request{Input: input}, func(r engine.Result) error {
			if r.Value == nil {
				b.Fatal("undefined")
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func benchTopdown(b *testing.B, q rego.PreparedEvalQuery, input ast.Value) {
	b.ReportAllocs()
	ctx := context.Background()
	for b.Loop() {
		rs, err := q.Eval(ctx, rego.EvalParsedInput(input))
		if err != nil || len(rs) != 1 {
			b.Fatal(rs, err)
		}
	}
}

// BenchmarkCorpus is one evaluation of the mean case of the corpus, by all controllers' program as the service compiles
// it.
func BenchmarkCorpus(b *testing.B) {
	s := shipped(b)
	var rules []string
	for _, id := range controllers {
		rules = append(rules, decisionOf(id))
	}
	for name, cases := range map[string][][]string{"whole": nil, "cases": shippedCases} {
		sym := engine.NewSymbols()
		prog := s.program(b, engine.Options{Symbols: sym, StrictBuiltinErrors: true, Cases: cases}, rules...)
		var entries []*engine.Entrypoint
		var inputs []engine.Value
		known := shapes{}
		for _, in := range corpus(b) {
			entry, err := prog.Entrypoint(entryOf(in["controller"].(string)))
			if err != nil {
				b.Fatal(err)
			}
			entries = append(entries, entry)
			inputs = append(inputs, records(sym, known, ast.MustInterfaceToValue(in)))
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, i := context.Background(), 0
			for i := range inputs { // makes their cases
				if err := entries[i].Eval(ctx, engine.Request{Input: inputs[i]}, func(engine.Result) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			defer reportCPU(b)()
			for b.Loop() {
				i = (i + 1) % len(inputs)
				if err := entries[i].Eval(ctx, engine.Request{Input: inputs[i]}, func(engine.Result) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// shippedCases are the paths by which the service tells cases apart.
var shippedCases = [][]string{{"controller"}, {"purpose"}, {"recipient", "kind"}, {"subject", "jurisdiction"}}

// fineCases tell more cases apart, also by the fields that a record has.
var fineCases = append([][]string{{"subject"}, {"context"}, {"data_categories"}, {"subject", "opt_outs"}}, shippedCases...)
