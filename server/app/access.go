package app

import (
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/access"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// accessConfig adds what the configuration of access shares with other settings.
func (c Config) accessConfig() access.Config {
	g := c.Access
	g.Required = g.Required || c.callersConfig().Enabled()
	return g
}

// openAccess opens the gate that callers pass; policies are in force by then.
func (a *App) openAccess() (err error) {
	a.gate, err = access.Open(a.config.accessConfig(), access.Sources{
		Policies: a.policies.Current, Shipped: policies.FS, Logger: a.config.Logger, Changed: a.watchers.RightsChanged,
		Options: policy.Options{Logger: a.config.Logger, Engine: a.config.PolicyEngine},
	})
	return err
}

// policiesChanged is called when other policies came in force: what callers may do is decided by them before they hear
// of it.
func (a *App) policiesChanged() {
	_ = a.gate.PoliciesChanged() // it is logged, and nothing is permitted
	a.watchers.PolicyChanged()
}

// reloadAccess reads the operator's table of access again.
func (a *App) reloadAccess() {
	if a.config.Access.File == "" {
		return
	}
	if changed, err := a.gate.Reload(); err != nil {
		a.config.Logger.Error("table of access read again: it cannot be used, the one in force stays", "error", err)
	} else {
		a.config.Logger.Info("table of access read again", "changed", changed)
	}
}

// permitted serves an HTTP request whose caller may act so on the node as a whole, and refuses others.
func (a *App) permitted(action caller.Action, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := a.gate.Permit(r.Context(), caller.From(r.Context()), caller.Act{Action: action})
		switch {
		case err == nil:
			next.ServeHTTP(w, r)
		case errors.Is(err, consent.ErrUnauthenticated):
			http.Error(w, "nobody who is known asks: send a bearer token or an API key as authorization", http.StatusUnauthorized)
		default:
			http.Error(w, err.Error(), http.StatusForbidden)
		}
	})
}

// What accessCollector tells.
var (
	accessDenied = prometheus.NewDesc("consentd_access_denied_total",
		"What callers asked to do and may not, by action.", []string{"action"}, nil)
	accessEvaluated = prometheus.NewDesc("consentd_access_evaluations_total",
		"Questions to the policy of access whose answer was not remembered.", nil, nil)
	accessErrors = prometheus.NewDesc("consentd_access_errors_total",
		"Evaluations of the policy of access that failed, and so refused.", nil, nil)
	accessLoads = prometheus.NewDesc("consentd_access_loads_total",
		"Tables of access taken in from --access since the start, and those that could not be.", []string{"outcome"}, nil)
	accessFailing = prometheus.NewDesc("consentd_access_failing",
		"1 while the file of --access cannot be used and the last good table is in force.", nil, nil)
	accessGrants = prometheus.NewDesc("consentd_access_grants",
		"Grants in force, of the policies and of --access; 0 where callers are not authenticated.", nil, nil)
)

// accessCollector tells how the gate does.
type accessCollector struct{ gate *access.Gate }

// Describe implements prometheus.Collector.
func (c accessCollector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements prometheus.Collector.
func (c accessCollector) Collect(out chan<- prometheus.Metric) {
	s := c.gate.Stats()
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for action, n := range s.Denied {
		count(accessDenied, n, string(action))
	}
	count(accessEvaluated, s.Evaluated)
	count(accessErrors, s.Errors)
	count(accessLoads, s.Loaded, "loaded")
	count(accessLoads, s.Failed, "failed")
	failing := 0.0
	if s.Failing {
		failing = 1
	}
	out <- prometheus.MustNewConstMetric(accessFailing, prometheus.GaugeValue, failing)
	out <- prometheus.MustNewConstMetric(accessGrants, prometheus.GaugeValue, float64(s.Grants))
}
