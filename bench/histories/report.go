package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"google.golang.org/grpc/codes"
)

// shownOfRule is how many excerpts are kept of one rule.
const shownOfRule = 2

// report prints what happened; an error says which rules were broken.
func (w *world) report(to io.Writer, took time.Duration) error {
	k := w.checker
	fmt.Fprintf(to, "\n| what | figure |\n|---|---|\n")
	row := func(what, format string, values ...any) {
		fmt.Fprintf(to, "| %s | %s |\n", what, fmt.Sprintf(format, values...))
	}
	row("duration", "%v, %d nodes on %s, %d client processes, seed %d", took.Round(time.Second), len(w.nodes), w.options.store,
		w.options.clients, w.options.seed)
	row("checks", "%d: %s", k.counts.checks, byCode(k.counts.codes))
	row("… by consistency", "minimize_latency %d, at_least_as_fresh %d, fully_consistent %d", k.counts.byMode[0], k.counts.byMode[1],
		k.counts.byMode[2])
	row("… ALLOW; during a loss, not judged", "%d; %d", k.counts.allowed, k.counts.unjudged)
	row("without an answer", "%.3f %%", 100*float64(k.counts.checks-k.counts.codes[codes.OK])/float64(max(1, k.counts.checks)))
	row("attempts to write", "%d: %s", k.counts.writes, byCode(k.counts.writeCodes))
	row("… acknowledged: withdrawals; with a fence; lost", "%d; %d; %d", k.counts.withdrawals, k.counts.fence, k.counts.lost)
	row("linearizable by porcupine", "%d operations in %d windows", k.counts.linear, k.counts.windows)
	row("fence, while no fault", "%s", w.latency(k.fences))
	row("revocation on all nodes, while no fault", "%s", w.latency(w.prober.revocations))
	for _, name := range slices.Sorted(maps.Keys(w.faults.count)) {
		row("fault: "+name, "%d", w.faults.count[name])
	}
	if w.db != nil && w.db.bouncer != nil {
		ends := w.db.pooled()
		row("PgBouncer ended by itself, started again", "%d", len(ends))
		for _, said := range ends[:min(len(ends), shownOfRule)] {
			defer fmt.Fprintf(to, "PgBouncer's last words:\n%s\n", said)
		}
	}
	for _, r := range rules {
		row("violations of "+string(r), "%d", k.broken[r])
	}
	fmt.Fprintln(to)
	for _, v := range k.violations {
		fmt.Fprintf(to, "%s\n%s\n", v.rule, v.excerpt)
	}
	if len(k.broken) > 0 {
		return fmt.Errorf("broken: %s", k.faults())
	}
	return nil
}

func byCode(counts map[codes.Code]int) (text string) {
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		text += fmt.Sprintf("%v %d ", code, counts[code])
	}
	return text
}

// latency is of those during which there was no fault.
func (w *world) latency(spans []span) string {
	h := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
	for _, s := range spans {
		if w.faults.calm(s) {
			_ = h.RecordValue((s.end - s.start) / int64(time.Microsecond)) // none takes a minute
		}
	}
	at := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, of %d", at(50), at(99), h.TotalCount())
}
