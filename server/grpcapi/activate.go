package grpcapi

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/caller"
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
	done, err := s.activator.Activate(ctx, consent.Candidate{
		Files: files, Expected: r.GetExpectedPolicyRevision(), By: caller.From(ctx).Identity(),
	})
	if err != nil {
		return nil, err
	}
	if r.GetFence() {
		if err := s.fenced(ctx, done.Number); err != nil {
			return nil, &consent.PolicyUnfencedError{Activated: done, Err: err}
		}
	}
	return &consentv1.ActivatePolicyResponse{
		PolicyRevision: done.Revision, PreviousPolicyRevision: done.Previous, ActivatedAt: timestamp(done.At),
		ActivationNumber: done.Number,
	}, nil
}

// policyFence bounds how long an activation waits for nodes and caches, whatever deadline its caller has: a node that
// proves the set again takes some seconds, one that cannot load it never decides by it.
const policyFence = time.Minute

// fenced waits until all nodes and all caches decide by an activation, or by a later one.
func (s *policyService) fenced(ctx context.Context, number uint64) error {
	ctx, cancel := context.WithTimeout(ctx, policyFence)
	defer cancel()
	ctx, spared := sparing(ctx)
	defer spared()
	if s.waiter != nil && number > 0 {
		if err := s.waiter.AwaitPolicy(ctx, number); err != nil {
			return err
		}
	}
	return s.watchers.Fence(ctx, 0)
}

// statusOf converts a status.
func statusOf(s consent.PolicyStatus) *consentv1.PolicyStatus {
	return &consentv1.PolicyStatus{
		Source: s.Source, LastGood: s.LastGood, AttemptedAt: timestamp(s.AttemptedAt), SucceededAt: timestamp(s.SucceededAt),
		Failures: uint32(s.Failures), Faults: faultsOf(s.Faults), RefusedPolicyRevision: s.RefusedRevision,
		RetryAt: timestamp(s.RetryAt), ActivationNumber: s.Number, NewestActivationNumber: s.Newest, ProvenBy: s.ProvenBy,
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
	if e, ok := errors.AsType[*consent.PolicyUnfencedError](err); ok {
		return withDetails(status.New(codes.DeadlineExceeded, e.Error()+": repeat the call with the same files to wait for it"),
			behindDetails(e)...)
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

// behindDetails name the nodes that an error says are behind; of many the first.
func behindDetails(err error) []protoadapt.MessageV1 {
	behind, ok := errors.AsType[*consent.BehindError](err)
	if !ok {
		return nil
	}
	failure := &errdetails.PreconditionFailure{}
	for _, name := range behind.Nodes[:min(len(behind.Nodes), maxViolations)] {
		failure.Violations = append(failure.Violations, &errdetails.PreconditionFailure_Violation{
			Type: "NODE_BEHIND", Subject: name, Description: "this node has not confirmed it",
		})
	}
	return []protoadapt.MessageV1{failure}
}
