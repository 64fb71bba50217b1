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

// Answer decides a request as Check does, and says on what. It is not observed: nobody acts upon it.
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
	return a.answer(ctx, call, question{request: request, snapshot: &snapshot})
}

// AnswerOn decides a request on a given state at a given instant, by the active policies. It is not observed.
func (a *Authorizer) AnswerOn(
	ctx context.Context, request *consent.Request, snapshot consent.Snapshot, now consent.Instant,
) (Answer, error) {
	call, err := a.begin(ctx, Consistency{})
	if err != nil {
		return Answer{}, err
	}
	if _, err := call.policies.Purposes(request.Subject.Controller); err != nil {
		return Answer{}, err
	}
	call.now = now
	return a.answer(ctx, call, question{request: request, snapshot: &snapshot})
}

func (a *Authorizer) answer(ctx context.Context, call call, q question) (Answer, error) {
	d, err := a.judge(ctx, call, q)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Decision: d, Snapshot: *q.snapshot, Policies: call.policies, Now: call.now}, nil
}
