package authz

import (
	"context"

	"github.com/consentd/consentd/server/consent"
)

// Result is the answer to one request of a batch: a decision, or why there is none.
type Result struct {
	Decision consent.Decision
	Err      error
}

// BatchCheck decides requests by one set of policies, at one instant. All requests about one subject are decided on the
// same state, which is read once; where it stops to count in between, those that come later are decided on a newer. It
// returns a result per request, in their order; its error is one that concerns all: a bad token, or a context that
// ended.
func (a *Authorizer) BatchCheck(ctx context.Context, requests []consent.Request, c Consistency) ([]Result, error) {
	call, err := a.begin(ctx, c)
	if err != nil {
		return nil, err
	}
	b := batch{a, call, map[consent.Subject]*reading{}}
	results := make([]Result, len(requests))
	for i := range requests {
		results[i].Decision, results[i].Err = b.check(ctx, &requests[i])
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// batch is a BatchCheck under way.
type batch struct {
	*Authorizer
	call     call
	readings map[consent.Subject]*reading
}

// reading is a subject's state, or why it could not be read.
type reading struct {
	snapshot consent.Snapshot
	err      error
}

func (b batch) check(ctx context.Context, request *consent.Request) (consent.Decision, error) {
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
	if r.err != nil {
		return a.degrade(ctx, call, request, r.err)
	}
	return a.give(ctx, call, pending{request, &r.snapshot})
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
		if err != nil {
			return nil, err
		}
		decisions[i] = PurposeDecision{purpose, d}
	}
	return decisions, nil
}
