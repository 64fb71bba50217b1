package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/report"
)

func same(v float64) load.Spread { return load.Spread{Median: v, Min: v, Max: v} }

func example() *report.Report {
	open := func(rate, p50 float64) report.Row {
		return report.Row{
			System: "consentd", Scenario: "unary warm", Schedule: "poisson", Offered: rate, Subjects: 100_000, Checks: 1, Kept: 1,
			Latency: report.Latency{P50: same(p50), P99: same(3 * p50), P999: 5 * p50},
			Floor:   report.Latency{P50: same(p50 / 2), P99: same(p50)},
			CPU:     same(20), Throughput: same(rate),
		}
	}
	shaky := open(4000, 120)
	shaky.Latency.P50, shaky.Wrong, shaky.Failed, shaky.Kept = load.Spread{Median: 100, Min: 90, Max: 130}, 3, 2, 0.5
	return &report.Report{
		Command: "go run ./bench --quick <&>", Started: time.Unix(0, 0), Machine: report.Machine{CPU: "a CPU", Cores: 2},
		Versions: map[string]string{"consentd": "abc"},
		Rows: []report.Row{open(1000, 80), open(2000, 90), shaky, {
			System: "a & b", Scenario: "unary", Schedule: "closed", Throughput: same(12_345), CPU: same(1234), Checks: 1, Subjects: 10,
		}},
		Loadings: []report.Loading{{System: "consentd", Subjects: 1_000_000, Seconds: 100, BytesPerSubject: 750, Where: "on disk"}},
		Storms:   []report.Storm{{Name: "reload", Missing: "the server cannot"}, {Name: "withdrawals", Offered: 500, Done: 499}},
		Figures: []report.Figure{
			{What: "durable writes", System: "PostgreSQL", Unit: "/s", Value: load.Spread{Median: 5, Min: 4, Max: 6}},
		},
		Checks: []report.Check{{Name: "delay", Want: 1000, Got: 1200, Within: 0.05}, {Name: "stall", Passed: true}},
		Peers:  []report.Peer{{Name: "opa", Missing: "no program"}},
		Notes:  []string{"a note"},
	}
}

func TestMarkdownSaysWhatMustBeKnown(t *testing.T) {
	text := example().Markdown()
	for _, want := range []string{
		"**p50 scatters by 40 %**", "**3 wrong answers**", "**2 of 0 failed, 0 dropped**", "**kept up with 50 % of the rate**",
		"| 12,345 |", "10,000 | 750 on disk", "not available", "**FAILED**", "not run: no program", "- a note",
		"| durable writes | PostgreSQL | 5.00 (4.00–6.00) | /s |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	if n := strings.Count(text, "scatters"); n != 1 {
		t.Errorf("%d rows scatter, want 1", n)
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "| consentd | unary warm") && strings.Count(line, "|") != 15 {
			t.Errorf("%d bars in %s", strings.Count(line, "|"), line)
		}
	}
}

func TestWrite(t *testing.T) {
	dir, r := filepath.Join(t.TempDir(), "out"), example()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var again report.Report
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Rows, again.Rows); diff != "" {
		t.Errorf("the rows differ after JSON: %s", diff)
	}
	if _, err := os.Stat(filepath.Join(dir, "results.md")); err != nil {
		t.Error(err)
	}
}

// The plots are well-formed, and nothing is drawn outside or at no number.
func TestPlots(t *testing.T) {
	page, err := example().HTML()
	if err != nil {
		t.Fatal(err)
	}
	plots := strings.Split(string(page), "<svg")[1:]
	if len(plots) != 2 { // nothing of consentd is in a closed loop
		t.Errorf("%d plots", len(plots))
	}
	for _, p := range plots {
		svg := "<svg" + p[:strings.Index(p, "</svg>")+len("</svg>")]
		decoder := xml.NewDecoder(strings.NewReader(svg))
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in %s", err, svg)
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || strings.Contains(svg, `="-`) {
			t.Errorf("drawn nowhere: %s", svg)
		}
	}
	if strings.Contains(string(page), "http://") && !strings.Contains(string(page), "www.w3.org") ||
		strings.Contains(string(page), "<script") {
		t.Error("the page needs something from elsewhere")
	}
}
