package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// watching is somebody elsewhere who asks for a subject until it is denied.
type watching struct {
	name string
	// ask with a token asks for a state no older than it, without one by minimize_latency.
	ask func(ctx context.Context, subject, token string) (allowed bool, err error)
	// slices have how long it took from the acknowledgement to the answer that denied; stale counts answers that allowed.
	slices []*load.Recorder
	stale  atomic.Int64
}

// revocations withdraw consents on the first node while the others, and near caches at these, are asked: first without
// a fence, then with one, after which no answer may allow.
func (c *cluster) revocations(ctx context.Context) error {
	elsewhere, end, err := c.elsewhere()
	if err != nil {
		return err
	}
	defer end()
	for _, fence := range []bool{false, true} {
		if err := c.revoke(ctx, fence, elsewhere); err != nil {
			return err
		}
	}
	return nil
}

// elsewhere are the nodes but the first, and a client with a near cache at each.
func (c *cluster) elsewhere() (all []*watching, end func(), err error) {
	var clients []*client.Client
	end = func() {
		for _, near := range clients {
			_ = near.Close()
		}
	}
	for i, node := range c.nodes[1:] {
		near, err := client.Dial(node.grpcAddr, client.WithNearCache(client.NearCacheConfig{}))
		if err == nil {
			clients = append(clients, near)
			err = leased(near)
		}
		if err != nil {
			end()
			return nil, nil, err
		}
		all = append(all, &watching{name: fmt.Sprintf("node %d", i+2), ask: askNode(node.conns[0])},
			&watching{name: fmt.Sprintf("near cache at node %d", i+2), ask: askNear(near)})
	}
	return all, end, nil
}

func checkOf(subject, token string) *consentv1.CheckRequest {
	r := &consentv1.CheckRequest{Controller: question.Controller, SubjectId: subject, Purpose: question.Purposes[0]}
	if token != "" {
		r.Consistency = &consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: token}}
	}
	return r
}

func askNode(conn *grpc.ClientConn) func(context.Context, string, string) (bool, error) {
	decisions := consentv1.NewDecisionServiceClient(conn)
	return func(ctx context.Context, subject, token string) (bool, error) {
		answer, err := decisions.Check(ctx, checkOf(subject, token))
		return answer.GetDecision() == consentv1.Decision_DECISION_ALLOW, err
	}
}

func askNear(near *client.Client) func(context.Context, string, string) (bool, error) {
	return func(ctx context.Context, subject, token string) (bool, error) {
		decision, err := near.Check(ctx, checkOf(subject, token))
		return decision.Allowed, err
	}
}

// revoke withdraws one subject after the other for as many slices as all figures have.
func (c *cluster) revoke(ctx context.Context, fence bool, elsewhere []*watching) error {
	c.b.progress.begin(fmt.Sprintf("nodes: revocations, fence %v", fence))
	var written []*load.Recorder
	for _, w := range elsewhere {
		w.slices = nil
		w.stale.Store(0)
	}
	trials := 0
	for range c.b.slices {
		written = append(written, new(load.Recorder))
		for _, w := range elsewhere {
			w.slices = append(w.slices, new(load.Recorder))
		}
		for began := time.Now(); time.Since(began) < revocationSlice*c.b.duration; trials++ {
			took, err := c.trial(ctx, fmt.Sprintf("revoked-%v-%d", fence, trials), fence, elsewhere)
			if err != nil {
				return err
			}
			written[len(written)-1].Add(trials, took)
		}
	}
	return c.revoked(fence, trials, written, elsewhere)
}

// askEvery is how long somebody waits between two questions. Without, those who ask take the processors from the nodes
// that are to hear of it: of 165 withdrawals on a busy machine 1 % were then seen after more than 150 ms.
const askEvery = time.Millisecond

// revocationSlice is how many times as long as others the slices of revocations are: one is under way at a time.
const revocationSlice = 4

// trial gives a consent, has everybody elsewhere hold the answer, and withdraws it. It returns how long the withdrawal
// took until it was acknowledged.
func (c *cluster) trial(ctx context.Context, subject string, fence bool, elsewhere []*watching) (took time.Duration, err error) {
	consents := consentv1.NewConsentServiceClient(c.nodes[0].conns[0])
	given, err := consents.RecordEvents(ctx, c.b.consent(subject, "given", false))
	if err != nil {
		return 0, err
	}
	for _, w := range elsewhere {
		for _, token := range []string{given.GetConsistencyToken(), ""} {
			if allowed, err := w.ask(ctx, subject, token); err != nil || !allowed {
				return 0, errors.Join(err, fmt.Errorf("%s: the consent of %s is not seen: %w", w.name, subject, errUntrue))
			}
		}
	}
	began := time.Now()
	if _, err := consents.RecordEvents(ctx, c.b.consent(subject, "withdrawn", fence)); err != nil {
		return 0, err
	}
	acknowledged := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range elsewhere {
		group.Go(func() error { return w.untilDenied(ctx, subject, acknowledged) })
	}
	return acknowledged.Sub(began), group.Wait()
}

func (w *watching) untilDenied(ctx context.Context, subject string, acknowledged time.Time) error {
	for {
		allowed, err := w.ask(ctx, subject, "")
		if err != nil {
			return err
		}
		if !allowed {
			w.slices[len(w.slices)-1].Add(0, time.Since(acknowledged))
			return nil
		}
		w.stale.Add(1)
		idle(ctx, askEvery)
	}
}

// revoked reports; a fence after which somebody allowed is an error.
func (c *cluster) revoked(fence bool, trials int, written []*load.Recorder, elsewhere []*watching) error {
	what, target := "withdrawal, 3 nodes: until it is acknowledged", ""
	if fence {
		what, target = "fenced withdrawal, 3 nodes: until it is acknowledged", "p99 ≤ 50"
	}
	c.percentiles(report.Figure{
		What: what, System: manyName, Target: target, Note: fmt.Sprintf("%d withdrawals, one after the other", trials),
	}, written)
	for _, w := range elsewhere {
		if fence && w.stale.Load() > 0 {
			return fmt.Errorf("%s allowed %d times after a fenced withdrawal: %w", w.name, w.stale.Load(), errUntrue)
		}
		if !fence {
			c.percentiles(report.Figure{
				What: "withdrawal without a fence: from there until denied", System: w.name, Target: "p99 ≤ 20",
				Note: fmt.Sprintf("asked every %v, round trip included; %d answers of before it meanwhile", askEvery, w.stale.Load()),
			}, w.slices)
		}
	}
	return nil
}

// percentiles reports p50 and p99 of each slice, and the same of all slices together.
func (c *cluster) percentiles(f report.Figure, slices []*load.Recorder) {
	what, note := f.What, f.Note
	var all load.Result
	for _, r := range slices {
		all.Merge(r.Result())
	}
	for _, p := range []float64{50, 99} {
		f.What, f.Unit = fmt.Sprintf("%s: p%.0f", what, p), "ms"
		f.Value = load.SpreadOf(slices, func(r *load.Recorder) float64 { return load.Quantile(r.Result().Latency, p) / 1e6 })
		f.Note = joined(note, fmt.Sprintf("%.2f ms over all slices", load.Quantile(all.Latency, p)/1e6))
		c.figure(f)
	}
}
