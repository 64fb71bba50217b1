package main

import (
	"context"
	"fmt"

	"github.com/consentd/consentd/bench/question"
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

// cold asks each subject once, after a restart that emptied the cache. The rate is lowered
// where there are too few subjects.
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
