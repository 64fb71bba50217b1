// Package load drives calls at a server and measures them: an open loop that sends on a schedule, for latency, and a
// closed loop that sends as fast as answers come, for throughput.
//
// Guarantees: in the open loop a request's latency counts from the instant at which the schedule wanted it sent,
// whether or not the generator or the server was late (no coordinated omission); a request that cannot be sent because
// too many are under way is counted as dropped, never left out in silence. Times are those of the monotonic clock.
//
// Failure: a call that errs is counted, its latency kept, and the first error handed back; deciding whether a run with
// errors is worth anything is the caller's.
package load

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Call is one request; n counts up over all loops of a run, so that a caller can make each request another. It may be
// called concurrently.
type Call func(ctx context.Context, n int) error

// Result is what a loop saw.
type Result struct {
	// Latency is the distribution of latencies, in nanoseconds.
	Latency *hdrhistogram.Histogram
	// Lag is how long after its scheduled instant each request was handed to the transport, in nanoseconds; empty in a
	// closed loop. It is part of Latency.
	Lag *hdrhistogram.Histogram
	// Sent, Failed and Dropped count requests; Sent includes those that failed, not those that were dropped.
	Sent, Failed, Dropped int
	// Elapsed is from the first request to the last answer.
	Elapsed time.Duration
	// Err is the first error; nil if none failed.
	Err error
}

// Merge adds other to r. Elapsed adds up: the rate of the whole is that of its parts in a row.
func (r *Result) Merge(other Result) {
	if r.Latency == nil {
		r.Latency, r.Lag = NewHistogram(), NewHistogram()
	}
	r.Latency.Merge(other.Latency)
	r.Lag.Merge(other.Lag)
	r.Sent += other.Sent
	r.Failed += other.Failed
	r.Dropped += other.Dropped
	r.Elapsed += other.Elapsed
	if r.Err == nil {
		r.Err = other.Err
	}
}

// Rate is the requests answered per second.
func (r *Result) Rate() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Sent) / r.Elapsed.Seconds()
}

// The range of a histogram. Three digits keep the error of a value under 0.1 %.
const (
	highest = int64(2 * time.Minute)
	digits  = 3
)

// NewHistogram returns an empty histogram of nanoseconds, from 1 ns to 2 minutes, exact to three digits.
func NewHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, highest, digits) }

// record adds a duration; one outside the range counts as the nearest bound.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(int64(d), 1), highest)) // cannot fail within the bounds
}

// shards spread the recording of concurrent calls over locks.
const shards = 8

// recorder collects from concurrent calls.
type recorder struct {
	shards [shards]struct {
		mu sync.Mutex
		// result is guarded by mu.
		result Result
	}
}

func newRecorder() *recorder {
	r := &recorder{}
	for i := range r.shards {
		r.shards[i].result = Result{Latency: NewHistogram(), Lag: NewHistogram()}
	}
	return r
}

// sample is one call that has ended.
type sample struct {
	n            int
	latency, lag time.Duration
	err          error
}

func (r *recorder) add(s sample) {
	shard := &r.shards[s.n%shards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	record(shard.result.Latency, s.latency)
	if s.lag >= 0 {
		record(shard.result.Lag, s.lag)
	}
	shard.result.Sent++
	if s.err != nil {
		shard.result.Failed++
		if shard.result.Err == nil {
			shard.result.Err = s.err
		}
	}
}

// Recorder collects latencies that a caller times itself. The zero value is empty; it may be used concurrently.
type Recorder struct {
	once sync.Once
	r    *recorder
}

func (r *Recorder) init() { r.once.Do(func() { r.r = newRecorder() }) }

// Add records the latency of request n.
func (r *Recorder) Add(n int, latency time.Duration) {
	r.init()
	r.r.add(sample{n: n, latency: latency, lag: -1})
}

// Result is what was recorded; no Add may be under way.
func (r *Recorder) Result() Result {
	r.init()
	return r.r.result()
}

// result merges what was recorded; no call may be under way.
func (r *recorder) result() Result {
	var all Result
	for i := range r.shards {
		all.Merge(r.shards[i].result)
	}
	return all
}
