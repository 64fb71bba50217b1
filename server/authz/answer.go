package authz

import (
	"context"

	"github.com/consentd/consentd/server/consent"
)

// Answer is a decision and all that it rests on, for explanations.
type Answer struct {
	Decision consent.Decision
	Snapshot consent.Snapshot
	Policies Policies
	Now      consent.Instant
}

// Answer decides a request as Check does, and says on what.
func (a *Authorizer) Answer(ctx context.Context, request *consent.Request, c Consistency) (Answer, error) {
	call, err := a.begin(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	if _, err := call.policies.Purposes(request.Subject.Controller); err != nil {
		return Answer{}, err
	}
	snapshot, err := a.read(ctx, call, request.Subject)
	if err != nil {
		return Answer{}, err
	}
	return a.answer(ctx, call, pending{request: request, snapshot: &snapshot})
}

// Ground is what an answer of another time rests on.
type Ground struct {
	Snapshot consent.Snapshot
	Policies Policies
	// Now is the instant that is decided for.
	Now consent.Instant
}

// AnswerOn decides a request on a given ground.
func (a *Authorizer) AnswerOn(ctx context.Context, request *consent.Request, g Ground) (Answer, error) {
	if _, err := g.Policies.Purposes(request.Subject.Controller); err != nil {
		return Answer{}, err
	}
	call := call{policies: g.Policies, now: g.Now}
	return a.answer(ctx, call, pending{request: request, snapshot: &g.Snapshot})
}

// ListPurposesOn is ListPurposes on a given ground.
func (a *Authorizer) ListPurposesOn(ctx context.Context, request *consent.Request, g Ground) ([]PurposeDecision, error) {
	purposes, err := g.Policies.Purposes(request.Subject.Controller)
	if err != nil {
		return nil, err
	}
	decisions := make([]PurposeDecision, len(purposes))
	for i, purpose := range purposes {
		one := *request
		one.Purpose = purpose
		answer, err := a.AnswerOn(ctx, &one, g)
		if err != nil {
			return nil, err
		}
		decisions[i] = PurposeDecision{purpose, answer.Decision}
	}
	return decisions, nil
}

func (a *Authorizer) answer(ctx context.Context, call call, p pending) (Answer, error) {
	d, err := a.standing(ctx, call, p)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Decision: d, Snapshot: *p.snapshot, Policies: call.policies, Now: call.now}, nil
}
