package load

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxUnderWay is how many requests an open loop has under way at most: ten seconds of a stalled server at 2,000
// requests per second.
const DefaultMaxUnderWay = 20_000

// OpenConfig says what an open loop sends.
type OpenConfig struct {
	Schedule Schedule
	// Duration is the length of the schedule; answers are waited for beyond it.
	Duration time.Duration
	// First is the number of the first request.
	First int
	// MaxUnderWay bounds the requests under way; more are dropped. Zero means DefaultMaxUnderWay.
	MaxUnderWay int
}

// Open sends on a schedule, whatever the server does, and waits for all answers. It ends early when ctx does.
func Open(ctx context.Context, c OpenConfig, call Call) Result {
	o := &open{ctx: ctx, call: call, recorder: newRecorder(), limit: int64(c.MaxUnderWay)}
	if o.limit == 0 {
		o.limit = DefaultMaxUnderWay
	}
	dispatched := make(chan struct{})
	go func() {
		defer close(dispatched)
		o.dispatch(c)
	}()
	<-dispatched
	o.calls.Wait()
	result := o.recorder.result()
	result.Dropped, result.Elapsed = o.dropped, time.Since(o.start)
	return result
}

type open struct {
	ctx      context.Context
	call     Call
	recorder *recorder
	start    time.Time
	calls    sync.WaitGroup
	underWay atomic.Int64
	limit    int64
	// dropped is the dispatcher's.
	dropped int
}

// dispatch keeps the schedule, on an operating system thread of its own: a goroutine that sleeps in the Go runtime
// wakes up to a millisecond late.
func (o *open) dispatch(c OpenConfig) {
	defer ownThread()()
	o.start = time.Now()
	for n := c.First; o.ctx.Err() == nil; n++ {
		offset := c.Schedule()
		if offset >= c.Duration {
			return
		}
		at := o.start.Add(offset)
		SleepUntil(at)
		o.send(n, at)
	}
}

// ownThread gives the goroutine a thread with a precise timer; undo gives it back.
func ownThread() (undo func()) {
	runtime.LockOSThread()
	restore := preciseTimer()
	return func() {
		restore()
		runtime.UnlockOSThread()
	}
}

// Sleep waits for d, a few microseconds longer at most where the machine is idle.
func Sleep(d time.Duration) {
	until := time.Now().Add(d)
	defer ownThread()()
	SleepUntil(until)
}

func (o *open) send(n int, at time.Time) {
	if o.underWay.Load() >= o.limit {
		o.dropped++
		return
	}
	o.underWay.Add(1)
	o.calls.Go(func() {
		lag := time.Since(at)
		err := o.call(o.ctx, n)
		o.recorder.add(sample{n: n, latency: time.Since(at), lag: lag, err: err})
		o.underWay.Add(-1)
	})
}
