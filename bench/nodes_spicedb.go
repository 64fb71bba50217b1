package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/peers"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
)

// spiceDB asks SpiceDB on the same PostgreSQL the same, and sees how long it takes until a revocation is seen. Where
// there is no program of it, or it fails, the report says so.
func (c *cluster) spiceDB(ctx context.Context) error {
	all := peers.Kinds()
	kind := all[slices.IndexFunc(all, func(k peers.Kind) bool { return k.Name == "spicedb" })]
	path, version, err := c.b.program(ctx, kind)
	if err == nil {
		err = c.besideSpiceDB(ctx, path, version)
	}
	if err != nil {
		c.b.report.Notes = append(c.b.report.Notes, "nodes: SpiceDB on PostgreSQL was not measured: "+oneLine(err))
	}
	return ctx.Err()
}

func (c *cluster) besideSpiceDB(ctx context.Context, path, version string) error {
	c.b.progress.begin("nodes: SpiceDB on PostgreSQL")
	if err := c.database.Exec(ctx, "CREATE DATABASE spicedb"); err != nil {
		return err
	}
	p, err := peers.StartSpiceDBOnPostgres(ctx, peers.Config{
		Binary: path, Population: c.b.population, Connections: c.b.conns,
	}, c.database.URL("spicedb"))
	if p != nil {
		defer p.Close()
	}
	if err != nil {
		return err
	}
	name := "SpiceDB " + version
	r := &peerRun{b: c.b, peer: p, name: name, population: c.b.population}
	if err := r.warm(ctx); err != nil {
		return err
	}
	if err := c.spiceDBChecks(ctx, r); err != nil {
		return err
	}
	if err := c.spiceDBWrites(ctx, r, p); err != nil {
		return err
	}
	return c.spiceDBRevocations(ctx, name, p)
}

// spiceDBChecks take turns with those of our first node.
func (c *cluster) spiceDBChecks(ctx context.Context, r *peerRun) error {
	check, a := c.checks(c.nodes[0].conns)
	ours := newLane(postgresName, check, c.nodes[0])
	theirs := &lane{name: r.name, target: target{call: r.unary(question.Uniform(c.b.population)), pid: r.peer.PID()}}
	if err := c.b.rounds(ctx, scenario{schedule: closed}, ours, theirs); err != nil {
		return err
	}
	c.compare("beside SpiceDB, warm unary check", ours, theirs)
	c.ratio("warm unary check, SpiceDB ÷ consentd", theirs.over(ours, cpuPerRequest), "")
	for _, l := range []*lane{ours, theirs} {
		c.laneFigure(l, report.Figure{What: "beside SpiceDB, warm unary check: p99", Unit: "ms"}, millis(99))
	}
	c.figure(report.Figure{What: "wrong answers", System: r.name, Value: load.Spread{Median: float64(r.wrong.Load())}})
	return wrongs(a)
}

func (c *cluster) spiceDBWrites(ctx context.Context, r *peerRun, p *peers.SpiceDBOnPostgres) error {
	w := writer{c.b, &c.b.written}
	ours := newLane(postgresName, w.call(c.nodes[0].conns), c.nodes[0])
	theirs := &lane{name: r.name, target: target{pid: p.PID(), call: func(ctx context.Context, n int) error {
		return p.Grant(ctx, n, fmt.Sprintf("writer-%d", n))
	}}}
	if err := c.b.rounds(ctx, scenario{schedule: closed}, ours, theirs); err != nil {
		return err
	}
	for _, l := range []*lane{ours, theirs} {
		what := fmt.Sprintf("beside SpiceDB, durable writes, %d writers", c.b.workers)
		c.laneFigure(l, report.Figure{What: what, Unit: "/s"}, perSecond)
		c.laneFigure(l, report.Figure{What: what + ": p99", Unit: "ms"}, millis(99))
	}
	return nil
}

// revocationsAtOnce is how many subjects are revoked in a slice, at moments spread over the time for which SpiceDB may
// decide by an old revision.
const revocationsAtOnce = 20

func (c *cluster) spiceDBRevocations(ctx context.Context, name string, p *peers.SpiceDBOnPostgres) error {
	var all []*load.Recorder
	for slice := range c.b.slices {
		r, group := new(load.Recorder), new(errgroup.Group)
		for i := range revocationsAtOnce {
			group.Go(func() error { return spiceDBRevocation(ctx, p, slice*revocationsAtOnce+i, r) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		all = append(all, r)
	}
	c.percentiles(report.Figure{
		What: "revocation by minimize_latency, from the acknowledgement until denied", System: name,
		Note: fmt.Sprintf("%d subjects, asked every 5 ms", c.b.slices*revocationsAtOnce),
	}, all)
	return nil
}

// spiceDBRevocation grants, waits until that is seen and a while more, revokes, and asks until that is seen.
func spiceDBRevocation(ctx context.Context, p *peers.SpiceDBOnPostgres, n int, r *load.Recorder) error {
	subject := fmt.Sprintf("revoked-%d", n)
	if err := p.Grant(ctx, n, subject); err != nil {
		return err
	}
	if err := until(ctx, p, n, true); err != nil {
		return err
	}
	idle(ctx, time.Duration(n%revocationsAtOnce)*peers.SpiceDBStaleness/revocationsAtOnce)
	if err := p.Revoke(ctx, n, subject); err != nil {
		return err
	}
	acknowledged := time.Now()
	err := until(ctx, p, n, false)
	r.Add(n, time.Since(acknowledged))
	return err
}

// until asks every 5 ms until the answer is as wanted.
func until(ctx context.Context, p *peers.SpiceDBOnPostgres, n int, want bool) error {
	for {
		granted, err := p.Granted(ctx, n, fmt.Sprintf("revoked-%d", n))
		if err != nil || granted == want {
			return err
		}
		idle(ctx, 5*time.Millisecond)
	}
}
