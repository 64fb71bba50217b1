package grpcapi

import (
	"context"
	"fmt"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// Access decides what callers may do; access.Gate is one. Its errors are consent.ErrForbidden, as a
// *consent.ForbiddenError, and consent.ErrUnauthenticated. It may be asked often: for each check of a stream.
type Access interface {
	Permit(context.Context, *caller.Caller, caller.Act) error
}

// asking is a caller who asks to do something.
type asking struct {
	access Access
	ctx    context.Context
	who    *caller.Caller
	action caller.Action
}

func (e *edge) asking(ctx context.Context, action caller.Action) asking {
	return asking{access: e.access, ctx: ctx, who: caller.From(ctx), action: action}
}

// on asks for something in a controller; an empty one: on no one controller.
func (a asking) on(controller string) error { return a.to(controller, "", consent.Recipient{}) }

// to asks for something that has a purpose.
func (a asking) to(controller, purpose string, r consent.Recipient) error {
	return a.access.Permit(a.ctx, a.who, caller.Act{Action: a.action, Controller: controller, Purpose: purpose, Recipient: r})
}

// method is a row of methods: which action a call is, and on what. A nil scope is a method that is open to everybody.
type method struct {
	action caller.Action
	// scope asks for all that a request is about. Nil requests ask for nothing: those of streams, whose messages are asked
	// for one by one, and those that cannot be decoded, which are refused for that.
	scope func(asking, any) error
}

// methods is the one table of all methods that the server answers, by exact full name. A method without a row is
// refused, so that one that is new, or a name that only looks like one, is not open by accident; a test has a row for
// each method that is registered.
var methods = map[string]method{
	consentv1.DecisionService_Check_FullMethodName:       {caller.Check, askedCheck},
	consentv1.DecisionService_CheckStream_FullMethodName: {caller.Check, askedCheck},
	consentv1.DecisionService_BatchCheck_FullMethodName:  {caller.Check, eachByItself},
	// ListPurposes leaves out what may not be checked.
	consentv1.DecisionService_ListPurposes_FullMethodName:       {caller.Check, eachByItself},
	consentv1.DecisionService_ReportAnswers_FullMethodName:      {caller.Check, of(reported)},
	consentv1.DecisionService_Explain_FullMethodName:            {caller.Explain, of(explained)},
	consentv1.DecisionService_WatchInvalidations_FullMethodName: {caller.Watch, ofNode},

	consentv1.ConsentService_RecordEvents_FullMethodName:   {caller.Record, of(recorded)},
	consentv1.ConsentService_LinkSubjects_FullMethodName:   {caller.Record, of(pairOf)},
	consentv1.ConsentService_UnlinkSubjects_FullMethodName: {caller.Record, of(pairOf)},
	consentv1.ConsentService_GetSubject_FullMethodName:     {caller.Read, of(ofController)},
	consentv1.ConsentService_ListEvents_FullMethodName:     {caller.Read, of(ofController)},

	consentv1.PolicyService_GetPolicy_FullMethodName:         {caller.PolicyRead, ofNode},
	consentv1.PolicyService_ListPolicyHistory_FullMethodName: {caller.PolicyRead, ofNode},
	// ListControllers without a controller lists all.
	consentv1.PolicyService_ListControllers_FullMethodName: {caller.PolicyRead, of(ofController)},
	consentv1.PolicyService_CheckPolicy_FullMethodName:     {caller.PolicyCheck, ofNode},
	consentv1.PolicyService_DiffPolicy_FullMethodName:      {caller.PolicyCheck, ofNode},
	consentv1.PolicyService_ActivatePolicy_FullMethodName:  {caller.PolicyActivate, ofNode},

	consentv1.AdminService_Backup_FullMethodName:    {caller.Admin, ofNode},
	consentv1.AdminService_GetUsage_FullMethodName:  {caller.Admin, ofNode},
	consentv1.AdminService_ListNodes_FullMethodName: {caller.Admin, ofNode},

	// Reflection tells what the API is, and nothing of what is stored.
	reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName:      {caller.PolicyRead, ofNode},
	reflectionalphapb.ServerReflection_ServerReflectionInfo_FullMethodName: {caller.PolicyRead, ofNode},

	// Those who ask for health have no credentials: balancers, probes.
	healthpb.Health_Check_FullMethodName: {},
	healthpb.Health_List_FullMethodName:  {},
	healthpb.Health_Watch_FullMethodName: {},
}

// Governed reports whether a method, by its full name, has a row of its own: all others are refused.
func Governed(fullMethod string) bool {
	_, ok := methods[fullMethod]
	return ok
}

// Open reports whether a method is open to everybody, also to callers whom nobody recognised.
func Open(fullMethod string) bool {
	m, ok := methods[fullMethod]
	return ok && m.scope == nil
}

// permit asks for what a call is about. The error is consent's.
func (e *edge) permit(ctx context.Context, fullMethod string, request any) error {
	m, ok := methods[fullMethod]
	switch {
	case !ok:
		return fmt.Errorf("%s has no row among the methods: %w", fullMethod, consent.ErrForbidden)
	case m.scope == nil:
		return nil
	}
	return m.scope(e.asking(ctx, m.action), request)
}

// of is a scope by the request's own type; no request has none.
func of[R any](scope func(asking, R) error) func(asking, any) error {
	return func(a asking, request any) error {
		r, ok := request.(R)
		if !ok {
			return nil
		}
		return scope(a, r)
	}
}

// eachByItself is the scope of calls whose parts are asked for by their methods.
func eachByItself(asking, any) error { return nil }

// ofNode is the scope of what concerns the node as a whole.
func ofNode(a asking, _ any) error { return a.on("") }

// ofController is the scope of what is for no one purpose.
func ofController(a asking, r interface{ GetController() string }) error {
	return a.on(r.GetController())
}

func check(a asking, r *consentv1.CheckRequest) error {
	return a.to(r.GetController(), r.GetPurpose(), recipientOf(r.GetRecipient()))
}

func explained(a asking, r *consentv1.ExplainRequest) error { return check(a, r.GetCheck()) }

func reported(a asking, r *consentv1.ReportAnswersRequest) error {
	if len(r.GetAnswers()) == 0 {
		return a.on("")
	}
	for _, answers := range r.GetAnswers() {
		to := consent.Recipient{Kind: consent.RecipientKind(answers.GetRecipientKind())}
		if err := a.to(answers.GetController(), answers.GetPurpose(), to); err != nil {
			return err
		}
	}
	return nil
}

// recorded asks to record for each purpose that events name, and to import for those of events that were taken over
// from elsewhere.
func recorded(a asking, r *consentv1.RecordEventsRequest) error {
	for _, event := range r.GetEvents() {
		a.action = recordingOf(event.GetSource())
		for _, purpose := range namedIn(event) {
			if err := a.to(r.GetController(), purpose, consent.Recipient{}); err != nil {
				return err
			}
		}
	}
	if len(r.GetEvents()) == 0 {
		return a.on(r.GetController())
	}
	return nil
}

// pairOf asks to record of two ids, which concerns all purposes.
func pairOf(a asking, r pairRequest) error {
	a.action = recordingOf(r.GetSource())
	return a.on(r.GetController())
}

func recordingOf(source string) caller.Action {
	if imported := (&consent.Event{Source: source}).Imported(); imported {
		return caller.Import
	}
	return caller.Record
}

// noPurpose is that of events for no purpose in particular, which concern all.
var noPurpose = []string{""}

// namedIn are the purposes that an event names.
func namedIn(e *consentv1.Event) []string {
	var named []string
	switch {
	case e.GetConsent() != nil:
		return []string{e.GetConsent().GetPurpose()}
	case e.GetObjection() != nil:
		named = e.GetObjection().GetPurposes()
	case e.GetRestriction() != nil:
		named = e.GetRestriction().GetPurposes()
	}
	if len(named) == 0 {
		return noPurpose
	}
	return named
}
