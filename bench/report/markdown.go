package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/consentd/consentd/bench/load"
)

// Markdown is the report as tables.
func (r *Report) Markdown() string {
	b := &strings.Builder{}
	m := r.Machine
	fmt.Fprintf(b, "`%s`, %s, %.0f s, ", r.Command, r.Started.UTC().Format("2006-01-02 15:04 MST"), r.Seconds)
	fmt.Fprintf(b, "on %s, %d cores, %s, %s.\n", m.CPU, m.Cores, m.System, m.Go)
	for _, name := range sortedKeys(r.Versions) {
		fmt.Fprintf(b, "- %s %s\n", name, r.Versions[name])
	}
	b.WriteString("\nMedians over the slices, with least and most in brackets; microseconds. " +
		"×null: over the null RPC on consentd's own server, in slices alternating with it; CPU ×null: per request. " +
		"p99.9 to max are of all slices together.\n\n")
	r.latencies(b)
	r.throughputs(b)
	r.loadings(b)
	r.storms(b)
	r.figures(b)
	r.splits(b)
	r.checks(b)
	r.peers(b)
	for _, n := range r.Notes {
		fmt.Fprintf(b, "- %s\n", n)
	}
	return b.String()
}

// table writes a table if it has rows.
func table(b *strings.Builder, head string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	columns := strings.Split(head, "|")
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
	b.WriteString("\n")
}

func (r *Report) latencies(b *strings.Builder) {
	var rows [][]string
	for i := range r.Rows {
		if w := &r.Rows[i]; w.Schedule != "closed" {
			rows = append(rows, w.cells())
		}
	}
	table(b, "system|call|subjects|rate/s|p50|×null|p99|p99.9|p99.99|max|server CPU µs per check|CPU ×null|peak MiB|notes",
		rows)
}

func (w *Row) cells() []string {
	return []string{
		w.System, w.Scenario, thousands(w.Subjects), fmt.Sprintf("%.0f %s", w.Offered, w.Schedule),
		spread(w.Latency.P50), spread(w.Ratio), spread(w.Latency.P99),
		number(w.Latency.P999), number(w.Latency.P9999), number(w.Latency.Max),
		spread(w.CPU), spread(w.CPURatio), mebibytes(w.PeakMemory), w.notes(),
	}
}

func (r *Report) throughputs(b *strings.Builder) {
	var rows [][]string
	for i := range r.Rows {
		if w := &r.Rows[i]; w.Schedule == "closed" {
			rows = append(rows, []string{
				w.System, w.Scenario, thousands(w.Subjects), spread(w.Throughput), spread(w.ThroughputRatio),
				spread(w.CPU), spread(w.CPURatio), mebibytes(w.PeakMemory), w.notes(),
			})
		}
	}
	table(b, "system|closed loop|subjects|checks/s|×null|server CPU µs per check|CPU ×null|peak MiB|notes", rows)
}

// lateShare is the share of the latency at p99 from which on the generator's own lateness is worth a note.
const lateShare = 0.25

// notes are what a reader must know before believing a row.
func (w *Row) notes() string {
	var notes []string
	if w.Note != "" {
		notes = append(notes, w.Note)
	}
	figure, name := w.Latency.P50, "p50"
	if w.Schedule == "closed" {
		figure, name = w.Throughput, "throughput"
	}
	if s := figure.Scatter(); s > load.TooWide {
		notes = append(notes, fmt.Sprintf("**%s scatters by %.0f %%**", name, 100*s))
	}
	if late := w.LagP99; late > lateShare*w.Latency.P99.Median && late > 0 {
		notes = append(notes, fmt.Sprintf("the generator itself was late, %s µs at p99", number(late)))
	}
	if w.Wrong > 0 {
		notes = append(notes, fmt.Sprintf("**%d wrong answers**", w.Wrong))
	}
	if w.Failed > 0 || w.Dropped > 0 {
		notes = append(notes, fmt.Sprintf("**%d of %d failed, %d dropped**", w.Failed, w.Requests, w.Dropped))
	}
	if w.Offered > 0 && w.Kept < 0.9 {
		notes = append(notes, fmt.Sprintf("**kept up with %.0f %% of the rate**", 100*w.Kept))
	}
	return strings.Join(notes, "; ")
}

func (r *Report) loadings(b *strings.Builder) {
	var rows [][]string
	for _, l := range r.Loadings {
		rows = append(rows, []string{
			l.System, thousands(l.Subjects), number(l.Seconds), number(float64(l.Subjects) / l.Seconds),
			number(l.BytesPerSubject) + " " + l.Where, l.Note,
		})
	}
	table(b, "loading|subjects|seconds|subjects/s|bytes per subject|notes", rows)
}

func (r *Report) storms(b *strings.Builder) {
	var rows [][]string
	for i := range r.Storms {
		s := &r.Storms[i]
		if s.Missing != "" {
			rows = append(rows, []string{s.Name, "not available", "", "", "", "", "", s.Missing})
			continue
		}
		if w := s.Without; w != nil {
			rows = append(rows, []string{
				w.Scenario, "", number(w.Throughput.Median), number(w.Latency.P999), number(w.Latency.Max), fmt.Sprint(w.Wrong), "", w.notes(),
			})
		}
		w, v := &s.Checks, &s.Revocation
		if s.Live.Max > 0 {
			v = &s.Live
		}
		rows = append(rows, []string{
			s.Name, fmt.Sprintf("%s of %s", number(s.Done), number(s.Offered)), number(w.Throughput.Median), number(w.Latency.P999),
			number(w.Latency.Max), fmt.Sprint(w.Wrong), fmt.Sprintf("%s / %s / %s", number(v.P50.Median), number(v.P999), number(v.Max)),
			strings.TrimSpace(s.Note + " " + w.notes()),
		})
	}
	table(b, "storm|events/s|checks/s|p99.9|max|wrong answers|revocation, or save to live, p50 / p99.9 / max|notes", rows)
}

func (r *Report) figures(b *strings.Builder) {
	var rows [][]string
	for _, f := range r.Figures {
		system := f.System
		if f.Subjects > 0 {
			system += ", " + thousands(f.Subjects) + " subjects"
		}
		rows = append(rows, []string{f.What, system, spread(f.Value), f.Unit, f.Target, f.Note})
	}
	table(b, "figure|system|median (least–most)|unit|target|notes", rows)
}

func (r *Report) splits(b *strings.Builder) {
	var rows [][]string
	for i := range r.Splits {
		s := &r.Splits[i]
		row := []string{s.What, thousands(s.Subjects), number(s.CPU)}
		for _, part := range s.parts() {
			row = append(row, fmt.Sprintf("%s (%.0f %%)", number(part), 100*share(part, s.CPU)))
		}
		rows = append(rows, append(row, thousands(int(s.Samples)), s.Note))
	}
	table(b, "where the server's processor time goes, µs per check|subjects|all|"+strings.Join(splitParts, "|")+"|samples|notes", rows)
}

func share(part, of float64) float64 {
	if of == 0 {
		return 0
	}
	return part / of
}

func (r *Report) checks(b *strings.Builder) {
	var rows [][]string
	for _, c := range r.Checks {
		verdict := "passed"
		if !c.Passed {
			verdict = "**FAILED**"
		}
		within := fmt.Sprintf("%.0f %%", 100*c.Within)
		rows = append(rows, []string{c.Name, number(c.Want), number(c.Got), within, verdict, c.Comments})
	}
	table(b, "instrument|should be|measured|within|verdict|notes", rows)
}

func (r *Report) peers(b *strings.Builder) {
	var rows [][]string
	for _, p := range r.Peers {
		setup := p.Setup
		if p.Missing != "" {
			setup = "not run: " + p.Missing
		}
		rows = append(rows, []string{p.Name, p.Version, setup, p.Store, p.Batch, p.Reasons, p.Differs})
	}
	table(b, "peer|version|set-up|state store|batch|reasons|not comparable", rows)
}

// spread is a median, with its extremes where there are any.
func spread(s load.Spread) string {
	if s.Min == s.Max {
		return number(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.Median), number(s.Min), number(s.Max))
}

// number has three digits or so: nobody can measure more here.
func number(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f < 10:
		return fmt.Sprintf("%.2f", f)
	case f < 100:
		return fmt.Sprintf("%.1f", f)
	}
	return thousands(int(f + 0.5))
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

func mebibytes(n int64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", float64(n)/(1<<20))
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
