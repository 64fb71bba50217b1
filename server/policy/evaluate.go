package policy

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// question is a request with its input. The input is valid during the evaluation only.
type question struct {
	generation *generation
	request    *consent.Request
	input      engine.Value
}

// Stats count what happened since a Loader was made.
type Stats struct {
	// Compiled and Topdown count evaluations by engine; those of the shadow are not among them.
	Compiled, Topdown uint64
	// Errors counts denials with POLICY_ERROR; OverBudget those of them that took too many steps or nested too deeply.
	Errors, OverBudget uint64
	// Panics counts faults of the compiled engine, after each of which topdown decided.
	Panics uint64
	// Unsupported counts the entrypoints, of all sets loaded, that the compiled engine does not support.
	Unsupported uint64
	// Shadowed counts the decisions that the shadow made again, Differences those that came out otherwise, Dropped those
	// that it was too busy for.
	Shadowed, Differences, Dropped uint64
}

type counts struct {
	compiled, topdown, errors, overBudget, panics, unsupported, shadowed, differences, dropped atomic.Uint64
}

// Stats returns the counters.
func (l *Loader) Stats() Stats {
	c := &l.counts
	return Stats{
		Compiled: c.compiled.Load(), Topdown: c.topdown.Load(), Errors: c.errors.Load(), OverBudget: c.overBudget.Load(),
		Panics: c.panics.Load(), Unsupported: c.unsupported.Load(), Shadowed: c.shadowed.Load(),
		Differences: c.differences.Load(), Dropped: c.dropped.Load(),
	}
}

// evaluate decides by the compiled program, or by topdown where there is none or where it fails: for a policy's own error
// because topdown has OPA's words for it, for a fault of the engine because topdown has none.
func (l *Loader) evaluate(ctx context.Context, c *controller, q question) (consent.Decision, error) {
	if c.compiled == nil {
		return l.evaluateTopdown(ctx, c, q)
	}
	d, err := l.evaluateCompiled(ctx, c, q)
	var fault *engine.PanicError
	var policyError *engine.Error
	switch {
	case err == nil:
		return d, nil
	case errors.Is(err, engine.ErrBudget) || errors.Is(err, engine.ErrDepth):
		l.counts.overBudget.Add(1)
		return consent.Decision{}, err
	case ctx.Err() != nil:
		return consent.Decision{}, fmt.Errorf("evaluating: %w", context.Cause(ctx))
	case errors.As(err, &fault):
		l.counts.panics.Add(1)
		l.logger.Error("the compiled engine panicked, topdown decides", "controller", q.request.Subject.Controller,
			"purpose", q.request.Purpose, "error", fault, "stack", string(fault.Stack))
		return l.evaluateTopdown(ctx, c, q)
	case errors.As(err, &policyError) && !l.wrong.Load():
		d, err := l.evaluateTopdown(ctx, c, q)
		if err != nil && ctx.Err() == nil && l.detached {
			l.wrong.Store(true)
		}
		return d, err
	}
	return consent.Decision{}, err
}

func (l *Loader) evaluateCompiled(ctx context.Context, c *controller, q question) (d consent.Decision, err error) {
	n := l.counts.compiled.Add(1)
	err = c.compiled.Eval(ctx, engine.Request{Input: q.input}, func(r engine.Result) (err error) {
		if d, err = q.generation.answer.read(r.Value, q.request); l.shadow != nil && l.shadow.due(n) {
			l.shadow.offer(c, q, r.Value)
		}
		return err
	})
	return d, err
}

func (l *Loader) evaluateTopdown(ctx context.Context, c *controller, q question) (consent.Decision, error) {
	l.counts.topdown.Add(1)
	value, err := c.refer(ctx, engine.ToAST(q.input))
	if err != nil {
		return consent.Decision{}, err
	}
	return q.generation.readAST(value, q.request)
}

// refer evaluates by topdown; an undefined decision is errUndefined.
func (c *controller) refer(ctx context.Context, input ast.Value, options ...rego.EvalOption) (ast.Value, error) {
	results, err := c.reference.Eval(ctx, append(options, rego.EvalParsedInput(input))...)
	if err != nil {
		return nil, fmt.Errorf("evaluating: %w", err)
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return nil, errUndefined
	}
	value, ok := results[0].Expressions[0].Value.(ast.Value)
	if !ok {
		return nil, errUndefined
	}
	return value, nil
}
