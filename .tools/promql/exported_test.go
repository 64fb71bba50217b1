// Package promql holds the dashboard and the alert rules of server/deploy against what the server exports: each query
// is read by Prometheus' own parser, may name only metrics, labels and values that are there, and each alert fires on
// series that it is for and stays silent on others, by Prometheus' own engine. Nothing but tests is here; it is a module
// of its own because Prometheus' dependencies are none of the project's.
package promql

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

const deploy = "../../server/deploy/"

// metric is what the server exports under a name.
type metric struct {
	kind string
	// labels are its labels, with their values where they are known.
	labels map[string][]string
}

// exported reads the file that a test of the server compares with /metrics.
func exported(t *testing.T) map[string]metric {
	t.Helper()
	file, err := os.Open(deploy + "prometheus/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	all := map[string]metric{"up": {"gauge", map[string][]string{}}} // Prometheus makes it itself
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		m := metric{kind: fields[1], labels: map[string][]string{}}
		for _, l := range fields[2:] {
			name, values, known := strings.Cut(l, "=")
			m.labels[name] = nil
			if known {
				m.labels[name] = strings.Split(values, "|")
			}
		}
		all[fields[0]] = m
	}
	if len(all) < 40 {
		t.Fatalf("only %d metrics are listed", len(all))
	}
	return all
}

// targetLabels are those that Prometheus adds to each series.
var targetLabels = []string{"instance", "job"}

// series returns the metric of a series' name, and the labels that its series have.
func series(all map[string]metric, name string) (metric, []string, error) {
	m, found := all[name]
	more := slices.Clone(targetLabels)
	if !found {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, ok := strings.CutSuffix(name, suffix); ok && all[base].kind == "histogram" {
				m, found = all[base], true
				if suffix == "_bucket" {
					more = append(more, "le")
				}
			}
		}
	} else if m.kind == "histogram" {
		return m, nil, fmt.Errorf("%s is a histogram: ask for its _bucket, _sum or _count", name)
	}
	if !found {
		return m, nil, fmt.Errorf("the server does not export %s", name)
	}
	for label := range m.labels {
		more = append(more, label)
	}
	return m, more, nil
}

// check parses a query and returns all faults of it, and the names that it uses.
func check(all map[string]metric, query string) (used []string, faults []error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return nil, []error{err}
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			used = append(used, n.Name)
			faults = append(faults, selector(all, n)...)
		case *parser.AggregateExpr:
			faults = append(faults, grouping(all, n)...)
		case *parser.Call:
			faults = append(faults, counted(all, n)...)
		}
		return nil
	})
	return used, faults
}

// selector returns what a selector names that is not there.
func selector(all map[string]metric, s *parser.VectorSelector) (faults []error) {
	m, has, err := series(all, s.Name)
	if err != nil {
		return []error{err}
	}
	for _, matcher := range s.LabelMatchers {
		if matcher.Name == model.MetricNameLabel {
			continue
		}
		if !slices.Contains(has, matcher.Name) {
			faults = append(faults, fmt.Errorf("%s has no label %s", s.Name, matcher.Name))
			continue
		}
		values := m.labels[matcher.Name]
		positive := matcher.Type == labels.MatchEqual || matcher.Type == labels.MatchRegexp
		if values != nil && positive && !slices.ContainsFunc(values, matcher.Matches) {
			faults = append(faults, fmt.Errorf("%s: no value of %s matches %s: there are %q", s.Name, matcher.Name, matcher, values))
		}
	}
	return faults
}

// grouping returns the labels that an aggregation groups by and that no series below it has.
func grouping(all map[string]metric, a *parser.AggregateExpr) (faults []error) {
	for _, label := range a.Grouping {
		if !slices.Contains(below(all, a.Expr), label) {
			faults = append(faults, fmt.Errorf("nothing in %s has the label %s", a.Expr, label))
		}
	}
	return faults
}

// below are the labels of all series in an expression.
func below(all map[string]metric, expr parser.Expr) (has []string) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok {
			_, more, _ := series(all, s.Name)
			has = append(has, more...)
		}
		return nil
	})
	return has
}

// counted returns a fault where a rate is asked of what is no counter.
func counted(all map[string]metric, c *parser.Call) (faults []error) {
	if !slices.Contains([]string{"rate", "irate", "increase"}, c.Func.Name) {
		return nil
	}
	parser.Inspect(c.Args[0], func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok {
			if m, _, err := series(all, s.Name); err == nil && m.kind == "gauge" {
				faults = append(faults, fmt.Errorf("%s of %s, which is a gauge", c.Func.Name, s.Name))
			}
		}
		return nil
	})
	return faults
}

// The checks themselves find what they are for.
func TestChecksFindFaults(t *testing.T) {
	all := exported(t)
	for query, want := range map[string]string{
		`rate(consentd_panics_total[5m])`: "",
		`histogram_quantile(0.99, sum by (le, instance) (rate(grpc_server_handling_seconds_bucket{grpc_method="Check"}[5m])))`: "",
		`consentd_panic_total`:                                   "does not export consentd_panic_total",
		`rate(consentd_panics_total[5m]`:                         "unclosed",
		`grpc_server_handling_seconds`:                           "is a histogram",
		`consentd_panics_total_bucket`:                           "does not export",
		`consentd_fences_total{outcome="complete"}`:              "has no label outcome",
		`consentd_fences_total{result="completed"}`:              "no value of result matches",
		`consentd_cache_lookups_total{result=~"hits|misses"}`:    "no value of result matches",
		`sum by (le) (rate(consentd_panics_total[5m]))`:          "has the label le",
		`rate(consentd_store_writable[5m])`:                      "which is a gauge",
		`histogram_quantile(0.9, sum by (method) (rate(x[5m])))`: "does not export x",
	} {
		_, faults := check(all, query)
		text := fmt.Sprint(faults)
		if (want == "") != (len(faults) == 0) || !strings.Contains(text, want) {
			t.Errorf("%s: %v, want %q", query, faults, want)
		}
	}
}

var legendLabel = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}`)

// named returns the labels in a text that no series of a query has.
func named(all map[string]metric, query, text string) (faults []error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return []error{err}
	}
	has := results(all, expr)
	for _, m := range legendLabel.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(has, m[1]) {
			faults = append(faults, fmt.Errorf("%q names the label %s, which %s has not", text, m[1], query))
		}
	}
	return faults
}

// results are the labels that the results of an expression have.
func results(all map[string]metric, expr parser.Expr) []string {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return results(all, e.Expr)
	case *parser.BinaryExpr:
		return results(all, e.LHS)
	case *parser.AggregateExpr:
		if e.Op == parser.TOPK || e.Op == parser.BOTTOMK {
			return results(all, e.Expr)
		}
		if !e.Without {
			return e.Grouping
		}
	case *parser.Call:
		return results(all, e.Args[len(e.Args)-1])
	}
	return below(all, expr)
}
