// Package policy loads the policies, admits them, and decides requests by them. It is the only package that imports OPA.
//
// A Set is a loaded directory of policies: Rego v1 modules and data, checked, compiled, immutable. Active holds the one in
// force behind an atomic pointer; a check loads it once and keeps it to its end, so that a new set never changes a decision
// under way. Loading happens off the request path, and a directory that does not load leaves the active set as it is.
//
// Decide never fails. A policy that errs, is undefined, conflicts or answers out of shape is a denial with POLICY_ERROR,
// logged with its cause; nothing of what a policy says can become ALLOW unless the whole answer is well formed.
package policy

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/consentd/consentd/server/consent"
)

// Options configure a Set. The zero value is usable.
type Options struct {
	// Logger receives policy errors; nil: slog.Default().
	Logger *slog.Logger
}

// Set is a loaded set of policies. It is immutable and may be used concurrently.
type Set struct {
	description consent.Policy
	controllers map[string]*controller
	logger      *slog.Logger
}

// controller is what a Set keeps per controller.
type controller struct {
	purposes []string
	horizon  horizon
	query    rego.PreparedEvalQuery
}

// Describe returns the revision, files and controllers. ActivatedAt is absent: Active knows it. The result must not be
// changed.
func (s *Set) Describe() consent.Policy { return s.description }

// Revision is the digest of all policy files: 32 hexadecimal digits.
func (s *Set) Revision() string { return s.description.Revision }

// Purposes returns the purposes that the controller declares or prohibits, sorted, or consent.ErrUnknownController. The
// result must not be changed.
func (s *Set) Purposes(id string) ([]string, error) {
	c, ok := s.controllers[id]
	if !ok {
		return nil, consent.ErrUnknownController
	}
	return c.purposes, nil
}

// Decide answers a request by the controller's policy over a snapshot of the subject's state, at now. It fills everything
// but StateRevision and ID. An unknown controller, like everything that goes wrong, is a denial with POLICY_ERROR.
func (s *Set) Decide(
	ctx context.Context, request *consent.Request, snapshot *consent.Snapshot, now consent.Instant,
) consent.Decision {
	c, ok := s.controllers[request.Subject.Controller]
	if !ok {
		return s.failed(request, consent.ErrUnknownController)
	}
	d, err := c.evaluate(ctx, request, snapshot.State, now)
	if err != nil {
		return s.failed(request, err)
	}
	d.PolicyRevision = s.Revision()
	d.ValidUntil = c.horizon.next(snapshot.State, now)
	return d
}

func (s *Set) failed(request *consent.Request, err error) consent.Decision {
	s.logger.Error("policy failed", "controller", request.Subject.Controller, "purpose", request.Purpose,
		"policy_revision", s.Revision(), "error", err)
	d := consent.Failed()
	d.PolicyRevision = s.Revision()
	return d
}

func (c *controller) evaluate(
	ctx context.Context, request *consent.Request, state *consent.State, now consent.Instant,
) (consent.Decision, error) {
	results, err := c.query.Eval(ctx, rego.EvalParsedInput(buildInput(request, state, now)))
	if err != nil {
		return consent.Decision{}, fmt.Errorf("evaluating: %w", err)
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return consent.Decision{}, errUndefined
	}
	value, ok := results[0].Expressions[0].Value.(ast.Value)
	if !ok {
		return consent.Decision{}, errUndefined
	}
	return readDecision(value, request)
}

// Active is the set in force on this node. The zero value holds none. All methods may be called concurrently.
type Active struct {
	current atomic.Pointer[activation]
}

type activation struct {
	set *Set
	at  consent.Instant
}

// Load returns the set in force; nil if none was activated.
func (a *Active) Load() *Set {
	if c := a.current.Load(); c != nil {
		return c.set
	}
	return nil
}

// Activate puts a set in force from now on.
func (a *Active) Activate(s *Set, now consent.Instant) { a.current.Store(&activation{set: s, at: now}) }

// Describe describes the set in force; the zero Policy if none was activated.
func (a *Active) Describe() consent.Policy {
	c := a.current.Load()
	if c == nil {
		return consent.Policy{}
	}
	p := c.set.description
	p.ActivatedAt = c.at
	return p
}
