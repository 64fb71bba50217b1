package grpcapi

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/acts"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/telemetry"
)

// Acts audits what callers do; acts.Log does.
type Acts interface {
	// Write returns when the act is on disk; its error is consent.ErrUnaudited or the context's.
	Write(context.Context, acts.Act) error
	// Note is Write for what is not to fail because of the audit.
	Note(acts.Act)
}

// audited is how the acts of a method are audited.
type audited struct {
	// describe sets what a request is about, and reports whether it is an act. The request is nil where it could not be
	// decoded.
	describe func(request any, a *acts.Act) bool
	// noted is set where the ledger says who did it: the call does not fail because of the audit.
	noted bool
	// begun is set where a line is written before anything is done, and another when it has ended.
	begun bool
}

// auditedMethods are the methods whose calls are acts. Checks are not: they are the decision log's.
var auditedMethods = map[string]audited{
	consentv1.DecisionService_Explain_FullMethodName: {describe: about(func(r *consentv1.ExplainRequest, a *acts.Act) bool {
		check := r.GetCheck()
		a.Controller, a.Subject, a.Purpose, a.Past = check.GetController(), check.GetSubjectId(), check.GetPurpose(), isPast(r)
		return true
	})},
	consentv1.DecisionService_ListPurposes_FullMethodName: {describe: about(
		func(r *consentv1.ListPurposesRequest, a *acts.Act) bool {
			a.Controller, a.Subject, a.Past = r.GetController(), r.GetSubjectId(), isPast(r)
			return a.Past
		})},
	consentv1.ConsentService_GetSubject_FullMethodName: {describe: about(func(r *consentv1.GetSubjectRequest, a *acts.Act) bool {
		a.Controller, a.Subject, a.Past = r.GetController(), r.GetSubjectId(), isPast(r)
		return true
	})},
	consentv1.ConsentService_ListEvents_FullMethodName: {describe: about(func(r *consentv1.ListEventsRequest, a *acts.Act) bool {
		a.Controller, a.Subject = r.GetController(), r.GetSubjectId()
		return true
	})},
	consentv1.ConsentService_RecordEvents_FullMethodName: {noted: true, describe: about(
		func(r *consentv1.RecordEventsRequest, a *acts.Act) bool {
			a.Controller, a.Subject, a.Events = r.GetController(), r.GetSubjectId(), eventsInAudit(r.GetEvents())
			return true
		})},
	consentv1.ConsentService_LinkSubjects_FullMethodName: {noted: true, describe: about(
		describePair[*consentv1.LinkSubjectsRequest])},
	consentv1.ConsentService_UnlinkSubjects_FullMethodName: {noted: true, describe: about(
		describePair[*consentv1.UnlinkSubjectsRequest])},
	consentv1.PolicyService_CheckPolicy_FullMethodName: {describe: about(func(r *consentv1.CheckPolicyRequest, a *acts.Act) bool {
		a.Files = len(r.GetFiles())
		return true
	})},
	consentv1.PolicyService_DiffPolicy_FullMethodName: {begun: true, describe: about(
		func(r *consentv1.DiffPolicyRequest, a *acts.Act) bool {
			a.Files, a.Policies = len(r.GetFiles()), r.GetFromPolicyRevision()
			return true
		})},
	consentv1.PolicyService_ActivatePolicy_FullMethodName: {begun: true, describe: about(
		func(r *consentv1.ActivatePolicyRequest, a *acts.Act) bool {
			a.Files = len(r.GetFiles())
			return true
		})},
	consentv1.AdminService_Backup_FullMethodName: {begun: true, describe: about(
		func(*consentv1.BackupRequest, *acts.Act) bool { return true })},
	consentv1.AdminService_GetUsage_FullMethodName: {describe: about(func(r *consentv1.GetUsageRequest, a *acts.Act) bool {
		a.Controller = r.GetController()
		return true
	})},
}

// about makes a description of any request of one of a method's own type R, whose zero value is nil.
func about[R any](of func(R, *acts.Act) bool) func(any, *acts.Act) bool {
	return func(request any, a *acts.Act) bool {
		r, _ := request.(R)
		return of(r, a)
	}
}

func describePair[R pairRequest](r R, a *acts.Act) bool {
	a.Controller, a.Subject, a.Also = r.GetController(), r.GetSubjectId(), r.GetLinkedId()
	a.Events = []acts.Event{{ID: r.GetEventId(), Kind: pairKind(any(r))}}
	return true
}

func pairKind(r any) string {
	if _, unlink := r.(*consentv1.UnlinkSubjectsRequest); unlink {
		return "unlink"
	}
	return "link"
}

func isPast(r dated) bool { return r.GetAt() != nil || r.GetKnownAt() != nil }

func eventsInAudit(events []*consentv1.Event) []acts.Event {
	out := make([]acts.Event, len(events))
	for i, e := range events {
		out[i] = acts.Event{ID: e.GetId(), Kind: "unknown"}
		m := e.ProtoReflect()
		if kind := m.WhichOneof(m.Descriptor().Oneofs().ByName(protoreflect.Name("kind"))); kind != nil {
			out[i].Kind = kind.TextName()
		}
	}
	return out
}

// runAudited is run for a call that may be an act. What reads is answered when its line is on disk; what puts policies
// in force is begun when the first of its lines is, which is after it was permitted.
func (e *edge) runAudited(ctx context.Context, c call) (any, error) {
	row, ok := auditedMethods[c.info.FullMethod]
	if !ok || e.acts == nil {
		return e.run(ctx, c)
	}
	act := actOf(ctx, c.info.FullMethod)
	if !row.describe(c.request, &act) {
		return e.run(ctx, c)
	}
	// Who sends what cannot be decoded may have no right at all, and must not fill the disk with it.
	act.Denied = c.request == nil && !row.begun
	handler, unaudited := c.handler, error(nil)
	if row.begun {
		handler = func(ctx context.Context, request any) (any, error) {
			if unaudited = e.begin(ctx, act); unaudited != nil {
				return nil, unaudited
			}
			return c.handler(ctx, request)
		}
	}
	answer, err := e.run(ctx, call{c.request, c.info, handler})
	if unaudited != nil {
		return nil, unaudited
	}
	return answer, e.end(ctx, row, ended{act, answer, err})
}

// call is a unary call on its way to its handler.
type call struct {
	request any
	info    *grpc.UnaryServerInfo
	handler grpc.UnaryHandler
}

func actOf(ctx context.Context, fullMethod string) acts.Act {
	return acts.Act{Method: methodName(fullMethod), By: caller.From(ctx).Identity(), RequestID: telemetry.GivenRequestID(ctx)}
}

func (e *edge) begin(ctx context.Context, act acts.Act) error {
	act.Begun = true
	return e.acts.Write(ctx, act)
}

// ended is an act that has ended.
type ended struct {
	act    acts.Act
	answer any
	err    error
}

// end audits an act that has ended and returns its error, or that of the audit.
func (e *edge) end(ctx context.Context, row audited, of ended) error {
	if policies, ok := of.answer.(interface{ GetPolicyRevision() string }); ok && of.err == nil {
		of.act.Policies = policies.GetPolicyRevision()
	}
	if unfenced, ok := errors.AsType[*consent.PolicyUnfencedError](of.err); ok { // they are in force all the same
		of.act.Policies = unfenced.Activated.Revision
	}
	finish(&of.act, of.err)
	switch {
	case row.noted && !of.act.Denied, row.begun && !of.act.Denied:
		e.acts.Note(of.act)
	default:
		if err := e.acts.Write(ctx, of.act); of.err == nil {
			return err
		}
	}
	return of.err
}

// finish says how an act was answered.
func finish(a *acts.Act, err error) {
	s, named := status.FromError(err) // nil is OK, and what a stream answers is named already
	if !named {
		s = toStatus(err)
	}
	answered := s.Code()
	a.Outcome = code.Code(answered).String()
	a.Denied = a.Denied || answered == codes.PermissionDenied || answered == codes.Unauthenticated
}

func methodName(fullMethod string) string {
	return fullMethod[strings.LastIndexByte(fullMethod, '/')+1:]
}

// auditStream audits the streams that are acts: a line before the first message is answered, and another at the end.
func (e *edge) auditStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	row, ok := auditedMethods[info.FullMethod]
	if !ok || e.acts == nil {
		return handler(srv, stream)
	}
	s := &auditedStream{
		ServerStream: stream, edge: e, row: row, act: actOf(stream.Context(), info.FullMethod), method: info.FullMethod,
	}
	err := handler(srv, s)
	if s.refused != nil {
		return s.refused
	}
	return e.end(stream.Context(), row, ended{s.act, nil, err})
}

// auditedStream is a stream of one request and many answers.
type auditedStream struct {
	grpc.ServerStream
	edge   *edge
	row    audited
	act    acts.Act
	method string
	// begun is set once the request was received and its line is on disk; refused is why it is not.
	begun   bool
	refused error
}

// RecvMsg receives the request, and has it audited before anybody acts upon it.
func (s *auditedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil || s.begun {
		return err
	}
	s.row.describe(m, &s.act)
	if err := s.edge.begin(s.Context(), s.act); err != nil {
		s.refused = s.edge.errors.refuse(s.Context(), s.method, err).Err()
		return s.refused
	}
	s.begun = true
	return nil
}
