package app_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/access"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/caller/authn"
	"github.com/consentd/consentd/server/grpcapi"
)

// estate is a server with authentication by keys and a table of access: its callers are known, and each may something
// else.
type estate struct {
	*running
	conn *grpc.ClientConn
	keys map[string]string
}

// estateGrants: who may all, who may all elsewhere, who may all of one purpose; of the others nobody may anything.
const estateGrants = `grants:
  - {callers: ["key:owner"], actions: ["*"], controllers: ["*"], purposes: ["*"]}
  - {callers: ["key:elsewhere"], actions: ["*"], controllers: [jasminai], purposes: ["*"]}
  - {callers: ["key:mailer"], actions: ["*"], controllers: [example], purposes: [marketing_email]}
`

func newEstate(t *testing.T) *estate {
	t.Helper()
	e, list := &estate{keys: map[string]string{}}, ""
	for _, id := range []string{"owner", "elsewhere", "mailer", "newcomer"} {
		e.keys[id] = apikey.New()
		digest := sha256.Sum256([]byte(e.keys[id]))
		list += "- id: " + id + "\n  sha256: " + hex.EncodeToString(digest[:]) + "\n"
	}
	keys, grants := filepath.Join(t.TempDir(), "keys.yaml"), filepath.Join(t.TempDir(), "grants.yaml")
	put(t, keys, list)
	put(t, grants, estateGrants)
	e.running = start(t, app.Config{Callers: authn.Config{APIKeys: keys}, Access: access.Config{File: grants}})
	e.conn = dial(t, e.GRPCAddr(), insecure.NewCredentials())
	return e
}

// as is the context of calls by somebody; empty: nobody.
func (e *estate) as(ctx context.Context, id string) context.Context {
	if id == "" {
		return ctx
	}
	return bearing(ctx, e.keys[id])
}

// requests are those of all methods, about a subject and ai_training of controller example where they are about one.
func requests(subject string) map[string]proto.Message {
	const controller, purpose = "example", "ai_training"
	check := &consentv1.CheckRequest{Controller: controller, SubjectId: subject, Purpose: purpose}
	event := &consentv1.Event{
		Id: "w-" + subject, OccurredAt: timestamppb.New(time.Now().Add(-time.Minute)), Source: "support",
		Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
			Purpose: purpose, Status: consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN,
		}},
	}
	return map[string]proto.Message{
		consentv1.DecisionService_Check_FullMethodName:      check,
		consentv1.DecisionService_BatchCheck_FullMethodName: &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{check}},
		consentv1.DecisionService_CheckStream_FullMethodName: &consentv1.CheckStreamRequest{
			Checks: []*consentv1.StreamedCheck{{Id: 1, Check: check}},
		},
		consentv1.DecisionService_ListPurposes_FullMethodName: &consentv1.ListPurposesRequest{
			Controller: controller, SubjectId: subject,
		},
		consentv1.DecisionService_Explain_FullMethodName: &consentv1.ExplainRequest{Check: check},
		consentv1.DecisionService_ReportAnswers_FullMethodName: &consentv1.ReportAnswersRequest{
			Answers: []*consentv1.ReportedAnswers{{Controller: controller, Purpose: purpose}},
		},
		consentv1.DecisionService_WatchInvalidations_FullMethodName: &consentv1.WatchInvalidationsRequest{CacheId: make([]byte, 16)},

		consentv1.ConsentService_RecordEvents_FullMethodName: &consentv1.RecordEventsRequest{
			Controller: controller, SubjectId: subject, Events: []*consentv1.Event{event},
		},
		consentv1.ConsentService_GetSubject_FullMethodName: &consentv1.GetSubjectRequest{Controller: controller, SubjectId: subject},
		consentv1.ConsentService_ListEvents_FullMethodName: &consentv1.ListEventsRequest{Controller: controller, SubjectId: subject},
		// What is wrong with these is for those who may.
		consentv1.ConsentService_LinkSubjects_FullMethodName:   &consentv1.LinkSubjectsRequest{Controller: controller},
		consentv1.ConsentService_UnlinkSubjects_FullMethodName: &consentv1.UnlinkSubjectsRequest{Controller: controller},

		consentv1.PolicyService_GetPolicy_FullMethodName:         &consentv1.GetPolicyRequest{},
		consentv1.PolicyService_ListControllers_FullMethodName:   &consentv1.ListControllersRequest{Controller: controller},
		consentv1.PolicyService_CheckPolicy_FullMethodName:       &consentv1.CheckPolicyRequest{},
		consentv1.PolicyService_DiffPolicy_FullMethodName:        &consentv1.DiffPolicyRequest{},
		consentv1.PolicyService_ActivatePolicy_FullMethodName:    &consentv1.ActivatePolicyRequest{},
		consentv1.PolicyService_ListPolicyHistory_FullMethodName: &consentv1.ListPolicyHistoryRequest{},
		consentv1.AdminService_Backup_FullMethodName:             &consentv1.BackupRequest{},
		consentv1.AdminService_GetUsage_FullMethodName:           &consentv1.GetUsageRequest{},
		consentv1.AdminService_ListNodes_FullMethodName:          &consentv1.ListNodesRequest{},

		reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName: &reflectionpb.ServerReflectionRequest{
			MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
		},
		reflectionalphapb.ServerReflection_ServerReflectionInfo_FullMethodName: &reflectionpb.ServerReflectionRequest{
			MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
		},
		healthpb.Health_Check_FullMethodName: &healthpb.HealthCheckRequest{},
		healthpb.Health_Watch_FullMethodName: &healthpb.HealthCheckRequest{},
		healthpb.Health_List_FullMethodName:  &healthpb.HealthListRequest{},
	}
}

// send calls a method with a message, and returns the first answer, or how else it ended.
func (e *estate) send(ctx context.Context, method string, request, answer proto.Message) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	stream, err := e.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err == nil {
		err = stream.SendMsg(request)
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = stream.RecvMsg(answer)
	}
	if errors.Is(err, io.EOF) {
		return nil // a stream with nothing to say
	}
	return err
}

// refusedWithin returns how the parts of a call that are permitted one by one were refused.
func refusedWithin(answer proto.Message) error {
	var fault *consentv1.CheckError
	switch a := answer.(type) {
	case *consentv1.BatchCheckResponse:
		fault = a.GetResults()[0].GetError()
	case *consentv1.CheckStreamResponse:
		fault = a.GetResults()[0].GetError()
	case *consentv1.ListPurposesResponse:
		for _, p := range a.GetPurposes() {
			if p.GetPurpose() == "ai_training" {
				return nil
			}
		}
		return status.Error(codes.PermissionDenied, "check is not permitted: it is left out")
	}
	if fault == nil {
		return nil
	}
	return status.Error(codes.Code(fault.GetCode()), fault.GetMessage())
}

// answerOf is the message that a method answers with, where it matters what is in it.
func answerOf(method string) proto.Message {
	switch method {
	case consentv1.DecisionService_BatchCheck_FullMethodName:
		return &consentv1.BatchCheckResponse{}
	case consentv1.DecisionService_CheckStream_FullMethodName:
		return &consentv1.CheckStreamResponse{}
	case consentv1.DecisionService_ListPurposes_FullMethodName:
		return &consentv1.ListPurposesResponse{}
	}
	return &emptypb.Empty{}
}

// as calls a method as somebody.
func (e *estate) call(t *testing.T, id, method string, request proto.Message) error {
	t.Helper()
	answer := answerOf(method)
	if err := e.send(e.as(t.Context(), id), method, request, answer); err != nil {
		return err
	}
	return refusedWithin(answer)
}

// TestEveryMethodWithoutRights: each method of the server, by nobody, by who may nothing, by who may everything in
// another controller, and for another purpose, gets nothing, and the refusal says the same of a person who is known as
// of one who is not. Who may everything gets everything.
func TestEveryMethodWithoutRights(t *testing.T) {
	e := newEstate(t)
	known, unknown := requests("known"), requests("unknown")
	record := consentv1.ConsentService_RecordEvents_FullMethodName
	if err := e.call(t, "owner", record, known[record]); err != nil {
		t.Fatal(err)
	}
	situations := 0
	for service, info := range e.Services() {
		for _, m := range info.Methods {
			method := "/" + service + "/" + m.Name
			if known[method] == nil {
				t.Errorf("%s: requests has none: add one", method)
				continue
			}
			if got := status.Code(e.call(t, "owner", method, known[method])); got == codes.Unauthenticated || got == codes.PermissionDenied {
				t.Errorf("%s by who may everything: %v", method, got)
			}
			if grpcapi.Open(method) {
				continue
			}
			for id, want := range map[string]codes.Code{
				"": codes.Unauthenticated, "newcomer": codes.PermissionDenied, "elsewhere": codes.PermissionDenied,
				"mailer": codes.PermissionDenied,
			} {
				situations++
				err, other := e.call(t, id, method, known[method]), e.call(t, id, method, unknown[method])
				if status.Code(err) != want || status.Convert(err).Message() != status.Convert(other).Message() {
					t.Errorf("%s by %q: %v, of somebody unknown %v; want %v, and the same", method, id, err, other, want)
				}
				says := map[codes.Code]string{
					codes.Unauthenticated: "no credential that holds", codes.PermissionDenied: "is not permitted",
				}[want]
				if text := status.Convert(err).Message(); !strings.Contains(text, says) || strings.Contains(text, "known") {
					t.Errorf("%s by %q: %q, want %q, and no person", method, id, text, says)
				}
			}
		}
	}
	if situations < 80 {
		t.Errorf("only %d situations: the test says little", situations)
	}
	e.expectNothingHappened(t)
}

// expectNothingHappened fails unless what was recorded is the one thing that the owner recorded, and the policies are
// those of before.
func (e *estate) expectNothingHappened(t *testing.T) {
	t.Helper()
	consents := consentv1.NewConsentServiceClient(e.conn)
	for subject, want := range map[string]uint64{"known": 1, "unknown": 0} {
		s, err := consents.GetSubject(e.as(t.Context(), "owner"), &consentv1.GetSubjectRequest{Controller: "example", SubjectId: subject})
		if err != nil || s.GetState().GetRevision() != want {
			t.Errorf("%s: %s, %v; want revision %d", subject, protojson.Format(s), err, want)
		}
	}
}
