package client

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// DefaultTimeout is how long a call whose context has no deadline may take, all its attempts together.
const DefaultTimeout = time.Second

// MaxTimeout is how long a call may take at most: what is longer means that.
const MaxTimeout = time.Hour

// The schedule of retries. Four attempts with waits of 25, 50 and 100 ms at most bridge a dropped connection and leave
// most of DefaultTimeout to the attempts themselves; a server that needs longer says so in its RetryInfo.
const (
	maxAttempts  = 4
	firstBackoff = 25 * time.Millisecond
)

// conn gives every call a deadline and repeats calls that end UNAVAILABLE: all of the API's calls may be repeated,
// because they either write nothing or carry idempotency keys.
//
// gRPC's own retry policy would do the same, but it looks at a trailer of its own and not at RetryInfo. It is off (see
// dialOptions), so that no call is repeated by both.
type conn struct {
	grpc.ClientConnInterface
	timeout time.Duration // zero or less: DefaultTimeout
	budget  budget
	// links are what it goes over; nil: the caller's own.
	links *links
	// observers are told of all calls but checks.
	observers []Observer
}

// Invoke performs one call.
func (c *conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	deadline := c.deadline(ctx)
	if own, has := ctx.Deadline(); !has || own.After(deadline) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	return c.observed(ctx, method, args, func() error {
		return c.retry(ctx, deadline, func() error {
			return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
		})
	})
}

// retry makes attempts until one does not end UNAVAILABLE or no other is worth it.
func (c *conn) retry(ctx context.Context, deadline time.Time, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		code := status.Code(err)
		unavailable := code == codes.Unavailable
		c.links.observe(code)
		c.budget.observe(unavailable)
		if !unavailable || n == maxAttempts || c.budget.exhausted() || !pause(ctx, deadline, delay(err, n)) {
			return err
		}
	}
}

// deadline is when a call that begins now must end.
func (c *conn) deadline(ctx context.Context) time.Time {
	now := time.Now()
	if own, has := ctx.Deadline(); has {
		return now.Add(min(own.Sub(now), MaxTimeout))
	}
	if c.timeout <= 0 {
		return now.Add(DefaultTimeout)
	}
	return now.Add(min(c.timeout, MaxTimeout))
}

// delay is the wait after the given attempt: what the server asks for, else 25 ms doubled each time; up to half of our
// own part is random, so that callers who failed together do not return together.
func delay(err error, attempt int) time.Duration {
	own := firstBackoff << (attempt - 1)
	jittered := own/2 + rand.N(own/2)
	if asked := retryDelay(err); asked > 0 {
		return asked + jittered
	}
	return jittered
}

// pause waits for d and reports whether there is a point in another attempt. It does not wait for what the deadline
// forbids: the caller is better served by the server's error now than by DEADLINE_EXCEEDED later.
func pause(ctx context.Context, deadline time.Time, d time.Duration) bool {
	if time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// budget keeps retries from multiplying the load of a server that is down: as in gRPC's retry throttling, a failure
// costs one token of 100, any other outcome restores a tenth, and below half nothing is repeated. The zero value is
// full.
type budget struct {
	spent atomic.Int64 // tenths of tokens
}

const (
	budgetSize  = 1000
	failureCost = 10
	outcomeGain = 1
)

func (b *budget) exhausted() bool { return b.spent.Load() >= budgetSize/2 }

func (b *budget) observe(failed bool) {
	for {
		before := b.spent.Load()
		after := max(0, before-outcomeGain)
		if failed {
			after = min(budgetSize, before+failureCost)
		}
		if after == before || b.spent.CompareAndSwap(before, after) {
			return
		}
	}
}
