package app

import (
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/consentd/consentd/server/audit/acts"
)

// openActs opens the audit of acts. The data directory is this process's by then.
func (a *App) openActs() (err error) {
	c := a.config.Acts
	defaultTo(&c.File, filepath.Join(a.config.DataDir, "audit", "acts.jsonl"))
	c.Logger, c.Now = a.config.Logger, func() time.Time { return a.config.Now().Time() }
	if a.acts, err = acts.Open(c); err != nil {
		return err
	}
	return a.registry.Register(actsCollector{a.acts})
}

// What actsCollector tells.
var (
	auditLines  = prometheus.NewDesc("consentd_audit_lines_total", "Lines written to the audit of acts.", nil, nil)
	auditSyncs  = prometheus.NewDesc("consentd_audit_syncs_total", "Fsyncs of the audit of acts; acts at once share one.", nil, nil)
	auditMissed = prometheus.NewDesc("consentd_audit_missed_total",
		"Recordings that the audit of acts lacks; the ledger has them.", nil, nil)
	auditDenied = prometheus.NewDesc("consentd_audit_denied_total",
		"Denied acts that were counted and have no line each.", nil, nil)
	auditFailing = prometheus.NewDesc("consentd_audit_failing",
		"1 while the audit of acts cannot be written: what reads, explains or changes policies is refused.", nil, nil)
)

type actsCollector struct{ log *acts.Log }

// Describe implements prometheus.Collector.
func (c actsCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{auditLines, auditSyncs, auditMissed, auditDenied, auditFailing} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c actsCollector) Collect(out chan<- prometheus.Metric) {
	counter, s := counterTo(out), c.log.Stats()
	counter(auditLines, s.Lines)
	counter(auditSyncs, s.Syncs)
	counter(auditMissed, s.Missed)
	counter(auditDenied, s.Suppressed)
	out <- prometheus.MustNewConstMetric(auditFailing, prometheus.GaugeValue, oneIf(s.Failing))
}
