package policytest

import (
	"context"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// failure tells what of a test did not hold, which OPA's tester does not.
func (s *Suite) failure(ctx context.Context, txn storage.Transaction, compiler *ast.Compiler, result *tester.Result) Failure {
	f := Failure{File: result.Location.File, Line: result.Location.Row, Name: result.Name, Expected: "true", Got: "undefined"}
	if result.Error != nil {
		f.Expected, f.Got = "", strings.Join(strings.Fields(result.Error.Error()), " ")
		return f
	}
	if names := failedNames(result); names != "" {
		f.Name += " (" + names + ")"
	}
	rule := ruleAt(compiler, result.Location)
	if rule == nil {
		return f
	}
	last := &lastFailure{}
	e := evaluation{compiler: compiler, store: s.store, txn: txn, tracer: last}
	_ = e.each(ctx, &probe{body: rule.Body, value: rule.Head.Value}, func(*ast.Term) {}) // what it got to is of use all the same
	if last.expr != nil {
		f.Line, f.Expected, f.Got = last.expr.Location.Row, written(last.expr), "false or undefined"
		if value := last.compared(ctx, e); value != nil {
			f.Got = value.String()
		}
	}
	return f
}

// failedNames are the names that a test gave to those of its solutions that failed.
func failedNames(result *tester.Result) string {
	var names []string
	for path, sub := range result.SubResults.Iter {
		if sub.Fail {
			names = append(names, strings.Join(path, "/"))
		}
	}
	return strings.Join(names, ", ")
}

func ruleAt(compiler *ast.Compiler, at *ast.Location) *ast.Rule {
	for _, m := range compiler.Modules {
		for _, rule := range m.Rules {
			if rule.Location.Equal(at) {
				return rule
			}
		}
	}
	return nil
}

// lastFailure remembers the last expression of a query that failed, and if it compares, with what values.
type lastFailure struct {
	query uint64
	begun bool
	expr  *ast.Expr
	// left is what a comparison compares, with the values that its variables had; nil where the expression is none.
	left *ast.Expr
}

// Enabled implements topdown.QueryTracer.
func (*lastFailure) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (*lastFailure) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (l *lastFailure) TraceEvent(e topdown.Event) {
	if !l.begun {
		l.begun, l.query = true, e.QueryID
	}
	expr, ok := e.Node.(*ast.Expr)
	if !ok || e.Op != topdown.FailOp || e.QueryID != l.query || !expr.Location.HasFile() {
		return
	}
	l.expr, l.left = expr, nil
	if expr.Negated || !expr.IsEquality() {
		return
	}
	l.left = ast.Equality.Expr(ast.VarTerm(leftVar), e.Plug(expr.Operand(0)))
	for _, w := range expr.With {
		l.left = l.left.IncludeWith(w.Target, e.Plug(w.Value))
	}
}

const leftVar = "__left__"

// compared is the value on the left of the comparison that failed; nil where there is none.
func (l *lastFailure) compared(ctx context.Context, e evaluation) (value *ast.Term) {
	if l.left == nil {
		return nil
	}
	e.tracer = nil
	err := e.each(ctx, &probe{body: ast.NewBody(l.left), value: ast.VarTerm(leftVar)}, func(v *ast.Term) { value = v })
	if err != nil {
		return nil
	}
	return value
}

// written is an expression as it stands in its file, on one line.
func written(expr *ast.Expr) string {
	if text := strings.Join(strings.Fields(string(expr.Location.Text)), " "); text != "" {
		return text
	}
	return fmt.Sprint(expr)
}
