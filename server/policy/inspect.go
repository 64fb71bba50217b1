package policy

import (
	"context"
	"log/slog"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// Detached returns a set that decides the same by the same program, but is not counted, logs nothing and has no shadow:
// for those who ask it millions of questions that no one asked. topdown decides where the compiled engine reports an
// error, until one is the policy's: from then on it is not asked for OPA's words, which take a thousand times as long;
// Refer has them.
func (s *Set) Detached() *Set {
	l := &Loader{options: s.loader.options, logger: slog.New(slog.DiscardHandler), detached: true}
	l.current.Store(s.generation)
	detached := *s
	detached.loader = l
	return &detached
}

// Evaluate is Decide, but for what it does with a policy that fails: it returns the error. It leaves the policy's revision
// and ValidUntil out.
func (s *Set) Evaluate(
	ctx context.Context, request *consent.Request, state *consent.State, now consent.Instant,
) (d consent.Decision, err error) {
	c, ok := s.controllers[request.Subject.Controller]
	if !ok {
		return d, consent.ErrUnknownController
	}
	s.withInput(request, state, now, func(input engine.Value) {
		d, err = s.loader.evaluate(ctx, c, question{generation: s.generation, request: request, input: input})
	})
	return d, err
}

// withInput calls f with the input that a request over a state makes; it is valid until f returns.
func (s *Set) withInput(request *consent.Request, state *consent.State, now consent.Instant, f func(engine.Value)) {
	g := s.generation
	scratch := g.scratch.Get().(*scratch)
	defer g.scratch.Put(scratch)
	f(g.input.build(scratch, request, &consent.Snapshot{State: state}, now))
}

// Input returns the input document that a request over a state makes, as OPA has it.
func (s *Set) Input(request *consent.Request, state *consent.State, now consent.Instant) (document ast.Value) {
	s.withInput(request, state, now, func(input engine.Value) { document = engine.ToAST(input) })
	return document
}

// Refer evaluates a controller's decision over an input by topdown, with options such as a tracer. An undefined decision is
// an error.
func (s *Set) Refer(ctx context.Context, controller string, input ast.Value, options ...rego.EvalOption) (ast.Value, error) {
	c, ok := s.controllers[controller]
	if !ok {
		return nil, consent.ErrUnknownController
	}
	return c.refer(ctx, input, options...)
}

// Rules are those of which Fired can tell that they fired: all that some controller's decision may need. Only a set that was
// loaded with TrackRules has them.
func (s *Set) Rules() []engine.Rule {
	for _, c := range s.controllers {
		if c.compiled != nil {
			return c.compiled.Rules()
		}
	}
	return nil
}

// Fired calls f with the index, among Rules, of each rule that succeeded in deciding a request. It needs TrackRules. A policy
// that fails, or that topdown evaluates, fires nothing.
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
