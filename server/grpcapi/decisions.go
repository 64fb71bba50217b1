package grpcapi

import (
	"context"
	"sync"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
)

// decisionService answers DecisionService; describe says how Check, BatchCheck and ListPurposes come here.
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
	// desks has those that are free, frames the memory of answers that were sent.
	desks  sync.Pool
	frames framePool
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

// answerBytes is about how long an encoded answer gets.
const answerBytes = 320

// batch is the requests of a BatchCheck: a fault for each, nil for those that are to be decided.
type batch struct {
	faults   []error
	requests []consent.Request
}

// batchCheck decides many requests. Those that are malformed get their own errors, the others go on together.
func (d *desk) batchCheck(ctx context.Context, r *consentv1.BatchCheckRequest) ([]byte, error) {
	if err := d.service.validator.require(r); err != nil {
		return nil, err
	}
	b := batch{make([]error, len(r.GetRequests())), make([]consent.Request, 0, len(r.GetRequests()))}
	for i, item := range r.GetRequests() {
		var request consent.Request
		if request, b.faults[i] = d.service.admitItem(item); b.faults[i] == nil {
			b.requests = append(b.requests, request)
		}
	}
	results, err := d.service.authorizer.BatchCheck(ctx, b.requests, consistencyOf(r.GetConsistency()))
	if err != nil {
		return nil, err
	}
	return d.batchAnswer(ctx, b, results), nil
}

// batchAnswer encodes the answer to a batch.
func (d *desk) batchAnswer(ctx context.Context, b batch, results []authz.Result) []byte {
	data := make([]byte, 0, len(b.faults)*answerBytes)
	next := 0
	for _, fault := range b.faults {
		if fault == nil {
			fault = d.result(&b.requests[next], &results[next])
			next++
		}
		if fault == nil {
			data = appendBatched(data, wire.BatchCheckResultResponse, d.response)
		} else {
			refused := d.service.errors.refuse(ctx, consentv1.DecisionService_BatchCheck_FullMethodName, fault)
			data = appendBatched(data, wire.BatchCheckResultError, encodedError(refused))
		}
	}
	return data
}

// result encodes a decision of a batch into d.response, or returns why there is none.
func (d *desk) result(request *consent.Request, r *authz.Result) error {
	if r.Err != nil {
		return r.Err
	}
	return d.respond(request.Subject.Controller, &r.Decision)
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

// listPurposes decides all purposes that the controller declares or prohibits.
func (d *desk) listPurposes(ctx context.Context, r *consentv1.ListPurposesRequest) ([]byte, error) {
	faults, err := d.service.validator.faults(r)
	if err != nil {
		return nil, err
	}
	facts, more := contextOf(r.GetContext())
	faults = append(faults, more...)
	past, more := pastOf(r, d.service.now())
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
		return d.purposesAsOf(ctx, explain.PurposesQuestion{Request: &request, Past: *past, Current: currentPolicies(r.GetPolicies())})
	}
	decisions, err := d.service.authorizer.ListPurposes(ctx, &request, consistency)
	if err != nil {
		return nil, err
	}
	return d.purposes(r.GetController(), decisions)
}

// purposes encodes decisions as those of a ListPurposesResponse, and counts them.
func (d *desk) purposes(controller string, decisions []authz.PurposeDecision) ([]byte, error) {
	data := make([]byte, 0, len(decisions)*answerBytes)
	for i := range decisions {
		if err := d.respond(controller, &decisions[i].Decision); err != nil {
			return nil, err
		}
		data = appendPurpose(data, decisions[i].Purpose, d.response)
	}
	return data, nil
}

// purposesAsOf decides all purposes as of the past. Nobody acts upon it, so that it is not counted.
func (d *desk) purposesAsOf(ctx context.Context, q explain.PurposesQuestion) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	found, err := d.service.explainer.PurposesAsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	answer := &consentv1.ListPurposesResponse{AsOf: stateAsOf(&found.AsOf), Policies: decidingPolicies(&found.Policies)}
	for _, p := range found.Decisions {
		response, err := checkResponse(&p.Decision, d.service.authorizer.AppendToken(nil, p.Decision.StateRevision))
		if err != nil {
			return nil, err
		}
		answer.Purposes = append(answer.Purposes, &consentv1.PurposeDecision{Purpose: p.Purpose, Response: response})
	}
	return proto.Marshal(answer)
}
