package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// tally counts what came of the checks of a burst.
type tally struct {
	Allowed int            `json:"allowed"`
	Denied  int            `json:"denied"`
	Errors  map[string]int `json:"errors"`
	MS      float64        `json:"ms"`
	CPUUS   int64          `json:"cpu_us"`

	mu sync.Mutex // guards the counts
}

func (t *tally) add(allowed bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.Errors[codeNames[status.Code(err)]]++
	case allowed:
		t.Allowed++
	default:
		t.Denied++
	}
}

// burst makes the checks of an operation: the same request for many subjects.
func burst(ctx context.Context, c *client.Client, o operation) result {
	requests := o.requests()
	t := &tally{Errors: map[string]int{}}
	began, cpu := time.Now(), processCPU()
	switch o.How {
	case "check":
		atOnce(o.AtOnce, requests, func(q *consentv1.CheckRequest) {
			d, err := c.Check(ctx, q)
			t.add(d.Allowed, err)
		})
	case "is_allowed":
		atOnce(o.AtOnce, requests, func(q *consentv1.CheckRequest) { t.add(c.Allowed(ctx, q), nil) })
	case "session":
		atOnce(o.AtOnce, requests, func(q *consentv1.CheckRequest) {
			d, err := c.Session().Check(ctx, q)
			t.add(d.Allowed, err)
		})
	case "batch":
		batches(ctx, c, requests, t)
	case "filter":
		filter(ctx, c, requests, t)
	default:
		return result{Error: &failure{Code: undocumented, Message: "unknown way " + o.How}}
	}
	t.MS, t.CPUUS = float64(time.Since(began).Microseconds())/1000, (processCPU() - cpu).Microseconds()
	return result{Burst: t}
}

// requests are the burst's, made before it is timed.
func (o operation) requests() []*consentv1.CheckRequest {
	model := requestOf(o, &consentv1.CheckRequest{})
	requests := make([]*consentv1.CheckRequest, o.Subjects)
	for i := range requests {
		requests[i] = proto.CloneOf(model)
		requests[i].SubjectId = fmt.Sprint(o.Prefix, i)
	}
	return requests
}

// atOnce has check called for every request, by that many goroutines; 0 stands for one for each.
func atOnce(n int, requests []*consentv1.CheckRequest, check func(*consentv1.CheckRequest)) {
	if n == 0 {
		n = len(requests)
	}
	var next atomic.Int64
	var under sync.WaitGroup
	for range n {
		under.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(requests)); i = next.Add(1) - 1 {
				check(requests[i])
			}
		})
	}
	under.Wait()
}

// batches asks in batches of the greatest size, one after the other.
func batches(ctx context.Context, c *client.Client, requests []*consentv1.CheckRequest, t *tally) {
	for len(requests) > 0 {
		some := requests[:min(len(requests), client.MaxBatch)]
		requests = requests[len(some):]
		results, err := c.BatchCheck(ctx, &consentv1.BatchCheckRequest{Requests: some})
		if err != nil {
			for range some {
				t.add(false, err)
			}
			continue
		}
		for _, r := range results {
			t.add(r.Decision.Allowed, r.Err)
		}
	}
}

// filter asks for those who are allowed. That somebody could not be decided is one error.
func filter(ctx context.Context, c *client.Client, requests []*consentv1.CheckRequest, t *tally) {
	allowed, err := c.FilterRequests(ctx, requests)
	t.Allowed = len(allowed)
	if err != nil {
		t.add(false, err)
		return
	}
	t.Denied = len(requests) - t.Allowed
}

// processCPU is what the process has used, user and system.
func processCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it cannot fail with these arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
