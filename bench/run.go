package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/consentd/consentd/bench/peers"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
)

// bench is one run.
type bench struct {
	*options
	// temp holds binaries and data until the run ends.
	temp       string
	started    time.Time
	server     *server
	population question.Population
	progress   *progress
	// written numbers the subjects of the part nodes' writers.
	written atomic.Int64
	report  report.Report
}

// part is a piece of a run that can be asked for by name. Those before it need not have run.
type part struct {
	name string
	run  func(*bench, context.Context) error
	// figures is how many figures it measures, for the progress bar; each takes two times the slices.
	figures func(*options) int
}

// parts are in the order in which they run: those that restart the server come after those that find it warm.
func parts() []part {
	some := func(n int) func(*options) int { return func(*options) int { return n } }
	return []part{
		{"instrument", (*bench).checkInstrument, some(2)},
		{"latency", (*bench).latencyOverRate, func(o *options) int { return 1 + len(o.rates) }},
		{"batch", (*bench).batches, some(1)},
		{"throughput", (*bench).throughput, some(2)},
		{clientsPart, (*bench).clients, func(o *options) int { return len(o.callers) * len(clientCalls()) }},
		{"cold", (*bench).cold, some(1)},
		{"mixed", (*bench).mixed, some(1)},
		{"storms", (*bench).storms, some(3)},
		{"evaluation", (*bench).evaluation, some(2)},
		{nodesPart, (*bench).nodes, some(nodesFigures)},
		{"peers", (*bench).peersBeside, func(o *options) int { return 4 * max(len(o.peers), o.expectedPeers()) }},
		{"sizes", (*bench).sizes, func(o *options) int { return 2 * (len(o.subjects) - 1) }},
		{answersPart, (*bench).answersBeside, func(o *options) int { return answersFigures * len(o.answersSubjects) }},
	}
}

func partNames() (names []string) {
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

func knownPart(name string) bool {
	for _, p := range parts() {
		if p.name == name {
			return true
		}
	}
	return false
}

// run measures and writes the report, of what there is too where a part fails.
func run(ctx context.Context, o *options) (err error) {
	b := &bench{options: o, started: time.Now()}
	if b.temp, err = os.MkdirTemp("", "consentd-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.temp) }()
	b.progress = newProgress(o.stderr, isTerminal(o.stderr), o.expected())
	defer b.progress.end()
	failure := b.measureAll(ctx)
	if b.server != nil {
		b.server.stop()
	}
	b.describe(failure)
	if err := b.report.Write(o.out); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	b.progress.end()
	_, err = fmt.Fprintf(o.stdout, "%s\nwritten to %s\n", b.report.Markdown(), filepath.Join(o.out, "results.{md,json,html}"))
	if err != nil {
		return err
	}
	return b.verdict(failure)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (b *bench) measureAll(ctx context.Context) error {
	b.progress.begin("building the server")
	binary := b.options.server
	if binary == "" {
		var err error
		if binary, err = buildServer(ctx, b.temp); err != nil {
			return err
		}
	}
	b.server = &server{binary: binary, connections: b.conns, flags: b.serverFlags()}
	if err := b.populate(ctx, b.subjects[0]); err != nil {
		return err
	}
	for _, p := range parts() {
		if !b.wants(p.name) {
			continue
		}
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// expected is about how long the run takes.
func (o *options) expected() time.Duration {
	figures := 0
	for _, p := range parts() {
		if o.wants(p.name) {
			figures += p.figures(o)
		}
	}
	return time.Duration(figures) * time.Duration(2*o.slices) * o.duration
}

// expectedPeers is how many a full run is likely to have.
func (o *options) expectedPeers() int {
	if o.all {
		return len(peers.Kinds())
	}
	return 0
}

// describe adds what the run ran on.
func (b *bench) describe(failure error) {
	r := &b.report
	r.Machine, r.Started, r.Seconds = machine(), b.started, time.Since(b.started).Seconds()
	r.Command = strings.Join(append([]string{"go run ./bench"}, os.Args[1:]...), " ")
	r.Versions = map[string]string{"consentd": commit(), "OPA (embedded)": moduleVersion("github.com/open-policy-agent/opa")}
	for _, p := range r.Peers {
		if p.Version != "" && p.Missing == "" {
			r.Versions[p.Name] = p.Version
		}
	}
	r.Notes = append(r.Notes,
		"Load generator and servers share the machine's cores: throughput is of both together, server CPU per check is not.",
		"consentd is called through its generated client and its answers are decoded whole; peers get requests that are encoded "+
			"by hand and only the decision of their answers is decoded, so the generator takes less from them.",
	)
	if failure != nil {
		r.Notes = append(r.Notes, "**The run did not end: "+failure.Error()+"**")
	}
}

// verdict is an error where the figures must not be believed or an answer was wrong.
func (b *bench) verdict(failure error) error {
	if failure != nil {
		return failure
	}
	wrong, failed, broken := int64(0), 0, 0
	for i := range b.report.Rows {
		wrong += b.report.Rows[i].Wrong
	}
	for i := range b.report.Storms {
		wrong += b.report.Storms[i].Checks.Wrong
		failed += b.report.Storms[i].Checks.Failed
	}
	for _, c := range b.report.Checks {
		if !c.Passed {
			broken++
		}
	}
	if wrong > 0 || failed > 0 || broken > 0 {
		return fmt.Errorf("%d wrong answers, %d checks failed in storms, %d failed checks of the instrument: %w",
			wrong, failed, broken, errUntrue)
	}
	return nil
}
