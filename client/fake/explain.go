package fake

import (
	"context"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/policy"
)

// explainer tells which rule answers. What is as of the past it reads from the ledgers as the server does.
type explainer struct {
	*explain.Explainer
	server *Server
	// authorizer decides without using rules up.
	authorizer *authz.Authorizer
}

// Explain implements grpcapi.Explainer.
func (x *explainer) Explain(ctx context.Context, q explain.Question) (explain.Story, error) {
	ctx, asked := ask(ctx, true)
	story, answer, err := x.answer(ctx, q)
	if err == nil {
		err = asked.err
	}
	if err != nil {
		return explain.Story{}, err
	}
	story.Decision, story.Now = answer.Decision, answer.Now
	if r := asked.rule; r != nil {
		fired := explain.Fired{
			Rule:    policy.Rule{Title: "rule", Description: "the first rule that matches", File: x.server.current().name, Line: r.line},
			Reasons: answer.Decision.Reasons,
		}
		for _, o := range answer.Decision.Obligations {
			fired.Obligations = append(fired.Obligations, o.Code)
		}
		story.Rules = []explain.Fired{fired}
	}
	for _, o := range answer.Decision.Obligations {
		story.Obligations = append(story.Obligations, o.Code.String())
	}
	if until := answer.Decision.ValidUntil; until != 0 {
		story.Until = &explain.Until{At: until, Why: "The rule says so."}
	}
	return story, nil
}

// answer decides a question, and begins its story.
func (x *explainer) answer(ctx context.Context, q explain.Question) (story explain.Story, answer authz.Answer, err error) {
	if q.Past == nil {
		if answer, err = x.authorizer.Answer(ctx, q.Request, q.Consistency); err == nil {
			story.Person, err = x.server.store.Person(ctx, q.Request.Subject)
		}
		return story, answer, err
	}
	rules, deciding, err := x.server.deciding(q.Past.At, q.Current)
	if err != nil {
		return story, answer, err
	}
	snapshot, as, err := x.SubjectAsOf(ctx, q.Request.Subject, *q.Past)
	if err != nil {
		return story, answer, err
	}
	story.AsOf, story.Policies, story.Person = &as, &deciding, as.Person
	answer, err = x.authorizer.AnswerOn(ctx, q.Request, authz.Ground{Snapshot: snapshot, Policies: rules, Now: q.Past.At})
	return story, answer, err
}

// PurposesAsOf implements grpcapi.Explainer.
func (x *explainer) PurposesAsOf(ctx context.Context, q explain.PurposesQuestion) (explain.Purposes, error) {
	rules, deciding, err := x.server.deciding(q.Past.At, q.Current)
	if err != nil {
		return explain.Purposes{}, err
	}
	snapshot, as, err := x.SubjectAsOf(ctx, q.Request.Subject, q.Past)
	if err != nil {
		return explain.Purposes{}, err
	}
	ground := authz.Ground{Snapshot: snapshot, Policies: rules, Now: q.Past.At}
	declared, err := rules.Purposes(q.Request.Subject.Controller)
	if err != nil {
		return explain.Purposes{}, err
	}
	found := explain.Purposes{AsOf: as, Policies: deciding}
	for _, purpose := range declared {
		d, err := x.decideOn(ctx, *q.Request, purpose, ground)
		if err != nil {
			return explain.Purposes{}, err
		}
		found.Decisions = append(found.Decisions, authz.PurposeDecision{Purpose: purpose, Decision: d})
	}
	return found, nil
}

func (x *explainer) decideOn(
	ctx context.Context, request consent.Request, purpose string, ground authz.Ground,
) (consent.Decision, error) {
	ctx, asked := ask(ctx, true)
	request.Purpose = purpose
	answer, err := x.authorizer.AnswerOn(ctx, &request, ground)
	if err == nil {
		err = asked.err
	}
	return answer.Decision, err
}
