package grpcapi_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/policy"
)

// told is a story with everything in it.
func told() explain.Story {
	withdrawn := consent.Reason{Code: consent.ConsentWithdrawn, Clause: "§1"}
	return explain.Story{
		Decision: consent.Decision{Effect: consent.Deny, Reasons: []consent.Reason{withdrawn}, Basis: consent.BasisConsent}, Now: noon, AsOf: true,
		Facts: []explain.Fact{{
			Key: "consents.p", Text: "A fact.", Role: explain.Decisive,
			Without: consent.Decision{Effect: consent.Deny, Reasons: []consent.Reason{{Code: consent.ConsentMissing}, {Code: consent.ConsentMissing}}},
			Events:  []consent.Entry{{Event: consent.Event{ID: "e", OccurredAt: noon, Source: "support"}, RecordedAt: noon, Revision: 7}},
		}, {Key: "age", Text: "Another."}},
		Rules: []explain.Fired{{
			Rule: policy.Rule{Title: "R", Description: "D", Article: "A", File: "f.rego", Line: 3}, Reasons: []consent.Reason{withdrawn},
			Obligations: []consent.ObligationCode{consent.AggregateOnly},
		}},
		Near: []explain.Near{{
			Near: policy.Near{Rule: policy.Rule{Title: "N"}, Missing: policy.Condition{Source: "not x", Description: "X.", Negated: true}},
			With: []string{"a change"},
		}},
		Changes:     []explain.Change{{Texts: []string{"a", "b"}, Then: consent.Decision{Effect: consent.Allow, Reasons: []consent.Reason{{Code: consent.BasisHolds}}}}},
		Obligations: []string{"Do."},
		Until: &explain.Until{At: noon, Why: "So.", ChangesAt: noon + 1, Then: consent.Decision{
			Effect: consent.Deny, Reasons: []consent.Reason{{Code: consent.ConsentExpired}},
		}},
		Failure: "f", Trace: "t",
	}
}

func (f *fake) Explain(ctx context.Context, q explain.Question) (explain.Story, error) {
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Minute {
		return explain.Story{}, consent.ErrUnavailable
	}
	if q.Request.Subject.Controller == "unknown" {
		return explain.Story{}, consent.ErrUnknownController
	}
	return told(), nil
}

func TestExplainConverts(t *testing.T) {
	s := serve(t, &fake{})
	got, err := consentv1.NewDecisionServiceClient(s.conn).Explain(t.Context(), &consentv1.ExplainRequest{
		Check: &consentv1.CheckRequest{Controller: "example", SubjectId: "u", Purpose: "p"},
	})
	if err != nil {
		t.Fatal(err)
	}
	at := func(i consent.Instant) *timestamppb.Timestamp { return timestamppb.New(i.Time()) }
	withdrawn := []consentv1.ReasonCode{consentv1.ReasonCode_REASON_CODE_CONSENT_WITHDRAWN}
	want := &consentv1.ExplainResponse{
		DecidedFor: at(noon), AsOf: true, Obligations: []string{"Do."}, PolicyFailure: "f", Trace: "t",
		Facts: []*consentv1.ExplainedFact{{
			Key: "consents.p", Text: "A fact.", Role: consentv1.FactRole_FACT_ROLE_DECISIVE, Without: consentv1.Decision_DECISION_DENY,
			ReasonsWithout: []consentv1.ReasonCode{consentv1.ReasonCode_REASON_CODE_CONSENT_MISSING},
			Events: []*consentv1.LedgerEntry{{
				Event: &consentv1.Event{Id: "e", OccurredAt: at(noon), Source: "support"}, RecordedAt: at(noon), Revision: 7,
			}},
		}, {Key: "age", Text: "Another.", Role: consentv1.FactRole_FACT_ROLE_NO_EFFECT}},
		Rules: []*consentv1.ExplainedRule{{
			Title: "R", Description: "D", Article: "A", File: "f.rego", Line: 3, Reasons: withdrawn, Clauses: []string{"§1"},
			Obligations: []consentv1.ObligationCode{consentv1.ObligationCode_OBLIGATION_CODE_AGGREGATE_ONLY},
		}},
		NearRules: []*consentv1.NearRule{{
			Rule: &consentv1.ExplainedRule{Title: "N"}, Missing: "not x", Description: "X.", Exception: true, BroughtBy: []string{"a change"},
		}},
		Changes: []*consentv1.ExplainedChange{{
			AllOf: []string{"a", "b"}, Decision: consentv1.Decision_DECISION_ALLOW,
			Reasons: []consentv1.ReasonCode{consentv1.ReasonCode_REASON_CODE_BASIS_HOLDS},
		}},
		Validity: &consentv1.ExplainedValidity{
			ValidUntil: at(noon), Why: "So.", ChangesAt: at(noon + 1), Decision: consentv1.Decision_DECISION_DENY,
			Reasons: []consentv1.ReasonCode{consentv1.ReasonCode_REASON_CODE_CONSENT_EXPIRED},
		},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreFields(&consentv1.ExplainResponse{}, "decision")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.GetDecision().GetDecision() != consentv1.Decision_DECISION_DENY || len(got.GetDecision().GetReasons()) != 1 {
		t.Errorf("decision %v", got.GetDecision())
	}
}

func TestExplainRefuses(t *testing.T) {
	s := serve(t, &fake{})
	check := func(change func(*consentv1.CheckRequest)) *consentv1.CheckRequest {
		r := &consentv1.CheckRequest{Controller: "example", SubjectId: "u", Purpose: "p"}
		if change != nil {
			change(r)
		}
		return r
	}
	fresh := &consentv1.Consistency{Requirement: &consentv1.Consistency_FullyConsistent{FullyConsistent: true}}
	for name, test := range map[string]struct {
		request *consentv1.ExplainRequest
		code    codes.Code
		field   string
	}{
		"no check":          {&consentv1.ExplainRequest{}, codes.InvalidArgument, "check"},
		"a malformed check": {&consentv1.ExplainRequest{Check: check(func(r *consentv1.CheckRequest) { r.Purpose = "NO" })}, codes.InvalidArgument, "check.purpose"},
		"the future": {&consentv1.ExplainRequest{Check: check(nil), At: timestamppb.New(noon.Time().Add(time.Second))},
			codes.InvalidArgument, "at"},
		"before all time": {&consentv1.ExplainRequest{Check: check(nil), At: &timestamppb.Timestamp{Seconds: -5}}, codes.InvalidArgument, "at"},
		"freshness of the past": {&consentv1.ExplainRequest{
			Check: check(func(r *consentv1.CheckRequest) { r.Consistency = fresh }), At: timestamppb.New(noon.Time()),
		}, codes.InvalidArgument, "check.consistency"},
		"an unknown controller": {&consentv1.ExplainRequest{Check: check(func(r *consentv1.CheckRequest) { r.Controller = "unknown" })},
			codes.NotFound, "controller"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := consentv1.NewDecisionServiceClient(s.conn).Explain(t.Context(), test.request)
			if status.Code(err) != test.code || !slices.Contains(fields(err), test.field) {
				t.Errorf("got %v about %v, want %v about %s", err, fields(err), test.code, test.field)
			}
		})
	}
}
