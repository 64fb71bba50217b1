package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
			report.Figure{What: "remembered ÷ echo", System: "server CPU", Subjects: 1000, Unit: "×", Value: same(1.05)}.AtMost(1.1),
			report.Figure{What: "in batches", System: "remembered", Unit: "/s", Value: same(99_000)}.AtLeast(250_000),
			report.Figure{What: "by the client", System: "remembered", Unit: "×"}.AtMost(4),
		},
		Splits: []report.Split{
			{What: "echo", Subjects: 1000, CPU: 20, Transport: 15, Collection: 5, Samples: 1234},
			{What: "remembered & all", Subjects: 1000, CPU: 25, Decision: 1, Edge: 4, Transport: 15, Collection: 5, Samples: 1300},
			{What: "not sampled", Subjects: 1000, Note: "too short"},
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
		"| remembered ÷ echo | server CPU, 1,000 subjects | 1.05 | × | ≤ 1.10: met |",
		"| /s | ≥ 250,000: **not met** |", "| × | ≤ 4.00: **not measured** |",
		"| remembered & all | 1,000 | 25.0 | 1.00 (4 %) | 4.00 (16 %) | 5.00 (20 %) | 15.0 (60 %) | 1,300 |  |",
		"| not sampled | 1,000 | 0 | 0 (0 %) | 0 (0 %) | 0 (0 %) | 0 (0 %) | 0 | too short |",
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
	if len(plots) != 3 { // nothing of consentd is in a closed loop
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

// A stacked bar has a piece for each part, of the part's share of the longest bar, each where the one before ends.
func TestStackedBars(t *testing.T) {
	page, err := (&report.Report{Splits: []report.Split{
		{What: "echo", CPU: 10, Transport: 10}, {What: "check", CPU: 40, Decision: 10, Edge: 20, Transport: 10},
	}}).HTML()
	if err != nil {
		t.Fatal(err)
	}
	const all = 450.0 // how wide the longest bar is
	var got [][2]float64
	for _, m := range regexp.MustCompile(`<rect x="([0-9.]+)" y="[0-9.]+" width="([0-9.]+)" height="17.0"`).FindAllSubmatch(page, -1) {
		x, _ := strconv.ParseFloat(string(m[1]), 64)
		width, _ := strconv.ParseFloat(string(m[2]), 64)
		got = append(got, [2]float64{x - 330, width})
	}
	want := [][2]float64{
		{0, 0}, {0, 0}, {0, 0}, {0, all / 4},
		{0, all / 4}, {all / 4, all / 2}, {all * 3 / 4, 0}, {all * 3 / 4, all / 4},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 0.11)); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"decision", "edge", "garbage collection", "transport", "check, 0 subjects", "40.0 µs per check"} {
		if !strings.Contains(string(page), ">"+name+"</text>") {
			t.Errorf("%q is not drawn", name)
		}
	}
}
