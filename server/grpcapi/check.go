package grpcapi

import (
	"context"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/telemetry"
)

// Check decides one check: the answer is an encoded CheckResponse.
func (s *scratch) Check(ctx context.Context, r *consentv1.CheckRequest) ([]byte, error) {
	return s.decide(ctx, r, s.service.frames.single())
}

// decide decides r and appends the encoded CheckResponse to data.
func (s *scratch) decide(ctx context.Context, r *consentv1.CheckRequest, data []byte) ([]byte, error) {
	var err error
	if s.request, err = s.service.convert(r); err != nil {
		return data, err
	}
	decision, err := s.service.authorizer.Check(ctx, &s.request, consistencyOf(r.GetConsistency()))
	if err != nil {
		return data, err
	}
	s.service.tell(ctx, &s.request, &decision)
	return s.write(data, &decision)
}

// convert validates and converts a check.
func (s *decisionService) convert(r *consentv1.CheckRequest) (consent.Request, error) {
	faults, err := s.validator.checkFaults(r)
	if err != nil {
		return consent.Request{}, err
	}
	request, more := requestOf(r)
	return request, invalid(append(faults, more...))
}

// tell counts a decision that is given out, and puts it into the call's trace.
func (s *decisionService) tell(ctx context.Context, request *consent.Request, decision *consent.Decision) {
	s.metrics.decided.count(request.Subject.Controller, request.Purpose, decision)
	telemetry.From(ctx).Decided(request, decision)
}

// write appends a decision to data as an encoded CheckResponse. What rests on no state has no token.
func (s *scratch) write(data []byte, decision *consent.Decision) ([]byte, error) {
	s.token = s.token[:0]
	if decision.Degraded != consent.DegradedDenied {
		s.token = s.service.authorizer.AppendToken(s.token, decision.StateRevision)
	}
	return appendDecision(data, decision, s.token)
}

// respond is write into s.response.
func (s *scratch) respond(decision *consent.Decision) (err error) {
	s.response, err = s.write(s.response[:0], decision)
	return err
}
