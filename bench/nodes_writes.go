package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// writer records consents of subjects that nobody asks, one event a call.
type writer struct {
	b *bench
	// next numbers them over all lanes.
	next *atomic.Int64
}

func (w writer) call(conns []*grpc.ClientConn) load.Call {
	clients := make([]consentv1.ConsentServiceClient, len(conns))
	for i, conn := range conns {
		clients[i] = consentv1.NewConsentServiceClient(conn)
	}
	return func(ctx context.Context, n int) error {
		_, err := clients[n%len(clients)].RecordEvents(ctx, w.b.consent(fmt.Sprintf("writer-%d", w.next.Add(1)), "given", false))
		return err
	}
}

// consent is the giving of consent to the first purpose, or with any other kind its withdrawal.
func (b *bench) consent(subject, kind string, fence bool) *consentv1.RecordEventsRequest {
	status, at := consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, question.ConsentAt
	if kind != "given" {
		status, at = consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN, question.WithdrawnAt
	}
	return &consentv1.RecordEventsRequest{
		Controller: question.Controller, SubjectId: subject, Fence: fence,
		Events: []*consentv1.Event{{
			Id: subject + "-" + kind, OccurredAt: timestamppb.New(b.started.Add(at)), Source: "unsubscribe_link",
			Kind: question.ConsentKind(question.Purposes[0], status, time.Time{}),
		}},
	}
}

// writes are durable ones, by as many writers as the closed loops have.
func (c *cluster) writes(ctx context.Context) error {
	c.b.progress.begin("nodes: writes")
	node, w := c.nodes[0], writer{c.b, &c.b.written}
	lanes := []*lane{
		newLane(embeddedName, w.call(c.b.server.conns), c.b.server), newLane(postgresName, w.call(node.conns), node),
	}
	return c.writing(ctx, lanes)
}

// manyWrites are the same by all nodes.
func (c *cluster) manyWrites(ctx context.Context) error {
	w := writer{c.b, &c.b.written}
	return c.writing(ctx, []*lane{newLane(manyName, w.call(c.conns()), c.nodes...)})
}

func (c *cluster) writing(ctx context.Context, lanes []*lane) error {
	before, err := c.spent(ctx)
	if err != nil {
		return err
	}
	if err := c.b.rounds(ctx, scenario{schedule: closed}, lanes...); err != nil {
		return err
	}
	after, err := c.spent(ctx)
	if err != nil {
		return err
	}
	for _, l := range lanes {
		what := fmt.Sprintf("durable writes, %d writers", c.b.workers)
		f := report.Figure{What: what, Unit: "/s", Note: "one event each"}
		if l.name != embeddedName {
			f.Target, f.Note = "≥ 5,000", after.since(before).each(l.next)
		}
		c.laneFigure(l, f, perSecond)
		c.laneFigure(l, report.Figure{What: what + ": p50", Unit: "ms"}, millis(50))
		c.laneFigure(l, report.Figure{What: what + ": p99", Unit: "ms"}, millis(99))
		c.laneFigure(l, report.Figure{What: what + ": server CPU", Unit: "µs"}, cpuPerRequest)
	}
	return ctx.Err()
}

// spent is what the database has done so far: the times that it synced its log, and the processor time of its processes
// by their numbers.
type spent struct {
	syncs float64
	cpu   map[int]time.Duration
}

func (c *cluster) spent(ctx context.Context) (spent, error) {
	s := spent{cpu: map[int]time.Duration{}}
	syncs, err := c.number(ctx, "SELECT wal_sync::float8 FROM pg_stat_wal")
	if err != nil {
		return s, err
	}
	s.syncs = syncs
	text, err := c.ask(ctx, "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity")
	if err != nil {
		return s, err
	}
	for _, field := range strings.Fields(text) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return s, err
		}
		s.cpu[pid], _ = proc.CPU(pid) // it may have ended
	}
	return s, nil
}

// since is what was spent after an earlier moment, by processes that are still there.
func (s spent) since(earlier spent) spent {
	all := spent{syncs: s.syncs - earlier.syncs, cpu: map[int]time.Duration{}}
	for pid, cpu := range s.cpu {
		all.cpu[pid] = cpu - earlier.cpu[pid]
	}
	return all
}

// each says what a write took of it.
func (s spent) each(writes int) string {
	cpu := time.Duration(0)
	for _, d := range s.cpu {
		cpu += d
	}
	return fmt.Sprintf("one event each; %.1f of them for a sync of the database's log, whose processes took %.0f µs CPU for each",
		ratio(float64(writes), s.syncs), ratio(micros(cpu), float64(writes)))
}
