package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// ClosedConfig says how hard a closed loop pushes.
type ClosedConfig struct {
	// Workers is how many requests are under way at all times.
	Workers int
	// Duration is how long new requests are sent.
	Duration time.Duration
	// First is the number of the first request.
	First int
}

// Closed sends the next request when one is answered. Its throughput is the most that this many workers get;
// its latencies omit the requests that a slow answer kept from being sent, so they are no measure of
// latency. It ends early when ctx does.
func Closed(ctx context.Context, c ClosedConfig, call Call) Result {
	recorder, start := newRecorder(), time.Now()
	var next atomic.Int64
	next.Store(int64(c.First))
	var workers sync.WaitGroup
	for range c.Workers {
		workers.Go(func() {
			for ctx.Err() == nil {
				sent := time.Now()
				if sent.Sub(start) >= c.Duration {
					return
				}
				n := int(next.Add(1) - 1)
				err := call(ctx, n)
				recorder.add(sample{n: n, latency: time.Since(sent), lag: -1, err: err})
			}
		})
	}
	workers.Wait()
	result := recorder.result()
	result.Elapsed = time.Since(start)
	return result
}
