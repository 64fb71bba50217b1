package grpcapi

import (
	"context"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// ReportAnswers tells of the checks that a client's near cache answered.
func (s *decisionService) ReportAnswers(
	ctx context.Context, r *consentv1.ReportAnswersRequest,
) (*consentv1.ReportAnswersResponse, error) {
	if err := s.validator.require(r); err != nil {
		return nil, err
	}
	for _, answers := range r.GetAnswers() {
		reported := reportedOf(answers)
		for _, to := range s.reporters {
			to.Reported(ctx, &reported)
		}
	}
	return &consentv1.ReportAnswersResponse{}, nil
}

func reportedOf(a *consentv1.ReportedAnswers) authz.Reported {
	r := authz.Reported{
		Count: a.GetCount(),
		Request: consent.Request{
			Subject: consent.Subject{Controller: a.GetController()}, Purpose: a.GetPurpose(), DataCategories: a.GetDataCategories(),
			Recipient: consent.Recipient{Kind: consent.RecipientKind(a.GetRecipientKind())},
		},
		Decision: consent.Decision{ID: a.GetDecisionId()},
	}
	if a.GetDecision() == consentv1.Decision_DECISION_ALLOW {
		r.Decision.Effect = consent.Allow
	}
	return r
}
