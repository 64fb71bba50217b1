package client_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func unavailable(t *testing.T, delay time.Duration) error {
	t.Helper()
	retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
	s, err := status.New(codes.Unavailable, "the store cannot be read").WithDetails(retry)
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

// flaky fails with err the first n times and then allows; it counts the attempts.
type flaky struct {
	n        int
	err      error
	attempts int
}

func (f *flaky) answer(context.Context, proto.Message) (proto.Message, error) {
	f.attempts++
	if f.attempts <= f.n {
		return nil, f.err
	}
	return allow(), nil
}

func TestUnavailableIsRetriedWithinTheDeadline(t *testing.T) {
	plain := status.Error(codes.Unavailable, "connection refused")
	for name, test := range map[string]struct {
		failures           int
		err                error
		attempts           int
		code               codes.Code
		atLeast, lessThan  time.Duration
		deadline, cancelIn time.Duration
	}{
		"at once": {attempts: 1, lessThan: 1},
		"once": {failures: 1, err: plain, attempts: 2, atLeast: 12 * time.Millisecond,
			lessThan: 26 * time.Millisecond},
		"three times": {failures: 3, err: plain, attempts: 4, atLeast: 87 * time.Millisecond,
			lessThan: 176 * time.Millisecond},
		"for ever": {failures: 99, err: plain, attempts: 4, code: codes.Unavailable,
			lessThan: 176 * time.Millisecond},
		"the server asks for a delay": {failures: 1, err: unavailable(t, 300*time.Millisecond), attempts: 2,
			atLeast: 300 * time.Millisecond, lessThan: 326 * time.Millisecond},
		"longer than the deadline": {failures: 1, err: unavailable(t, 2*time.Second), attempts: 1, code: codes.Unavailable,
			lessThan: 1},
		"within the caller's deadline": {failures: 1, err: unavailable(t, 2*time.Second), attempts: 2, atLeast: 2 * time.Second,
			lessThan: 3 * time.Second, deadline: time.Minute},
		"a delay of nothing": {failures: 1, err: unavailable(t, 0), attempts: 2, atLeast: 12 * time.Millisecond,
			lessThan: 26 * time.Millisecond},
		"cancelled while it waits": {failures: 1, err: unavailable(t, 500*time.Millisecond), attempts: 1, code: codes.Unavailable,
			atLeast: 100 * time.Millisecond, lessThan: 101 * time.Millisecond, cancelIn: 100 * time.Millisecond},
		"another error": {failures: 1, err: status.Error(codes.ResourceExhausted, "overload"), attempts: 1,
			code: codes.ResourceExhausted, lessThan: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.deadline > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				if test.cancelIn > 0 {
					defer time.AfterFunc(test.cancelIn, cancel).Stop()
				}
				f := &flaky{n: test.failures, err: test.err}
				start := time.Now()
				got, err := client.New(answer(f.answer), 0).Check(ctx, client.NewCheck("example", "u", "p"))
				if status.Code(err) != test.code || got.Allowed != (test.code == codes.OK) || f.attempts != test.attempts {
					t.Errorf("Check = %v, %v after %d attempts; want %v after %d", got, err, f.attempts, test.code, test.attempts)
				}
				if took := time.Since(start); took < test.atLeast || took >= test.lessThan {
					t.Errorf("took %v, want at least %v and less than %v", took, test.atLeast, test.lessThan)
				}
			})
		})
	}
}

func TestEveryCallHasADeadline(t *testing.T) {
	for name, test := range map[string]struct{ timeout, own, want time.Duration }{
		"default":  {0, 0, client.DefaultTimeout},
		"negative": {-time.Second, 0, client.DefaultTimeout},
		"set":      {3 * time.Second, 0, 3 * time.Second},
		"caller's": {3 * time.Second, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hang := answer(func(ctx context.Context, _ proto.Message) (proto.Message, error) {
					<-ctx.Done()
					return allow(), status.FromContextError(ctx.Err()).Err()
				})
				ctx, cancel := t.Context(), func() {}
				if test.own > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.own)
				}
				defer cancel()
				start := time.Now()
				got, err := client.New(hang, test.timeout).Check(ctx, nil)
				if took := time.Since(start); took != test.want || status.Code(err) != codes.DeadlineExceeded || got.Allowed {
					t.Errorf("Check = %v, %v after %v; want DEADLINE_EXCEEDED after %v", got, err, took, test.want)
				}
			})
		})
	}
}

// A server that stays down gets its callers' first attempts only, once the budget is spent, and is retried again after
// it has answered for a while.
func TestRetriesStopWhileTheServerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{n: 1 << 30, err: status.Error(codes.Unavailable, "down")}
		c := client.New(answer(f.answer), 0)
		call := func() int {
			before := f.attempts
			_, _ = c.Check(t.Context(), nil)
			return f.attempts - before
		}
		for range 20 {
			call()
		}
		if got := call(); got != 1 {
			t.Fatalf("%d attempts while the server is down, want 1", got)
		}
		f.n = 0
		for range 1000 {
			call()
		}
		f.n = 1 << 30
		if got := call(); got != 4 {
			t.Errorf("%d attempts after recovery, want 4", got)
		}
	})
}

func TestRetryRepeatsTheSameEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ids []string
		c := client.New(answer(func(_ context.Context, request proto.Message) (proto.Message, error) {
			ids = append(ids, request.(*consentv1.RecordEventsRequest).GetEvents()[0].GetId())
			if len(ids) == 1 {
				return nil, status.Error(codes.Unavailable, "the answer was lost")
			}
			return &consentv1.RecordEventsResponse{Duplicates: 1}, nil
		}), 0)
		got, err := c.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{Events: []*consentv1.Event{client.NewEvent("support")}})
		if err != nil || got.GetDuplicates() != 1 || len(ids) != 2 || ids[0] != ids[1] {
			t.Errorf("RecordEvents = %v, %v with ids %v", got, err, ids)
		}
	})
}
