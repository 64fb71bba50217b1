package policytest

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/consentd/consentd/server/cases"
)

// evaluation is one evaluation by topdown.
type evaluation struct {
	compiler *ast.Compiler
	store    storage.Store
	txn      storage.Transaction
	tracer   topdown.QueryTracer
	// whole evaluates all that could be looked at: without the index of rules, which skips those that cannot
	// match, and without leaving rules at the first success.
	whole bool
}

// each evaluates a body and calls f with what value is in each solution.
func (e evaluation) each(ctx context.Context, p *probe, f func(*ast.Term)) error {
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	q := topdown.NewQuery(p.body).WithCompiler(e.compiler).WithStore(e.store).WithTransaction(e.txn).WithCancel(cancel).
		WithIndexing(!e.whole).WithEarlyExit(!e.whole).WithStrictBuiltinErrors(p.expect != nil)
	if p.input != nil {
		q = q.WithInput(p.input)
	}
	if e.tracer != nil {
		q = q.WithQueryTracer(e.tracer)
	}
	err := q.Iter(ctx, func(found topdown.QueryResult) error {
		value := p.value
		if v, ok := value.Value.(ast.Var); ok {
			value = found[v]
		}
		f(value)
		return nil
	})
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// answer is a decision as the corpus has it. What is no well-formed decision differs from every expectation.
func answer(decision *ast.Term) cases.Answer {
	if decision == nil {
		return cases.Answer{Decision: "undefined"}
	}
	o, ok := decision.Value.(ast.Object)
	if !ok {
		return cases.Answer{Decision: "no object"}
	}
	return cases.Answer{
		Decision: textOf(o, "decision"), LegalBasis: textOf(o, "legal_basis"),
		Reasons: codes(o, "reasons"), Obligations: codes(o, "obligations"),
		PermittedDataCategories: elements(o, "permitted_data_categories", func(t *ast.Term) string {
			s, _ := t.Value.(ast.String)
			return string(s)
		}),
	}
}

func textOf(o ast.Object, key string) string {
	if t := o.Get(ast.StringTerm(key)); t != nil {
		s, _ := t.Value.(ast.String)
		return string(s)
	}
	return ""
}

func codes(o ast.Object, key string) []string {
	return elements(o, key, func(t *ast.Term) string {
		if element, ok := t.Value.(ast.Object); ok {
			return textOf(element, "code")
		}
		return ""
	})
}

func elements(o ast.Object, key string, text func(*ast.Term) string) (list []string) {
	if t := o.Get(ast.StringTerm(key)); t != nil {
		if array, ok := t.Value.(*ast.Array); ok {
			array.Foreach(func(e *ast.Term) { list = append(list, text(e)) })
		}
	}
	return list
}

// decisionOf is the body that asks for a controller's decision, and the variable that holds it.
func decisionOf(controller string) (ast.Body, *ast.Term) {
	value := ast.VarTerm("decision")
	ref := decisionRef(controller)
	return ast.NewBody(ast.Equality.Expr(value, ast.NewTerm(ref))), value
}

func decisionRef(controller string) ast.Ref {
	return ast.MustParseRef(fmt.Sprintf("data.consentd.controllers[%q].decision", controller))
}
