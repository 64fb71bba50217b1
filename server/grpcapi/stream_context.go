package grpcapi

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// checkContext is the context of one check among many on a stream: it ends with the stream, by its deadline, or by a
// cancellation. Most checks are decided from memory and never ask for more than Err, so the channel and the timer behind
// it are made only when Done is called: a fourteenth of what context.WithDeadline takes (BenchmarkCheckContext).
type checkContext struct {
	// Context is the stream's.
	context.Context
	// deadline is zero if there is none.
	deadline  time.Time
	cancelled atomic.Bool

	mu sync.Mutex
	// armed is what Done made, disarm lets go of it; guarded by mu.
	armed  context.Context
	disarm context.CancelFunc
}

func (c *checkContext) Deadline() (time.Time, bool) {
	if c.deadline.IsZero() {
		return c.Context.Deadline()
	}
	return c.deadline, true
}

func (c *checkContext) Err() error {
	switch {
	case c.cancelled.Load():
		return context.Canceled
	case !c.deadline.IsZero() && time.Until(c.deadline) <= 0: // the monotonic clock alone is half the cost of time.Now
		return context.DeadlineExceeded
	}
	return c.Context.Err()
}

func (c *checkContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed == nil {
		c.arm()
	}
	return c.armed.Done()
}

func (c *checkContext) arm() {
	if c.deadline.IsZero() {
		c.armed, c.disarm = context.WithCancel(c.Context)
	} else {
		c.armed, c.disarm = context.WithDeadline(c.Context, c.deadline)
	}
	if c.cancelled.Load() {
		c.disarm()
	}
}

// cancel ends the context.
func (c *checkContext) cancel() {
	c.cancelled.Store(true)
	c.release()
}

// release lets go of what Done made, once the check is done.
func (c *checkContext) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.disarm != nil {
		c.disarm()
	}
}
