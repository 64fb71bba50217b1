// Package policy loads the policies, admits them, and decides requests by them. It is the only package, with engine below
// it, that imports OPA.
//
// A Set is a loaded directory of policies: Rego v1 modules and data, checked, compiled, immutable. Active holds the one in
// force behind an atomic pointer; a check loads it once and keeps it to its end, so that a new set never changes a decision
// under way. Loading happens off the request path, and a directory that does not load leaves the active set as it is. A
// Loader holds what outlives a set.
//
// A decision is evaluated by a program compiled from OPA's plan (package engine), over an input that is built as values of
// that engine; the part of it that hangs on the subject's state is prepared when the state enters a cache. topdown, OPA's own
// evaluator, stays beside it: as the fallback of what the compiler does not support and of what errs, to have OPA's own
// words for it, and as the reference with which the shadow compares one in N decisions.
//
// Decide never fails. A policy that errs, is undefined, conflicts, takes too many steps or answers out of shape is a denial
// with POLICY_ERROR, logged with its cause; nothing of what a policy says can become ALLOW unless the whole answer is well
// formed.
package policy

import (
	"context"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
	"github.com/consentd/consentd/server/policy/tree"
)

// Set is a loaded set of policies. It is immutable and may be used concurrently.
type Set struct {
	loader      *Loader
	generation  *generation
	description consent.Policy
	controllers map[string]*controller
	tree        *tree.Tree
	// compiler and data are what topdown evaluates, for explanations.
	compiler *ast.Compiler
	data     storage.Store
	book     func() *book // computed when it is first asked for
}

// controller is what a Set keeps per controller.
type controller struct {
	purposes []string
	table    *tree.Table
	horizon  horizon
	// compiled is nil where topdown evaluates.
	compiled  *engine.Entrypoint
	reference rego.PreparedEvalQuery
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
	g := s.generation
	scratch := g.scratch.Get().(*scratch)
	defer g.scratch.Put(scratch)
	d, err := s.loader.evaluate(ctx, c, question{generation: g, request: request, input: g.input.build(scratch, request, snapshot, now)})
	if err != nil {
		return s.failed(request, err)
	}
	d.PolicyRevision = s.Revision()
	d.ValidUntil = c.horizon.next(snapshot.State, now)
	return d
}

func (s *Set) failed(request *consent.Request, err error) consent.Decision {
	s.loader.counts.errors.Add(1)
	s.loader.logger.Error("policy failed", "controller", request.Subject.Controller, "purpose", request.Purpose,
		"policy_revision", s.Revision(), "error", err)
	d := consent.Failed()
	d.PolicyRevision = s.Revision()
	return d
}

// Active is the set in force on this node. The zero value holds none. All methods may be called concurrently.
type Active struct {
	current atomic.Pointer[activation]
	notify  atomic.Pointer[func()]
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
func (a *Active) Activate(s *Set, now consent.Instant) {
	a.current.Store(&activation{set: s, at: now})
	if f := a.notify.Load(); f != nil {
		(*f)()
	}
}

// Notify has f called after each activation, by whoever activates; it must be quick.
func (a *Active) Notify(f func()) { a.notify.Store(&f) }

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
