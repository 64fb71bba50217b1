package grpcapi

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// checkContext is the context of one check among many on a stream: it ends with the stream, by its deadline, when the
// check is cancelled, and when it is done.
//
// It is the library's context, made when anything but Deadline or an Err of nil is asked for. Done, Err, Cause and
// contexts below it thus agree as the library has them agree. Most checks are decided from memory and are not asked for
// more than Err, which is why it is not made for each of them (BenchmarkCheckContext has both).
type checkContext struct {
	stream context.Context
	// deadline is the check's own or the stream's, whichever is earlier; zero: there is none.
	deadline time.Time

	// mu is held to write ended and made, which are read without it.
	mu    sync.Mutex
	ended atomic.Bool
	made  atomic.Pointer[endableContext]
}

// endableContext is a context of the library with the function that ends it.
type endableContext struct {
	context.Context
	end context.CancelFunc
}

func (c *checkContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

func (c *checkContext) Done() <-chan struct{} { return c.library().Done() }

// Value is the stream's, but where the library finds its own kind above a context, for Cause and for children: by a
// key of type *int, which nobody else uses. Who calls is thus found without making the library's context.
func (c *checkContext) Value(key any) any {
	if _, own := key.(*int); own {
		return c.library().Value(key)
	}
	return c.stream.Value(key)
}

func (c *checkContext) Err() error {
	if made := c.made.Load(); made != nil {
		return made.Err()
	}
	if !c.over() {
		return nil
	}
	return c.library().Err()
}

// over is whether the library's context, made now, would have ended.
func (c *checkContext) over() bool {
	return c.ended.Load() || c.stream.Err() != nil ||
		!c.deadline.IsZero() && time.Until(c.deadline) <= 0 // the monotonic clock alone is half the cost of time.Now
}

// library returns the library's context. One that is made too late has ended before anybody sees it.
func (c *checkContext) library() *endableContext {
	if made := c.made.Load(); made != nil {
		return made
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if made := c.made.Load(); made != nil {
		return made
	}
	made := c.fresh()
	if c.ended.Load() {
		made.end()
	}
	c.made.Store(made)
	return made
}

func (c *checkContext) fresh() *endableContext {
	made := &endableContext{}
	if c.deadline.IsZero() {
		made.Context, made.end = context.WithCancel(c.stream)
	} else {
		made.Context, made.end = context.WithDeadline(c.stream, c.deadline)
	}
	return made
}

// end ends the context, if nothing did before, and lets go of what was made.
func (c *checkContext) end() {
	c.mu.Lock()
	c.ended.Store(true)
	c.mu.Unlock()
	if made := c.made.Load(); made != nil {
		made.end()
	}
}
