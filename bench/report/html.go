package report

import (
	"bytes"
	"html/template"
	"slices"
)

// HTML is the report as one page, plots included.
func (r *Report) HTML() ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		*Report
		Plots    []template.HTML
		Markdown string
	}{r, r.plots(), r.Markdown()})
	return b.Bytes(), err
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>consentd bench</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222;background:#fff}
svg{max-width:100%;height:auto;display:block;margin:1em 0 2em}
pre{overflow-x:auto;background:#f5f5f5;padding:1em;font-size:12px}
</style>
<h1>consentd bench</h1>
<p><code>{{.Command}}</code>, {{.Started.UTC.Format "2006-01-02 15:04 MST"}}, {{printf "%.0f" .Seconds}} s,
on {{.Machine.CPU}}, {{.Machine.Cores}} cores, {{.Machine.System}}, {{.Machine.Go}}</p>
{{range .Plots}}{{.}}{{end}}
<h2>Tables</h2>
<pre>{{.Markdown}}</pre>
</html>
`))

// plots draws what there are figures for.
func (r *Report) plots() []template.HTML {
	var out []template.HTML
	for _, p := range []plot{r.latencyOverRate(), r.throughputOverSubjects(), r.costs(), r.stacks()} {
		if p.empty() {
			continue
		}
		out = append(out, template.HTML(p.svg())) // the plot escapes what it draws
	}
	return out
}

// latencyOverRate has a line per percentile of the warm unary check, and the floor's p50.
func (r *Report) latencyOverRate() plot {
	names := []string{"p50", "p99", "p99.9", "null p50", "null p99"}
	lines := make([]series, len(names))
	for i, name := range names {
		lines[i].name = name
	}
	for i := range r.Rows {
		w := &r.Rows[i]
		if w.System != "consentd" || w.Scenario != "unary warm" || w.Schedule != "poisson" {
			continue
		}
		l, f := &w.Latency, &w.Floor
		for j, y := range []float64{l.P50.Median, l.P99.Median, l.P999, f.P50.Median, f.P99.Median} {
			lines[j].points = append(lines[j].points, point{w.Offered, y})
		}
	}
	return plot{title: "Latency over rate: unary warm, Poisson", x: "requests/s", y: "µs", logY: true, lines: lines}
}

func (r *Report) throughputOverSubjects() plot {
	var lines []series
	for i := range r.Rows {
		w := &r.Rows[i]
		if w.Schedule != "closed" || w.System != "consentd" {
			continue
		}
		at := slices.IndexFunc(lines, func(s series) bool { return s.name == w.Scenario })
		if at < 0 {
			at, lines = len(lines), append(lines, series{name: w.Scenario})
		}
		lines[at].points = append(lines[at].points, point{float64(w.Subjects), w.Throughput.Median})
	}
	return plot{title: "Throughput over subjects: closed loop", x: "subjects", y: "checks/s", logX: true, lines: lines}
}

// costs has a bar per measured call.
func (r *Report) costs() plot {
	p := plot{title: "Server CPU per check", y: "µs", logY: true}
	for i := range r.Rows {
		if w := &r.Rows[i]; w.CPU.Median > 0 {
			name := w.System + ", " + w.Scenario
			if !slices.ContainsFunc(p.bars, func(b bar) bool { return b.name == name }) {
				p.bars = append(p.bars, bar{name: name, value: w.CPU.Median})
			}
		}
	}
	return p
}

// stacks has a bar per profile, of its parts.
func (r *Report) stacks() plot {
	p := plot{title: "Where the server's processor time goes", y: "µs per check", parts: splitParts}
	for i := range r.Splits {
		s := &r.Splits[i]
		name := s.What + ", " + thousands(s.Subjects) + " subjects"
		p.bars = append(p.bars, bar{name: name, value: s.CPU, parts: s.parts()})
	}
	return p
}
