package grpcapi

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// answerBytes is about how long an encoded answer gets.
const answerBytes = 320

// batch is the requests of a BatchCheck: a fault for each, nil for those that are to be decided.
type batch struct {
	faults   []error
	requests []consent.Request
}

// BatchCheck decides many checks. Those that are malformed, or not permitted to the caller, get their own errors, the
// others go on together.
func (s *scratch) BatchCheck(ctx context.Context, r *consentv1.BatchCheckRequest) ([]byte, error) {
	if err := s.service.validator.require(r); err != nil {
		return nil, err
	}
	if err := s.service.limits.Spend(ctx, len(r.GetRequests())-1); err != nil {
		return nil, err
	}
	b := batch{make([]error, len(r.GetRequests())), make([]consent.Request, 0, len(r.GetRequests()))}
	asked := s.service.asking(ctx, caller.Check)
	for i, item := range r.GetRequests() {
		var request consent.Request
		if b.faults[i] = check(asked, item); b.faults[i] != nil {
			continue
		}
		if request, b.faults[i] = s.service.convertItem(item); b.faults[i] == nil {
			b.requests = append(b.requests, request)
		}
	}
	results, err := s.service.authorizer.BatchCheck(ctx, b.requests, consistencyOf(r.GetConsistency()))
	if err != nil {
		return nil, err
	}
	return s.batchAnswer(ctx, b, results), nil
}

// convertItem is convert for an item of a batch, whose freshness is the batch's.
func (s *decisionService) convertItem(r *consentv1.CheckRequest) (consent.Request, error) {
	if r.GetConsistency() != nil {
		return consent.Request{}, invalid([]consent.Violation{{
			Field: "consistency", Description: "must be absent in a batch, which has one consistency for all its requests",
		}})
	}
	return s.convert(r)
}

// batchAnswer encodes the answer to a batch.
func (s *scratch) batchAnswer(ctx context.Context, b batch, results []authz.Result) []byte {
	data := make([]byte, 0, len(b.faults)*answerBytes)
	next := 0
	for _, fault := range b.faults {
		if fault == nil {
			fault = s.result(ctx, &b.requests[next], &results[next])
			next++
		}
		if fault == nil {
			data = appendBatched(data, wire.BatchCheckResultResponse, s.response)
		} else {
			refused := s.service.errors.refuse(ctx, consentv1.DecisionService_BatchCheck_FullMethodName, fault)
			data = appendBatched(data, wire.BatchCheckResultError, encodedError(refused))
		}
	}
	return data
}

// result encodes a decision of a batch into s.response, or returns why there is none.
func (s *scratch) result(ctx context.Context, request *consent.Request, r *authz.Result) error {
	if r.Err != nil {
		return r.Err
	}
	s.service.tell(ctx, request, &r.Decision)
	return s.respond(&r.Decision)
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
