package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// CheckPolicy puts a set of policies through admission. That a set is not admitted is an answer, no error.
func (s *policyService) CheckPolicy(ctx context.Context, r *consentv1.CheckPolicyRequest) (*consentv1.CheckPolicyResponse, error) {
	if err := s.validator.require(r); err != nil {
		return nil, err
	}
	files := make([]consent.PolicyFile, len(r.GetFiles()))
	for i, f := range r.GetFiles() {
		files[i] = consent.PolicyFile{Path: f.GetPath(), Content: f.GetContent()}
	}
	report, err := s.prover.CheckPolicy(ctx, files)
	if err != nil {
		return nil, err
	}
	answer := &consentv1.CheckPolicyResponse{
		Admitted: len(report.Faults) == 0, PolicyRevision: report.Revision,
		Faults: findingsOf(report.Faults), Warnings: findingsOf(report.Warnings),
		Cases: uint64(report.Cases), Enumeration: durationpb.New(report.Enumeration),
		TestsPassed: uint32(report.Tests.Passed), TestsFailed: uint32(report.Tests.Failed),
	}
	for _, c := range report.Controllers {
		answer.Controllers = append(answer.Controllers, &consentv1.EnumeratedController{
			Controller: c.ID, Purposes: uint32(c.Purposes), Proven: uint32(c.Proven), Cases: uint64(c.Cases), Allowed: uint64(c.Allowed),
		})
	}
	return answer, nil
}

func findingsOf(findings []consent.PolicyFinding) []*consentv1.PolicyFinding {
	converted := make([]*consentv1.PolicyFinding, len(findings))
	for i, f := range findings {
		converted[i] = &consentv1.PolicyFinding{
			Fault: faultsOf([]consent.PolicyFault{f.PolicyFault})[0], Counterexample: counterexampleOf(f.Counterexample),
		}
	}
	return converted
}

func counterexampleOf(c *consent.Counterexample) *consentv1.PolicyCounterexample {
	if c == nil {
		return nil
	}
	return &consentv1.PolicyCounterexample{
		Invariant: c.Invariant, Words: c.Words, Controller: c.Controller, Purpose: c.Purpose, Description: c.Case,
		Input: c.Input, Before: c.Before, Query: c.Query, AllowedBy: c.AllowedBy, Silent: c.Silent, Cases: uint64(c.Cases),
	}
}
