package grpcapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// driverText is what must never leave.
const driverText = "pebble: /var/data/000012.sst: password=hunter2"

// sentinels has a row for every error that crosses packages, and for what is none.
var sentinels = []struct {
	name   string
	err    error
	code   codes.Code
	fields []string
	retry  bool
}{
	{"unauthenticated", consent.ErrUnauthenticated, codes.Unauthenticated, nil, false},
	{"an expired credential", errors.Join(consent.ErrUnauthenticated, consent.ErrCredentialExpired), codes.Unauthenticated,
		nil, false},
	{"no keys of the issuer", consent.ErrIssuerUnavailable, codes.Unavailable, nil, true},
	{"unknown controller", consent.ErrUnknownController, codes.NotFound, []string{"controller"}, false},
	{"event conflict", consent.ErrEventConflict, codes.AlreadyExists, nil, false},
	{"event conflict, named", &consent.EventError{Index: 2, ID: "e", Err: consent.ErrEventConflict}, codes.AlreadyExists,
		[]string{"events[2].id"}, false},
	{"erasure stands", consent.ErrErasureStands, codes.FailedPrecondition, nil, false},
	{"erasure stands, named", &consent.EventError{Index: 1, ID: "e", Err: consent.ErrErasureStands}, codes.FailedPrecondition,
		[]string{"events[1]"}, false},
	{"erasure stage, named", &consent.EventError{Index: 1, ID: "e", Err: consent.ErrErasureStage}, codes.FailedPrecondition,
		[]string{"events[1].erasure.stage"}, false},
	{"annulment, named", &consent.EventError{Index: 1, ID: "e", Err: consent.ErrAnnulment}, codes.FailedPrecondition,
		[]string{"events[1].annulment.event_id"}, false},
	{"person too large", consent.ErrPersonTooLarge, codes.FailedPrecondition, nil, false},
	{"shared too widely", consent.ErrSharedTooWidely, codes.FailedPrecondition, nil, false},
	{"linked already, named", &consent.EventError{ID: "e", Err: consent.ErrLinkedAlready}, codes.FailedPrecondition,
		[]string{"events[0]"}, false},
	{"both shared", consent.ErrBothShared, codes.FailedPrecondition, nil, false},
	{"not linked", consent.ErrNotLinked, codes.FailedPrecondition, nil, false},
	{"a completion beside a sharing", consent.ErrCompletionApart, codes.FailedPrecondition, nil, false},
	{"bad token", consent.ErrBadToken, codes.InvalidArgument, []string{"consistency.at_least_as_fresh"}, false},
	{"a token of lost history", consent.ErrHistoryLost, codes.FailedPrecondition, []string{"consistency.at_least_as_fresh"}, false},
	{"busy", consent.ErrBusy, codes.ResourceExhausted, nil, true},
	{"unaudited", fmt.Errorf("%w: %s", consent.ErrUnaudited, driverText), codes.Unavailable, nil, true},
	{"backup under way", consent.ErrBackupRuns, codes.ResourceExhausted, nil, true},
	{"not logged", consent.ErrNotLogged, codes.Unavailable, nil, true},
	{"bad page token", consent.ErrBadPageToken, codes.InvalidArgument, []string{"page_token"}, false},
	{"invalid", &consent.InvalidError{Violations: []consent.Violation{{Field: "a", Description: "x"}, {Field: "b", Description: "y"}}},
		codes.InvalidArgument, []string{"a", "b"}, false},
	{"recorded, not fenced", errors.Join(consent.ErrUnfenced, context.DeadlineExceeded), codes.DeadlineExceeded, nil, false},
	{"recorded, not fenced, cancelled", errors.Join(consent.ErrUnfenced, context.Canceled), codes.DeadlineExceeded, nil, false},
	{"recorded, nodes behind", &consent.BehindError{Nodes: []string{"a"}}, codes.DeadlineExceeded, nil, false},
	{"activated, not fenced", &consent.PolicyUnfencedError{Err: consent.ErrUnfenced}, codes.DeadlineExceeded, nil, false},
	{"activated, cancelled", &consent.PolicyUnfencedError{Err: context.Canceled}, codes.DeadlineExceeded, nil, false},
	{"a watcher against the protocol", consent.ErrWatchProtocol, codes.FailedPrecondition, nil, false},
	{"a slow watcher", consent.ErrWatcherSlow, codes.ResourceExhausted, nil, false},
	{"a watcher of lost history", consent.ErrWatchAnew, codes.Unavailable, nil, false},
	{"too many watchers", consent.ErrTooManyWatchers, codes.ResourceExhausted, nil, false},
	{"another policy revision", consent.ErrPolicyRevision, codes.Aborted, nil, false},
	{"policies of a source", &consent.PolicySourceError{Source: "/etc/policies"}, codes.FailedPrecondition, nil, false},
	{"faults of policies", &consent.PolicyFaultsError{Faults: []consent.PolicyFault{{File: "a.rego", Line: 3, Message: "x"},
		{Message: "y"}}},
		codes.InvalidArgument, []string{"a.rego:3", "files"}, false},
	{"unavailable", consent.ErrUnavailable, codes.Unavailable, nil, true},
	{"unavailable by its own deadline", errors.Join(consent.ErrUnavailable, context.DeadlineExceeded), codes.Unavailable, nil, true},
	{"deadline", context.DeadlineExceeded, codes.DeadlineExceeded, nil, false},
	{"cancelled", context.Canceled, codes.Canceled, nil, false},
	{"anything else", errors.New("unexpected"), codes.Internal, nil, false},
	{"another server's status", status.Error(codes.PermissionDenied, driverText), codes.Internal, nil, false},
}

func TestEveryErrorLeavesByTheTable(t *testing.T) {
	for _, row := range sentinels {
		for form, err := range map[string]error{
			"bare":    row.err,
			"wrapped": fmt.Errorf("reading subject state: %w: %s", row.err, driverText),
		} {
			t.Run(row.name+"/"+form, func(t *testing.T) {
				s := serve(t, &fake{check: func(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error) {
					return consent.Decision{Effect: consent.Allow}, err
				}})
				got, refused := check(t, s)
				if got != nil {
					t.Errorf("an answer left with the error: %v", got)
				}
				if status.Code(refused) != row.code {
					t.Errorf("code = %v, want %v", status.Code(refused), row.code)
				}
				if diff := cmp.Diff(row.fields, fields(refused)); diff != "" {
					t.Errorf("fields (-want +got):\n%s", diff)
				}
				if (retryIn(refused) > 0) != row.retry {
					t.Errorf("RetryInfo = %v, want %v", !row.retry, row.retry)
				}
				checkNoLeak(t, refused)
				checkLog(t, s.log.String(), row.code, form)
			})
		}
	}
}

func check(t *testing.T, s *served) (*consentv1.CheckResponse, error) {
	t.Helper()
	return checkAs(t.Context(), s)
}

func checkAs(ctx context.Context, s *served) (*consentv1.CheckResponse, error) {
	return consentv1.NewDecisionServiceClient(s.conn).Check(ctx, &consentv1.CheckRequest{
		Controller: "acme", SubjectId: "s", Purpose: "ads",
	})
}

// TestLostHistoryIsTold: clients tell it by the type from other refusals.
func TestLostHistoryIsTold(t *testing.T) {
	s := serve(t, &fake{check: func(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error) {
		return consent.Decision{}, fmt.Errorf("%w: %s", consent.ErrHistoryLost, driverText)
	}})
	_, err := check(t, s)
	var got []string
	for _, d := range status.Convert(err).Details() {
		if failure, ok := d.(*errdetails.PreconditionFailure); ok {
			for _, v := range failure.GetViolations() {
				got = append(got, v.GetType()+" of "+v.GetSubject())
			}
		}
	}
	if diff := cmp.Diff([]string{"STORE_HISTORY_LOST of consistency.at_least_as_fresh"}, got); diff != "" {
		t.Errorf("preconditions (-want +got):\n%s", diff)
	}
	if text := status.Convert(err).Message(); !strings.Contains(text, "lost history") || !strings.Contains(text, "record again") {
		t.Errorf("message is %q", text)
	}
}

// retryIn is when an error says to come again; zero: it does not.
func retryIn(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

func checkNoLeak(t *testing.T, err error) {
	t.Helper()
	s := status.Convert(err)
	if all := s.Message() + s.Proto().String(); strings.Contains(all, "hunter2") || strings.Contains(all, "pebble") {
		t.Errorf("driver text left: %s", all)
	}
	if s.Code() == codes.Internal && s.Message() != "internal error" {
		t.Errorf("message = %q, want the fixed text", s.Message())
	}
}

// checkLog holds that causes on this side are logged, once, and a caller's faults never.
func checkLog(t *testing.T, log string, code codes.Code, form string) {
	t.Helper()
	want := 0
	if code == codes.Internal || code == codes.Unavailable {
		want = 1
	}
	if got := strings.Count(log, "\n"); got != want {
		t.Errorf("%d log lines, want %d:\n%s", got, want, log)
	}
	if want == 1 && form == "wrapped" && !strings.Contains(log, "hunter2") {
		t.Errorf("the cause is not in the log: %s", log)
	}
}

func TestPanicIsOneFailedCall(t *testing.T) {
	s := serve(t, &fake{check: func(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error) {
		panic("boom " + driverText)
	}})
	_, err := check(t, s)
	if status.Code(err) != codes.Internal {
		t.Fatalf("code = %v, want Internal", status.Code(err))
	}
	checkNoLeak(t, err)
	if log := s.log.String(); !strings.Contains(log, "boom") || !strings.Contains(log, "errors_test.go") {
		t.Errorf("the log has no cause or no stack: %s", log)
	}
	if got := counter(t, s, "consentd_panics_total", nil); got != 1 {
		t.Errorf("panics = %v, want 1", got)
	}
	if _, err := consentv1.NewConsentServiceClient(s.conn).GetSubject(t.Context(),
		&consentv1.GetSubjectRequest{Controller: "acme", SubjectId: "s"}); err != nil {
		t.Errorf("the next call fails: %v", err)
	}
}

func TestOutageLogsOneLineASecond(t *testing.T) {
	s := serve(t, &fake{check: func(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error) {
		return consent.Decision{}, consent.ErrUnavailable
	}})
	for range 50 {
		if _, err := check(t, s); status.Code(err) != codes.Unavailable {
			t.Fatal(err)
		}
	}
	if got := strings.Count(s.log.String(), "\n"); got > 10 {
		t.Errorf("%d log lines for 50 calls in a row", got)
	}
}

func TestViolationsOfOneAnswerAreBounded(t *testing.T) {
	s := serve(t, &fake{})
	r := &consentv1.RecordEventsRequest{Controller: "acme", SubjectId: "s"}
	for range 1000 {
		r.Events = append(r.Events, &consentv1.Event{OccurredAt: &timestamppb.Timestamp{Nanos: -1}})
	}
	_, err := consentv1.NewConsentServiceClient(s.conn).RecordEvents(t.Context(), r)
	if got := len(fields(err)); got != 32 {
		t.Errorf("%d violations, want 32", got)
	}
	if m := status.Convert(err).Message(); !strings.Contains(m, "more") {
		t.Errorf("message %q does not tell how many there are", m)
	}
}
