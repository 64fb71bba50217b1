package clienttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

type decisions struct {
	consentv1.UnimplementedDecisionServiceServer
	server *Server
}

// decide answers one check by the rules.
func (s *Server) decide(c *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	if c.GetController() == "" || c.GetSubjectId() == "" || c.GetPurpose() == "" {
		return nil, status.Error(codes.InvalidArgument, "controller, subject_id and purpose are required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks = append(s.checks, c)
	answer := &consentv1.CheckResponse{
		Decision:       consentv1.Decision_DECISION_DENY,
		Reasons:        []*consentv1.Reason{{Code: consentv1.ReasonCode_REASON_CODE_PURPOSE_NOT_DECLARED}},
		PolicyRevision: "clienttest",
	}
	for i := range s.rules {
		r := &s.rules[i]
		if !r.matches(c) {
			continue
		}
		if r.response == nil {
			return nil, status.Error(r.code, fmt.Sprintf("the rule in line %d", r.line))
		}
		answer = proto.CloneOf(r.response)
		break
	}
	answer.ConsistencyToken, answer.DecisionId = token(s.revision), fmt.Sprintf("decision-%d", len(s.checks))
	return answer, nil
}

func token(revision uint64) string { return fmt.Sprintf("clienttest-%d", revision) }

func checkError(err error) *consentv1.CheckError {
	s := status.Convert(err)
	return &consentv1.CheckError{Code: int32(s.Code()), Message: s.Message()}
}

// Check answers by the rules.
func (d *decisions) Check(_ context.Context, c *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	return d.server.decide(c)
}

// BatchCheck answers each request by the rules.
func (d *decisions) BatchCheck(_ context.Context, b *consentv1.BatchCheckRequest) (*consentv1.BatchCheckResponse, error) {
	answer := &consentv1.BatchCheckResponse{}
	for _, c := range b.GetRequests() {
		result := &consentv1.BatchCheckResult{}
		if response, err := d.server.decide(c); err == nil {
			result.Outcome = &consentv1.BatchCheckResult_Response{Response: response}
		} else {
			result.Outcome = &consentv1.BatchCheckResult_Error{Error: checkError(err)}
		}
		answer.Results = append(answer.Results, result)
	}
	return answer, nil
}

// CheckStream answers each check by the rules, in their order.
func (d *decisions) CheckStream(
	stream grpc.BidiStreamingServer[consentv1.CheckStreamRequest, consentv1.CheckStreamResponse],
) error {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := &consentv1.CheckStreamResponse{}
		for _, c := range m.GetChecks() {
			result := &consentv1.StreamedResult{Id: c.GetId()}
			if response, err := d.server.decide(c.GetCheck()); err == nil {
				result.Outcome = &consentv1.StreamedResult_Response{Response: response}
			} else {
				result.Outcome = &consentv1.StreamedResult_Error{Error: checkError(err)}
			}
			answer.Results = append(answer.Results, result)
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

// ListPurposes answers for each purpose that a rule of the controller names, sorted.
func (d *decisions) ListPurposes(_ context.Context, r *consentv1.ListPurposesRequest) (*consentv1.ListPurposesResponse, error) {
	answer := &consentv1.ListPurposesResponse{}
	for _, purpose := range d.server.purposes(r.GetController()) {
		response, err := d.server.decide(&consentv1.CheckRequest{
			Controller: r.GetController(), SubjectId: r.GetSubjectId(), Purpose: purpose,
		})
		if err != nil {
			return nil, err
		}
		answer.Purposes = append(answer.Purposes, &consentv1.PurposeDecision{Purpose: purpose, Response: response})
	}
	return answer, nil
}

func (s *Server) purposes(controller string) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.Purpose != "" && (r.Controller == "" || r.Controller == controller) {
			names = append(names, r.Purpose)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

type consents struct {
	consentv1.UnimplementedConsentServiceServer
	server *Server
}

// RecordEvents keeps the events for the test; each counts.
func (c *consents) RecordEvents(_ context.Context, r *consentv1.RecordEventsRequest) (*consentv1.RecordEventsResponse, error) {
	if r.GetController() == "" || r.GetSubjectId() == "" || len(r.GetEvents()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "controller, subject_id and events are required")
	}
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorded = append(s.recorded, r)
	s.revision++
	answer := &consentv1.RecordEventsResponse{
		ConsistencyToken: token(s.revision), Applied: uint32(len(r.GetEvents())), Revision: s.revision,
	}
	for range r.GetEvents() {
		answer.Outcomes = append(answer.Outcomes, &consentv1.EventOutcome{Effect: consentv1.EventEffect_EVENT_EFFECT_COUNTED})
	}
	return answer, nil
}
