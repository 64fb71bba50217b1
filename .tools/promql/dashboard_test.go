package promql

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

type dashboard struct {
	UID        string `json:"uid"`
	Panels     []panel
	Templating struct {
		List []struct{ Name, Type, Query string }
	}
}

type panel struct {
	ID      int `json:"id"`
	Type    string
	Title   string
	GridPos struct{ H, W, X, Y int } `json:"gridPos"`
	Targets []struct{ RefID, Expr, LegendFormat string }
	Panels  []panel
}

// variables are what Grafana puts in place of the variables of a query.
var variables = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*")

// Each query of the dashboard parses, and names what the server exports.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(deploy + "grafana/consentd.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	all, queries, ids, used := exported(t), 0, map[int]bool{}, map[string]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: its id %d is another panel's", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
			t.Errorf("%s: has no query, or does not fit: %+v", p.Title, p.GridPos)
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			queries++
			query := variables.Replace(target.Expr)
			names, faults := check(all, query)
			for _, fault := range append(faults, named(all, query, target.LegendFormat)...) {
				t.Errorf("%s: %v", p.Title, fault)
			}
			for _, name := range names {
				used[name] = true
			}
			if refs[target.RefID] {
				t.Errorf("%s: two queries are %s", p.Title, target.RefID)
			}
			refs[target.RefID] = true
			if !strings.Contains(target.Expr, `instance=~"$instance"`) {
				t.Errorf("%s: a query is not of the chosen nodes: %s", p.Title, target.Expr)
			}
		}
	}
	if queries < 60 {
		t.Errorf("only %d queries found: the test says little", queries)
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" && v.Query != "label_values(consentd_build_info, instance)" {
			t.Errorf("variable %s asks %s: check here that it names what is exported", v.Name, v.Query)
		}
	}
	if !slices.ContainsFunc(d.Templating.List, func(v struct{ Name, Type, Query string }) bool { return v.Name == "instance" }) {
		t.Error("there is no variable instance")
	}
	for name := range exported(t) {
		if strings.HasPrefix(name, "consentd_") && !shown(used, name) && !unshown[name] {
			t.Errorf("no panel shows %s: add one, or say here that none is needed", name)
		}
	}
}

// shown is whether a metric, or a part of a histogram, is used.
func shown(used map[string]bool, name string) bool {
	return used[name] || used[name+"_bucket"] || used[name+"_sum"] || used[name+"_count"]
}

// unshown are the metrics that say little on a dashboard: those that an alert tells of, and those that seldom change.
var unshown = map[string]bool{
	"consentd_access_failing": true, "consentd_access_grants": true, "consentd_access_loads_total": true,
	"consentd_api_keys": true, "consentd_api_keys_failing": true, "consentd_api_keys_loads_total": true,
	"consentd_certificate_failing": true, "consentd_certificate_loads_total": true,
	"consentd_decision_log_rule_errors_total": true,
	"consentd_jwks_failing":                   true, "consentd_jwks_keys": true, "consentd_jwks_refreshes_total": true,
	"consentd_memory_limit_bytes":       true, // the runtime's go_gc_gomemlimit_bytes is shown
	"consentd_policy_activated_seconds": true, "consentd_policy_copies_failed_total": true,
	"consentd_policy_engine_panics_total": true, "consentd_policy_last_success_seconds": true,
	"consentd_policy_retry_seconds": true, "consentd_policy_unsupported_total": true,
	"consentd_usage_overflowed_total": true,
}
