package main

import (
	"context"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/report"
)

// How requests leave.
const (
	constant = "constant"
	poisson  = "poisson"
	closed   = "closed"
)

// answerTimeout is how long answers are waited for after a slice's last request.
const answerTimeout = 30 * time.Second

// scenario is one call to measure.
type scenario struct {
	system, name string
	subjects     int
	schedule     string
	// rate is in requests per second; unused in a closed loop.
	rate float64
	// checks is how many decisions a request asks for.
	checks int
	call   load.Call
	// pid is the process whose CPU time and memory are read.
	pid  int
	note string
	// warmUp is how long the call runs before it is measured; zero means half a slice, negative not at all.
	warmUp time.Duration
	// duration of a slice; zero means the run's.
	duration time.Duration
	// workers is how many requests a closed loop has under way; zero means the run's.
	workers int
	// slices is how many rounds there are; zero means the run's. Only rounds look at it.
	slices int
}

// target is something to put load on: a call and the process that pays for it.
type target struct {
	call load.Call
	pid  int
	// also are other processes that pay for it.
	also []int
	// next is the number of the next request.
	next int
	err  error
}

// measure runs a scenario in slices that alternate with the null RPC on consentd's server.
func (b *bench) measure(ctx context.Context, s scenario) report.Row {
	s = b.completed(s)
	b.progress.begin(s.system + ", " + s.name)
	measured, floor := &target{call: s.call, pid: s.pid}, &target{call: null(b.server.conns), pid: b.server.pid()}
	if s.warmUp >= 0 {
		warm := s
		warm.duration = max(s.warmUp, s.duration/2)
		b.slice(ctx, warm, measured)
		b.slice(ctx, warm, floor)
	}
	pairs := load.Alternate(b.slices, func() load.Slice {
		defer b.progress.advance(s.duration)
		return b.slice(ctx, s, measured)
	}, func() load.Slice {
		defer b.progress.advance(s.duration)
		return b.slice(ctx, s, floor)
	})
	row := rowOf(s, pairs)
	if peak, err := proc.PeakMemory(s.pid); err == nil {
		row.PeakMemory = peak
	}
	for _, err := range []error{measured.err, floor.err} {
		if err != nil {
			row.Note = joined(row.Note, "first error: "+err.Error())
		}
	}
	return row
}

// completed has the run's own in place of what the scenario leaves out.
func (b *bench) completed(s scenario) scenario {
	if s.duration == 0 {
		s.duration = b.duration
	}
	if s.workers == 0 {
		s.workers = b.workers
	}
	if s.slices == 0 {
		s.slices = b.slices
	}
	return s
}

// slice puts load on a target for the scenario's duration.
func (b *bench) slice(ctx context.Context, s scenario, t *target) load.Slice {
	ctx, cancel := context.WithTimeout(ctx, s.duration+answerTimeout)
	defer cancel()
	before := t.cpu()
	result := b.loop(ctx, s, t)
	after := t.cpu()
	t.next += result.Sent + result.Dropped
	if t.err == nil {
		t.err = result.Err
	}
	return load.Slice{Result: result, CPU: after - before}
}

// cpu is the time that the target's processes have taken; 0 where the system does not tell.
func (t *target) cpu() (all time.Duration) {
	for _, pid := range append([]int{t.pid}, t.also...) {
		d, _ := proc.CPU(pid)
		all += d
	}
	return all
}

func (b *bench) loop(ctx context.Context, s scenario, t *target) load.Result {
	if s.schedule == closed {
		return load.Closed(ctx, load.ClosedConfig{Workers: s.workers, Duration: s.duration, First: t.next}, t.call)
	}
	schedule := load.Constant(s.rate)
	if s.schedule == poisson {
		schedule = load.Poisson(s.rate, uint64(t.next))
	}
	return load.Open(ctx, load.OpenConfig{Schedule: schedule, Duration: s.duration, First: t.next}, t.call)
}

// rowOf sums up the slices of a scenario.
func rowOf(s scenario, pairs []load.Pair) report.Row {
	measured := merged(pairs, func(p *load.Pair) *load.Slice { return &p.Measured })
	floor := merged(pairs, func(p *load.Pair) *load.Slice { return &p.Floor })
	row := report.Row{
		System: s.system, Scenario: s.name, Subjects: s.subjects, Schedule: s.schedule, Checks: s.checks, Note: s.note,
		Latency: latencyOf(measured, pairs, func(p load.Pair) *load.Slice { return &p.Measured }),
		Floor:   latencyOf(floor, pairs, func(p load.Pair) *load.Slice { return &p.Floor }),
		Ratio: load.SpreadOf(pairs, func(p load.Pair) float64 {
			return ratio(load.Quantile(p.Measured.Latency, 50), load.Quantile(p.Floor.Latency, 50))
		}),
		Throughput: load.SpreadOf(pairs, func(p load.Pair) float64 { return p.Measured.Rate() * float64(s.checks) }),
		ThroughputRatio: load.SpreadOf(pairs, func(p load.Pair) float64 {
			return ratio(p.Measured.Rate()*float64(s.checks), p.Floor.Rate())
		}),
		CPU:      load.SpreadOf(pairs, func(p load.Pair) float64 { return micros(p.Measured.CPUPerRequest()) / float64(s.checks) }),
		FloorCPU: load.SpreadOf(pairs, func(p load.Pair) float64 { return micros(p.Floor.CPUPerRequest()) }),
		CPURatio: load.SpreadOf(pairs, func(p load.Pair) float64 {
			return ratio(micros(p.Measured.CPUPerRequest()), micros(p.Floor.CPUPerRequest()))
		}),
		Requests: measured.Sent, Failed: measured.Failed, Dropped: measured.Dropped,
	}
	if s.schedule != closed {
		row.Offered, row.LagP99 = s.rate, load.Quantile(measured.Lag, 99)/1e3
		row.Kept = min(1, ratio(float64(s.duration)*float64(len(pairs)), float64(measured.Elapsed)))
	}
	return row
}

func merged(pairs []load.Pair, of func(*load.Pair) *load.Slice) load.Result {
	var all load.Result
	for i := range pairs {
		all.Merge(of(&pairs[i]).Result)
	}
	return all
}

func latencyOf(all load.Result, pairs []load.Pair, of func(load.Pair) *load.Slice) report.Latency {
	l := tails(all.Latency)
	l.P50 = load.SpreadOf(pairs, func(p load.Pair) float64 { return load.Quantile(of(p).Latency, 50) / 1e3 })
	l.P99 = load.SpreadOf(pairs, func(p load.Pair) float64 { return load.Quantile(of(p).Latency, 99) / 1e3 })
	return l
}

// tails reads a histogram of nanoseconds, in microseconds.
func tails(h *hdrhistogram.Histogram) report.Latency {
	single := func(p float64) load.Spread {
		v := load.Quantile(h, p) / 1e3
		return load.Spread{Median: v, Min: v, Max: v}
	}
	return report.Latency{
		P50: single(50), P99: single(99), P90: load.Quantile(h, 90) / 1e3, P999: load.Quantile(h, 99.9) / 1e3,
		P9999: load.Quantile(h, 99.99) / 1e3, Max: float64(h.Max()) / 1e3,
	}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return fmt.Sprintf("%s; %s", a, b)
}
