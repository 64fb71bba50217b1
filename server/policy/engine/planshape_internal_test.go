package engine

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/version"
)

// inspected is the version of OPA whose plans the engine was written for.
const inspected = "1.22.2"

const shapesFile = "testdata/planshapes.txt"

var update = flag.Bool("update", false, "write "+shapesFile)

// TestOPAWasInspected stops an upgrade of OPA until somebody has looked at what it plans.
func TestOPAWasInspected(t *testing.T) {
	if version.Version != inspected {
		t.Errorf(`OPA is %s, and its plans were inspected for %s. Before you change the constant:
  - TestPlanShapes must pass, or planshape.go learn what it shows;
  - TestPlannerFaults, the compliance, differential and random tests must pass, and .tools/regocorpus find no difference;
  - look whether ir has new statements or fields: lowering refuses statements that it does not know, not fields.`,
			version.Version, inspected)
	}
}

// recognized is how often the recognizers of planshape.go find their form in the plan of a module.
type recognized struct {
	elseChains, baseDots, marks, nots, everys, dynamics int
	units                                               int // of the closures of data.t.p
}

// planShapes are small modules whose plans have the forms that planshape.go relies on.
var planShapes = []struct {
	name, rules string
	want        recognized
}{
	{
		name: "complete rules: a block each, one behind it that passes the value on, and one that returns",
		rules: `p := 1 if input.a
			p := 2 if input.b`,
		want: recognized{units: 2},
	},
	{
		name:  "a default is one more block, before the last",
		rules: "default p := false\np if input.a",
		want:  recognized{units: 2},
	},
	{
		name: "else: one statement with a block for each branch",
		rules: `p := 1 if { input.a } else := 2 if { input.b } else := 3
			p := 1 if input.c`,
		want: recognized{elseChains: 1, units: 2},
	},
	{
		name:  "base data: dots in two blocks, each of which is left",
		rules: `p := data.base[input.a].b`,
		want:  recognized{baseDots: 1, units: 1},
	},
	{
		name:  "a predicate, and that it is not false",
		rules: `p if startswith(input.a, "x")`,
		want:  recognized{units: 1},
	},
	{
		name:  "a set gets an element, an object a key once",
		rules: "p contains input.a if input.b\nq[input.a] := input.c if input.b\nr if { p; q }",
		want:  recognized{units: 2},
	},
	{
		name:  "not: the mark is set last, and then tested",
		rules: `p if not input.a`,
		want:  recognized{marks: 1, nots: 1, units: 1},
	},
	{
		name:  "not over a rule that is found by a variable: what follows the mark may end the block",
		rules: "q.a.x := 1\np if not q[input.a].x",
		want:  recognized{marks: 1, nots: 1, dynamics: 1, units: 1},
	},
	{
		name: "not over rules beside data: a negation inside, of a single dot, without a mark",
		rules: `q.a.x := 1
			p if not q[input.a]`,
		want: recognized{baseDots: 1, marks: 2, nots: 2, units: 1},
	},
	{
		name:  "every: the body marks that it held; the loop notes an element for which it did not",
		rules: `p if every x in input.a { x == 1 }`,
		want:  recognized{everys: 1, units: 1},
	},
	{
		name:  "a call by a path: four blocks end where the document is undefined",
		rules: "q.a.x := 1\np := q[input.a].x",
		want:  recognized{dynamics: 1, units: 1},
	},
	{
		name:  "functions: input and data come first, in parameters and in calls",
		rules: "f(x) := y if { y := x + 1 }\np := f(input.a)",
		want:  recognized{units: 1},
	},
	{
		name:  "with: a block below the replaced document",
		rules: "q := input.a\np if q == 1 with input.a as input.b",
		want:  recognized{units: 1},
	},
}

// TestPlanShapes fails where OPA plans other statements than the engine was written for, and says which.
func TestPlanShapes(t *testing.T) {
	var all strings.Builder
	for _, test := range planShapes {
		t.Run(test.name, func(t *testing.T) {
			plan := planAsIs(t, test.rules)
			fmt.Fprintf(&all, "# %s\n%s\n", test.name, printPlan(plan))
			got := recognize(plan)
			got.units = len(compilePlan(t, plan).funcs["g0.data.t.p"].units)
			if got != test.want {
				t.Errorf("planshape.go recognizes %+v, want %+v, in the plan\n%s", got, test.want, printPlan(plan))
			}
		})
	}
	if *update {
		if err := os.WriteFile(shapesFile, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(shapesFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(all.String(), "\n")); diff != "" {
		t.Errorf("OPA %s plans these modules in another way (-%s, +now). See whether planshape.go still holds, then run "+
			"this test with -update:\n%s", version.Version, shapesFile, diff)
	}
}

// planAsIs is the plan of data.t.p and all rules beside it before it is repaired.
func planAsIs(t *testing.T, rules string) *ir.Policy {
	t.Helper()
	compiler := ast.NewCompiler()
	compiler.Compile(map[string]*ast.Module{"t.rego": ast.MustParseModule("package t\n" + rules + "\n")})
	if compiler.Failed() {
		t.Fatal(compiler.Errors)
	}
	plan, err := NewPlanner().asPlanned(t.Context(), compiler, rego.Query("data.t"))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func compilePlan(t *testing.T, plan *ir.Policy) *Program {
	t.Helper()
	prog, err := Compile(&Plan{policy: plan}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return prog
}

// TestUnknownNegationsAreRefused: a negation of another form than the known ones is an error, and topdown evaluates.
func TestUnknownNegationsAreRefused(t *testing.T) {
	plan := planAsIs(t, "p if not input.a")
	negations := 0
	for _, f := range plan.Funcs.Funcs {
		walk(f.Blocks, func(s ir.Stmt) {
			if not, ok := s.(*ir.NotStmt); ok {
				negations++
				not.Block.Stmts = not.Block.Stmts[:len(not.Block.Stmts)-1] // without the test of the mark
			}
		})
	}
	if err := repair(plan); negations != 1 || !errors.Is(err, errNegation) {
		t.Errorf("%d negations without the test of their mark: %v", negations, err)
	}
	if err := repair(planAsIs(t, "p if not input.a")); err != nil {
		t.Errorf("a negation as it is planned: %v", err)
	}
}

func recognize(p *ir.Policy) (r recognized) {
	for _, f := range p.Funcs.Funcs {
		for _, b := range f.Blocks {
			if elseChain(b) != nil {
				r.elseChains++
			}
		}
		walk(f.Blocks, r.count)
	}
	return r
}

func (r *recognized) count(s ir.Stmt) {
	switch s := s.(type) {
	case *ir.BlockStmt:
		if baseDots(s) != nil {
			r.baseDots++
		}
	case *ir.NotStmt:
		r.nots++
		if mark, ok := markOf(s.Block); ok {
			r.marks += marks([]*ir.Block{s.Block}, mark.Source)
		}
	case *ir.ScanStmt:
		if _, _, ok := everyLoop(s.Block); ok {
			r.everys++
		}
	case *ir.CallDynamicStmt:
		r.dynamics++
	}
}

// printPlan writes the functions of a plan, without positions.
func printPlan(p *ir.Policy) string {
	var out strings.Builder
	for _, f := range p.Funcs.Funcs {
		w := planPrinter{out: &out, static: p.Static, locals: map[ir.Local]int{}}
		fmt.Fprintf(&out, "%s%s returns %s\n", f.Name, w.value(f.Params), w.value(f.Return))
		w.blocks(f.Blocks, "  ")
	}
	return out.String()
}

// planPrinter numbers the locals of a function as they come, so that only their roles count.
type planPrinter struct {
	out    *strings.Builder
	static *ir.Static
	locals map[ir.Local]int
}

func (w *planPrinter) blocks(blocks []*ir.Block, indent string) {
	for _, b := range blocks {
		w.out.WriteString(indent + "{\n")
		for _, s := range b.Stmts {
			w.stmt(s, indent+"  ")
		}
		w.out.WriteString(indent + "}\n")
	}
}

func (w *planPrinter) stmt(s ir.Stmt, indent string) {
	v := reflect.ValueOf(s).Elem()
	w.out.WriteString(indent + strings.TrimSuffix(v.Type().Name(), "Stmt"))
	for i := range v.NumField() {
		switch f := v.Field(i).Interface().(type) {
		case ir.Location, *ir.Block, []*ir.Block:
		default:
			fmt.Fprintf(w.out, " %s=%s", v.Type().Field(i).Name, w.value(f))
		}
	}
	w.out.WriteString("\n")
	w.blocks(nested(s), indent+"  ")
}

func (w *planPrinter) value(v any) string {
	switch v := v.(type) {
	case ir.Operand:
		return w.value(v.Value)
	case ir.StringIndex:
		return w.value(int(v))
	case ir.Bool:
		return fmt.Sprint(bool(v))
	case int: // fields of this type are indexes of strings
		return fmt.Sprintf("%q", w.static.Strings[v].Value)
	case []int:
		return list(w, v)
	case ir.Local:
		return w.local(v)
	case []ir.Local:
		return list(w, v)
	case []ir.Operand:
		return list(w, v)
	}
	return fmt.Sprint(v)
}

func (w *planPrinter) local(l ir.Local) string {
	switch l {
	case ir.Input:
		return "input"
	case ir.Data:
		return "data"
	}
	if _, ok := w.locals[l]; !ok {
		w.locals[l] = len(w.locals) + 1
	}
	return fmt.Sprintf("v%d", w.locals[l])
}

func list[T any](w *planPrinter, vals []T) string {
	parts := make([]string, len(vals))
	for i, v := range vals {
		parts[i] = w.value(v)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
