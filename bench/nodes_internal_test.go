package main

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

// Each lane has a slice in each round, whoever is first.
func TestRounds(t *testing.T) {
	b := &bench{options: &options{slices: 5, duration: time.Millisecond, workers: 1}, progress: newProgress(&bytes.Buffer{}, false, 0)}
	nothing := func(context.Context, int) error { return nil }
	lanes := []*lane{{target: target{call: nothing}}, {target: target{call: nothing}}, {target: target{call: nothing}}}
	if err := b.rounds(t.Context(), scenario{schedule: closed, warmUp: -1}, lanes...); err != nil {
		t.Fatal(err)
	}
	for i, l := range lanes {
		if len(l.slices) != 5 {
			t.Errorf("lane %d has %d slices", i, len(l.slices))
		}
	}
}

// A lane's count is what its server counted within its own measured slices, and not while others had theirs.
func TestLanesCount(t *testing.T) {
	b := &bench{options: &options{slices: 5, duration: time.Millisecond, workers: 1}, progress: newProgress(&bytes.Buffer{}, false, 0)}
	var counted atomic.Int64
	call := func(context.Context, int) error {
		counted.Add(1)
		return nil
	}
	read := func(context.Context) (float64, error) { return float64(counted.Load()), nil }
	lanes := []*lane{{target: target{call: call}, counter: read}, {target: target{call: call}}}
	if err := b.rounds(t.Context(), scenario{schedule: closed}, lanes...); err != nil {
		t.Fatal(err)
	}
	if share := lanes[0].hitShare(); share != 1 || lanes[1].count != 0 {
		t.Errorf("%v of the calls, and %v of the other lane's", share, lanes[1].count)
	}
}

func TestOverComparesWithinARound(t *testing.T) {
	of := func(cpu ...time.Duration) *lane {
		l := new(lane)
		for _, d := range cpu {
			l.slices = append(l.slices, load.Slice{CPU: d, Result: load.Result{Sent: 1}})
		}
		return l
	}
	// The machine was four times as slow in the second round.
	got := of(2000, 8000, 2000).over(of(1000, 4000, 1000), cpuPerRequest)
	if got != (load.Spread{Median: 2, Min: 2, Max: 2}) {
		t.Errorf("%+v", got)
	}
}

// The whole part, too short for its figures to mean anything: each is there, and no answer is wrong.
func TestNodes(t *testing.T) {
	if testing.Short() || raced {
		t.Skip("it builds and starts servers, which the generator cannot keep up with under the race detector")
	}
	server, err := pgtest.Start(t.Context(), pgtest.Options{Unsafe: true})
	if err != nil {
		t.Skip(err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	o, err := parse(t, "--slice=10ms", "--subjects=1000", "--out", out, "--only=nodes")
	if err != nil {
		t.Fatal(err)
	}
	o.stdout, o.stderr = &stdout, &stderr
	if err := run(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	seen := map[string]bool{}
	for _, f := range read(t, out).Figures {
		seen[f.What] = true
		if f.Value.Median <= 0 || strings.Contains(f.Note, "error") {
			t.Errorf("%+v", f)
		}
	}
	for _, want := range []string{
		"warm unary check, PostgreSQL ÷ embedded: server CPU", "cold check: p99", "durable writes, 64 writers: p99",
		"warm unary check, 3 nodes ÷ 1: server CPU", "withdrawal without a fence: from there until denied: p99",
		"fenced withdrawal, 3 nodes: until it is acknowledged: p99", "bytes a subject's state",
	} {
		if !seen[want] {
			t.Errorf("%s was not measured", want)
		}
	}
}
