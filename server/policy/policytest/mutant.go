package policytest

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/tree"
)

// Mutant is a fault that was planted in a rule.
type Mutant struct {
	File string `json:"file"`
	Line int    `json:"line"`
	// Rule is the name of the rule.
	Rule string `json:"rule"`
	// Change says what was done: "removed", "negated" or "moved the bound of" a condition, "dropped" the rule.
	Change string `json:"change"`
	// Text is what it was done to, as it stands in the file.
	Text string `json:"text"`
}

// mutant is where a fault goes: an expression of a body of a rule of a module, by their places.
type mutant struct {
	Mutant
	rule, body, expr int
	lastLine         int
}

// The changes.
const (
	removed = "removed"
	negated = "negated"
	moved   = "moved the bound of"
	dropped = "dropped"
)

// mutants are all faults to plant in the rules that decisions depend on, in the order of files and lines. Some of
// them may not compile: a condition that gives a variable its value cannot be removed.
func (s *Suite) mutants(compiler *ast.Compiler) []mutant {
	decisive := decisiveRules(compiler)
	var list []mutant
	for _, name := range slices.Sorted(maps.Keys(s.rules())) {
		for i, rule := range s.modules[name].Rules {
			if decisive[lineAt(rule.Location)] && !rule.Default {
				list = append(list, ruleMutants(rule, i)...)
			}
		}
	}
	return list
}

// decisiveRules are the places of all rules that some controller's decision depends on, or what callers may do.
func decisiveRules(compiler *ast.Compiler) map[line]bool {
	found := map[line]bool{}
	var visit func(*ast.Rule)
	visit = func(rule *ast.Rule) {
		if at := lineAt(rule.Location); !found[at] {
			found[at] = true
			for d := range compiler.Graph.Dependencies(rule) {
				visit(d.(*ast.Rule))
			}
		}
		if rule.Else != nil {
			visit(rule.Else)
		}
	}
	for _, m := range compiler.Modules {
		for _, rule := range m.Rules {
			if _, ok := controllerOf(rule); ok || tree.OfAccess(m) && !tree.IsTest(rule.Location.File) {
				visit(rule)
			}
		}
	}
	return found
}

func ruleMutants(rule *ast.Rule, index int) []mutant {
	base := mutant{rule: index, Mutant: Mutant{File: rule.Location.File, Rule: rule.Head.Ref().String()}}
	whole := base
	whole.Line, whole.lastLine, whole.Change, whole.Text = rule.Location.Row, rule.Location.Row, dropped, rule.Head.String()
	list := []mutant{whole}
	for b, body := range bodiesOf(rule) {
		for e, expr := range body {
			for _, change := range changesOf(expr) {
				m := base
				m.body, m.expr, m.Change, m.Text = b, e, change, written(expr)
				m.Line = expr.Location.Row
				m.lastLine = m.Line + strings.Count(string(expr.Location.Text), "\n")
				list = append(list, m)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b mutant) int { return cmp.Compare(a.Line, b.Line) })
	return list
}

// bodiesOf are all bodies of a rule: its own, those of its else, and those of comprehensions and of every.
func bodiesOf(rule *ast.Rule) (list []ast.Body) {
	ast.WalkBodies(rule, func(b ast.Body) bool {
		list = append(list, b)
		return false
	})
	return list
}

// changesOf are what can be done to an expression; nothing to what is no condition.
func changesOf(expr *ast.Expr) []string {
	switch terms := expr.Terms.(type) {
	case *ast.SomeDecl:
		return nil
	case *ast.Every:
		return []string{removed}
	case *ast.Term:
		if _, constant := terms.Value.(ast.Boolean); constant {
			return nil
		}
	}
	switch {
	case expr.IsAssignment():
		return nil
	case bound(expr) != nil:
		return []string{removed, negated, moved}
	}
	return []string{removed, negated}
}

// bound is the comparison that differs from that of the expression only where both sides are equal; nil for others.
func bound(expr *ast.Expr) *ast.Builtin {
	if !expr.IsCall() {
		return nil
	}
	return map[string]*ast.Builtin{
		ast.LessThan.Name: ast.LessThanEq, ast.LessThanEq.Name: ast.LessThan,
		ast.GreaterThan.Name: ast.GreaterThanEq, ast.GreaterThanEq.Name: ast.GreaterThan,
	}[expr.Operator().String()]
}

// plant returns a copy of the module with the fault in it.
func (m *mutant) plant(module *ast.Module) *ast.Module {
	out := module.Copy()
	if m.Change == dropped {
		out.Rules = slices.Delete(out.Rules, m.rule, m.rule+1)
		return out
	}
	expr := bodiesOf(out.Rules[m.rule])[m.body][m.expr]
	switch m.Change {
	case removed:
		holds := ast.NewExpr(ast.BooleanTerm(true).SetLocation(expr.Location)).SetLocation(expr.Location)
		holds.Index = expr.Index
		*expr = *holds
	case negated:
		expr.Negated = !expr.Negated
	case moved:
		expr.Terms.([]*ast.Term)[0] = ast.NewTerm(bound(expr).Ref()).SetLocation(expr.Location)
	}
	return out
}
