package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// answer is a connection whose server is a function: it returns what is copied into the reply, and the call's error.
// Both may be set, which no proper connection does.
type answer func(ctx context.Context, request proto.Message) (proto.Message, error)

func (a answer) Invoke(ctx context.Context, _ string, args, reply any, _ ...grpc.CallOption) error {
	response, err := a(ctx, args.(proto.Message))
	if response != nil {
		proto.Merge(reply.(proto.Message), response)
	}
	return err
}

func (answer) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams here")
}

// always answers every call alike.
func always(response proto.Message, err error) *client.Client {
	return client.New(answer(func(context.Context, proto.Message) (proto.Message, error) { return response, err }), 0)
}

func allow() *consentv1.CheckResponse {
	return &consentv1.CheckResponse{
		Decision:   consentv1.Decision_DECISION_ALLOW,
		Reasons:    []*consentv1.Reason{{Code: consentv1.ReasonCode_REASON_CODE_BASIS_HOLDS, Clause: "example §1"}},
		LegalBasis: consentv1.LegalBasis_LEGAL_BASIS_CONTRACT,
		DecisionId: "d1",
	}
}

func TestOnlyAnUnderstoodAllowAllows(t *testing.T) {
	change := func(f func(*consentv1.CheckResponse)) *consentv1.CheckResponse {
		r := allow()
		f(r)
		return r
	}
	obligation := func(code consentv1.ObligationCode) *consentv1.CheckResponse {
		return change(func(r *consentv1.CheckResponse) { r.Obligations = []*consentv1.Obligation{{Code: code}} })
	}
	for name, test := range map[string]struct {
		response *consentv1.CheckResponse
		want     bool
	}{
		"allow":                  {allow(), true},
		"allow with obligation":  {obligation(consentv1.ObligationCode_OBLIGATION_CODE_AGGREGATE_ONLY), true},
		"deny":                   {change(func(r *consentv1.CheckResponse) { r.Decision = consentv1.Decision_DECISION_DENY }), false},
		"unspecified decision":   {change(func(r *consentv1.CheckResponse) { r.Decision = 0 }), false},
		"unknown decision":       {change(func(r *consentv1.CheckResponse) { r.Decision = 3 }), false},
		"negative decision":      {change(func(r *consentv1.CheckResponse) { r.Decision = -1 }), false},
		"empty response":         {&consentv1.CheckResponse{}, false},
		"no response":            {nil, false},
		"unknown obligation":     {obligation(1000), false},
		"unspecified obligation": {obligation(0), false},
		"unreadable valid_until": {change(func(r *consentv1.CheckResponse) { r.ValidUntil = &timestamppb.Timestamp{Nanos: -1} }), false},
		"valid_until":            {change(func(r *consentv1.CheckResponse) { r.ValidUntil = timestamppb.Now() }), true},
	} {
		t.Run(name, func(t *testing.T) {
			response := proto.Message(test.response)
			if test.response == nil {
				response = nil
			}
			got, err := always(response, nil).Check(t.Context(), client.NewCheck("example", "u", "p"))
			if err != nil || got.Allowed != test.want {
				t.Errorf("Check = %v, %v; want allowed %v", got, err, test.want)
			}
		})
	}
}

func TestErrorNeverAllows(t *testing.T) {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		got, err := always(allow(), status.Error(code, "no")).Check(t.Context(), client.NewCheck("example", "u", "p"))
		if status.Code(err) != code || !cmp.Equal(got, client.Decision{}) {
			t.Errorf("%v: Check = %v, %v; want the zero decision and the code", code, got, err)
		}
	}
	got, err := always(allow(), errors.New("not a status")).Check(t.Context(), nil)
	if err == nil || got.Allowed {
		t.Errorf("Check = %v, %v; want an error and a denial", got, err)
	}
}

func TestDecisionCarriesTheAnswer(t *testing.T) {
	response := &consentv1.CheckResponse{
		Decision: consentv1.Decision_DECISION_DENY,
		Reasons: []*consentv1.Reason{
			{Code: consentv1.ReasonCode_REASON_CODE_CONSENT_MISSING, Clause: "jasminai §3.7"},
			{Code: 99},
		},
		LegalBasis:              consentv1.LegalBasis_LEGAL_BASIS_CONSENT,
		Obligations:             []*consentv1.Obligation{{Code: consentv1.ObligationCode_OBLIGATION_CODE_AGGREGATE_ONLY}},
		PermittedDataCategories: []string{"user.contact"},
		ValidUntil:              &timestamppb.Timestamp{Seconds: 1_900_000_000, Nanos: 5},
		ConsistencyToken:        "t", PolicyRevision: "p", DecisionId: "d",
	}
	got, err := always(response, nil).Check(t.Context(), client.NewCheck("jasminai", "u", "p"))
	if err != nil {
		t.Fatal(err)
	}
	want := client.Decision{
		Reasons: response.Reasons, LegalBasis: response.LegalBasis, Obligations: response.Obligations,
		PermittedDataCategories: response.PermittedDataCategories, ValidUntil: response.ValidUntil.AsTime(),
		ConsistencyToken: "t", PolicyRevision: "p", ID: "d",
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if want := "DENY: CONSENT_MISSING (jasminai §3.7), 99"; got.String() != want {
		t.Errorf("String = %q, want %q", got, want)
	}
	if got := fmt.Sprint(client.Decision{}, " ", client.Decision{Allowed: true}); got != "DENY ALLOW" {
		t.Errorf("without reasons: %q", got)
	}
}

func TestBatchCheckResults(t *testing.T) {
	response := &consentv1.BatchCheckResponse{Results: []*consentv1.BatchCheckResult{
		{Outcome: &consentv1.BatchCheckResult_Response{Response: allow()}},
		{Outcome: &consentv1.BatchCheckResult_Error{Error: &consentv1.CheckError{
			Code: int32(codes.InvalidArgument), Message: "bad",
			FieldViolations: []*consentv1.FieldViolation{{Field: "purpose", Description: "odd"}},
		}}},
		{Outcome: &consentv1.BatchCheckResult_Error{Error: &consentv1.CheckError{Message: "an error that says OK"}}},
		{},
	}}
	request := &consentv1.BatchCheckRequest{Requests: make([]*consentv1.CheckRequest, 4)}
	got, err := always(response, nil).BatchCheck(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	wantCodes := []codes.Code{codes.OK, codes.InvalidArgument, codes.Unknown, codes.Internal}
	for i, r := range got {
		if status.Code(r.Err) != wantCodes[i] || r.Decision.Allowed != (i == 0) {
			t.Errorf("result %d = %v, %v; want code %v", i, r.Decision, r.Err, wantCodes[i])
		}
	}
	want := []*consentv1.FieldViolation{{Field: "purpose", Description: "odd"}}
	if diff := cmp.Diff(want, client.Violations(fmt.Errorf("wrapped: %w", got[1].Err)), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestBatchCheckRefusesAnotherNumberOfResults(t *testing.T) {
	response := &consentv1.BatchCheckResponse{Results: []*consentv1.BatchCheckResult{
		{Outcome: &consentv1.BatchCheckResult_Response{Response: allow()}},
	}}
	request := &consentv1.BatchCheckRequest{Requests: make([]*consentv1.CheckRequest, 2)}
	got, err := always(response, nil).BatchCheck(t.Context(), request)
	if status.Code(err) != codes.Internal || got != nil {
		t.Errorf("BatchCheck = %v, %v; want INTERNAL", got, err)
	}
}

func TestListPurposes(t *testing.T) {
	response := &consentv1.ListPurposesResponse{Purposes: []*consentv1.PurposeDecision{
		{Purpose: "a", Response: allow()}, {Purpose: "b"},
	}}
	got, err := always(response, nil).ListPurposes(t.Context(), &consentv1.ListPurposesRequest{})
	if err != nil || len(got) != 2 || got[0].Purpose != "a" || !got[0].Decision.Allowed || got[1].Decision.Allowed {
		t.Errorf("ListPurposes = %v, %v", got, err)
	}
	if got, err := always(response, status.Error(codes.NotFound, "no")).ListPurposes(t.Context(), nil); err == nil || got != nil {
		t.Errorf("ListPurposes = %v, %v; want the error alone", got, err)
	}
}

func TestViolationsOfOtherErrors(t *testing.T) {
	for _, err := range []error{nil, errors.New("plain"), status.Error(codes.InvalidArgument, "bare")} {
		if got := client.Violations(err); got != nil {
			t.Errorf("Violations(%v) = %v, want none", err, got)
		}
	}
}

func TestNewEventsAreComplete(t *testing.T) {
	a, b := client.NewEvent("support"), client.NewEvent("support")
	if a.GetId() == b.GetId() || len(a.GetId()) != 36 || a.GetSource() != "support" || !a.GetOccurredAt().IsValid() {
		t.Errorf("NewEvent = %v, %v", a, b)
	}
}

func TestEnumNamesAreBare(t *testing.T) {
	for want, got := range map[string]string{
		"ALLOW":            client.EnumName(consentv1.Decision_DECISION_ALLOW),
		"POLICY_ERROR":     client.EnumName(consentv1.ReasonCode_REASON_CODE_POLICY_ERROR),
		"UNSPECIFIED":      client.EnumName(consentv1.LegalBasis_LEGAL_BASIS_UNSPECIFIED),
		"SALE_OR_SHARING":  client.EnumName(consentv1.OptOutKind_OPT_OUT_KIND_SALE_OR_SHARING),
		"4242":             client.EnumName(consentv1.GivenBy(4242)),
		"RECIPIENT_KIND_":  client.EnumPrefix(consentv1.RecipientKind(0).Descriptor()),
		"CONSENT_STATUS_":  client.EnumPrefix(consentv1.ConsentStatus(0).Descriptor()),
		"OBLIGATION_CODE_": client.EnumPrefix(consentv1.ObligationCode(0).Descriptor()),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
