package grpcapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/grpcapi"
)

func TestConfigNamesAllThatIsMissing(t *testing.T) {
	_, err := grpcapi.New(grpcapi.Config{})
	if err == nil {
		t.Fatal("an empty config was accepted")
	}
	for _, field := range []string{"Access", "Authorizer", "Ledger", "Explainer", "Differ", "Policy", "Activator", "Prover"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
}

func TestCheckAsksAsItWasAsked(t *testing.T) {
	for name, row := range map[string]struct {
		consistency *consentv1.Consistency
		want        authz.Consistency
	}{
		"unset": {nil, authz.Consistency{}},
		"latency": {&consentv1.Consistency{Requirement: &consentv1.Consistency_MinimizeLatency{MinimizeLatency: true}},
			authz.Consistency{}},
		"token": {&consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: "t"}},
			authz.Consistency{Token: "t"}},
		"full": {&consentv1.Consistency{Requirement: &consentv1.Consistency_FullyConsistent{FullyConsistent: true}},
			authz.Consistency{Freshness: consent.FullyConsistent}},
	} {
		t.Run(name, func(t *testing.T) {
			var request consent.Request
			var consistency authz.Consistency
			s := serve(t, &fake{check: func(_ context.Context, r *consent.Request, c authz.Consistency) (consent.Decision, error) {
				request, consistency = *r, c
				return consent.Decision{Effect: consent.Allow, Reasons: []consent.Reason{{Code: consent.BasisHolds}}}, nil
			}})
			got, err := consentv1.NewDecisionServiceClient(s.conn).Check(t.Context(), &consentv1.CheckRequest{
				Controller: "acme", SubjectId: "s", Purpose: "ads", DataCategories: []string{"user"}, Consistency: row.consistency,
				Recipient: &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_AUTHORITY, Id: "r", Country: "JP"},
			})
			if err != nil || got.GetDecision() != consentv1.Decision_DECISION_ALLOW || got.GetConsistencyToken() != "token" {
				t.Errorf("got %v, %v", got, err)
			}
			want := consent.Request{
				Subject: consent.Subject{Controller: "acme", ID: "s"}, Purpose: "ads", DataCategories: []string{"user"},
				Recipient: consent.Recipient{Kind: consent.Authority, ID: "r", Country: "JP"},
			}
			if diff := cmp.Diff(want, request); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if consistency != row.want {
				t.Errorf("consistency = %+v, want %+v", consistency, row.want)
			}
		})
	}
}

func TestBatchKeepsTheOrder(t *testing.T) {
	s := serve(t, &fake{batch: func(requests []consent.Request) ([]authz.Result, error) {
		results := make([]authz.Result, len(requests))
		for i, r := range requests {
			results[i].Decision.ID = r.Subject.ID
			if r.Subject.ID == "down" {
				results[i].Err = errors.Join(consent.ErrUnavailable, errors.New(driverText))
			}
		}
		return results, nil
	}})
	item := func(id string) *consentv1.CheckRequest {
		return &consentv1.CheckRequest{Controller: "acme", SubjectId: id, Purpose: "ads"}
	}
	got, err := consentv1.NewDecisionServiceClient(s.conn).BatchCheck(t.Context(), &consentv1.BatchCheckRequest{
		Requests: []*consentv1.CheckRequest{item("a"), item(""), item("down"), item("b")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var outcome []string
	for _, r := range got.GetResults() {
		outcome = append(outcome, r.GetResponse().GetDecisionId()+codes.Code(r.GetError().GetCode()).String())
	}
	if diff := cmp.Diff([]string{"aOK", "InvalidArgument", "Unavailable", "bOK"}, outcome); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(got.String(), "hunter2") {
		t.Errorf("driver text left: %v", got)
	}
}

func TestListPurposes(t *testing.T) {
	var asked consent.Request
	s := serve(t, &fake{list: func(r *consent.Request) ([]authz.PurposeDecision, error) {
		asked = *r
		return []authz.PurposeDecision{{Purpose: "ads", Decision: consent.Decision{Effect: consent.Allow}}, {Purpose: "mail"}}, nil
	}})
	got, err := consentv1.NewDecisionServiceClient(s.conn).ListPurposes(t.Context(),
		&consentv1.ListPurposesRequest{Controller: "acme", SubjectId: "s"})
	if err != nil {
		t.Fatal(err)
	}
	list := got.GetPurposes()
	if len(list) != 2 || list[0].GetPurpose() != "ads" || list[0].GetResponse().GetDecision() != consentv1.Decision_DECISION_ALLOW ||
		list[1].GetPurpose() != "mail" || list[1].GetResponse().GetDecision() != consentv1.Decision_DECISION_DENY {
		t.Errorf("got %v", list)
	}
	if asked.Purpose != "" || asked.Subject.ID != "s" {
		t.Errorf("asked %+v", asked)
	}
}

func TestRecordEvents(t *testing.T) {
	var recorded consent.Batch
	s := serve(t, &fake{record: func(b consent.Batch) (consent.Recorded, error) {
		recorded = b
		return consent.Recorded{Revision: 7, Applied: 1, Duplicates: 2, Outcomes: []consent.Outcome{{
			Effect: consent.Superseded, By: consent.Reference{ID: "f", OccurredAt: noon, Kind: "consent"},
		}}}, nil
	}})
	got, err := consentv1.NewConsentServiceClient(s.conn).RecordEvents(t.Context(), &consentv1.RecordEventsRequest{
		Controller: "acme", SubjectId: "s", Fence: true, Events: []*consentv1.Event{{
			Id: "e", OccurredAt: timestamppb.New(noon.Time()), Source: "support",
			Kind: &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{}},
		}},
	})
	want := &consentv1.RecordEventsResponse{ConsistencyToken: "token", Applied: 1, Duplicates: 2, Revision: 7,
		Outcomes: []*consentv1.EventOutcome{{
			Effect: consentv1.EventEffect_EVENT_EFFECT_SUPERSEDED, SupersededBy: "f", SupersededByKind: "consent",
			SupersededByOccurredAt: timestamppb.New(noon.Time()),
		}}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	batch := consent.Batch{
		Subject: consent.Subject{Controller: "acme", ID: "s"}, RecordedAt: noon,
		Events: []consent.Event{{ID: "e", OccurredAt: noon, Source: "support", Fact: consent.Objection{}}},
	}
	if diff := cmp.Diff(batch, recorded); diff != "" {
		t.Errorf("batch (-want +got):\n%s", diff)
	}
}

func TestNothingIsRecordedForAnUnknownController(t *testing.T) {
	s := serve(t, &fake{record: func(consent.Batch) (consent.Recorded, error) {
		t.Error("recorded")
		return consent.Recorded{}, nil
	}})
	_, err := consentv1.NewConsentServiceClient(s.conn).RecordEvents(t.Context(), &consentv1.RecordEventsRequest{
		Controller: "nobody", SubjectId: "s", Events: []*consentv1.Event{{
			Id: "e", OccurredAt: timestamppb.New(noon.Time()), Source: "support",
			Kind: &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{}},
		}},
	})
	if status.Code(err) != codes.NotFound {
		t.Errorf("err = %v, want NotFound", err)
	}
}

func TestListEvents(t *testing.T) {
	var pages []consent.Page
	s := serve(t, &fake{events: func(_ consent.Subject, p consent.Page) (consent.Entries, error) {
		pages = append(pages, p)
		return consent.Entries{Next: "next", Entries: []consent.Entry{{
			Event:      consent.Event{ID: "e", OccurredAt: noon, Fact: consent.Erasure{Stage: consent.ErasureRequested}},
			RecordedAt: noon + 1, Revision: 3,
		}}}, nil
	}})
	client := consentv1.NewConsentServiceClient(s.conn)
	var got *consentv1.ListEventsResponse
	for _, r := range []*consentv1.ListEventsRequest{
		{Controller: "acme", SubjectId: "s"}, {Controller: "acme", SubjectId: "s", PageSize: 7, PageToken: "next"},
	} {
		var err error
		if got, err = client.ListEvents(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]consent.Page{{Limit: 100}, {After: "next", Limit: 7}}, pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	want := &consentv1.ListEventsResponse{NextPageToken: "next", Entries: []*consentv1.LedgerEntry{{
		Event: &consentv1.Event{
			Id: "e", OccurredAt: timestamppb.New(noon.Time()),
			Kind: &consentv1.Event_Erasure{Erasure: &consentv1.ErasureEvent{Stage: consentv1.ErasureStage_ERASURE_STAGE_REQUESTED}},
		},
		RecordedAt: timestamppb.New((noon + 1).Time()), Revision: 3,
	}}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGetPolicy(t *testing.T) {
	client := consentv1.NewPolicyServiceClient(serve(t, &fake{}).conn)
	for contents, want := range map[bool]string{false: "", true: "package a"} {
		got, err := client.GetPolicy(t.Context(), &consentv1.GetPolicyRequest{IncludeContents: contents})
		if err != nil {
			t.Fatal(err)
		}
		if got.GetPolicyRevision() != "r1" || got.GetActivatedAt().AsTime() != noon.Time() || len(got.GetFiles()) != 1 ||
			got.GetFiles()[0].GetPath() != "a.rego" || string(got.GetFiles()[0].GetContent()) != want {
			t.Errorf("contents %v: got %v", contents, got)
		}
	}
}

func TestGetPolicyTellsHowLoadingWent(t *testing.T) {
	s := serve(t, &fake{status: consent.PolicyStatus{
		Source: "/etc/policies", LastGood: true, AttemptedAt: noon, Failures: 2, RefusedRevision: "r2", Number: 3, Newest: 4,
		ProvenBy: "node-1",
		Faults:   []consent.PolicyFault{{File: "a.rego", Line: 3, Message: "wrong"}},
	}})
	got, err := consentv1.NewPolicyServiceClient(s.conn).GetPolicy(t.Context(), &consentv1.GetPolicyRequest{})
	want := &consentv1.PolicyStatus{
		Source: "/etc/policies", LastGood: true, AttemptedAt: timestamppb.New(noon.Time()), Failures: 2, RefusedPolicyRevision: "r2",
		Faults:           []*consentv1.PolicyFault{{File: "a.rego", Line: 3, Message: "wrong"}},
		ActivationNumber: 3, NewestActivationNumber: 4, ProvenBy: "node-1",
	}
	if diff := cmp.Diff(want, got.GetStatus(), protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestActivatePolicy(t *testing.T) {
	s := serve(t, &fake{activate: func(c consent.Candidate) (consent.Activated, error) {
		want := consent.Candidate{
			Files: []consent.PolicyFile{{Path: "a.rego", Content: []byte("package a")}}, Expected: "r0", By: portal,
		}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("candidate (-want +got):\n%s", diff)
		}
		return consent.Activated{Revision: "r1", Previous: "r0", At: noon, Number: 7}, nil
	}}, asPortal())
	client := consentv1.NewPolicyServiceClient(s.conn)
	got, err := client.ActivatePolicy(t.Context(), &consentv1.ActivatePolicyRequest{
		Files: []*consentv1.PolicyFile{{Path: "a.rego", Content: []byte("package a")}}, ExpectedPolicyRevision: "r0",
	})
	want := &consentv1.ActivatePolicyResponse{
		PolicyRevision: "r1", PreviousPolicyRevision: "r0", ActivatedAt: timestamppb.New(noon.Time()), ActivationNumber: 7,
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := client.ActivatePolicy(t.Context(), &consentv1.ActivatePolicyRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("without files: %v", err)
	}
}

func TestListControllers(t *testing.T) {
	policies := examplePolicy()
	purposes := &policies.Controllers[0].Purposes
	(*purposes)[0].Degraded.When = consent.DenyDegraded
	*purposes = append(*purposes, consent.Purpose{
		Name: "delivery", Basis: consent.BasisContract, Clause: "§2", NoticeVersion: 1, MaterialNoticeVersion: 1,
		Degraded: consent.Degraded{When: consent.ServeStale, StaleLimit: 90 * time.Second},
	})
	f := &fake{policy: func() consent.Policy { return policies }}
	client := consentv1.NewPolicyServiceClient(serve(t, f).conn)
	all, err := client.ListControllers(t.Context(), &consentv1.ListControllersRequest{})
	if err != nil || len(all.GetControllers()) != 2 || all.GetPolicyRevision() != "r1" {
		t.Errorf("got %v, %v", all, err)
	}
	one, err := client.ListControllers(t.Context(), &consentv1.ListControllersRequest{Controller: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	want := []*consentv1.Controller{{Id: "acme", Name: "Acme", Purposes: []*consentv1.Purpose{{
		Purpose: "ads", LegalBasis: consentv1.LegalBasis_LEGAL_BASIS_CONSENT, Clause: "§1", NoticeVersion: 3, MaterialNoticeVersion: 2,
		Degraded: consentv1.Degradation_DEGRADATION_DENIED,
	}, {
		Purpose: "delivery", LegalBasis: consentv1.LegalBasis_LEGAL_BASIS_CONTRACT, Clause: "§2", NoticeVersion: 1,
		MaterialNoticeVersion: 1, Degraded: consentv1.Degradation_DEGRADATION_STALE, StaleLimit: durationpb.New(90 * time.Second),
	}}}}
	if diff := cmp.Diff(want, one.GetControllers(), protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
