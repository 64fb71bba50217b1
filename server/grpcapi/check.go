package grpcapi

import (
	"context"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
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
	return s.write(data, s.request.Subject.Controller, &decision)
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

// write counts a decision and appends it to data as an encoded CheckResponse.
func (s *scratch) write(data []byte, controller string, decision *consent.Decision) ([]byte, error) {
	s.service.metrics.decided(controller, decision)
	s.token = s.service.authorizer.AppendToken(s.token[:0], decision.StateRevision)
	return appendDecision(data, decision, s.token)
}

// respond is write into s.response.
func (s *scratch) respond(controller string, decision *consent.Decision) (err error) {
	s.response, err = s.write(s.response[:0], controller, decision)
	return err
}
