package grpcapi

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/diff"
	"github.com/consentd/consentd/server/explain"
)

// Differ compares a candidate with the active policies.
type Differ interface {
	Compare(context.Context, diff.Request) (diff.Result, error)
}

// DiffPolicy compares, and sends progress while it does. The interceptor of streams only counts: errors are mapped
// here.
func (s *policyService) DiffPolicy(
	r *consentv1.DiffPolicyRequest, stream grpc.ServerStreamingServer[consentv1.DiffPolicyResponse],
) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	if err := s.diff(ctx, cancel, r, stream); err != nil {
		return s.errors.refuse(stream.Context(), consentv1.PolicyService_DiffPolicy_FullMethodName, err).Err()
	}
	return nil
}

func (s *policyService) diff(
	ctx context.Context, cancel context.CancelFunc, r *consentv1.DiffPolicyRequest,
	stream grpc.ServerStreamingServer[consentv1.DiffPolicyResponse],
) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = s.panicked(cause)
		}
	}()
	request, err := s.diffRequest(r)
	if err != nil {
		return err
	}
	var sending sync.Mutex
	request.Progress = func(over diff.Over, done, total uint64) {
		sending.Lock()
		defer sending.Unlock()
		progress := &consentv1.DiffProgress{Over: diffOver(over), Done: done, Total: total}
		if stream.Send(&consentv1.DiffPolicyResponse{Message: &consentv1.DiffPolicyResponse_Progress{Progress: progress}}) != nil {
			cancel() // nobody listens any more
		}
	}
	result, err := s.differ.Compare(ctx, request)
	if err != nil {
		return err
	}
	return stream.Send(&consentv1.DiffPolicyResponse{Message: &consentv1.DiffPolicyResponse_Result{Result: diffResult(&result)}})
}

// diffRequest validates and converts a request for a comparison.
func (s *policyService) diffRequest(r *consentv1.DiffPolicyRequest) (diff.Request, error) {
	faults, err := s.validator.faults(r)
	if err != nil {
		return diff.Request{}, err
	}
	request := diff.Request{
		From: r.GetFromPolicyRevision(), States: r.GetStates(), Sample: int(r.GetSample()), AllSubjects: r.GetAllSubjects(),
		Examples: int(r.GetExamples()),
	}
	if len(r.GetFiles()) == 0 && request.From == "" {
		faults = append(faults, consent.Violation{
			Field: "files", Description: "must have at least one file, unless from_policy_revision names a set to compare with",
		})
	}
	for _, f := range r.GetFiles() {
		request.Files = append(request.Files, consent.PolicyFile{Path: f.GetPath(), Content: f.GetContent()})
	}
	times := eventReader{}
	for i, d := range r.GetDecisions() {
		times.path = fmt.Sprintf("decisions[%d].", i)
		check, more := requestOf(d.GetCheck())
		for _, f := range more {
			times.fault("check."+f.Field, f.Description)
		}
		recorded := diff.Recorded{Request: check, At: times.instant("decided_at", d.GetDecidedAt()), Effect: consent.Deny}
		if d.GetDecision() == consentv1.Decision_DECISION_ALLOW {
			recorded.Effect = consent.Allow
		}
		for _, code := range d.GetReasons() {
			recorded.Codes = append(recorded.Codes, consent.ReasonCode(code))
		}
		request.Decisions = append(request.Decisions, recorded)
	}
	return request, invalid(append(faults, times.faults...))
}

// diffOver converts by value; a test compares the names.
func diffOver(o diff.Over) consentv1.DiffOver { return consentv1.DiffOver(o) }

func diffResult(r *diff.Result) *consentv1.DiffResult {
	return &consentv1.DiffResult{
		ActivePolicyRevision: r.ActiveRevision, CandidatePolicyRevision: r.CandidateRevision,
		Totals: convertAll(r.Totals, diffTotal), Differences: convertAll(r.Differences, policyDifference), Omitted: r.Omitted,
	}
}

func diffTotal(t *diff.Total) *consentv1.DiffTotal {
	return &consentv1.DiffTotal{
		Over: diffOver(t.Over), Subjects: t.Subjects, Compared: t.Compared, NewlyAllowed: t.Allowed, NewlyDenied: t.Denied,
		OtherwiseChanged: t.Changed, NotReproduced: t.NotReproduced, Seconds: t.Took.Seconds(),
	}
}

func policyDifference(d *diff.Difference) *consentv1.PolicyDifference {
	out := &consentv1.PolicyDifference{
		Over: diffOver(d.Over), Controller: d.Controller, Purpose: d.Purpose, Recipient: consentv1.RecipientKind(d.Recipient),
		Before: diffSide(d.Before), After: diffSide(d.After), Count: d.Count, Examples: convertAll(d.Examples, diffExample),
	}
	for _, rule := range d.Rules {
		out.Rules = append(out.Rules, explainedRule(&explain.Fired{Rule: rule}))
	}
	return out
}

func diffSide(s diff.Side) *consentv1.DiffSide {
	out := &consentv1.DiffSide{Decision: decisionOf(s.Effect), LegalBasis: consentv1.LegalBasis(s.Basis)}
	for _, code := range s.Codes() {
		out.Reasons = append(out.Reasons, consentv1.ReasonCode(code))
	}
	return out
}

func diffExample(e *diff.Example) *consentv1.DiffExample {
	return &consentv1.DiffExample{SubjectId: e.Subject.ID, Description: e.Description, DecidedAt: timestamp(e.At)}
}
