package grpcapi

import (
	"context"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/telemetry"
)

// takeCheck takes in the bytes of a check and returns what it asks for: what is remembered of these very bytes, or the
// request that they are; nil: they cannot be decoded, so that they ask for nothing.
func (s *scratch) takeCheck(data []byte) any {
	s.asked.kind, s.asked.data, s.in.fault = checking, data, nil
	s.service.answers.look(&s.asked)
	if s.asked.found != nil {
		return s.asked.found
	}
	if s.in.decode(data); s.in.fault != nil {
		return nil
	}
	return &s.check
}

// askedCheck asks for what takeCheck returned.
func askedCheck(a asking, request any) error {
	switch r := request.(type) {
	case *consentv1.CheckRequest:
		return check(a, r)
	case *answer:
		q := &r.kept.Request
		return a.to(q.Subject.Controller, q.Purpose, q.Recipient)
	}
	return nil
}

// Check answers the check that was taken in: an encoded CheckResponse.
func (s *scratch) Check(ctx context.Context) (*frame, error) {
	f := s.service.frames.single()
	data, err := s.answer(ctx, *f)
	*f = data
	return f, err
}

// answer appends the answer to the check that was taken in to data: by what is remembered, if that counts still.
func (s *scratch) answer(ctx context.Context, data []byte) ([]byte, error) {
	if s.asked.found != nil {
		again, ok, err := s.again(ctx, data)
		if ok || err != nil {
			return again, err
		}
		s.in.decode(s.asked.data)
	}
	if s.in.fault != nil {
		return data, s.in.fault
	}
	return s.decide(ctx, &s.check, data)
}

// again appends the answer that is remembered; false: it does not count any more. The caller was permitted to ask.
func (s *scratch) again(ctx context.Context, data []byte) (_ []byte, ok bool, err error) {
	e := s.asked.found
	s.repetition, ok, err = s.service.memory.Repeat(ctx, &e.kept, s.asked.consistency)
	if !ok || err != nil {
		return data, false, err
	}
	s.decision, err = s.service.memory.Given(ctx, &s.repetition, &e.kept.Parts[0])
	if err != nil {
		return data, false, err
	}
	e.Use()
	s.service.answers.counted(s.asked.hash).hits.Add(1)
	return s.give(ctx, data, e, &e.kept.Parts[0], &e.given[0]), true, nil
}

// give tells of s.decision, which is a part of what is remembered, and appends it to data.
func (s *scratch) give(ctx context.Context, data []byte, e *answer, part *authz.Part, g *given) []byte {
	s.service.metrics.decided.countIn(g.row, &s.decision)
	if span := telemetry.From(ctx); span != nil {
		request := e.kept.Request
		request.Purpose = part.Purpose
		span.Decided(&request, &s.decision)
	}
	s.token = s.service.authorizer.AppendToken(s.token[:0], s.decision.StateRevision)
	return g.verdict.again(data, &s.decision, s.token)
}

// decide decides r and appends the encoded CheckResponse to data.
func (s *scratch) decide(ctx context.Context, r *consentv1.CheckRequest, data []byte) ([]byte, error) {
	s.service.answers.missed(&s.asked)
	footing := s.service.footing()
	var err error
	if s.request, err = s.service.convert(r); err != nil {
		return data, err
	}
	decision, err := s.service.authorizer.Check(ctx, &s.request, consistencyOf(r.GetConsistency()))
	if err != nil {
		return data, err
	}
	if s.service.answers.takes(&s.asked) {
		s.remember(footing, &s.asked, &s.request, []authz.PurposeDecision{{Purpose: s.request.Purpose, Decision: decision}})
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
