package grpcapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/policy"
)

// told is a story with everything in it.
func told() explain.Story {
	withdrawn := consent.Reason{Code: consent.ConsentWithdrawn, Clause: "§1"}
	return explain.Story{
		Decision: consent.Decision{Effect: consent.Deny, Reasons: []consent.Reason{withdrawn}, Basis: consent.BasisConsent}, Now: noon,
		Person:   consent.Person{IDs: []string{"c", "u"}},
		AsOf:     &explain.AsOf{Past: explain.Past{At: noon - 1, KnownAt: noon}, Later: entries(150), Unknown: entries(1)},
		Policies: &explain.Deciding{Revision: "r1", Now: true, Then: true, From: noon - 5},
		Annulled: []consent.AnnulledEntry{{Entry: entries(1)[0], By: entries(2)[1]}},
		Facts: []explain.Fact{{
			Key: "consents.p", Text: "A fact.", Role: explain.Decisive,
			Without: consent.Decision{Effect: consent.Deny, Reasons: []consent.Reason{{Code: consent.ConsentMissing},
				{Code: consent.ConsentMissing}}},
			Events: []consent.Entry{{Event: consent.Event{ID: "e", OccurredAt: noon, Source: "support"}, RecordedAt: noon, Revision: 7}},
		}, {Key: "age", Text: "Another."}},
		Rules: []explain.Fired{{
			Rule: policy.Rule{Title: "R", Description: "D", Article: "A", File: "f.rego", Line: 3}, Reasons: []consent.Reason{withdrawn},
			Obligations: []consent.ObligationCode{consent.AggregateOnly},
		}},
		Near: []explain.Near{{
			Near: policy.Near{Rule: policy.Rule{Title: "N"}, Missing: policy.Condition{Source: "not x", Description: "X.", Negated: true}},
			With: []string{"a change"},
		}},
		Changes: []explain.Change{{Texts: []string{"a", "b"}, Then: consent.Decision{Effect: consent.Allow,
			Reasons: []consent.Reason{{Code: consent.BasisHolds}}}}},
		Obligations: []string{"Do."},
		Until: &explain.Until{At: noon, Why: "So.", ChangesAt: noon + 1, Then: consent.Decision{
			Effect: consent.Deny, Reasons: []consent.Reason{{Code: consent.ConsentExpired}},
		}},
		Failure: "f", Trace: "t",
	}
}

// entries are small ones.
func entries(n int) (list []consent.Entry) {
	for i := range n {
		list = append(list, consent.Entry{
			Event: consent.Event{ID: fmt.Sprint(i), OccurredAt: noon, Source: "support"}, RecordedAt: noon,
			Revision: consent.Revision(i + 1),
		})
	}
	return list
}

// history is that of one set.
func history(context.Context) ([]consent.PolicySpan, error) {
	return []consent.PolicySpan{{Revision: "r1", From: noon - 5, Source: "the binary", Controllers: []string{"acme", "example"},
		Kept: true, Number: 3, By: portal, ProvenBy: "node-1"}}, nil
}

func (f *fake) SubjectAsOf(_ context.Context, _ consent.Subject, p explain.Past) (consent.Snapshot, explain.AsOf, error) {
	return consent.Snapshot{State: &consent.State{Recorded: true}, Changed: 3, AsOf: 3}, explain.AsOf{Past: p, Later: entries(2)}, nil
}

func (f *fake) PurposesAsOf(_ context.Context, q explain.PurposesQuestion) (explain.Purposes, error) {
	if q.Request.Subject.ID == "unkept" {
		return explain.Purposes{}, &consent.PolicyNotKeptError{Revision: "r0", At: q.Past.At, Why: "it is long ago"}
	}
	d := consent.Decision{Effect: consent.Allow, Basis: consent.BasisContract, Reasons: []consent.Reason{{Code: consent.BasisHolds}}}
	return explain.Purposes{
		Decisions: []authz.PurposeDecision{{Purpose: "p", Decision: d}}, AsOf: explain.AsOf{Past: q.Past, Unknown: entries(1)},
		Policies: explain.Deciding{Revision: "r1", Now: q.Current},
	}, nil
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
		Person:     &consentv1.Person{SubjectIds: []string{"c", "u"}},
		DecidedFor: at(noon), AsOf: true, Obligations: []string{"Do."}, PolicyFailure: "f", Trace: "t",
		StateAsOf: &consentv1.StateAsOf{
			At: at(noon - 1), KnownAt: at(noon), RecordedLater: wired(100), RecordedLaterCount: 150, NotKnown: wired(1), NotKnownCount: 1,
		},
		Policies: &consentv1.DecidingPolicies{PolicyRevision: "r1", InForceNow: true, InForceThen: true, InForceFrom: at(noon - 5)},
		Annulled: []*consentv1.AnnulledEvent{{Entry: wired(1)[0], By: wired(2)[1]}}, AnnulledCount: 1,
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
			Rule: &consentv1.ExplainedRule{Title: "N"}, Missing: "not x", Description: "X.", Exception: true,
			BroughtBy: []string{"a change"},
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

// wired are entries on the wire.
func wired(n int) (list []*consentv1.LedgerEntry) {
	for i := range n {
		list = append(list, &consentv1.LedgerEntry{
			Event:      &consentv1.Event{Id: fmt.Sprint(i), OccurredAt: timestamppb.New(noon.Time()), Source: "support"},
			RecordedAt: timestamppb.New(noon.Time()), Revision: uint64(i + 1),
		})
	}
	return list
}

// TestThePast: what is asked as of the past is answered as of the past, with what it says of it; an instant that is not
// given is now.
func TestThePast(t *testing.T) {
	s := serve(t, &fake{})
	at := func(i consent.Instant) *timestamppb.Timestamp { return timestamppb.New(i.Time()) }
	subject, err := consentv1.NewConsentServiceClient(s.conn).GetSubject(t.Context(), &consentv1.GetSubjectRequest{
		Controller: "example", SubjectId: "u", At: at(noon - 9),
	})
	if err != nil {
		t.Fatal(err)
	}
	asOf := &consentv1.StateAsOf{At: at(noon - 9), KnownAt: at(noon), RecordedLater: wired(2), RecordedLaterCount: 2}
	if diff := cmp.Diff(asOf, subject.GetAsOf(), protocmp.Transform()); diff != "" || !subject.GetState().GetKnown() {
		t.Errorf("state %v, as of (-want +got):\n%s", subject.GetState(), diff)
	}
	decisions := consentv1.NewDecisionServiceClient(s.conn)
	listed, err := decisions.ListPurposes(t.Context(), &consentv1.ListPurposesRequest{
		Controller: "example", SubjectId: "u", KnownAt: at(noon - 9), Policies: consentv1.PolicyChoice_POLICY_CHOICE_NOW,
	})
	if err != nil {
		t.Fatal(err)
	}
	asOf = &consentv1.StateAsOf{At: at(noon), KnownAt: at(noon - 9), NotKnown: wired(1), NotKnownCount: 1}
	if diff := cmp.Diff(asOf, listed.GetAsOf(), protocmp.Transform()); diff != "" || !listed.GetPolicies().GetInForceNow() {
		t.Errorf("policies %v, as of (-want +got):\n%s", listed.GetPolicies(), diff)
	}
	if p := listed.GetPurposes(); len(p) != 1 || p[0].GetPurpose() != "p" ||
		p[0].GetResponse().GetDecision() != consentv1.Decision_DECISION_ALLOW {
		t.Errorf("purposes %v", p)
	}
	for name, request := range map[string]*consentv1.ListPurposesRequest{
		"at":       {At: at(noon + 1)},
		"known_at": {KnownAt: at(noon + 1)},
		"consistency": {At: at(noon), Consistency: &consentv1.Consistency{
			Requirement: &consentv1.Consistency_FullyConsistent{FullyConsistent: true},
		}},
		"policies": {At: at(noon), Policies: 9},
	} {
		request.Controller, request.SubjectId = "example", "u"
		if _, err := decisions.ListPurposes(t.Context(), request); status.Code(err) != codes.InvalidArgument ||
			!slices.Contains(fields(err), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = decisions.ListPurposes(t.Context(), &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "unkept",
		At: at(noon)})
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "r0") ||
		!strings.Contains(err.Error(), "--policies now") {
		t.Errorf("policies that are not kept: %v", err)
	}
	told, err := consentv1.NewPolicyServiceClient(s.conn).ListPolicyHistory(t.Context(), &consentv1.ListPolicyHistoryRequest{})
	if err != nil {
		t.Fatal(err)
	}
	want := &consentv1.ListPolicyHistoryResponse{Spans: []*consentv1.PolicySpan{{
		PolicyRevision: "r1", InForceFrom: at(noon - 5), Source: "the binary", Controllers: []string{"acme", "example"},
		Kept: true, ActivationNumber: 3, ProvenBy: "node-1",
		ActivatedBy: &consentv1.Caller{Kind: "token", Id: "portal", Issuer: "https://id.example"},
	}}}
	if diff := cmp.Diff(want, told, protocmp.Transform()); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
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
		"no check": {&consentv1.ExplainRequest{}, codes.InvalidArgument, "check"},
		"a malformed check": {&consentv1.ExplainRequest{Check: check(func(r *consentv1.CheckRequest) { r.Purpose = "NO" })},
			codes.InvalidArgument, "check.purpose"},
		"the future": {&consentv1.ExplainRequest{Check: check(nil), At: timestamppb.New(noon.Time().Add(time.Second))},
			codes.InvalidArgument, "at"},
		"before all time": {&consentv1.ExplainRequest{Check: check(nil), At: &timestamppb.Timestamp{Seconds: -5}},
			codes.InvalidArgument, "at"},
		"what will be known": {&consentv1.ExplainRequest{Check: check(nil), KnownAt: timestamppb.New(noon.Time().Add(time.Second))},
			codes.InvalidArgument, "known_at"},
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
