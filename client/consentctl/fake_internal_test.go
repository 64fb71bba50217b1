package main

import (
	"bytes"
	"context"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// clock is when all tests run.
var clock = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(days int) *timestamppb.Timestamp { return timestamppb.New(clock.AddDate(0, 0, days)) }

// fake is a server with fixed answers. It keeps the last request of each kind and fails with err where that is set.
type fake struct {
	consentv1.UnimplementedDecisionServiceServer
	consentv1.UnimplementedConsentServiceServer
	consentv1.UnimplementedPolicyServiceServer
	consentv1.UnimplementedAdminServiceServer
	err      error // immutable once serving
	checkErr error // of batches of checks alone; immutable once serving

	mu       sync.Mutex
	last     map[protoreflect.FullName]proto.Message // guarded by mu
	deadline time.Time                               // of the last check; guarded by mu
}

func (f *fake) keep(request proto.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = map[protoreflect.FullName]proto.Message{}
	}
	f.last[request.ProtoReflect().Descriptor().FullName()] = request
	return f.err
}

// request is the last one of like's kind; nil: there was none.
func (f *fake) request(like proto.Message) proto.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last[like.ProtoReflect().Descriptor().FullName()]
}

func allow() *consentv1.CheckResponse {
	return &consentv1.CheckResponse{
		Decision: consentv1.Decision_DECISION_ALLOW,
		Reasons: []*consentv1.Reason{
			{Code: consentv1.ReasonCode_REASON_CODE_BASIS_HOLDS, Clause: "example §1", Message: "The consent holds."},
		},
		LegalBasis:              consentv1.LegalBasis_LEGAL_BASIS_CONSENT,
		PermittedDataCategories: []string{"user.contact.email", "user.name"},
		ValidUntil:              at(30),
		ConsistencyToken:        "token-7", PolicyRevision: "p1", DecisionId: "d1",
		Obligations: []*consentv1.Obligation{
			{Code: consentv1.ObligationCode_OBLIGATION_CODE_INCLUDE_UNSUBSCRIBE},
			{Code: consentv1.ObligationCode_OBLIGATION_CODE_EXCLUDE_DATA_CATEGORIES,
				Parameters: &structpb.Struct{Fields: map[string]*structpb.Value{
					"categories": structpb.NewListValue(
						&structpb.ListValue{
							Values: []*structpb.Value{structpb.NewStringValue("user.sensitive"), structpb.NewStringValue("user.payment")},
						},
					),
				}}},
		},
	}
}

func deny() *consentv1.CheckResponse {
	return &consentv1.CheckResponse{
		Decision: consentv1.Decision_DECISION_DENY,
		Reasons: []*consentv1.Reason{
			{Code: consentv1.ReasonCode_REASON_CODE_OBJECTED, Clause: "example §9"},
			{Code: consentv1.ReasonCode_REASON_CODE_CONSENT_MISSING, Clause: "GDPR-7", Message: "No <consent>."},
			{Code: consentv1.ReasonCode_REASON_CODE_CONSENT_MISSING, Clause: "example §1"},
		},
		ConsistencyToken: "token-7", PolicyRevision: "p1", DecisionId: "d2",
	}
}

// Check answers by purpose.
func (f *fake) Check(ctx context.Context, r *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	f.mu.Lock()
	f.deadline, _ = ctx.Deadline()
	f.mu.Unlock()
	if err := f.keep(r); err != nil {
		return nil, err
	}
	switch r.GetPurpose() {
	case "allowed":
		return allow(), nil
	case "stale":
		stale := allow()
		stale.Degraded, stale.StateAge = consentv1.Degradation_DEGRADATION_STALE, durationpb.New(1500*time.Millisecond)
		return stale, nil
	case "away":
		return &consentv1.CheckResponse{
			Decision: consentv1.Decision_DECISION_DENY, PolicyRevision: "p1", DecisionId: "d3",
			Degraded: consentv1.Degradation_DEGRADATION_DENIED, Reasons: []*consentv1.Reason{{
				Code: consentv1.ReasonCode_REASON_CODE_STATE_UNAVAILABLE, Clause: "§4", Message: "The state could not be read.",
			}},
		}, nil
	case "unspecified":
		unspecified := allow()
		unspecified.Decision = 0
		return unspecified, nil
	default:
		return deny(), nil
	}
}

func (f *fake) BatchCheck(_ context.Context, r *consentv1.BatchCheckRequest) (*consentv1.BatchCheckResponse, error) {
	response := &consentv1.BatchCheckResponse{}
	for _, request := range r.GetRequests() {
		result := &consentv1.BatchCheckResult{Outcome: &consentv1.BatchCheckResult_Response{Response: deny()}}
		switch request.GetPurpose() {
		case "allowed":
			result.Outcome = &consentv1.BatchCheckResult_Response{Response: allow()}
		case "BAD":
			result.Outcome = &consentv1.BatchCheckResult_Error{Error: &consentv1.CheckError{
				Code: int32(codes.InvalidArgument), Message: "malformed", FieldViolations: []*consentv1.FieldViolation{
					{Field: "purpose", Description: "bad form"},
				},
			}}
		}
		response.Results = append(response.Results, result)
	}
	if f.checkErr != nil {
		return nil, f.checkErr
	}
	return response, f.keep(r)
}

func (f *fake) ListPurposes(_ context.Context, r *consentv1.ListPurposesRequest) (*consentv1.ListPurposesResponse, error) {
	return &consentv1.ListPurposesResponse{Purposes: []*consentv1.PurposeDecision{
		{Purpose: "marketing_email", Response: allow()}, {Purpose: "sale_of_data", Response: deny()},
	}}, f.keep(r)
}

// RecordEvents answers by the event's id.
func (f *fake) RecordEvents(_ context.Context, r *consentv1.RecordEventsRequest) (*consentv1.RecordEventsResponse, error) {
	response := &consentv1.RecordEventsResponse{ConsistencyToken: "token-8", Applied: 1, Revision: 8}
	if outcome := outcomes[r.GetEvents()[0].GetId()]; outcome != nil {
		response.Outcomes = []*consentv1.EventOutcome{outcome}
	}
	return response, f.keep(r)
}

// outcomes are those of events by their ids; without one the server is of an earlier version.
var outcomes = map[string]*consentv1.EventOutcome{
	"fresh-id": {Effect: consentv1.EventEffect_EVENT_EFFECT_COUNTED},
	"late": {
		Effect: consentv1.EventEffect_EVENT_EFFECT_SUPERSEDED, SupersededBy: "e1", SupersededByKind: "consent",
		SupersededByOccurredAt: at(0),
	},
	"import":    {Effect: consentv1.EventEffect_EVENT_EFFECT_UNPROVEN},
	"duplicate": {Effect: consentv1.EventEffect_EVENT_EFFECT_DUPLICATE},
	"later":     {Effect: 77},
	"notice": {Effect: consentv1.EventEffect_EVENT_EFFECT_COUNTED, Warnings: []*consentv1.EventWarning{{
		Code: consentv1.EventWarningCode_EVENT_WARNING_CODE_NOTICE_UNKNOWN, Purpose: "marketing_email",
		Message: "notice version 9 is newer",
	}}},
}

func (f *fake) GetSubject(_ context.Context, r *consentv1.GetSubjectRequest) (*consentv1.GetSubjectResponse, error) {
	if r.GetSubjectId() == "cookie:3f" {
		return &consentv1.GetSubjectResponse{
			State: &consentv1.SubjectState{Known: true, Revision: 7, Jurisdiction: "DE"}, ConsistencyToken: "token-7", Person: family(),
		}, f.keep(r)
	}
	if r.GetSubjectId() == "nobody" {
		return &consentv1.GetSubjectResponse{State: &consentv1.SubjectState{}, ConsistencyToken: "token-7"}, f.keep(r)
	}
	return &consentv1.GetSubjectResponse{State: subjectState(), ConsistencyToken: "token-7"}, f.keep(r)
}

// family is the person of account:7, as linked.
func family() *consentv1.Person {
	return &consentv1.Person{SubjectIds: []string{"account:7", "cookie:3f"}, SharedIds: []string{"till-4"}}
}

func (f *fake) LinkSubjects(_ context.Context, r *consentv1.LinkSubjectsRequest) (*consentv1.LinkSubjectsResponse, error) {
	return &consentv1.LinkSubjectsResponse{
		ConsistencyToken: "token-8", Revision: 8, Outcome: outcomes[r.GetEventId()],
		Person: family(),
	}, f.keep(r)
}

func (f *fake) UnlinkSubjects(_ context.Context, r *consentv1.UnlinkSubjectsRequest) (*consentv1.UnlinkSubjectsResponse, error) {
	return &consentv1.UnlinkSubjectsResponse{
		ConsistencyToken: "token-8", Revision: 8, Outcome: outcomes[r.GetEventId()],
		Person: &consentv1.Person{SubjectIds: []string{"account:7"}},
	}, f.keep(r)
}

func subjectState() *consentv1.SubjectState {
	return &consentv1.SubjectState{
		Known: true, Revision: 1 << 60, Jurisdiction: "US-CA", AgeMin: proto.Uint32(18), AgeRecordedAt: at(-9),
		AccountStatus: consentv1.AccountStatus_ACCOUNT_STATUS_ACTIVE, LastActivityAt: at(-1),
		Relationship: &consentv1.Relationship{LastSaleAt: at(-40), SellingEntity: "shop", OptOutOffered: true},
		Erasure:      consentv1.ErasureStage_ERASURE_STAGE_CANCELLED, ErasureAt: at(-3),
		Signals: []*consentv1.SignalState{{Signal: "gpc", Value: true, Since: at(-5)}},
		OptOuts: []*consentv1.OptOutState{{Kind: consentv1.OptOutKind_OPT_OUT_KIND_SALE_OR_SHARING, Lifted: true, At: at(-6)}},
		Consents: []*consentv1.ConsentState{
			{
				Purpose: "ai_training", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3, Explicit: true,
				GivenBy: consentv1.GivenBy_GIVEN_BY_PARENT, GivenAt: at(-8), ExpiresAt: at(300),
			},
			{Purpose: "ai_training", Recipient: "lab\x1b[31m", Status: consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN, DeniedAt: at(-2)},
		},
		Objections: []*consentv1.ObjectionState{
			{Raised: true, At: at(-4), Covered: true, Exempt: []string{"survey_email"}},
			{Purpose: "ai_training", At: at(-5), Covered: true}, {Purpose: "survey_email", At: at(-3)},
		},
		Restrictions: []*consentv1.RestrictionState{{
			Ground: consentv1.RestrictionGround_RESTRICTION_GROUND_OBJECTION_PENDING, Purpose: "storage", Raised: true, At: at(-7),
			Covered: true,
		}},
	}
}

// ListEvents has two pages.
func (f *fake) ListEvents(_ context.Context, r *consentv1.ListEventsRequest) (*consentv1.ListEventsResponse, error) {
	if r.GetSubjectId() == "cookie:3f" {
		return &consentv1.ListEventsResponse{Entries: []*consentv1.LedgerEntry{
			{Revision: 4, RecordedAt: at(-2), SubjectId: "cookie:3f", Event: &consentv1.Event{
				Id: "n1", OccurredAt: at(-2), Source: "cookie_banner", Kind: &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{}},
			}},
			{Revision: 5, RecordedAt: at(-1), SubjectId: "account:7", Event: &consentv1.Event{
				Id: "l1", OccurredAt: at(-1), Source: "login", Kind: &consentv1.Event_Link{Link: &consentv1.LinkEvent{With: "cookie:3f"}},
			}},
		}}, f.keep(r)
	}
	if r.GetPageToken() == "" {
		return &consentv1.ListEventsResponse{NextPageToken: "2", Entries: []*consentv1.LedgerEntry{
			{Revision: 4, RecordedAt: at(-8),
				Event: &consentv1.Event{Id: "e1", OccurredAt: at(-8), Source: "privacy_settings", Kind: &consentv1.Event_Consent{
					Consent: &consentv1.ConsentEvent{
						Purpose: "ai_training", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3,
						Recipients: []string{"lab", "hub"}, ExpiresAt: at(300),
					},
				}}},
		}}, f.keep(r)
	}
	return &consentv1.ListEventsResponse{Entries: []*consentv1.LedgerEntry{
		{Revision: 6, RecordedAt: at(0), RecordedBy: &consentv1.Caller{Kind: "token", Id: "port\x1bal", Issuer: "https://id.example"},
			Event: &consentv1.Event{Id: "e2", OccurredAt: at(-1), Evidence: "sha256:1", Kind: &consentv1.Event_Profile{
				Profile: &consentv1.ProfileEvent{AgeMax: proto.Uint32(0), Relationship: &consentv1.Relationship{OptOutOffered: true}},
			}}},
		{Revision: 7, RecordedAt: at(0), Event: &consentv1.Event{Id: "e3", OccurredAt: at(0)}},
		{Revision: 8, RecordedAt: at(0),
			Event: &consentv1.Event{Id: "e4", OccurredAt: at(-1), Source: "support", Evidence: "urn:ticket:1",
				Kind: &consentv1.Event_Annulment{
					Annulment: &consentv1.AnnulmentEvent{EventId: "e1"},
				}}},
		{Revision: 9, RecordedAt: at(0),
			Event: &consentv1.Event{Id: "e5", OccurredAt: at(0), Source: "support", Evidence: "urn:ticket:2",
				Kind: &consentv1.Event_Annulment{
					Annulment: &consentv1.AnnulmentEvent{EventId: "e1"},
				}}},
	}}, f.keep(r)
}

func (f *fake) GetPolicy(_ context.Context, r *consentv1.GetPolicyRequest) (*consentv1.GetPolicyResponse, error) {
	files := []*consentv1.PolicyFile{
		{Path: "controllers/example/rules.rego", Sha256: "0a1b"}, {Path: "lib/clock/clock.rego", Sha256: "2c3d"},
	}
	if r.GetIncludeContents() {
		files[0].Content = []byte("package example\n\n\tdefault allow := false\n")
	}
	return &consentv1.GetPolicyResponse{PolicyRevision: "p1", ActivatedAt: at(-1), Files: files}, f.keep(r)
}

func (f *fake) ListControllers(_ context.Context, r *consentv1.ListControllersRequest) (*consentv1.ListControllersResponse, error) {
	all := []*consentv1.Controller{
		{Id: "example", Name: "Example Ltd", Purposes: []*consentv1.Purpose{
			{
				Purpose: "marketing_email", LegalBasis: consentv1.LegalBasis_LEGAL_BASIS_CONSENT, Clause: "§1", NoticeVersion: 3,
				MaterialNoticeVersion: 2, Degraded: consentv1.Degradation_DEGRADATION_DENIED,
			},
			{
				Purpose: "service_delivery", LegalBasis: consentv1.LegalBasis_LEGAL_BASIS_CONTRACT, Clause: "§4", NoticeVersion: 1,
				MaterialNoticeVersion: 1, Degraded: consentv1.Degradation_DEGRADATION_STALE, StaleLimit: durationpb.New(5 * time.Minute),
			},
			{Purpose: "sale_of_data", Prohibited: true, Clause: "§2"},
		}},
		{Id: "jasminai", Name: "JWS"},
	}
	if r.GetController() == "" {
		return &consentv1.ListControllersResponse{Controllers: all, PolicyRevision: "p1"}, f.keep(r)
	}
	for i, c := range all {
		if c.GetId() == r.GetController() {
			return &consentv1.ListControllersResponse{Controllers: all[i : i+1], PolicyRevision: "p1"}, f.keep(r)
		}
	}
	return nil, status.Error(codes.NotFound, "unknown controller")
}

// serve starts the fake and returns its address.
func (f *fake) serve(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	consentv1.RegisterDecisionServiceServer(server, f)
	consentv1.RegisterConsentServiceServer(server, f)
	consentv1.RegisterPolicyServiceServer(server, f)
	consentv1.RegisterAdminServiceServer(server, f)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// result is what a command line came to.
type result struct {
	code           int
	stdout, stderr string
}

// execute runs a command line as a process would, at a fixed time and with a fixed fresh id.
func execute(address, stdin string, args ...string) result {
	return executeWithKey("", address, stdin, args...)
}

// executeWithKey is execute with this key of --email and --phone in the environment.
func executeWithKey(key, address, stdin string, args ...string) result {
	var stdout, stderr bytes.Buffer
	a := &app{
		stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr, address: address, subjectKey: key,
		now: func() time.Time { return clock }, newID: func() string { return "fresh-id" },
	}
	code := a.run(context.Background(), args)
	return result{code, stdout.String(), stderr.String()}
}

// golden compares text with a file of testdata, or with -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
