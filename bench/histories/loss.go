package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// lossFaults are those that may lose what was acknowledged, which must be noticed.
var lossFaults = []fault{
	{name: asynchronousLoss, weight: 1, shared: true, alone: true, run: failOverAsynchronous},
	{name: "old backup restored", weight: 1, shared: true, alone: true, run: restoreBackup},
}

const asynchronousLoss = "fail-over to the asynchronous standby"

const lostMetric = "consentd_store_history_lost_total"

// loss is a fault that may lose history.
type loss struct {
	*world
	// from is before the loss, replaced after it.
	from, replaced int64
	// before are the nodes' counts.
	before []float64
}

// failOverAsynchronous kills the primary when a standby that lags behind is all there is. Half of the time a node does
// not reach the new one until that has a history longer than what the node knows.
func failOverAsynchronous(ctx context.Context, w *world, random *rand.Rand) error {
	w.db.lag.Silence(true)
	pauseFor(ctx, between(random, 200*time.Millisecond, 2*time.Second))
	l, err := w.beginLoss(ctx)
	if err != nil {
		return err
	}
	away := w.nodes[random.IntN(len(w.nodes))]
	if random.IntN(2) == 0 && away != w.nodes[0] {
		away.database.Refuse(true)
		away.database.Cut()
	}
	err = w.db.failOver(ctx, w.db.asynchronous)
	pauseFor(ctx, between(random, 0, 4*time.Second))
	away.database.Refuse(false)
	if err != nil {
		return err
	}
	return l.settle(ctx)
}

func restoreBackup(ctx context.Context, w *world, random *rand.Rand) error {
	backup, err := w.db.primary.Backup()
	if err != nil {
		return err
	}
	pauseFor(ctx, between(random, time.Second, 3*time.Second))
	l, err := w.beginLoss(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(w.db.primary.Restore(ctx, backup), w.db.aim(ctx)); err != nil {
		return err
	}
	return l.settle(ctx)
}

func (w *world) beginLoss(ctx context.Context) (*loss, error) {
	l := &loss{world: w}
	for _, n := range w.nodes {
		count, err := n.metric(ctx, lostMetric)
		if err != nil {
			return nil, err
		}
		l.before = append(l.before, count)
	}
	l.from = monotonic()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checker.lossBegins(l.from)
	return l, nil
}

// settle finds what is lost, holds the nodes to their promises, and has the store be whole again.
func (l *loss) settle(ctx context.Context) error {
	if err := l.db.aside(ctx); err != nil {
		return err
	}
	l.replaced = monotonic()
	for l.heardTo() <= l.replaced {
		if pauseFor(ctx, 50*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("a client does not tell: %w", ctx.Err())
		}
	}
	kept, err := l.ledgerOf(ctx, l.nodes[0])
	if err != nil {
		return err
	}
	lost := l.markLost(kept)
	l.requireNoticed(ctx, lost)
	if err := l.requireRefused(ctx, lost); err != nil {
		return err
	}
	pauseFor(ctx, l.options.bounds().nearCache) // what near caches know may be as old
	l.mu.Lock()
	l.checker.lossEnds(monotonic())
	l.mu.Unlock()
	return l.db.follow(ctx)
}

func (l *loss) heardTo() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checker.horizon()
}

// markLost marks the writes that were acknowledged and are not kept; they must be the newest of all.
func (l *loss) markLost(kept ledger) (lost []write) {
	l.mu.Lock()
	defer l.mu.Unlock()
	least, newest := uint64(never), uint64(0)
	for i := range l.checker.subjects {
		for j := range l.checker.subjects[i].writes {
			w := &l.checker.subjects[i].writes[j]
			_, is := kept[i][j+1]
			switch {
			case w.acked == 0 || w.lost || w.acked > l.replaced:
			case is && w.exact && w.acked < l.from:
				newest = max(newest, w.revision)
			case !is:
				w.lost = true
				l.checker.lostTokens[w.token] = true
				lost = append(lost, *w)
				least = min(least, w.revision)
			}
		}
	}
	if least <= newest {
		l.checker.note(ruleLost, "revision %d is lost, and the later %d is not", least, newest)
	}
	l.checker.counts.lost += len(lost)
	return lost
}

// noticeTimeout is within what a node must have noticed.
const noticeTimeout = 10 * time.Second

// requireNoticed: a node that acknowledged what is lost counts a loss.
func (l *loss) requireNoticed(ctx context.Context, lost []write) {
	for i, n := range l.nodes {
		if !acknowledgedBy(lost, i) {
			continue
		}
		within, cancel := context.WithTimeout(ctx, noticeTimeout)
		count, err := n.metric(within, lostMetric)
		for within.Err() == nil && (err != nil || count <= l.before[i]) {
			pauseFor(within, 50*time.Millisecond)
			count, err = n.metric(within, lostMetric)
		}
		missed := within.Err() != nil
		cancel()
		if missed {
			l.mu.Lock()
			l.checker.note(ruleLost, "node %d acknowledged what is lost, and has not noticed: %s is %g as before", i, lostMetric,
				l.before[i])
			l.mu.Unlock()
		}
	}
}

func acknowledgedBy(lost []write, node int) bool {
	for i := range lost {
		if lost[i].by[node] != 0 {
			return true
		}
	}
	return false
}

// tokensTried is how many tokens of the lost part are tried at each node.
const tokensTried = 5

// requireRefused: each node refuses the tokens of what is lost.
func (l *loss) requireRefused(ctx context.Context, lost []write) error {
	for _, n := range l.nodes {
		conn, err := grpc.NewClient(n.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		for i := range min(len(lost), tokensTried) {
			l.requireRefusedBy(ctx, raw{decisions: consentv1.NewDecisionServiceClient(conn)}, n, textOf(lost[len(lost)-1-i].token))
		}
		_ = conn.Close()
	}
	return nil
}

func (l *loss) requireRefusedBy(ctx context.Context, a asker, n *node, token string) {
	within, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	request := client.NewCheck(controller, subjectID(0), purpose)
	request.Consistency = client.AtLeastAsFresh(token)
	_, err := a.Check(within, request)
	for within.Err() == nil && unanswered(err) {
		pauseFor(within, 50*time.Millisecond)
		_, err = a.Check(within, request)
	}
	if status.Code(err) != codes.FailedPrecondition && !unanswered(err) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.checker.note(ruleLost, "node %d answers a token of the lost part by %v, want FAILED_PRECONDITION", n.number, err)
	}
}

// unanswered says that nothing was said of what was asked.
func unanswered(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}
