package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/tree"
)

// clockPackage is the only package that may read input.now.
const clockPackage = "data.consentd.lib.clock"

// refuse finds what would make a decision depend on anything but its input and data, or on time in a way that the
// server cannot foresee. It reads the modules as they were written, so that every fault has its file and line.
func refuse(modules map[string]*ast.Module) error {
	refused := refusedBuiltins()
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		m := modules[name]
		faults = append(faults, refuseAmongTables(m)...)
		faults = append(faults, refuseAcross(m)...)
		for _, imported := range m.Imports {
			faults = append(faults, refuseNow(m, imported.Path.Value.(ast.Ref), imported.Loc())...)
		}
		ast.WalkTerms(m, func(t *ast.Term) bool {
			ref, ok := t.Value.(ast.Ref)
			if !ok {
				return false
			}
			if why, ok := refused[ref.String()]; ok {
				faults = append(faults, fmt.Errorf("%s: built-in %s is not allowed: %s", t.Loc(), ref, why))
			}
			faults = append(faults, refuseNow(m, ref, t.Loc())...)
			return false
		})
		faults = append(faults, clockArguments(m)...)
	}
	return errors.Join(withoutOptimized(dedup(faults))...)
}

// refuseAmongTables refuses rules that would stand among the tables: rules would see them there as if the table had
// them, and tables are checked for what they hold.
func refuseAmongTables(m *ast.Module) []error {
	if !m.Package.Path.HasPrefix(tablesRef) {
		return nil
	}
	return []error{fmt.Errorf("%s: package %s: rules cannot stand among the tables: name it %s.<id>", m.Package.Loc(),
		strings.TrimPrefix(m.Package.Path.String(), "data."), strings.TrimPrefix(tree.Rules, "data."))}
}

var tablesRef = ast.MustParseRef(tree.Tables)

// optimizedFolder is where `opa build -O` puts the rules that it rewrote.
const optimizedFolder = "optimized/"

// withoutOptimized makes one fault of all those that rewriting a policy causes: where the optimizer writes the clock's
// functions out, input.now stands all over what it wrote, and the author's files have nothing to mend.
func withoutOptimized(faults []error) (out []error) {
	seen := false
	for _, err := range faults {
		at, _, _ := strings.Cut(err.Error(), ": ")
		if !strings.HasPrefix(strings.TrimPrefix(at, "/"), optimizedFolder) || !strings.Contains(err.Error(), "input.now") {
			out = append(out, err)
		} else if !seen {
			seen = true
			out = append(out, fmt.Errorf("%s: `opa build -O` wrote out the clock's functions, and input.now stands outside %s: build the "+
				"bundle without -O, the server compiles policies itself", at, strings.TrimPrefix(clockPackage, "data.")))
		}
	}
	return out
}

func dedup(faults []error) []error {
	slices.SortStableFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return slices.CompactFunc(faults, func(a, b error) bool { return a.Error() == b.Error() })
}

// refusedBuiltins are those that are not a pure function of their arguments, and those that reach out of the process.
func refusedBuiltins() map[string]string {
	const impure = "its result depends on more than its arguments; what a policy needs to know is in the input"
	refused := map[string]string{}
	for _, b := range ast.Builtins {
		if b.Nondeterministic || strings.HasPrefix(b.Name, "net.") || strings.HasPrefix(b.Name, "io.jwt.") {
			refused[b.Name] = impure
		}
	}
	refused["trace"] = "it writes to the log of another component"
	return refused
}

// refuseNow refuses references that could read input.now outside the clock: by name, by a key that is not a constant,
// or by taking the input whole.
func refuseNow(m *ast.Module, ref ast.Ref, at *ast.Location) []error {
	if m.Package.Path.String() == clockPackage || !ref[0].Equal(ast.InputRootDocument) {
		return nil
	}
	if len(ref) > 1 {
		if key, ok := ref[1].Value.(ast.String); ok && key != "now" {
			return nil
		}
	}
	return []error{fmt.Errorf("%s: %s could read input.now outside %s: name the field of the input, and compare times by the "+
		"functions of the clock", at, ref, strings.TrimPrefix(clockPackage, "data."))}
}

// clockArguments refuses computed arguments of the clock's functions, written in the call or assigned in the same body:
// the server could not foresee the instants that they stand for.
func clockArguments(m *ast.Module) (faults []error) {
	if m.Package.Path.String() == clockPackage {
		return nil
	}
	ast.WalkBodies(m, func(body ast.Body) bool {
		computed := computedVars(body)
		ast.WalkTerms(body, func(t *ast.Term) bool {
			if call, ok := t.Value.(ast.Call); ok {
				faults = append(faults, clockCall(call[0], call[1:], computed)...)
			}
			return false
		})
		ast.WalkExprs(body, func(e *ast.Expr) bool {
			if e.IsCall() {
				faults = append(faults, clockCall(e.OperatorTerm(), e.Operands(), computed)...)
			}
			return false
		})
		return false
	})
	return faults
}

// computedVars are the variables of a body that a call's result is assigned to.
func computedVars(body ast.Body) map[ast.Var]bool {
	computed := map[ast.Var]bool{}
	for _, e := range body {
		if !e.IsAssignment() && !e.IsEquality() {
			continue
		}
		for i, operand := range e.Operands() {
			v, isVar := operand.Value.(ast.Var)
			if _, isCall := e.Operand(1 - i).Value.(ast.Call); isVar && isCall {
				computed[v] = true
			}
		}
	}
	return computed
}

func clockCall(operator *ast.Term, arguments []*ast.Term, computed map[ast.Var]bool) (faults []error) {
	name := operator.String()
	if !strings.HasPrefix(name, "clock.") && !strings.HasPrefix(name, clockPackage+".") || strings.HasSuffix(name, ".year_after") {
		return nil
	}
	for _, a := range arguments {
		_, isCall := a.Value.(ast.Call)
		v, isVar := a.Value.(ast.Var)
		if _, isNumber := a.Value.(ast.Number); isNumber || isCall || isVar && computed[v] {
			faults = append(faults, fmt.Errorf("%s: %s takes times as they stand in the input or the data, not computed ones",
				a.Loc(), name))
		}
	}
	return faults
}
