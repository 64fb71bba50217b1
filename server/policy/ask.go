package policy

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// Answer decides an input as Decide decides a request, for tools that have inputs and no states. Only the request's own
// fields of the input are looked at; whether the rest has the right form is the caller's matter. ValidUntil is not set.
func (s *Set) Answer(ctx context.Context, input ast.Object) consent.Decision {
	request := &consent.Request{
		Subject: consent.Subject{Controller: textField(input, "controller")},
		Purpose: textField(input, "purpose"), DataCategories: textsField(input, "data_categories"),
	}
	c, ok := s.controllers[request.Subject.Controller]
	if !ok {
		return s.failed(request, consent.ErrUnknownController)
	}
	value, err := engine.FromAST(s.generation.symbols, input)
	if err != nil {
		return s.failed(request, err)
	}
	d, err := s.loader.evaluate(ctx, c, question{generation: s.generation, request: request, input: value})
	if err != nil {
		return s.failed(request, err)
	}
	d.PolicyRevision = s.Revision()
	return d
}

// textField is a field of an object; empty where it is none or no string.
func textField(o ast.Object, key string) string {
	if t := o.Get(ast.StringTerm(key)); t != nil {
		s, _ := t.Value.(ast.String)
		return string(s)
	}
	return ""
}

func textsField(o ast.Object, key string) (list []string) {
	t := o.Get(ast.StringTerm(key))
	if t == nil {
		return nil
	}
	array, ok := t.Value.(*ast.Array)
	if !ok {
		return nil
	}
	array.Foreach(func(e *ast.Term) {
		if s, ok := e.Value.(ast.String); ok {
			list = append(list, string(s))
		}
	})
	return list
}
