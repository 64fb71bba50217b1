package authz

import (
	"context"

	"github.com/consentd/consentd/server/consent"
)

// Result is the answer to one request of a batch: a decision, or why there is none.
type Result struct {
	Decision consent.Decision
	Err      error
	// Again says that the decision is what was kept.
	Again bool
}

// BatchCheck decides requests by one set of policies, at one instant. All requests about one subject are decided on the
// same state, which is read once; where it stops to count in between, those that come later are decided on a newer. It
// returns a result per request, in their order; its error is one that concerns all: a bad token, or a context that
// ended.
//
// kept is nil, or has what is kept of each request, nil for nothing; what does not count is taken out of it. The rest
// is given again if all of it counts at one instant after the others were decided, and none of these on a newer state
// than was known then; else all are decided.
func (a *Authorizer) BatchCheck(
	ctx context.Context, requests []consent.Request, kept []*Kept, c Consistency,
) ([]Result, error) {
	footing := Footing{}
	if kept != nil {
		footing = a.footing() // before the policies
	}
	call, err := a.begin(ctx, c)
	if err != nil {
		return nil, err
	}
	b := batch{Authorizer: a, call: call, readings: map[consent.Subject]*reading{}, results: make([]Result, len(requests))}
	if c.Freshness != consent.MinimizeLatency {
		footing = Footing{}
	}
	if !b.drop(footing, kept) {
		footing = Footing{}
	}
	fresh := func(i int) bool { return footing.floors == nil || kept[i] == nil }
	if err := b.decide(ctx, requests, fresh); err != nil {
		return nil, err
	}
	again, err := b.repeat(ctx, footing, kept, fresh)
	if err == nil && !again {
		err = b.decide(ctx, requests, func(i int) bool { return !fresh(i) })
	}
	if err != nil {
		return nil, err
	}
	for i := range b.results {
		if r := &b.results[i]; r.Err == nil {
			r.Decision, r.Err = a.out(ctx, b.call, &requests[i], r.Decision)
		}
	}
	return b.results, nil
}

// batch is a BatchCheck under way.
type batch struct {
	*Authorizer
	call     call
	readings map[consent.Subject]*reading
	results  []Result
}

// drop takes out what does not count already, and reports whether anything is left.
func (b *batch) drop(footing Footing, kept []*Kept) (left bool) {
	if footing.floors == nil {
		return false
	}
	policy, announced, now := b.call.policies.Revision(), footing.floors.Announced(), int64(b.call.now)
	for i, k := range kept {
		if k != nil && !(k.Terms.CurrentAt(footing.floors, policy, announced) && k.Terms.In(now)) {
			kept[i] = nil
		}
		left = left || kept[i] != nil
	}
	return left
}

// decide decides some requests. Its error is the context's.
func (b *batch) decide(ctx context.Context, requests []consent.Request, which func(int) bool) error {
	for i := range requests {
		if !which(i) {
			continue
		}
		d, err := b.check(ctx, &requests[i])
		b.results[i] = Result{Decision: d, Err: err}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// repeat gives again what is kept, all of it or nothing. The others are decided.
func (b *batch) repeat(ctx context.Context, footing Footing, kept []*Kept, fresh func(int) bool) (bool, error) {
	if footing.floors == nil || b.config.Footings.Floors() != footing.floors {
		return false, nil // nothing is kept, or history was lost since
	}
	policy, announced := b.call.policies.Revision(), footing.floors.Announced()
	if announced < uint64(b.call.atLeast) {
		return false, nil
	}
	for i := range b.results {
		switch r := &b.results[i]; {
		case !fresh(i):
			if !kept[i].Terms.CurrentAt(footing.floors, policy, announced) {
				return false, nil
			}
			*r = Result{Decision: kept[i].Parts[0].again(consent.Revision(announced)), Again: true}
		case uint64(r.Decision.StateRevision) > announced:
			return false, nil
		}
	}
	if err := b.confirmKept(ctx, footing); err != nil {
		return false, err
	}
	now := int64(b.config.Now())
	for i := range b.results {
		if !fresh(i) && !kept[i].Terms.In(now) {
			return false, nil
		}
	}
	ok := b.holds(footing.until)
	b.remembers(ctx, ok)
	return ok, nil
}

func (b *batch) confirmKept(ctx context.Context, footing Footing) error {
	if b.call.token.Revision == 0 {
		return nil
	}
	return b.confirmAfter(ctx, b.call.token, &consent.Snapshot{Until: footing.until})
}

// reading is a subject's state, or why it could not be read.
type reading struct {
	snapshot consent.Snapshot
	err      error
}

func (b *batch) check(ctx context.Context, request *consent.Request) (consent.Decision, error) {
	if _, err := b.call.policies.Purposes(request.Subject.Controller); err != nil {
		return consent.Decision{}, err
	}
	r := b.readings[request.Subject]
	if r == nil {
		r = &reading{}
		r.snapshot, r.err = b.read(ctx, b.call, request.Subject)
		b.readings[request.Subject] = r
	}
	return b.on(ctx, b.call, request, r)
}

// on decides a request on what was read, or could not be.
func (a *Authorizer) on(ctx context.Context, call call, request *consent.Request, r *reading) (consent.Decision, error) {
	err := r.err
	if err == nil {
		var d consent.Decision
		if d, err = a.standing(ctx, call, pending{request, &r.snapshot}); err == nil {
			return d, nil
		}
	}
	return a.degrade(ctx, call, request, err)
}

// PurposeDecision is the decision for one purpose.
type PurposeDecision struct {
	Purpose  string
	Decision consent.Decision
}

// ListPurposes decides request for every purpose that its controller declares or prohibits, sorted by purpose, on one
// state, as BatchCheck does. The request's own purpose is not looked at. Where the state cannot be read, it fails
// unless every one of the purposes declares what then, and can be decided so.
func (a *Authorizer) ListPurposes(ctx context.Context, request *consent.Request, c Consistency) ([]PurposeDecision, error) {
	call, err := a.begin(ctx, c)
	if err != nil {
		return nil, err
	}
	purposes, err := call.policies.Purposes(request.Subject.Controller)
	if err != nil {
		return nil, err
	}
	var r reading
	r.snapshot, r.err = a.read(ctx, call, request.Subject)
	decisions := make([]PurposeDecision, len(purposes))
	for i, purpose := range purposes {
		one := *request
		one.Purpose = purpose
		d, err := a.on(ctx, call, &one, &r)
		if err == nil {
			d, err = a.out(ctx, call, &one, d)
		}
		if err != nil {
			return nil, err
		}
		decisions[i] = PurposeDecision{purpose, d}
	}
	return decisions, nil
}
