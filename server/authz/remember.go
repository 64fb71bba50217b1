package authz

import (
	"context"
	"slices"

	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/server/consent"
)

// Footings tell on what decisions may be remembered; cache.Cache does. They are asked in the order of the methods,
// before anything that the decision rests on is looked up.
type Footings interface {
	// Until is until when what is remembered counts, as of a Snapshot; zero: there is no bound. false: it does not now.
	Until() (until int64, ok bool)
	// Floors are those of the store's history as it is known now.
	Floors() *remembered.Floors
	// Slot is that of a subject in all Floors.
	Slot(consent.Subject) uint32
}

// Footing is what decisions may be remembered on. The zero value: on nothing.
type Footing struct {
	floors *remembered.Floors
	until  int64
	began  consent.Instant
}

// Footing is to be taken before a call that is to be remembered.
func (a *Authorizer) Footing() Footing {
	f := a.footing()
	if f.floors != nil {
		f.began = a.config.Now()
	}
	return f
}

// footing is Footing for what is given again.
func (a *Authorizer) footing() Footing {
	if a.config.Footings == nil {
		return Footing{}
	}
	until, ok := a.config.Footings.Until()
	if !ok {
		return Footing{}
	}
	return Footing{floors: a.config.Footings.Floors(), until: until}
}

// Kept is what was decided for a request and may be given again. Nothing of it changes.
type Kept struct {
	Terms remembered.Terms
	// Request is that of all parts but for the purpose, and holds nothing of a call's memory.
	Request consent.Request
	// Parts are one decision, or those of ListPurposes.
	Parts []Part
}

// asks is the request of a part. It is a copy only where there are several: nothing of it is changed.
func (k *Kept) asks(part *Part) *consent.Request {
	if k.Request.Purpose == part.Purpose {
		return &k.Request
	}
	own := k.Request
	own.Purpose = part.Purpose
	return &own
}

// Part is a decision that is kept.
type Part struct {
	Purpose string
	// Decision is without ValidUntil, StateRevision and ID: many share one.
	Decision   *consent.Decision
	ValidUntil consent.Instant
}

// Terms returns on what decisions about a subject, of a call for which footing was taken, may be given again; false:
// they may not. What failed, or could not be decided on the state, is decided anew each time.
func (a *Authorizer) Terms(footing Footing, subject consent.Subject, decisions ...*consent.Decision) (remembered.Terms, bool) {
	if footing.floors == nil || len(decisions) == 0 {
		return remembered.Terms{}, false
	}
	first := decisions[0]
	t := remembered.Terms{
		Floors: footing.floors, Slot: a.config.Footings.Slot(subject), Revision: uint64(first.StateRevision),
		Policy: first.PolicyRevision,
		// The decisions are for an instant in between. A clock that was set back since is not let in before it.
		From: int64(max(footing.began, a.config.Now())),
	}
	for _, d := range decisions {
		failed := slices.ContainsFunc(d.Reasons, func(r consent.Reason) bool { return r.Code == consent.PolicyError })
		if failed || d.Degraded != 0 || d.PolicyRevision != t.Policy {
			return remembered.Terms{}, false
		}
		t.Revision = min(t.Revision, uint64(d.StateRevision))
		if until := int64(d.ValidUntil); until != 0 && (t.Until == 0 || until < t.Until) {
			t.Until = until
		}
	}
	_, current := t.Current(footing.floors, t.Policy, 0)
	return t, current && (t.Until == 0 || t.From < t.Until) && a.holds(footing.until)
}

func (a *Authorizer) holds(until int64) bool {
	return until == 0 || a.config.Holds == nil || a.config.Holds(until)
}

// Repetition is a call that is answered by what is kept.
type Repetition struct {
	call call
	kept *Kept
	asOf consent.Revision
}

// Repeat reports whether what is kept is the answer to a call now; else it is to be decided. The caller may make the
// call. An error is the call's.
//
// What it reads in which order is what makes it right: package remembered.
func (a *Authorizer) Repeat(ctx context.Context, kept *Kept, c Consistency) (r Repetition, ok bool, err error) {
	footing := a.footing()
	if footing.floors == nil || c.Freshness != consent.MinimizeLatency {
		return r, false, nil
	}
	if r.call, err = a.prepare(ctx, c); err != nil {
		return r, false, err
	}
	asOf, ok := kept.Terms.Current(footing.floors, r.call.policies.Revision(), uint64(r.call.atLeast))
	if !ok {
		return r, false, nil
	}
	r.kept, r.asOf = kept, consent.Revision(asOf)
	if r.call.token.Revision != 0 {
		if err = a.confirmAfter(ctx, r.call.token, &consent.Snapshot{Until: footing.until}); err != nil {
			return r, false, err
		}
	}
	r.call.now = a.config.Now()
	ok = kept.Terms.In(int64(r.call.now)) && a.holds(footing.until)
	a.remembers(ctx, ok)
	return r, ok, nil
}

// remembers tells that what is kept is given again.
func (a *Authorizer) remembers(ctx context.Context, ok bool) {
	if ok && a.config.Steps != nil {
		a.config.Steps(ctx, Remembering)(nil)
	}
}

// Given is a decision of a Repetition as it is given out, by which observers have been told.
func (a *Authorizer) Given(ctx context.Context, r *Repetition, part *Part) (consent.Decision, error) {
	d := part.again(r.asOf)
	if !a.observed() {
		return d, nil
	}
	return a.out(ctx, r.call, r.kept.asks(part), d)
}

// again is the decision with an id of its own, as of a revision.
func (p *Part) again(asOf consent.Revision) consent.Decision {
	d := *p.Decision
	d.ValidUntil, d.StateRevision, d.ID = p.ValidUntil, asOf, newID()
	return d
}
