package main

import (
	"context"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

var logCost = flag.Int("decision-log-cost", 0, "pairs of slices in which TestDecisionLogCost compares servers; 0: it is skipped")

// maxLogCost is what logging every decision to a file may take of the server's processor time, to that of a server that
// logs none.
const maxLogCost = 1.10

// TestDecisionLogCost puts the same load on a server without a log and on one that logs every decision to a file, in
// slices that alternate, and compares their processor time per check.
func TestDecisionLogCost(t *testing.T) {
	if *logCost == 0 {
		t.Skip("measures for minutes: give -decision-log-cost 10")
	}
	binary, err := buildServer(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bare, floor := costTarget(t, binary)
	for _, file := range []string{"decisions.jsonl", "decisions.jsonl.zst"} {
		logging, measured := costTarget(t, binary, "--decision-log", filepath.Join(t.TempDir(), file))
		for name, calls := range map[string][2]load.Call{
			"unary": {measured.unary(question.Uniform(measured.population)), floor.unary(question.Uniform(floor.population))},
			"batch of 100": {
				measured.batch(question.Uniform(measured.population), 100), floor.batch(question.Uniform(floor.population), 100),
			},
		} {
			slice := func(s *server, call load.Call) func() load.Slice {
				return func() load.Slice {
					before, _ := proc.CPU(s.pid())
					r := load.Closed(t.Context(), load.ClosedConfig{Workers: 16, Duration: 2 * time.Second}, call)
					after, _ := proc.CPU(s.pid())
					return load.Slice{Result: r, CPU: after - before}
				}
			}
			pairs := load.Alternate(*logCost, slice(logging, calls[0]), slice(bare, calls[1]))
			ratio := load.SpreadOf(pairs, func(p load.Pair) float64 {
				return float64(p.Measured.CPUPerRequest()) / float64(p.Floor.CPUPerRequest())
			})
			cost := func(of func(load.Pair) load.Slice) load.Spread {
				return load.SpreadOf(pairs, func(p load.Pair) float64 { s := of(p); return micros(s.CPUPerRequest()) })
			}
			t.Logf("%s, %s: %.3f (%.3f to %.3f) of the bare server's: %.2f µs and %.2f µs a request", file, name,
				ratio.Median, ratio.Min, ratio.Max, cost(func(p load.Pair) load.Slice { return p.Measured }).Median,
				cost(func(p load.Pair) load.Slice { return p.Floor }).Median)
			if name == "unary" && file == "decisions.jsonl" && ratio.Median > maxLogCost {
				t.Errorf("%s, %s: %.3f of the bare server's time, want %.2f at most", file, name, ratio.Median, maxLogCost)
			}
		}
		if wrong := measured.wrong.Load() + floor.wrong.Load(); wrong > 0 {
			t.Errorf("%d wrong answers", wrong)
		}
		dropped, err := logging.metric(t.Context(), `consentd_decision_log_dropped_total{reason="queue"}`)
		lines, _ := logging.metric(t.Context(), "consentd_decision_log_lines_total")
		if err != nil || dropped > 0 || lines == 0 {
			t.Errorf("%s: %v lines, %v dropped, %v", file, lines, dropped, err)
		}
	}
}

// costTarget starts a server with the states of 1,000 subjects in its cache.
func costTarget(t *testing.T, binary string, flags ...string) (*server, *asker) {
	t.Helper()
	p := question.Population{Size: 1000, Seed: 1, Start: time.Now()}
	s := &server{binary: binary, dataDir: t.TempDir(), connections: 4}
	if err := s.start(t.Context(), flags...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(64)
	client := consentv1.NewConsentServiceClient(s.conns[0])
	for n := range p.Size {
		group.Go(func() error {
			_, err := client.RecordEvents(ctx, p.Record(n))
			return err
		})
	}
	a := newAsker(p, s.conns)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := a.all(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s, a
}
