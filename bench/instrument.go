package main

import (
	"context"
	"fmt"
	"time"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/report"
)

// checkInstrument looks at the instrument itself, with a server whose delay is known.
func (b *bench) checkInstrument(ctx context.Context) error {
	d, err := startDelayServer(ctx, b.conns)
	if err != nil {
		return err
	}
	defer d.stop()
	for _, delay := range []time.Duration{time.Millisecond, 10 * time.Millisecond} {
		b.report.Checks = append(b.report.Checks, b.checkDelay(ctx, d, delay))
	}
	stall, err := b.checkStall(ctx, d)
	b.report.Checks = append(b.report.Checks, stall)
	return err
}

// attempts is how often a delay is measured at most: on a machine that is busy with something
// else the delay itself is late.
const attempts = 3

// checkDelay measures an injected delay until it comes out right, or attempts are used up; it says how many it took.
func (b *bench) checkDelay(ctx context.Context, d *delayServer, delay time.Duration) (c report.Check) {
	b.progress.begin(fmt.Sprintf("instrument, delay of %v", delay))
	for n := 1; n <= attempts && !c.Passed && ctx.Err() == nil; n++ {
		c = b.checkDelayOnce(ctx, d, delay)
		if n > 1 {
			c.Comments += fmt.Sprintf("; attempt %d", n)
		}
	}
	b.progress.advance(2 * b.duration * time.Duration(b.slices))
	return c
}

// checkDelayOnce measures an injected delay as the difference to the same call without one, sent in between: whatever
// else the machine does then falls on both.
func (b *bench) checkDelayOnce(ctx context.Context, d *delayServer, delay time.Duration) report.Check {
	const within = 0.05
	pairs := make([]load.Pair, b.slices)
	for i := range pairs {
		pairs[i] = besides(ctx, b.duration, d.call(delay), d.call(0))
	}
	raw := load.SpreadOf(pairs, func(p load.Pair) float64 { return load.Quantile(p.Measured.Latency, 50) / 1e3 })
	got := load.SpreadOf(pairs, func(p load.Pair) float64 {
		return (load.Quantile(p.Measured.Latency, 50) - load.Quantile(p.Floor.Latency, 50)) / 1e3
	})
	c := verdict(fmt.Sprintf("injected delay of %v at p50", delay), micros(delay), got.Median, within)
	c.Comments = fmt.Sprintf("with the RPC itself %.0f µs; slices %.0f–%.0f", raw.Median, got.Min, got.Max)
	if got.Scatter() > load.TooWide {
		c.Comments += "; **the slices scatter: the machine is busy with something else**"
	}
	return c
}

// besides sends two calls in turns, each 200 times a second: an open loop for each, half a period apart.
func besides(ctx context.Context, duration time.Duration, measured, floor load.Call) (p load.Pair) {
	const rate = 200
	ctx, cancel := context.WithTimeout(ctx, duration+answerTimeout)
	defer cancel()
	between := load.Constant(rate)
	shifted := func() time.Duration { return between() + time.Second/rate/2 }
	done := make(chan load.Result, 1)
	go func() { done <- load.Open(ctx, load.OpenConfig{Schedule: shifted, Duration: duration}, floor) }()
	p.Measured.Result = load.Open(ctx, load.OpenConfig{Schedule: load.Constant(rate), Duration: duration}, measured)
	p.Floor.Result = <-done
	return p
}

// checkStall stops a server for half a second. All requests of that time wait, one scheduled t before its end for t: an
// instrument that waits for answers before it sends would see a single one.
func (b *bench) checkStall(ctx context.Context, d *delayServer) (report.Check, error) {
	const rate, length, stall, within = 1000, 5 * time.Second, 500 * time.Millisecond, 0.05
	b.progress.begin("instrument, stall of 500ms")
	failed := make(chan error, 1)
	timer := time.AfterFunc(length/2, func() { failed <- d.stall(stall) })
	defer timer.Stop()
	s := b.slice(ctx, scenario{schedule: poisson, rate: rate, duration: length}, &target{call: d.call(0), pid: d.process.PID()})
	stalled := float64(stall) / float64(length)
	want := micros(stall) * (1 - 0.001/stalled)
	c := verdict("stall of 500ms at p99.9", want, load.Quantile(s.Latency, 99.9)/1e3, within)
	c.Comments = fmt.Sprintf("%d requests in %v, max %.0f µs", s.Sent, length, float64(s.Latency.Max())/1e3)
	return c, <-failed
}

func verdict(name string, want, got, within float64) report.Check {
	off := got/want - 1
	return report.Check{Name: name, Want: want, Got: got, Within: within, Passed: off <= within && off >= -within}
}
