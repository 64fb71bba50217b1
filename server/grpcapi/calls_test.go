package grpcapi_test

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// call is one call, as callers make it, and what it asks for.
type call struct {
	name string
	call func(context.Context, grpc.ClientConnInterface) error
	asks []caller.Act
}

func on(action caller.Action, controller string, purposes ...string) (acts []caller.Act) {
	for _, p := range append(purposes, make([]string, max(0, 1-len(purposes)))...) {
		acts = append(acts, caller.Act{Action: action, Controller: controller, Purpose: p})
	}
	return acts
}

func checkOf(purpose string) *consentv1.CheckRequest {
	return &consentv1.CheckRequest{Controller: "acme", SubjectId: "s", Purpose: purpose}
}

// sent is an event for a purpose, and others of all kinds that name purposes.
func sent(source string, kind func(*consentv1.Event)) *consentv1.Event {
	e := &consentv1.Event{Id: "e" + source, OccurredAt: timestamppb.New(noon.Time()), Source: source, Evidence: "urn:x"}
	kind(e)
	return e
}

func toPurpose(purpose string) func(*consentv1.Event) {
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
			Purpose: purpose, Status: consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN,
		}}
	}
}

func objectionTo(purposes ...string) func(*consentv1.Event) {
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{Purposes: purposes}}
	}
}

func restrictionOf(purposes ...string) func(*consentv1.Event) {
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Restriction{Restriction: &consentv1.RestrictionEvent{
			Ground: consentv1.RestrictionGround_RESTRICTION_GROUND_ACCURACY_CONTESTED, Purposes: purposes,
		}}
	}
}

func signal(e *consentv1.Event) {
	yes := true
	e.Kind = &consentv1.Event_Signals{Signals: &consentv1.SignalsEvent{Gpc: &yes}}
}

func record(events ...*consentv1.Event) func(context.Context, grpc.ClientConnInterface) error {
	return func(ctx context.Context, conn grpc.ClientConnInterface) error {
		r := &consentv1.RecordEventsRequest{Controller: "acme", SubjectId: "s", Events: events}
		_, err := consentv1.NewConsentServiceClient(conn).RecordEvents(ctx, r)
		return err
	}
}

// unary makes a call of a generated method.
func unary[C, R, A any](
	client func(grpc.ClientConnInterface) C, method func(C, context.Context, *R, ...grpc.CallOption) (A, error), r *R,
) func(context.Context, grpc.ClientConnInterface) error {
	return func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := method(client(conn), ctx, r)
		return err
	}
}

// stream receives the first answer of a stream; begin opens it and says what there is to say.
func stream[A any](
	begin func(context.Context, grpc.ClientConnInterface) (interface{ Recv() (*A, error) }, error),
) func(context.Context, grpc.ClientConnInterface) error {
	return func(ctx context.Context, conn grpc.ClientConnInterface) error {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		s, err := begin(ctx, conn)
		if err == nil {
			_, err = s.Recv()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

// The clients of the services, by their interfaces.
var (
	decisions = consentv1.NewDecisionServiceClient
	consents  = consentv1.NewConsentServiceClient
	policyAPI = consentv1.NewPolicyServiceClient
	admin     = consentv1.NewAdminServiceClient
)

var pair = &consentv1.LinkSubjectsRequest{
	Controller: "acme", SubjectId: "a", LinkedId: "b", EventId: "e", Source: "support", OccurredAt: timestamppb.New(noon.Time()),
}

// calls has one for each method that asks for something, and more where what it asks for depends on the request.
var calls = []call{
	{"Check", unary(decisions, consentv1.DecisionServiceClient.Check, checkOf("ads")), on(caller.Check, "acme", "ads")},
	{"Check for a recipient", unary(decisions, consentv1.DecisionServiceClient.Check, &consentv1.CheckRequest{
		Controller: "acme", SubjectId: "s", Purpose: "ads",
		Recipient: &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE, Id: "r", Country: "DE"},
	}), []caller.Act{{Action: caller.Check, Controller: "acme", Purpose: "ads",
		Recipient: consent.Recipient{Kind: consent.Affiliate, ID: "r", Country: "DE"}}}},
	{"Explain", unary(decisions, consentv1.DecisionServiceClient.Explain, &consentv1.ExplainRequest{Check: checkOf("ads")}),
		on(caller.Explain, "acme", "ads")},
	{"ReportAnswers", unary(decisions, consentv1.DecisionServiceClient.ReportAnswers, &consentv1.ReportAnswersRequest{
		Answers: []*consentv1.ReportedAnswers{
			{DecisionId: "d", Count: 1, Controller: "acme", Purpose: "ads"}, {DecisionId: "d", Count: 1, Controller: "acme", Purpose: "b"},
		},
	}), on(caller.Check, "acme", "ads", "b")},
	{"WatchInvalidations", stream(func(ctx context.Context, conn grpc.ClientConnInterface) (interface {
		Recv() (*consentv1.WatchInvalidationsResponse, error)
	}, error) {
		s, err := decisions(conn).WatchInvalidations(ctx)
		if err == nil {
			err = s.Send(&consentv1.WatchInvalidationsRequest{CacheId: make([]byte, 16)})
		}
		return s, err
	}), on(caller.Watch, "")},

	{"RecordEvents", record(sent("support", toPurpose("ads")), sent("unsubscribe_link", toPurpose("b"))),
		on(caller.Record, "acme", "ads", "b")},
	{"RecordEvents of objections and restrictions", record(sent("a", objectionTo("ads", "b")), sent("b", restrictionOf("c"))),
		on(caller.Record, "acme", "ads", "b", "c")},
	{"RecordEvents for all purposes", record(sent("a", objectionTo()), sent("b", restrictionOf()), sent("c", signal)),
		on(caller.Record, "acme", "", "", "")},
	{"RecordEvents of an import", record(sent("crm_import", toPurpose("ads")), sent("support", toPurpose("b"))),
		append(on(caller.Import, "acme", "ads"), on(caller.Record, "acme", "b")...)},
	{"LinkSubjects", unary(consents, consentv1.ConsentServiceClient.LinkSubjects, pair), on(caller.Record, "acme")},
	{"LinkSubjects of an import", unary(consents, consentv1.ConsentServiceClient.LinkSubjects, &consentv1.LinkSubjectsRequest{
		Controller: "acme", SubjectId: "a", LinkedId: "b", EventId: "e", Source: "import",
	}), on(caller.Import, "acme")},
	{"UnlinkSubjects", unary(consents, consentv1.ConsentServiceClient.UnlinkSubjects, &consentv1.UnlinkSubjectsRequest{
		Controller: "acme", SubjectId: "a", LinkedId: "b", EventId: "e", Source: "support", Evidence: "urn:x",
	}), on(caller.Record, "acme")},
	{"GetSubject", unary(consents, consentv1.ConsentServiceClient.GetSubject, &consentv1.GetSubjectRequest{
		Controller: "acme", SubjectId: "s",
	}), on(caller.Read, "acme")},
	{"ListEvents", unary(consents, consentv1.ConsentServiceClient.ListEvents, &consentv1.ListEventsRequest{
		Controller: "acme", SubjectId: "s",
	}), on(caller.Read, "acme")},

	{"GetPolicy", unary(policyAPI, consentv1.PolicyServiceClient.GetPolicy, &consentv1.GetPolicyRequest{}), on(caller.PolicyRead, "")},
	{"ListPolicyHistory", unary(policyAPI, consentv1.PolicyServiceClient.ListPolicyHistory, &consentv1.ListPolicyHistoryRequest{}),
		on(caller.PolicyRead, "")},
	{"ListControllers", unary(policyAPI, consentv1.PolicyServiceClient.ListControllers, &consentv1.ListControllersRequest{}),
		on(caller.PolicyRead, "")},
	{"ListControllers of one", unary(policyAPI, consentv1.PolicyServiceClient.ListControllers, &consentv1.ListControllersRequest{
		Controller: "acme",
	}), on(caller.PolicyRead, "acme")},
	{"CheckPolicy", unary(policyAPI, consentv1.PolicyServiceClient.CheckPolicy, &consentv1.CheckPolicyRequest{
		Files: []*consentv1.PolicyFile{{Path: "a.rego", Content: []byte("package a")}},
	}), on(caller.PolicyCheck, "")},
	{"ActivatePolicy", unary(policyAPI, consentv1.PolicyServiceClient.ActivatePolicy, &consentv1.ActivatePolicyRequest{
		Files: []*consentv1.PolicyFile{{Path: "a.rego", Content: []byte("package a")}},
	}), on(caller.PolicyActivate, "")},
	{"DiffPolicy", stream(func(ctx context.Context, conn grpc.ClientConnInterface) (interface {
		Recv() (*consentv1.DiffPolicyResponse, error)
	}, error) {
		return policyAPI(conn).DiffPolicy(ctx, diffRequest("a.rego"))
	}), on(caller.PolicyCheck, "")},

	{"ListNodes", unary(admin, consentv1.AdminServiceClient.ListNodes, &consentv1.ListNodesRequest{}), on(caller.Admin, "")},
	{"GetUsage", unary(admin, consentv1.AdminServiceClient.GetUsage, &consentv1.GetUsageRequest{}), on(caller.Admin, "")},
	{"Backup", stream(func(ctx context.Context, conn grpc.ClientConnInterface) (interface {
		Recv() (*consentv1.BackupResponse, error)
	}, error) {
		return admin(conn).Backup(ctx, &consentv1.BackupRequest{})
	}), on(caller.Admin, "")},
}
