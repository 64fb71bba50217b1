package authz

import (
	"context"
	"errors"
	"time"

	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// Stale has states that may be old.
type Stale interface {
	// Stale returns the subject's state as the node last knew it: one that lacks no change which the node has heard of. ok
	// is false if it knows none. age tells, at each call, how long ago the node last knew that it had heard of all.
	Stale(subject consent.Subject) (s consent.Snapshot, age func() time.Duration, ok bool)
}

// degrades reports whether the call takes what a purpose declares for when its state cannot be read: one that demands
// how fresh the state must be does not.
func (c *call) degrades() bool {
	return c.freshness == consent.MinimizeLatency && c.token == (wire.Token{})
}

// degrade answers a request whose state could not be read, for cause: as its purpose declares for that, where the call
// lets it and the store is what fails; else, and where there is no such answer, cause is the error.
func (a *Authorizer) degrade(ctx context.Context, call call, request *consent.Request, cause error) (consent.Decision, error) {
	if !call.degrades() || ctx.Err() != nil || !errors.Is(cause, consent.ErrUnavailable) {
		return consent.Decision{}, cause
	}
	declared, _ := call.policies.Declared(request.Subject.Controller, request.Purpose)
	switch declared.Degraded.When {
	case consent.DenyDegraded:
		d := consent.Unavailable(declared.Clause)
		d.PolicyRevision, d.ID = call.policies.Revision(), newID()
		return d, nil
	case consent.ServeStale:
		if d, ok := a.stale(ctx, call, request, declared.Degraded.StaleLimit); ok {
			return d, nil
		}
	}
	return consent.Decision{}, cause
}

// stale decides by the newest state that the node knows; false: it knows none that is young enough, or the answer would
// be an ALLOW that the subject may have ended meanwhile. Admission keeps purposes that rest on consent from getting
// here at all. Here it is the single request that counts: on some data, or for a recipient abroad, a purpose may need a
// consent that it does not rest on.
func (a *Authorizer) stale(
	ctx context.Context, call call, request *consent.Request, limit time.Duration,
) (d consent.Decision, ok bool) {
	if a.config.Stale == nil {
		return d, false
	}
	snapshot, age, ok := a.config.Stale.Stale(request.Subject)
	if !ok || age() > limit {
		return d, false
	}
	d, err := a.decide(ctx, call, pending{request, &snapshot})
	if err != nil || d.Effect == consent.Allow && !a.standsAlone(ctx, call, request, &snapshot) {
		return d, false
	}
	d.Degraded, d.StateAge = consent.DegradedStale, age() // last: the process may have been paused meanwhile
	return d, d.StateAge <= limit
}

// standsAlone reports whether a request is allowed whatever the subject may have said since the state was read.
func (a *Authorizer) standsAlone(ctx context.Context, call call, request *consent.Request, s *consent.Snapshot) bool {
	adverse := consent.Snapshot{
		State: s.State.Adverse(request.Purpose, call.now), Changed: s.Changed, AsOf: s.AsOf, Person: s.Person,
	}
	d, err := a.evaluate(ctx, call, pending{request, &adverse})
	return err == nil && ctx.Err() == nil && d.Effect == consent.Allow && Malformed(&d, request) == nil
}
