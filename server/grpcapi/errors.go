package grpcapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/limit"
)

// outcome is how one of consent's errors leaves. Its texts are fixed: what an error wraps stays inside.
type outcome struct {
	err  error
	code codes.Code
	// message is the status message, and the description of the field at fault.
	message string
	// field is the path of the field at fault; empty: none is.
	field string
	// eventField is appended to the event's path, events[i], where the error is about one.
	eventField string
	// precondition is sent as the type of a PreconditionFailure of the field; empty: there is none.
	precondition string
	// retryAfter is sent as RetryInfo; zero: the call is not worth repeating as it is.
	retryAfter time.Duration
}

// What is sent as RetryInfo. A second is long enough for what is overloaded to recover and short enough for a person
// who waits. A store that takes over from another does so in 0.3 to 0.6 s (bench/histories --rolling): three waits of
// a fifth of a second, which is what our clients make, outlast that, and fit into the second that a call of theirs has.
const (
	retryAfter      = time.Second
	storeRetryAfter = 200 * time.Millisecond
)

// outcomes is the one table of errors. The first row that matches wins: a store that gave up because of its own
// deadline is unavailable, though its error wraps a context's. What no row matches is INTERNAL.
var outcomes = []outcome{
	{err: consent.ErrCredentialExpired, code: codes.Unauthenticated, message: "the credential has expired: send a new one"},
	{err: consent.ErrIssuerUnavailable, code: codes.Unavailable, retryAfter: retryAfter,
		message: "the keys by which tokens are verified cannot be fetched at the moment"},
	{err: consent.ErrUnauthenticated, code: codes.Unauthenticated,
		message: "no credential that holds: send a bearer token or an API key as authorization, or connect with a client certificate"},
	{err: consent.ErrForbidden, code: codes.PermissionDenied,
		message: "the policies of access do not permit this caller to do this"},
	{err: consent.ErrOverloaded, code: codes.ResourceExhausted, retryAfter: retryAfter,
		message: "the server is overloaded, or the caller's share of it is used up"},
	{err: consent.ErrUnknownController, code: codes.NotFound, field: "controller",
		message: "no active policy declares this controller"},
	{err: consent.ErrEventConflict, code: codes.AlreadyExists, eventField: ".id",
		message: "this event id was used before with other content"},
	{err: consent.ErrErasureStands, code: codes.FailedPrecondition,
		message: "an erasure stands: only refusals, withdrawals, invalidations, objections, restrictions, opt-outs, " +
			"signals set to true and erasure stages are recorded, and annulments of the erasure's own stages"},
	{err: consent.ErrErasureStage, code: codes.FailedPrecondition, eventField: ".erasure.stage",
		message: "an erasure is CANCELLED only before it is COMPLETED and RESTARTED only after it, by what is on record and by its date"},
	{err: consent.ErrAnnulment, code: codes.FailedPrecondition, eventField: ".annulment.event_id",
		message: "must name an event on record for this subject that is neither an annulment nor a completed erasure"},
	{err: consent.ErrPersonTooLarge, code: codes.FailedPrecondition,
		message: "a person has at most 64 ids and is linked to at most 64 shared ids: " +
			"part one of them first, or declare shared an id that several people use"},
	{err: consent.ErrSharedTooWidely, code: codes.FailedPrecondition,
		message: "a shared id is linked to at most 64 ids: part one of them first"},
	{err: consent.ErrLinkedAlready, code: codes.FailedPrecondition,
		message: "an id that is not shared would be linked to two ids: declare it shared (sharing), or part it first (UnlinkSubjects)"},
	{err: consent.ErrBothShared, code: codes.FailedPrecondition,
		message: "two shared ids cannot be linked: link each of them to the people who share it"},
	{err: consent.ErrNotLinked, code: codes.FailedPrecondition,
		message: "the two ids are not linked: there is nothing to part"},
	{err: consent.ErrCompletionApart, code: codes.FailedPrecondition, eventField: ".erasure.stage",
		message: "complete an erasure in a call of its own, apart from what changes which ids are one person"},
	{err: consent.ErrHistoryLost, code: codes.FailedPrecondition, field: "consistency.at_least_as_fresh",
		precondition: "STORE_HISTORY_LOST",
		message: "the store lost history: a fail-over, or the restoring of an older copy, lost the changes that this token stands for: " +
			"record again what the store does not have, and drop the token"},
	{err: consent.ErrBadToken, code: codes.InvalidArgument, field: "consistency.at_least_as_fresh",
		message: "is no consistency token of this store: it is malformed, or of another store"},
	{err: consent.ErrBadPageToken, code: codes.InvalidArgument, field: "page_token",
		message: "is no page token of this subject's ledger"},
	{err: consent.ErrBusy, code: codes.ResourceExhausted, retryAfter: retryAfter,
		message: "another comparison of policies is under way: one is made at a time"},
	{err: consent.ErrBackupRuns, code: codes.ResourceExhausted, retryAfter: retryAfter,
		message: "another backup is under way: one is made at a time"},
	{err: consent.ErrUnfenced, code: codes.DeadlineExceeded,
		message: "the events are recorded, but some client's cache may still answer from the older state: " +
			"repeat the call with the same events to wait for it"},
	{err: consent.ErrWatchProtocol, code: codes.FailedPrecondition,
		message: "the message breaks the protocol of WatchInvalidations, or another stream has taken this cache's name"},
	{err: consent.ErrWatcherSlow, code: codes.ResourceExhausted, message: "this client reads or confirms too slowly: connect again"},
	{err: consent.ErrRightsChanged, code: codes.Unavailable,
		message: "what callers may do has changed: connect again, with an empty cache"},
	{err: consent.ErrWatchAnew, code: codes.Unavailable,
		message: "the store has another history than before: connect again, with an empty cache"},
	{err: consent.ErrTooManyWatchers, code: codes.ResourceExhausted, message: "this server has too many watchers"},
	{err: consent.ErrPolicyRevision, code: codes.Aborted,
		message: "another policy revision is in force than the one expected"},
	{err: consent.ErrUnaudited, code: codes.Unavailable, retryAfter: retryAfter,
		message: "the audit of acts cannot be written at the moment, and this call is not answered without it"},
	{err: consent.ErrNotLogged, code: codes.Unavailable, retryAfter: retryAfter,
		message: "the decision cannot be logged at the moment, and is not given out unlogged"},
	{err: consent.ErrUnavailable, code: codes.Unavailable, retryAfter: storeRetryAfter,
		message: "the store cannot be reached at the moment"},
	{err: context.DeadlineExceeded, code: codes.DeadlineExceeded, message: "the deadline passed"},
	{err: context.Canceled, code: codes.Canceled, message: "the call was cancelled"},
}

// internal is what everything unknown becomes.
var internal = outcome{code: codes.Internal, message: "internal error"}

// toStatus maps any error to the status with which it leaves.
func toStatus(err error) *status.Status {
	if invalid, ok := errors.AsType[*consent.InvalidError](err); ok {
		return invalidStatus(invalid.Violations)
	}
	if s := policyStatus(err); s != nil {
		return s
	}
	if forbidden, ok := errors.AsType[*consent.ForbiddenError](err); ok {
		return status.New(codes.PermissionDenied, forbidden.Error())
	}
	for i := range outcomes {
		if errors.Is(err, outcomes[i].err) {
			return outcomes[i].status(err)
		}
	}
	return internal.status(err)
}

func (o *outcome) status(err error) *status.Status {
	field := o.field
	if event, ok := errors.AsType[*consent.EventError](err); ok {
		field = fmt.Sprintf("events[%d]%s", event.Index, o.eventField)
	}
	message := o.message
	var details []protoadapt.MessageV1
	if field != "" {
		message = field + ": " + message
		details = append(details, badRequest([]consent.Violation{{Field: field, Description: o.message}}))
	}
	if o.precondition != "" {
		details = append(details, &errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{
			{Type: o.precondition, Subject: field, Description: o.message},
		}})
	}
	after := o.retryAfter
	if refused, ok := errors.AsType[*limit.RefusedError](err); ok {
		message, after = refused.Message, refused.After
	}
	details = append(details, behindDetails(err)...)
	if after > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	}
	return withDetails(status.New(o.code, message), details...)
}

// maxViolations bounds the violations of one answer: they travel in a header, and some clients take no more than 8 KiB.
const maxViolations = 32

func invalidStatus(violations []consent.Violation) *status.Status {
	message := "invalid request"
	if len(violations) > 0 {
		message = violations[0].Field + ": " + violations[0].Description
	}
	if len(violations) > 1 {
		message += fmt.Sprintf(" (and %d more)", len(violations)-1)
	}
	return withDetails(status.New(codes.InvalidArgument, message), badRequest(violations))
}

func badRequest(violations []consent.Violation) *errdetails.BadRequest {
	b := &errdetails.BadRequest{}
	for _, v := range violations[:min(len(violations), maxViolations)] {
		b.FieldViolations = append(b.FieldViolations,
			&errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Description})
	}
	return b
}

// withDetails adds details; a status that cannot take them goes without.
func withDetails(s *status.Status, details ...protoadapt.MessageV1) *status.Status {
	if detailed, err := s.WithDetails(details...); err == nil {
		return detailed
	}
	return s
}

// errorLog maps errors and keeps the causes that do not leave.
type errorLog struct {
	log *slog.Logger
	// outage thins out the lines of a store that is down: every call fails for the same reason then.
	outage *rate.Sometimes
}

func newErrorLog(log *slog.Logger) *errorLog {
	return &errorLog{log: log, outage: &rate.Sometimes{First: 1, Interval: time.Second}}
}

// refuse returns the status of err and logs its cause if it is this side's fault: INTERNAL always, UNAVAILABLE at most
// once a second.
func (l *errorLog) refuse(ctx context.Context, method string, err error) *status.Status {
	s := toStatus(err)
	switch s.Code() {
	case codes.Internal:
		l.log.ErrorContext(ctx, "call failed", "method", method, "error", err)
	case codes.Unavailable:
		l.outage.Do(func() {
			l.log.WarnContext(ctx, "a call cannot be served at the moment", "method", method, "error", err)
		})
	}
	return s
}
