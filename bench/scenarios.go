package main

import (
	"context"
	"fmt"
	"time"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
)

const batchSize = 100

// batchRate is requests per second of batches: five times as many decisions as the unary calls ask for.
func (o *options) batchRate() float64 { return o.rate() / 20 }

// warm has all subjects in the cache.
func (b *bench) warm(ctx context.Context) error {
	return newAsker(b.population, b.server.conns).all(ctx)
}

// figure measures a call to consentd, with the share of it that the cache answered.
func (b *bench) figure(ctx context.Context, s scenario, a *asker) error {
	s.system, s.subjects, s.pid = "consentd", b.population.Size, b.server.pid()
	if s.checks == 0 {
		s.checks = 1
	}
	hits, all, err := b.server.lookups(ctx)
	if err != nil {
		return err
	}
	row := b.measure(ctx, s)
	hitsNow, allNow, err := b.server.lookups(ctx)
	if err != nil {
		return err
	}
	row.Note = joined(row.Note, fmt.Sprintf("%.1f %% from the cache", 100*ratio(hitsNow-hits, allNow-all)))
	row.Wrong = a.wrong.Load()
	b.report.Rows = append(b.report.Rows, row)
	return ctx.Err()
}

// latencyOverRate measures the warm unary check, on a constant schedule at the run's rate and on Poisson ones at all.
func (b *bench) latencyOverRate(ctx context.Context) error {
	if err := b.warm(ctx); err != nil {
		return err
	}
	scenarios := []scenario{{schedule: constant, rate: b.rate()}}
	for _, rate := range b.rates {
		scenarios = append(scenarios, scenario{schedule: poisson, rate: rate})
	}
	for _, s := range scenarios {
		a := newAsker(b.population, b.server.conns)
		s.name, s.call = "unary warm", a.unary(question.Uniform(b.population))
		if err := b.figure(ctx, s, a); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) batches(ctx context.Context) error {
	if err := b.warm(ctx); err != nil {
		return err
	}
	a := newAsker(b.population, b.server.conns)
	return b.figure(ctx, scenario{
		name: "batch of 100 warm", schedule: poisson, rate: b.batchRate(), checks: batchSize,
		call: a.batch(question.Uniform(b.population), batchSize),
	}, a)
}

// throughput is the most that closed loops get.
func (b *bench) throughput(ctx context.Context) error {
	if err := b.warm(ctx); err != nil {
		return err
	}
	unary, batch := newAsker(b.population, b.server.conns), newAsker(b.population, b.server.conns)
	err := b.figure(ctx, scenario{name: "unary", schedule: closed, call: unary.unary(question.Uniform(b.population))}, unary)
	if err != nil {
		return err
	}
	return b.figure(ctx, scenario{
		name: "batch of 100", schedule: closed, checks: batchSize, call: batch.batch(question.Uniform(b.population), batchSize),
	}, batch)
}

// cold asks each subject once, after a restart that emptied the cache. The rate is lowered where there are too few subjects.
func (b *bench) cold(ctx context.Context) error {
	if err := b.server.restart(ctx); err != nil {
		return err
	}
	a := newAsker(b.population, b.server.conns)
	enough := 0.9 * float64(b.population.Size) / (float64(b.slices) * b.duration.Seconds())
	return b.figure(ctx, scenario{
		name: "unary cold", schedule: poisson, rate: min(b.rate(), enough), warmUp: -1, call: a.unary(question.Once(b.population)),
		note: "each subject once after a restart; the files are in the system's page cache",
	}, a)
}

// mixed begins with an empty cache, and asks few subjects often and most seldom.
func (b *bench) mixed(ctx context.Context) error {
	if err := b.server.restart(ctx); err != nil {
		return err
	}
	a := newAsker(b.population, b.server.conns)
	return b.figure(ctx, scenario{
		name: "unary mixed (Zipf)", schedule: poisson, rate: b.rate(), warmUp: -1, call: a.unary(question.Zipf(b.population)),
		note: "from an empty cache on",
	}, a)
}

// sizes repeats the closed loop on the other populations.
func (b *bench) sizes(ctx context.Context) error {
	for _, size := range b.subjects[1:] {
		if err := b.forget(); err != nil {
			return err
		}
		if err := b.populate(ctx, size); err != nil {
			return err
		}
		if err := b.throughput(ctx); err != nil {
			return err
		}
	}
	return nil
}

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

// checkDelay measures an injected delay as the difference to the same call without one.
func (b *bench) checkDelay(ctx context.Context, d *delayServer, delay time.Duration) report.Check {
	const rate, within = 200, 0.05
	b.progress.begin(fmt.Sprintf("instrument, delay of %v", delay))
	s := scenario{schedule: constant, rate: rate, duration: b.duration}
	slow, fast := &target{call: d.call(delay), pid: d.process.PID()}, &target{call: d.call(0), pid: d.process.PID()}
	pairs := load.Alternate(b.slices, func() load.Slice { return b.slice(ctx, s, slow) }, func() load.Slice { return b.slice(ctx, s, fast) })
	b.progress.advance(2 * s.duration * time.Duration(b.slices))
	raw := load.SpreadOf(pairs, func(p load.Pair) float64 { return load.Quantile(p.Measured.Latency, 50) / 1e3 })
	got := load.SpreadOf(pairs, func(p load.Pair) float64 {
		return (load.Quantile(p.Measured.Latency, 50) - load.Quantile(p.Floor.Latency, 50)) / 1e3
	})
	c := verdict(fmt.Sprintf("injected delay of %v at p50", delay), micros(delay), got.Median, within)
	c.Comments = fmt.Sprintf("with the RPC itself %.0f µs; slices %.0f–%.0f", raw.Median, got.Min, got.Max)
	return c
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
