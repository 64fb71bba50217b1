package policy

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// Question is a request about a state at an instant.
type Question struct {
	Request  *consent.Request
	Snapshot *consent.Snapshot
	Now      consent.Instant
}

// Decide answers a request by the controller's policy over a snapshot of the subject's state, at now. It fills
// everything but StateRevision and ID. An unknown controller, like everything that goes wrong, is a denial with
// POLICY_ERROR.
func (s *Set) Decide(
	ctx context.Context, request *consent.Request, snapshot *consent.Snapshot, now consent.Instant,
) consent.Decision {
	c, ok := s.controllers[request.Subject.Controller]
	if !ok {
		return s.failed(ctx, s.stranger, request, consent.ErrUnknownController)
	}
	g := s.generation
	scratch := g.scratch.Get().(*scratch)
	defer g.scratch.Put(scratch)
	e := evaluation{set: s, controller: c, request: request, input: g.records.build(scratch, request, snapshot, now)}
	d, err := e.decide(ctx)
	if err != nil {
		return s.failed(ctx, c, request, err)
	}
	d.PolicyRevision = s.Revision()
	d.ValidUntil = c.horizon.next(snapshot.State, now)
	return d
}

func (s *Set) failed(ctx context.Context, c *controller, request *consent.Request, err error) consent.Decision {
	if ctx.Err() == nil { // a call that is over is no fault of the policy's
		s.journal.counts.errors.Add(1)
		if s.detached == nil {
			s.report(ctx, c, request, err)
		}
	}
	d := consent.Failed()
	d.PolicyRevision = s.Revision()
	return d
}

// report logs some of a controller's failures, for a policy that fails fails on each check. It names no subject.
func (s *Set) report(ctx context.Context, c *controller, request *consent.Request, err error) {
	if n := c.failures.Add(1); logged(n) {
		s.journal.logger.ErrorContext(ctx, "policy failed", "controller", request.Subject.Controller, "purpose", request.Purpose,
			"policy_revision", s.Revision(), "failures", n, "error", err)
	}
}

// Evaluate is Decide, but for what it does with a policy that fails: it returns the error. It leaves the policy's
// revision and ValidUntil out.
func (s *Set) Evaluate(
	ctx context.Context, request *consent.Request, state *consent.State, now consent.Instant,
) (d consent.Decision, err error) {
	c, ok := s.controllers[request.Subject.Controller]
	if !ok {
		return d, consent.ErrUnknownController
	}
	s.withInput(request, state, now, func(input engine.Value) {
		e := evaluation{set: s, controller: c, request: request, input: input}
		d, err = e.decide(ctx)
	})
	return d, err
}

// withInput calls f with the input that a request over a state makes; it is valid until f returns.
func (s *Set) withInput(request *consent.Request, state *consent.State, now consent.Instant, f func(engine.Value)) {
	g := s.generation
	scratch := g.scratch.Get().(*scratch)
	defer g.scratch.Put(scratch)
	f(g.records.build(scratch, request, &consent.Snapshot{State: state}, now))
}

// Input returns the input document that a request over a state makes, as OPA has it.
func (s *Set) Input(request *consent.Request, state *consent.State, now consent.Instant) (document ast.Value) {
	s.withInput(request, state, now, func(input engine.Value) { document = engine.ToAST(input) })
	return document
}

// Refer evaluates a controller's decision over an input by topdown, with options such as a tracer. An undefined
// decision is an error.
func (s *Set) Refer(ctx context.Context, controller string, input ast.Value, options ...rego.EvalOption) (ast.Value, error) {
	c, ok := s.controllers[controller]
	if !ok {
		return nil, consent.ErrUnknownController
	}
	return c.refer(ctx, input, options...)
}

// Fired calls f with the index, among Rules, of each rule that succeeded in deciding a request. It needs TrackRules. A
// policy that fails, or that topdown evaluates, fires nothing.
func (s *Set) Fired(ctx context.Context, request *consent.Request, state *consent.State, now consent.Instant, f func(rule int)) {
	c, ok := s.controllers[request.Subject.Controller]
	if !ok || c.compiled == nil {
		return
	}
	s.withInput(request, state, now, func(input engine.Value) {
		// An error is found by Evaluate, which is asked the same.
		_ = c.compiled.Eval(ctx, engine.Request{Input: input}, func(r engine.Result) error {
			r.Rules(f)
			return nil
		})
	})
}

// evaluation is a request under way. Its input is valid during the evaluation only.
type evaluation struct {
	set        *Set
	controller *controller
	request    *consent.Request
	input      engine.Value
}

// decide decides by the compiled program, or by topdown where there is none or where it fails: for a policy's own error
// because topdown has OPA's words for it, for a fault of the engine because topdown has none.
func (e evaluation) decide(ctx context.Context) (consent.Decision, error) {
	if e.controller.compiled == nil {
		return e.byTopdown(ctx)
	}
	d, err := e.byCompiled(ctx)
	if err == nil {
		return d, nil
	}
	return e.afterError(ctx, err)
}

// afterError decides where the compiled program failed.
func (e evaluation) afterError(ctx context.Context, err error) (consent.Decision, error) {
	detached := e.set.detached
	var fault *engine.PanicError
	var policyError *engine.Error
	switch {
	case errors.Is(err, engine.ErrBudget) || errors.Is(err, engine.ErrDepth):
		e.set.journal.counts.overBudget.Add(1)
		return consent.Decision{}, err
	case ctx.Err() != nil:
		return consent.Decision{}, fmt.Errorf("evaluating: %w", context.Cause(ctx))
	case errors.As(err, &fault):
		e.reportPanic(ctx, fault)
		return e.byTopdown(ctx)
	case errors.As(err, &policyError) && (detached == nil || !detached.wrong.Load()):
		d, err := e.byTopdown(ctx)
		if err != nil && ctx.Err() == nil && detached != nil {
			detached.wrong.Store(true)
		}
		return d, err
	}
	return consent.Decision{}, err
}

func (e evaluation) reportPanic(ctx context.Context, fault *engine.PanicError) {
	if n := e.set.journal.counts.panics.Add(1); logged(n) {
		e.set.journal.logger.ErrorContext(ctx, "the compiled engine panicked, topdown decides", "controller", e.controller.id,
			"purpose", e.request.Purpose, "panics", n, "error", fault, "stack", string(fault.Stack))
	}
}

func (e evaluation) byCompiled(ctx context.Context) (d consent.Decision, err error) {
	s := e.set
	n := s.journal.counts.compiled.Add(1)
	err = e.controller.compiled.Eval(ctx, engine.Request{Input: e.input}, func(r engine.Result) (err error) {
		if d, err = s.generation.answer.read(r.Value, e.request); s.shadow != nil && s.shadow.due(n) {
			s.shadow.observe(e.controller, e.input, r.Value)
		}
		return err
	})
	return d, err
}

func (e evaluation) byTopdown(ctx context.Context) (consent.Decision, error) {
	e.set.journal.counts.topdown.Add(1)
	value, err := e.controller.refer(ctx, engine.ToAST(e.input))
	if err != nil {
		return consent.Decision{}, err
	}
	return e.set.generation.readAST(value, e.request)
}

// readAST reads an answer of topdown's.
func (g *generation) readAST(value ast.Value, request *consent.Request) (consent.Decision, error) {
	converted, err := engine.FromAST(g.symbols, value)
	if err != nil {
		return consent.Decision{}, fmt.Errorf("reading topdown's answer: %w", err)
	}
	return g.answer.read(converted, request)
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
