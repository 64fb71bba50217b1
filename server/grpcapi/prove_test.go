package grpcapi_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

func TestCheckPolicy(t *testing.T) {
	s := serve(t, &fake{prove: func(files []consent.PolicyFile) (consent.PolicyReport, error) {
		if diff := cmp.Diff([]consent.PolicyFile{{Path: "a.rego", Content: []byte("package a")}}, files); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		return consent.PolicyReport{
			Revision: "r1", Cases: 7, Enumeration: time.Second, Tests: consent.PolicyTests{Passed: 3, Failed: 1},
			Controllers: []consent.EnumeratedController{{ID: "acme", Purposes: 2, Proven: 1, Cases: 7, Allowed: 4}},
			Faults: []consent.PolicyFinding{{
				PolicyFault:    consent.PolicyFault{File: "a.rego", Line: 3, Message: "wrong"},
				Counterexample: &consent.Counterexample{Invariant: "ERASURE", Input: "{}", Silent: []string{"a.rego:4: x"}, Cases: 2},
			}},
			Warnings: []consent.PolicyFinding{{PolicyFault: consent.PolicyFault{Message: "no tests"}}},
		}, nil
	}})
	client := consentv1.NewPolicyServiceClient(s.conn)
	got, err := client.CheckPolicy(t.Context(), &consentv1.CheckPolicyRequest{
		Files: []*consentv1.PolicyFile{{Path: "a.rego", Content: []byte("package a")}},
	})
	want := &consentv1.CheckPolicyResponse{
		PolicyRevision: "r1", Cases: 7, Enumeration: durationpb.New(time.Second), TestsPassed: 3, TestsFailed: 1,
		Controllers: []*consentv1.EnumeratedController{{Controller: "acme", Purposes: 2, Proven: 1, Cases: 7, Allowed: 4}},
		Faults: []*consentv1.PolicyFinding{{
			Fault:          &consentv1.PolicyFault{File: "a.rego", Line: 3, Message: "wrong"},
			Counterexample: &consentv1.PolicyCounterexample{Invariant: "ERASURE", Input: "{}", Silent: []string{"a.rego:4: x"}, Cases: 2},
		}},
		Warnings: []*consentv1.PolicyFinding{{Fault: &consentv1.PolicyFault{Message: "no tests"}}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := client.CheckPolicy(t.Context(), &consentv1.CheckPolicyRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("without files: %v", err)
	}
}
