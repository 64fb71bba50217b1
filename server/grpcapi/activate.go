package grpcapi

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// ActivatePolicy puts a set of policies in force.
func (s *policyService) ActivatePolicy(
	ctx context.Context, r *consentv1.ActivatePolicyRequest,
) (*consentv1.ActivatePolicyResponse, error) {
	if err := s.validator.require(r); err != nil {
		return nil, err
	}
	files := make([]consent.PolicyFile, len(r.GetFiles()))
	for i, f := range r.GetFiles() {
		files[i] = consent.PolicyFile{Path: f.GetPath(), Content: f.GetContent()}
	}
	done, err := s.activator.Activate(ctx, files, r.GetExpectedPolicyRevision())
	if err != nil {
		return nil, err
	}
	return &consentv1.ActivatePolicyResponse{
		PolicyRevision: done.Revision, PreviousPolicyRevision: done.Previous, ActivatedAt: timestamp(done.At),
	}, nil
}

// statusOf converts a status.
func statusOf(s consent.PolicyStatus) *consentv1.PolicyStatus {
	return &consentv1.PolicyStatus{
		Source: s.Source, LastGood: s.LastGood, AttemptedAt: timestamp(s.AttemptedAt), SucceededAt: timestamp(s.SucceededAt),
		Failures: uint32(s.Failures), Faults: faultsOf(s.Faults), RefusedPolicyRevision: s.RefusedRevision,
		RetryAt: timestamp(s.RetryAt),
	}
}

func faultsOf(faults []consent.PolicyFault) []*consentv1.PolicyFault {
	converted := make([]*consentv1.PolicyFault, len(faults))
	for i, f := range faults {
		converted[i] = &consentv1.PolicyFault{File: f.File, Line: uint32(f.Line), Message: f.Message}
	}
	return converted
}

// policyStatus is how errors about policies leave that carry more than a fixed text; nil for others.
func policyStatus(err error) *status.Status {
	if e, ok := errors.AsType[*consent.PolicyFaultsError](err); ok {
		violations := make([]consent.Violation, len(e.Faults))
		for i, f := range e.Faults {
			violations[i] = consent.Violation{Field: f.Place(), Description: f.Message}
			if f.File == "" {
				violations[i].Field = "files"
			}
		}
		return invalidStatus(violations)
	}
	if e, ok := errors.AsType[*consent.UnfinishedError](err); ok {
		return status.New(codes.DeadlineExceeded, e.Error()+": call again, or make the tests and cases fewer or faster")
	}
	if e, ok := errors.AsType[*consent.PolicySourceError](err); ok {
		const remedy = "; change them there, or start the server without --policies"
		s := status.New(codes.FailedPrecondition, e.Error()+remedy)
		return withDetails(s, &errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{
			{Type: "POLICY_SOURCE", Subject: e.Source, Description: e.Error() + remedy},
		}})
	}
	if e, ok := errors.AsType[*consent.PolicyNotKeptError](err); ok {
		remedy := "; ListPolicyHistory (consentctl policy history) tells which are"
		if e.At != 0 {
			remedy = "; ask by the policies of now instead: policies POLICY_CHOICE_NOW, consentctl --policies now"
		}
		s := status.New(codes.FailedPrecondition, e.Error()+remedy)
		return withDetails(s, &errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{
			{Type: "POLICY_NOT_KEPT", Subject: e.Revision, Description: e.Error() + remedy},
		}})
	}
	return nil
}
