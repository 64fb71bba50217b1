package grpcapi

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// decisionService answers DecisionService.
type decisionService struct {
	consentv1.UnimplementedDecisionServiceServer
	edge
	authorizer Authorizer
	explainer  Explainer
	now        func() consent.Instant
	watchers   Watchers
	validator  *validator
	// draining is closed when the server begins to stop.
	draining chan struct{}
}

// Check decides one purpose for one subject.
func (s *decisionService) Check(ctx context.Context, r *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	request, err := s.admit(r)
	if err != nil {
		return nil, err
	}
	d, err := s.authorizer.Check(ctx, &request, consistencyOf(r.GetConsistency()))
	if err != nil {
		return nil, err
	}
	return s.response(r.GetController(), &d), nil
}

// admit validates and converts a check.
func (s *decisionService) admit(r *consentv1.CheckRequest) (consent.Request, error) {
	faults, err := s.validator.checkFaults(r)
	if err != nil {
		return consent.Request{}, err
	}
	request, more := requestOf(r)
	return request, invalid(append(faults, more...))
}

// response counts and converts a decision.
func (s *decisionService) response(controller string, d *consent.Decision) *consentv1.CheckResponse {
	s.metrics.decided(controller, d)
	return checkResponse(d, s.authorizer.Token(d.StateRevision))
}

// BatchCheck decides many requests. Those that are malformed get their own errors, the others go on together.
func (s *decisionService) BatchCheck(ctx context.Context, r *consentv1.BatchCheckRequest) (*consentv1.BatchCheckResponse, error) {
	if err := s.validator.require(r); err != nil {
		return nil, err
	}
	answer := &consentv1.BatchCheckResponse{Results: make([]*consentv1.BatchCheckResult, len(r.GetRequests()))}
	requests := make([]consent.Request, 0, len(r.GetRequests()))
	positions := make([]int, 0, len(r.GetRequests()))
	for i, item := range r.GetRequests() {
		request, err := s.admitItem(item)
		if err != nil {
			answer.Results[i] = s.failed(ctx, err)
			continue
		}
		requests, positions = append(requests, request), append(positions, i)
	}
	results, err := s.authorizer.BatchCheck(ctx, requests, consistencyOf(r.GetConsistency()))
	if err != nil {
		return nil, err
	}
	for i, at := range positions {
		answer.Results[at] = s.result(ctx, requests[i].Subject.Controller, &results[i])
	}
	return answer, nil
}

// admitItem is admit for an item of a batch, whose freshness is the batch's.
func (s *decisionService) admitItem(r *consentv1.CheckRequest) (consent.Request, error) {
	if r.GetConsistency() != nil {
		return consent.Request{}, invalid([]consent.Violation{{
			Field: "consistency", Description: "must be absent in a batch, which has one consistency for all its requests",
		}})
	}
	return s.admit(r)
}

func (s *decisionService) result(ctx context.Context, controller string, r *authz.Result) *consentv1.BatchCheckResult {
	if r.Err != nil {
		return s.failed(ctx, r.Err)
	}
	response := s.response(controller, &r.Decision)
	return &consentv1.BatchCheckResult{Outcome: &consentv1.BatchCheckResult_Response{Response: response}}
}

func (s *decisionService) failed(ctx context.Context, err error) *consentv1.BatchCheckResult {
	refused := s.errors.refuse(ctx, consentv1.DecisionService_BatchCheck_FullMethodName, err)
	return &consentv1.BatchCheckResult{Outcome: &consentv1.BatchCheckResult_Error{Error: checkError(refused)}}
}

// checkError converts the status that Check would have returned.
func checkError(s *status.Status) *consentv1.CheckError {
	e := &consentv1.CheckError{Code: int32(s.Code()), Message: s.Message()}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.BadRequest:
			for _, v := range detail.GetFieldViolations() {
				e.FieldViolations = append(e.FieldViolations,
					&consentv1.FieldViolation{Field: v.GetField(), Description: v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			e.RetryDelay = detail.GetRetryDelay()
		}
	}
	return e
}

// ListPurposes decides all purposes that the controller declares or prohibits.
func (s *decisionService) ListPurposes(
	ctx context.Context, r *consentv1.ListPurposesRequest,
) (*consentv1.ListPurposesResponse, error) {
	faults, err := s.validator.faults(r)
	if err != nil {
		return nil, err
	}
	facts, more := contextOf(r.GetContext())
	if err := invalid(append(faults, more...)); err != nil {
		return nil, err
	}
	request := consent.Request{
		Subject: consent.Subject{Controller: r.GetController(), ID: r.GetSubjectId()}, Context: facts,
	}
	decisions, err := s.authorizer.ListPurposes(ctx, &request, consistencyOf(r.GetConsistency()))
	if err != nil {
		return nil, err
	}
	answer := &consentv1.ListPurposesResponse{Purposes: make([]*consentv1.PurposeDecision, len(decisions))}
	for i := range decisions {
		response := s.response(r.GetController(), &decisions[i].Decision)
		answer.Purposes[i] = &consentv1.PurposeDecision{Purpose: decisions[i].Purpose, Response: response}
	}
	return answer, nil
}
