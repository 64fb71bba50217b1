package client_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// batches is a server of batches: it allows what begins with "yes", answers "bad" with an error of its own, and fails a
// batch that has "down" in it. It refuses what is too large.
type batches struct {
	scripted
	calls, under, most atomic.Int64
	arrived, proceed   chan struct{}
}

func (b *batches) BatchCheck(_ context.Context, r *consentv1.BatchCheckRequest) (*consentv1.BatchCheckResponse, error) {
	b.calls.Add(1)
	under := b.under.Add(1)
	for most := b.most.Load(); under > most && !b.most.CompareAndSwap(most, under); most = b.most.Load() {
	}
	defer b.under.Add(-1)
	if b.arrived != nil {
		b.arrived <- struct{}{}
		<-b.proceed
	}
	if len(r.GetRequests()) > client.MaxBatch {
		return nil, status.Error(codes.InvalidArgument, "too many")
	}
	out := &consentv1.BatchCheckResponse{}
	for _, one := range r.GetRequests() {
		response := answerTo(one)
		if !strings.HasPrefix(one.GetSubjectId(), "yes") {
			response.Decision = consentv1.Decision_DECISION_DENY
		}
		result := &consentv1.BatchCheckResult{Outcome: &consentv1.BatchCheckResult_Response{Response: response}}
		switch one.GetSubjectId() {
		case "bad":
			result.Outcome = &consentv1.BatchCheckResult_Error{Error: &consentv1.CheckError{Code: int32(codes.InvalidArgument)}}
		case "down":
			return nil, status.Error(codes.Internal, "down")
		}
		out.Results = append(out.Results, result)
	}
	return out, nil
}

func (b *batches) start(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	return startOf(t, b, opts...)
}

// people are n subjects, of whom every third allows; some are replaced.
func people(n int, replaced map[int]string) (all, allowed []string) {
	for i := range n {
		id, replace := replaced[i]
		switch {
		case replace:
		case i%3 == 0:
			id = fmt.Sprintf("yes-%d", i)
			allowed = append(allowed, id)
		default:
			id = fmt.Sprintf("no-%d", i)
		}
		all = append(all, id)
	}
	return all, allowed
}

func TestBatchesOfAnySize(t *testing.T) {
	for _, n := range []int{0, 1, client.MaxBatch, client.MaxBatch + 1, 3*client.MaxBatch + 7} {
		b := &batches{}
		c := b.start(t)
		all, allowed := people(n, nil)
		request := &consentv1.BatchCheckRequest{}
		for _, id := range all {
			request.Requests = append(request.Requests, client.NewCheck("example", id, "p"))
		}
		results, err := c.BatchCheck(t.Context(), request)
		if err != nil || len(results) != n || b.calls.Load() != int64(max(1, (n+client.MaxBatch-1)/client.MaxBatch)) {
			t.Fatalf("BatchCheck of %d = %d results, %v; %d calls", n, len(results), err, b.calls.Load())
		}
		for i, r := range results {
			if r.Err != nil || r.Decision.Allowed != strings.HasPrefix(all[i], "yes") || r.Decision.ID != all[i] {
				t.Fatalf("of %d: result %d is %v of %s, %v; want that of %s", n, i, r.Decision, r.Decision.ID, r.Err, all[i])
			}
		}
		for name, filter := range filters(c) {
			if got, err := filter(t.Context(), all); err != nil || !slices.Equal(got, allowed) {
				t.Errorf("%s of %d: %d allowed, %v; want %d", name, n, len(got), err, len(allowed))
			}
		}
	}
}

type filter func(context.Context, []string) ([]string, error)

// filters are the ways to filter.
func filters(c *client.Client) map[string]filter {
	request := client.NewCheck("example", "nobody", "p")
	return map[string]filter{
		"Filter": func(ctx context.Context, all []string) ([]string, error) { return c.Filter(ctx, request, all) },
		"a session's": func(ctx context.Context, all []string) ([]string, error) {
			return c.Session().Filter(ctx, request, all)
		},
		"FilterRequests": func(ctx context.Context, all []string) (ids []string, err error) {
			var requests []*consentv1.CheckRequest
			for _, id := range all {
				requests = append(requests, client.NewCheck("example", id, "p"))
			}
			some, err := c.FilterRequests(ctx, requests)
			for _, r := range some {
				ids = append(ids, r.GetSubjectId())
			}
			return ids, err
		},
	}
}

// Whoever could not be decided is left out, and the others are not.
func TestFilterWithErrors(t *testing.T) {
	for name, test := range map[string]struct {
		replaced map[int]string
		code     codes.Code
		lost     func(i int) bool
	}{
		"one request": {map[int]string{5: "bad"}, codes.InvalidArgument, func(int) bool { return false }},
		"one part":    {map[int]string{client.MaxBatch: "down"}, codes.Internal, func(i int) bool { return i/client.MaxBatch == 1 }},
		"both": {map[int]string{5: "bad", client.MaxBatch: "down"}, codes.InvalidArgument,
			func(i int) bool { return i/client.MaxBatch == 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			b := &batches{}
			c := b.start(t)
			all, _ := people(3*client.MaxBatch, test.replaced)
			var want []string
			for i, id := range all {
				if strings.HasPrefix(id, "yes") && !test.lost(i) {
					want = append(want, id)
				}
			}
			for how, filter := range filters(c) {
				if got, err := filter(t.Context(), all); status.Code(err) != test.code || !slices.Equal(got, want) {
					t.Errorf("%s: %d allowed, %v; want %d and %v", how, len(got), err, len(want), test.code)
				}
			}
			request := &consentv1.BatchCheckRequest{}
			for _, id := range all {
				request.Requests = append(request.Requests, client.NewCheck("example", id, "p"))
			}
			results, err := c.BatchCheck(t.Context(), request)
			if whole := len(test.replaced) > 1 || test.code == codes.Internal; whole != (status.Code(err) == codes.Internal) ||
				whole != (results == nil) {
				t.Errorf("BatchCheck = %d results, %v", len(results), err)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	b := &batches{}
	all, _ := people(3*client.MaxBatch, nil)
	for how, filter := range filters(b.start(t)) {
		if got, err := filter(ended, all); len(got) > 0 || status.Code(err) != codes.Canceled {
			t.Errorf("%s with an ended context: %d allowed, %v", how, len(got), err)
		}
	}
}

func TestPartsOfBatchesAreBounded(t *testing.T) {
	const parts = 10
	b := &batches{arrived: make(chan struct{}), proceed: make(chan struct{})}
	c := b.start(t)
	all, allowed := people(parts*client.MaxBatch, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if got, err := c.Filter(t.Context(), client.NewCheck("example", "", "p"), all); err != nil || len(got) != len(allowed) {
			t.Errorf("Filter: %d allowed, %v", len(got), err)
		}
	}()
	for range parts {
		<-b.arrived
		if b.calls.Load() >= 4 {
			b.proceed <- struct{}{} // only now that four are under way, if there are to be
		}
	}
	for range 3 {
		b.proceed <- struct{}{}
	}
	<-done
	if b.most.Load() != 4 || b.calls.Load() != parts {
		t.Errorf("%d calls, %d at once; want %d, 4 at once", b.calls.Load(), b.most.Load(), parts)
	}
}

func TestObserversAreToldOfEveryCall(t *testing.T) {
	var told []string
	b := &batches{}
	b.check = func(r *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
		if r.GetSubjectId() == "no" {
			return &consentv1.CheckResponse{Decision: consentv1.Decision_DECISION_DENY}, nil
		}
		return answerTo(r), nil
	}
	c := b.start(t, client.WithoutCoalescing(), client.WithObserver(func(_ context.Context, call client.Call) {
		if call.Duration <= 0 {
			t.Errorf("%+v took no time", call)
		}
		told = append(told, strings.TrimSpace(call.Method+" "+call.Purpose+" "+call.Outcome))
	}))
	c.Allowed(t.Context(), client.NewCheck("example", "yes", "p"))
	c.Allowed(t.Context(), client.NewCheck("example", "no", "p"))
	_, _ = c.Filter(t.Context(), client.NewCheck("example", "", "p"), []string{"yes"})
	_, _ = c.Explain(t.Context(), &consentv1.ExplainRequest{Check: client.NewCheck("example", "yes", "q")})
	_, _ = c.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{})
	want := []string{"Check p allow", "Check p deny", "BatchCheck  OK", "Explain q Unimplemented", "RecordEvents  Unimplemented"}
	if !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}
