package grpcapi

import (
	"context"

	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
)

// ListPurposes decides all purposes that the controller declares or prohibits.
func (s *scratch) ListPurposes(ctx context.Context, r *consentv1.ListPurposesRequest) ([]byte, error) {
	faults, err := s.service.validator.faults(r)
	if err != nil {
		return nil, err
	}
	facts, more := contextOf(r.GetContext())
	faults = append(faults, more...)
	past, more := pastOf(r, s.service.now())
	faults = append(faults, more...)
	consistency := consistencyOf(r.GetConsistency())
	if past != nil && consistency != (authz.Consistency{}) {
		faults = append(faults, staleConsistency("consistency"))
	}
	if err := invalid(faults); err != nil {
		return nil, err
	}
	request := consent.Request{
		Subject: consent.Subject{Controller: r.GetController(), ID: r.GetSubjectId()}, Context: facts,
	}
	if past != nil {
		return s.purposesAsOf(ctx, explain.PurposesQuestion{Request: &request, Past: *past, Current: currentPolicies(r.GetPolicies())})
	}
	decisions, err := s.service.authorizer.ListPurposes(ctx, &request, consistency)
	if err != nil {
		return nil, err
	}
	return s.purposes(ctx, &request, decisions)
}

// purposes encodes decisions as those of a ListPurposesResponse, and tells of them. The request's purpose is each of
// them in turn.
func (s *scratch) purposes(ctx context.Context, request *consent.Request, decisions []authz.PurposeDecision) ([]byte, error) {
	data := make([]byte, 0, len(decisions)*answerBytes)
	for i := range decisions {
		request.Purpose = decisions[i].Purpose
		s.service.tell(ctx, request, &decisions[i].Decision)
		if err := s.respond(&decisions[i].Decision); err != nil {
			return nil, err
		}
		data = appendPurpose(data, decisions[i].Purpose, s.response)
	}
	return data, nil
}

// purposesAsOf decides all purposes as of the past. Nobody acts upon it, so that it is not counted.
func (s *scratch) purposesAsOf(ctx context.Context, q explain.PurposesQuestion) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	past, err := s.service.explainer.PurposesAsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	answer := &consentv1.ListPurposesResponse{AsOf: stateAsOf(&past.AsOf), Policies: decidingPolicies(&past.Policies)}
	for _, p := range past.Decisions {
		response, err := checkResponse(&p.Decision, s.service.authorizer.AppendToken(nil, p.Decision.StateRevision))
		if err != nil {
			return nil, err
		}
		answer.Purposes = append(answer.Purposes, &consentv1.PurposeDecision{Purpose: p.Purpose, Response: response})
	}
	return proto.Marshal(answer)
}
