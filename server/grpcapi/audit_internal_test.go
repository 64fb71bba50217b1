package grpcapi

import (
	"testing"

	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// notActs are the methods whose calls are not audited as acts, and why.
var notActs = map[string]string{
	consentv1.DecisionService_Check_FullMethodName:              "decisions are the decision log's",
	consentv1.DecisionService_BatchCheck_FullMethodName:         "decisions are the decision log's",
	consentv1.DecisionService_CheckStream_FullMethodName:        "decisions are the decision log's",
	consentv1.DecisionService_ReportAnswers_FullMethodName:      "decisions are the decision log's",
	consentv1.DecisionService_WatchInvalidations_FullMethodName: "it tells of hashes, and names nobody",
	consentv1.PolicyService_GetPolicy_FullMethodName:            "policies are no personal data",
	consentv1.PolicyService_ListControllers_FullMethodName:      "policies are no personal data",
	consentv1.PolicyService_ListPolicyHistory_FullMethodName:    "policies are no personal data",
}

// TestEveryMethodIsAuditedOrNot: a new method needs a row in either.
func TestEveryMethodIsAuditedOrNot(t *testing.T) {
	known := 0
	see := func(service *grpc.ServiceDesc, method string) {
		name := "/" + service.ServiceName + "/" + method
		_, audited := auditedMethods[name]
		_, not := notActs[name]
		if audited == not {
			t.Errorf("%s: audited %v, named as no act %v: say which in auditedMethods or notActs", name, audited, not)
		}
		known++
	}
	for _, s := range services() {
		for _, m := range s.Methods {
			see(s, m.MethodName)
		}
		for _, m := range s.Streams {
			see(s, m.StreamName)
			if row, ok := auditedMethods["/"+s.ServiceName+"/"+m.StreamName]; ok && (!row.begun || m.ClientStreams) {
				t.Errorf("%s: a stream is audited before its first message, by its one request", m.StreamName)
			}
		}
	}
	if want := len(auditedMethods) + len(notActs); known != want {
		t.Errorf("%d methods, %d are named", known, want)
	}
	for name, row := range auditedMethods {
		if row.noted && row.begun {
			t.Errorf("%s is noted and begun", name)
		}
	}
}
