package engine

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// rewrite changes compiled modules into ones that mean the same and that OPA's
// planner gets right. To rewrite what is rewritten changes nothing.
func rewrite(compiler *ast.Compiler) {
	functions := functionsOf(compiler)
	for _, m := range compiler.Modules {
		ast.WalkExprs(m, func(e *ast.Expr) bool {
			mocksLast(e, functions)
			explicitNot(e)
			return false
		})
	}
}

// functionsOf are the paths of the rules with arguments.
func functionsOf(compiler *ast.Compiler) map[string]bool {
	out := map[string]bool{}
	for _, m := range compiler.Modules {
		for _, r := range m.Rules {
			if len(r.Head.Args) > 0 {
				out[r.Ref().String()] = true
			}
		}
	}
	return out
}

// mocksLast puts the functions that an expression replaces behind the documents.
// The planner looks the target of the nth document up as that of the nth
// replacement. All values are computed before any of them counts, so that the
// order among the two kinds means nothing.
func mocksLast(e *ast.Expr, functions map[string]bool) {
	rank := func(w *ast.With) int {
		ref, ok := w.Target.Value.(ast.Ref)
		if ok && !functions[ref.String()] && (ref.HasPrefix(ast.InputRootRef) || ref.HasPrefix(ast.DefaultRootRef)) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(e.With, func(a, b *ast.With) int { return rank(a) - rank(b) })
}

// explicitNot makes `not { e }` of `not e`. The planner takes the latter's body
// to hold where control comes to its end, as it does after a block that was left
// early: `not p[x]` held always where p[x] is found by a variable. Of the former
// it plans a mark at the place where the body holds.
func explicitNot(e *ast.Expr) {
	if !e.Negated {
		return
	}
	inner := &ast.Expr{Terms: e.Terms, Location: e.Location, Generated: e.Generated}
	e.Negated = false
	e.Terms = &ast.Not{Body: ast.NewBody(inner), Location: e.Location}
}

// agreed returns the complete documents and functions, by their paths, of which
// all rules but the default have the same literal value in their heads: those of
// which topdown evaluates rules up to the first that holds.
func agreed(compiler *ast.Compiler) map[string]bool {
	values := map[string]*ast.Term{}
	out := map[string]bool{}
	for _, m := range compiler.Modules {
		for _, r := range m.Rules {
			if r.Default || r.Head.DocKind() != ast.CompleteDoc {
				continue
			}
			path := r.Ref().String()
			if _, ok := values[path]; !ok {
				values[path], out[path] = r.Head.Value, true
			}
			out[path] = out[path] && agree(r, values[path])
		}
	}
	return out
}

func agree(rule *ast.Rule, value *ast.Term) bool {
	for r := rule; r != nil; r = r.Else {
		if r.Head.Value == nil || value == nil ||
			!r.Head.Value.IsGround() || !r.Head.Value.Equal(value) {
			return false
		}
	}
	return true
}
