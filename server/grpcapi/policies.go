package grpcapi

import (
	"cmp"
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// policyService answers PolicyService.
type policyService struct {
	consentv1.UnimplementedPolicyServiceServer
	edge
	policy    func() consent.Policy
	history   func(context.Context) ([]consent.PolicySpan, error)
	activator Activator
	// waiter is nil where this is the only node.
	waiter    Waiter
	watchers  Watchers
	prover    Prover
	validator *validator
	differ    Differ
}

// GetPolicy returns the active policies.
func (s *policyService) GetPolicy(_ context.Context, r *consentv1.GetPolicyRequest) (*consentv1.GetPolicyResponse, error) {
	active := s.policy()
	answer := &consentv1.GetPolicyResponse{
		PolicyRevision: active.Revision, ActivatedAt: timestamp(active.ActivatedAt), Status: statusOf(s.activator.Status()),
	}
	for _, f := range active.Files {
		file := &consentv1.PolicyFile{Path: f.Path, Sha256: f.SHA256}
		if r.GetIncludeContents() {
			file.Content = f.Content
		}
		answer.Files = append(answer.Files, file)
	}
	return answer, nil
}

// ListPolicyHistory returns which policies were in force, and when.
func (s *policyService) ListPolicyHistory(
	ctx context.Context, _ *consentv1.ListPolicyHistoryRequest,
) (*consentv1.ListPolicyHistoryResponse, error) {
	spans, err := s.history(ctx)
	if err != nil {
		return nil, err
	}
	return &consentv1.ListPolicyHistoryResponse{Spans: convertAll(spans, policySpan)}, nil
}

func policySpan(s *consent.PolicySpan) *consentv1.PolicySpan {
	return &consentv1.PolicySpan{
		PolicyRevision: s.Revision, InForceFrom: timestamp(s.From), InForceUntil: timestamp(s.Until), Source: s.Source,
		Controllers: s.Controllers, Kept: s.Kept, ActivationNumber: s.Number, ActivatedBy: wireCaller(s.By), ProvenBy: s.ProvenBy,
	}
}

// ListControllers returns the controllers, or one of them.
func (s *policyService) ListControllers(
	_ context.Context, r *consentv1.ListControllersRequest,
) (*consentv1.ListControllersResponse, error) {
	if err := s.validator.require(r); err != nil {
		return nil, err
	}
	active := s.policy()
	controllers := active.Controllers
	if id := r.GetController(); id != "" {
		i, declared := findController(&active, id)
		if !declared {
			return nil, consent.ErrUnknownController
		}
		controllers = controllers[i : i+1]
	}
	answer := &consentv1.ListControllersResponse{PolicyRevision: active.Revision}
	for i := range controllers {
		answer.Controllers = append(answer.Controllers, controllerOf(&controllers[i]))
	}
	return answer, nil
}

// findController returns where a controller is among those of the active policies.
func findController(active *consent.Policy, id string) (int, bool) {
	return slices.BinarySearchFunc(active.Controllers, id, func(c consent.Controller, id string) int {
		return cmp.Compare(c.ID, id)
	})
}

func controllerOf(c *consent.Controller) *consentv1.Controller {
	converted := &consentv1.Controller{Id: c.ID, Name: c.Name}
	for _, p := range c.Purposes {
		purpose := &consentv1.Purpose{
			Purpose: p.Name, LegalBasis: consentv1.LegalBasis(p.Basis), Prohibited: p.Prohibited, Clause: p.Clause,
			NoticeVersion: p.NoticeVersion, MaterialNoticeVersion: p.MaterialNoticeVersion, Degraded: degradationOf(p.Degraded.When),
		}
		if p.Degraded.StaleLimit > 0 {
			purpose.StaleLimit = durationpb.New(p.Degraded.StaleLimit)
		}
		converted.Purposes = append(converted.Purposes, purpose)
	}
	return converted
}
