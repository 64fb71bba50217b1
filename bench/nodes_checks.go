package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
)

// wrongs fails where an answer was not the truth.
func wrongs(askers ...*asker) error {
	n := int64(0)
	for _, a := range askers {
		n += a.wrong.Load()
	}
	if n > 0 {
		return fmt.Errorf("%d wrong answers: %w", n, errUntrue)
	}
	return nil
}

// warmChecks compares the warm unary check of the two stores, and null RPCs to the same servers.
func (c *cluster) warmChecks(ctx context.Context) error {
	c.b.progress.begin("nodes: warm checks")
	node := c.nodes[0]
	for _, conns := range [][]*grpc.ClientConn{c.b.server.conns, node.conns} {
		if err := newAsker(c.b.population, conns).all(ctx); err != nil {
			return err
		}
	}
	embeddedCheck, a1 := c.checks(c.b.server.conns)
	sharedCheck, a2 := c.checks(node.conns)
	embedded, shared := newLane(embeddedName, embeddedCheck, c.b.server), newLane(postgresName, sharedCheck, node)
	embeddedNull := newLane("null RPC, "+embeddedName, null(c.b.server.conns), c.b.server)
	sharedNull := newLane("null RPC, "+postgresName, null(node.conns), node)
	err := c.b.rounds(ctx, scenario{schedule: closed}, embedded, shared, embeddedNull, sharedNull)
	if err != nil {
		return err
	}
	c.compare("warm unary check", embedded, shared, embeddedNull, sharedNull)
	c.ratio("warm unary check, PostgreSQL ÷ embedded", shared.over(embedded, cpuPerRequest), "≤ 1.05")
	c.ratio("null RPC, PostgreSQL ÷ embedded", sharedNull.over(embeddedNull, cpuPerRequest), "")
	c.ratio("warm unary check ÷ null RPC, embedded", embedded.over(embeddedNull, cpuPerRequest), "")
	c.ratio("warm unary check ÷ null RPC, PostgreSQL", shared.over(sharedNull, cpuPerRequest), "")
	c.rest(ctx, c.b.server, node)
	return wrongs(a1, a2)
}

// compare reports what a request of each lane costs, and how many there were a second.
func (c *cluster) compare(what string, lanes ...*lane) {
	for _, l := range lanes {
		c.laneFigure(l, report.Figure{What: what + ": server CPU", Unit: "µs"}, cpuPerRequest)
	}
	for _, l := range lanes {
		c.laneFigure(l, report.Figure{What: what + ": " + fmt.Sprint(c.b.workers) + " at once", Unit: "/s"}, perSecond)
	}
}

func (c *cluster) ratio(what string, v load.Spread, target string) {
	c.figure(report.Figure{What: what + ": server CPU", System: "ratio", Unit: "×", Value: v, Target: target})
}

// scaling puts the same load on one node and on all. They are all there in both cases.
func (c *cluster) scaling(ctx context.Context) error {
	c.b.progress.begin("nodes: one and three")
	for _, node := range c.nodes {
		if err := newAsker(c.b.population, node.conns).all(ctx); err != nil {
			return err
		}
	}
	oneCheck, a1 := c.checks(c.nodes[0].conns)
	allCheck, a2 := c.checks(c.conns())
	one, all := newLane(postgresName, oneCheck, c.nodes[0]), newLane(manyName, allCheck, c.nodes...)
	allNull := newLane("null RPC, 3 nodes", null(c.conns()), c.nodes...)
	oneNull := newLane("null RPC, 1 node", null(c.nodes[0].conns), c.nodes[0])
	if err := c.b.rounds(ctx, scenario{schedule: closed}, one, all, oneNull, allNull); err != nil {
		return err
	}
	c.compare("the same load on 1 and 3 nodes", one, all, oneNull, allNull)
	c.ratio("warm unary check, 3 nodes ÷ 1", all.over(one, cpuPerRequest), "unchanged")
	c.ratio("null RPC, 3 nodes ÷ 1", allNull.over(oneNull, cpuPerRequest), "")
	if err := wrongs(a1, a2); err != nil {
		return err
	}
	return c.manyWrites(ctx)
}

// coldReads asks each subject once after a restart, of both servers.
func (c *cluster) coldReads(ctx context.Context) error {
	c.b.progress.begin("nodes: cold reads")
	node := c.nodes[0]
	for _, s := range []*server{c.b.server, node} {
		if err := s.restart(ctx); err != nil {
			return err
		}
	}
	embedded, shared := newAsker(c.b.population, c.b.server.conns), newAsker(c.b.population, node.conns)
	once := question.Once(c.b.population)
	lanes := []*lane{
		newLane(embeddedName, embedded.unary(once), c.b.server), newLane(postgresName, shared.unary(once), node),
	}
	enough := 0.9 * float64(c.b.population.Size) / (float64(c.b.slices) * c.b.duration.Seconds())
	s := scenario{schedule: poisson, rate: min(c.b.rate(), enough), warmUp: -1}
	if err := c.b.rounds(ctx, s, lanes...); err != nil {
		return err
	}
	for _, l := range lanes {
		note := fmt.Sprintf("each subject once after a restart, %.0f/s; round trip included", s.rate)
		c.laneFigure(l, report.Figure{What: "cold check: p50", Unit: "ms", Note: note}, millis(50))
		c.laneFigure(l, report.Figure{What: "cold check: p99", Unit: "ms", Note: note}, millis(99))
		c.laneFigure(l, report.Figure{What: "cold check: server CPU", Unit: "µs"}, cpuPerRequest)
	}
	return wrongs(embedded, shared)
}
