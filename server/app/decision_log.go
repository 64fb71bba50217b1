package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/policy/logrule"
)

// decisionLog is the log's configuration with what it shares with other settings.
func (c Config) decisionLog() decisionlog.Config {
	l := c.DecisionLog
	l.Insecure, l.Logger = l.Insecure || c.Insecure, c.Logger
	l.NewRules = func(file string) (decisionlog.Rules, error) { return logrule.Load(file) }
	return l
}

// openDecisionLog opens the log, if there is one, and registers its metrics, which are there without one too.
func (a *App) openDecisionLog() (err error) {
	if a.decisions, err = decisionlog.Open(a.config.decisionLog()); err != nil {
		return err
	}
	return a.registry.Register(decisionLogCollector{a.decisions})
}

// recorder is who is told of decisions before they are given out; nil without a log.
func (a *App) recorder() authz.Recorder {
	if a.decisions == nil {
		return nil
	}
	return a.decisions
}

// reporters are told of what near caches answered.
func (a *App) reporters() []authz.Reporter {
	all := []authz.Reporter{a.usage}
	if a.decisions != nil {
		all = append(all, a.decisions)
	}
	return all
}

// What decisionLogCollector tells.
var (
	logLines   = prometheus.NewDesc("consentd_decision_log_lines_total", "Lines that the sink of the decision log took.", nil, nil)
	logBytes   = prometheus.NewDesc("consentd_decision_log_bytes_total", "Bytes of these lines, before compression.", nil, nil)
	logSpilled = prometheus.NewDesc("consentd_decision_log_spilled_total",
		"Lines that the local file took instead of the sink.", nil, nil)
	logDropped = prometheus.NewDesc("consentd_decision_log_dropped_total",
		"Decisions that are missing in the log: queue (no room), stop (waited when the server stopped), refused (by the collector), "+
			"rule (left out by a rule, as is asked for).", []string{"reason"}, nil)
	logRuleErrors = prometheus.NewDesc("consentd_decision_log_rule_errors_total",
		"Lines on which the log's rules failed: they are written without subject and context.", nil, nil)
	logFailing = prometheus.NewDesc("consentd_decision_log_failing", "1 while the sink of the decision log takes no lines.", nil, nil)
	logQueued  = prometheus.NewDesc("consentd_decision_log_queue_bytes", "What waits for the writer of the decision log.", nil, nil)
)

// decisionLogCollector reads the counters of a log, which may be nil.
type decisionLogCollector struct{ log *decisionlog.Log }

// Describe implements prometheus.Collector.
func (c decisionLogCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{logLines, logBytes, logSpilled, logDropped, logRuleErrors, logFailing, logQueued} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c decisionLogCollector) Collect(out chan<- prometheus.Metric) {
	s, counter := c.log.Stats(), counterTo(out)
	counter(logLines, s.Lines)
	counter(logBytes, s.Bytes)
	counter(logSpilled, s.Spilled)
	counter(logDropped, s.Dropped, "queue")
	counter(logDropped, s.Lost, "stop")
	counter(logDropped, s.Refused, "refused")
	counter(logDropped, s.Excluded, "rule")
	counter(logRuleErrors, s.RuleErrors)
	out <- prometheus.MustNewConstMetric(logFailing, prometheus.GaugeValue, oneIf(s.Failing))
	out <- prometheus.MustNewConstMetric(logQueued, prometheus.GaugeValue, float64(s.Queued))
}
