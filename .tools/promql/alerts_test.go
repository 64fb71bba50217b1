package promql

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// rules are the alerts of the file.
func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, faults := rulefmt.ParseFile(
		deploy+"prometheus/alerts.yaml", false, model.LegacyValidation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, fault := range faults {
		t.Error(fault)
	}
	if groups == nil {
		t.FailNow()
	}
	var all []rulefmt.Rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// Each alert parses, names what the server exports, and says how bad it is and what to do.
func TestAlerts(t *testing.T) {
	all := exported(t)
	for _, r := range rules(t) {
		_, faults := check(all, r.Expr)
		for _, text := range r.Annotations {
			faults = append(faults, named(all, r.Expr, text)...)
		}
		for _, fault := range faults {
			t.Errorf("%s: %v", r.Alert, fault)
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) ||
			r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s: needs a severity, a summary and a description", r.Alert)
		}
	}
}

// Each alert fires on the series that it is for, and stays silent on others.
func TestAlertsFire(t *testing.T) {
	tested := map[string]bool{}
	for _, r := range rules(t) {
		c, ok := cases[r.Alert]
		if !ok {
			t.Errorf("%s has no case", r.Alert)
			continue
		}
		tested[r.Alert] = true
		t.Run(r.Alert, func(t *testing.T) {
			if fired := evaluate(t, r.Expr, c.fires); len(fired) == 0 {
				t.Errorf("silent on\n%s", c.fires)
			}
			if fired := evaluate(t, r.Expr, c.silent); len(fired) != 0 {
				t.Errorf("fires on\n%s\n%v", c.silent, fired)
			}
		})
	}
	for name := range cases {
		if !tested[name] {
			t.Errorf("there is a case of %s, and no such alert", name)
		}
	}
}
