package promql

import "testing"

// awaited are metrics of parts of the server that are not in it yet, with their type and labels: the dashboard and the
// alerts know them already. One that the server exports must go from here, by which its labels' values are checked too.
var awaited = map[string]metric{
	"consentd_limits_shed_total":         awaitedCounter("why", "class"),
	"consentd_limits_in_flight":          awaitedGauge("class"),
	"consentd_limits_room":               awaitedGauge(),
	"consentd_limits_queue_seconds":      {kind: "histogram", labels: map[string][]string{}},
	"consentd_connections":               awaitedGauge("listener"),
	"consentd_connections_refused_total": awaitedCounter("listener"),

	"consentd_decision_log_lines_total":       awaitedCounter(),
	"consentd_decision_log_bytes_total":       awaitedCounter(),
	"consentd_decision_log_dropped_total":     awaitedCounter("reason"),
	"consentd_decision_log_spilled_total":     awaitedCounter(),
	"consentd_decision_log_rule_errors_total": awaitedCounter(),
	"consentd_decision_log_failing":           awaitedGauge(),
	"consentd_decision_log_queue_bytes":       awaitedGauge(),

	"consentd_audit_lines_total":  awaitedCounter(),
	"consentd_audit_syncs_total":  awaitedCounter(),
	"consentd_audit_missed_total": awaitedCounter(),
	"consentd_audit_denied_total": awaitedCounter(),
	"consentd_audit_failing":      awaitedGauge(),
	"consentd_usage_failing":      awaitedGauge(),

	"consentd_access_denied_total":      awaitedCounter("action"),
	"consentd_access_evaluations_total": awaitedCounter(),
	"consentd_access_errors_total":      awaitedCounter(),
	"consentd_access_failing":           awaitedGauge(),

	"consentd_authentications_total":     awaitedCounter("kind", "outcome"),
	"consentd_token_cache_entries":       awaitedGauge(),
	"consentd_token_cache_lookups_total": awaitedCounter("result"),
	"consentd_api_keys_failing":          awaitedGauge(),
	"consentd_jwks_failing":              awaitedGauge(),
}

func awaitedCounter(labels ...string) metric { return awaitedMetric("counter", labels) }

func awaitedGauge(labels ...string) metric { return awaitedMetric("gauge", labels) }

func awaitedMetric(kind string, labels []string) metric {
	m := metric{kind: kind, labels: map[string][]string{}}
	for _, l := range labels {
		m.labels[l] = nil
	}
	return m
}

// known are the metrics that are exported and those that are awaited.
func known(t *testing.T) map[string]metric {
	t.Helper()
	all := exported(t)
	for name, m := range awaited {
		if _, arrived := all[name]; arrived {
			t.Errorf("the server exports %s: delete its line from awaited_test.go", name)
		} else {
			all[name] = m
		}
	}
	return all
}
