package grpcapi

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/acts"
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
	consentv1.AdminService_ListNodes_FullMethodName:             "nodes are no personal data",
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

// lastAct remembers the last act.
type lastAct struct{ written, noted acts.Act }

func (l *lastAct) Write(_ context.Context, a acts.Act) error {
	l.written = a
	return nil
}

func (l *lastAct) Note(a acts.Act) { l.noted = a }

// fakeStream receives one empty request.
type fakeStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s fakeStream) Context() context.Context { return s.ctx }
func (s fakeStream) RecvMsg(any) error        { return nil }

// TestDeniedStreamsAreAudited: who is refused before the request is even read leaves a line too.
func TestDeniedStreamsAreAudited(t *testing.T) {
	seen := &lastAct{}
	e := &edge{acts: seen, errors: newErrorLog(slog.New(slog.DiscardHandler))}
	info := &grpc.StreamServerInfo{FullMethod: consentv1.AdminService_Backup_FullMethodName}
	denied := status.Error(codes.PermissionDenied, "no")
	err := e.auditStream(nil, fakeStream{ctx: t.Context()}, info, func(any, grpc.ServerStream) error { return denied })
	want := acts.Act{Method: "Backup", Denied: true, Outcome: "PERMISSION_DENIED"}
	if err != denied || !cmp.Equal(want, seen.written) {
		t.Errorf("error %v, written %+v", err, seen.written)
	}
	err = e.auditStream(nil, fakeStream{ctx: t.Context()}, info, func(_ any, s grpc.ServerStream) error {
		return s.RecvMsg(&consentv1.BackupRequest{})
	})
	if err != nil || !seen.written.Begun || seen.noted.Outcome != "OK" {
		t.Errorf("error %v, begun %+v, ended %+v", err, seen.written, seen.noted)
	}
}
