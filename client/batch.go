package client

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// MaxBatch is how many requests the server takes at once; BatchCheck parts what is more.
const MaxBatch = wire.MaxBatch

// batchesAtOnce is how many parts of a batch are under way at the same time: enough to keep a server's cores busy, and
// few enough to leave them to others.
const batchesAtOnce = 4

// Result is what came of one request of a batch: a decision, or an error and the zero decision.
type Result struct {
	Decision Decision
	// Err is the status that Check would have returned.
	Err error
}

// BatchCheck decides any number of requests and returns their results in their order. The error is for the whole batch;
// a request that failed by itself has it in its result. A near cache answers it if it holds all the decisions and they
// were right at one instant; else the server decides all of it, on one state for each subject.
//
// What is more than MaxBatch goes in parts, four at a time, each of which is decided as if it were the whole, and has
// the client's timeout where ctx has no deadline. The error of one part is that of the whole.
func (c *Client) BatchCheck(ctx context.Context, request *consentv1.BatchCheckRequest) ([]Result, error) {
	return c.batchCheck(ctx, request, c.fresh)
}

func (c *Client) batchCheck(ctx context.Context, request *consentv1.BatchCheckRequest, fresh *freshness) ([]Result, error) {
	all := request.GetRequests()
	if len(all) <= MaxBatch {
		return c.batchPart(ctx, request, fresh)
	}
	results := make([]Result, len(all))
	err := eachPart(ctx, len(all), func(ctx context.Context, from, to int) error {
		part := &consentv1.BatchCheckRequest{Requests: all[from:to], Consistency: request.GetConsistency()}
		decided, err := c.batchPart(ctx, part, fresh)
		copy(results[from:], decided)
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// eachPart calls do for parts of at most MaxBatch, some at once; after the first error no more are begun, and ctx ends.
func eachPart(ctx context.Context, n int, do func(ctx context.Context, from, to int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var parts sync.WaitGroup
	var failed sync.Once
	var first error
	free := make(chan struct{}, batchesAtOnce)
	for from := 0; from < n && ctx.Err() == nil; from += MaxBatch {
		free <- struct{}{}
		parts.Go(func() {
			defer func() { <-free }()
			if err := guarded(func() error { return do(ctx, from, min(from+MaxBatch, n)) }); err != nil {
				failed.Do(func() { first = err })
				cancel()
			}
		})
	}
	parts.Wait()
	if first != nil {
		return first
	}
	return contextError(ctx)
}

// Filter returns those of the subjects whose data may be used for what the request says, in their order; its own
// subject is left aside. With an error it returns those that are allowed for certain: whoever could not be decided is
// left out, and the error says why of the first of them. It asks in batches, as BatchCheck does, and is told no
// obligations: where those of a permission matter, use BatchCheck.
func (c *Client) Filter(ctx context.Context, request *consentv1.CheckRequest, subjectIDs []string) ([]string, error) {
	return c.filter(ctx, request, subjectIDs, c.fresh)
}

func (c *Client) filter(
	ctx context.Context, request *consentv1.CheckRequest, subjectIDs []string, fresh *freshness,
) ([]string, error) {
	requests := make([]*consentv1.CheckRequest, len(subjectIDs))
	for i, id := range subjectIDs {
		requests[i] = withConsistency(request, nil) // it is the batch's
		requests[i].SubjectId = id
	}
	may, err := c.whichAllow(ctx, requests, request.GetConsistency(), fresh)
	return only(subjectIDs, may), err
}

// FilterRequests is Filter for requests that differ in more than their subjects. None may have a consistency of its
// own.
func (c *Client) FilterRequests(ctx context.Context, requests []*consentv1.CheckRequest) ([]*consentv1.CheckRequest, error) {
	may, err := c.whichAllow(ctx, requests, nil, c.fresh)
	return only(requests, may), err
}

// whichAllow says of each request whether it is allowed for certain. The error is the first in the requests' order.
func (c *Client) whichAllow(
	ctx context.Context, requests []*consentv1.CheckRequest, consistency *consentv1.Consistency, fresh *freshness,
) ([]bool, error) {
	may, errs := make([]bool, len(requests)), make([]error, len(requests)/MaxBatch+1)
	undone := eachPart(ctx, len(requests), func(ctx context.Context, from, to int) error {
		part := &consentv1.BatchCheckRequest{Requests: requests[from:to], Consistency: consistency}
		results, err := c.batchPart(ctx, part, fresh)
		for i, r := range results {
			may[from+i] = r.Err == nil && r.Decision.Allowed
			if err == nil && r.Err != nil {
				err = r.Err
			}
		}
		errs[from/MaxBatch] = err
		return nil // the other parts go on
	})
	for _, err := range errs {
		if err != nil {
			return may, err
		}
	}
	return may, undone
}

func only[T any](all []T, may []bool) []T {
	var some []T
	for i, v := range all {
		if may[i] {
			some = append(some, v)
		}
	}
	return some
}

// batchPart decides what one call may ask.
func (c *Client) batchPart(ctx context.Context, request *consentv1.BatchCheckRequest, fresh *freshness) ([]Result, error) {
	if c.near == nil || ownCredentials(ctx) {
		results, _, err := c.askBatch(ctx, request, fresh)
		return results, err
	}
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	hits, session := c.near.lookupAll(request, fresh)
	if hits != nil {
		results := make([]Result, len(hits))
		for i, e := range hits {
			results[i].Decision = e.decision
		}
		return results, nil
	}
	results, answered, err := c.askBatch(ctx, request, fresh)
	if err != nil {
		return nil, err
	}
	session.accept(answered.demanded)
	for i, r := range answered.GetResults() {
		c.near.store(session, request.GetRequests()[i], r.GetResponse(), results[i].Decision)
	}
	return results, nil
}

// batchAnswer is what the server said, and the token that was demanded of it.
type batchAnswer struct {
	*consentv1.BatchCheckResponse
	demanded string
}

// askBatch has the server decide. The response has as many results as the request has requests.
func (c *Client) askBatch(
	ctx context.Context, request *consentv1.BatchCheckRequest, fresh *freshness,
) ([]Result, batchAnswer, error) {
	t, err := fresh.terms(request.GetConsistency())
	if err != nil {
		return nil, batchAnswer{}, err
	}
	response, err := c.decisions.BatchCheck(ctx, &consentv1.BatchCheckRequest{Requests: request.GetRequests(),
		Consistency: t.consistency})
	tokens := make([]string, len(response.GetResults()))
	for i, r := range response.GetResults() {
		tokens[i] = r.GetResponse().GetConsistencyToken()
	}
	if err := t.settle(err, tokens...); err != nil {
		return nil, batchAnswer{}, err
	}
	if got, want := len(response.GetResults()), len(request.GetRequests()); got != want {
		return nil, batchAnswer{}, status.Errorf(codes.Internal, "the server answered %d of %d requests", got, want)
	}
	results := make([]Result, len(response.GetResults()))
	for i, r := range response.GetResults() {
		results[i] = resultOf(r)
	}
	return results, batchAnswer{response, t.consistency.GetAtLeastAsFresh()}, nil
}

// resultOf converts one result; one without an outcome is an error.
func resultOf(result *consentv1.BatchCheckResult) Result {
	switch outcome := result.GetOutcome().(type) {
	case *consentv1.BatchCheckResult_Response:
		return Result{Decision: decisionOf(outcome.Response)}
	case *consentv1.BatchCheckResult_Error:
		return Result{Err: checkError(outcome.Error)}
	default:
		return Result{Err: status.Error(codes.Internal, fmt.Sprintf("the server sent an outcome of unknown kind %T", outcome))}
	}
}
