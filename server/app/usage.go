package app

import (
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/consentd/consentd/server/usage"
)

// openUsage opens the record of processing. The data directory is this process's by then.
func (a *App) openUsage() (err error) {
	c := a.config.Usage
	defaultTo(&c.Dir, filepath.Join(a.config.DataDir, "usage"))
	c.Logger, c.Now = a.config.Logger, a.config.Now
	if a.usage, err = usage.Open(c); err != nil {
		return err
	}
	return a.registry.Register(usageCollector{a.usage})
}

// What usageCollector tells.
var (
	usageOverflowed = prometheus.NewDesc("consentd_usage_overflowed_total",
		"Decisions that the record of processing counts under no kind, because there were too many.", nil, nil)
	usageFailing = prometheus.NewDesc("consentd_usage_failing",
		"1 while the record of processing cannot be written, and is kept in memory.", nil, nil)
)

type usageCollector struct{ recorder *usage.Recorder }

// Describe implements prometheus.Collector.
func (c usageCollector) Describe(out chan<- *prometheus.Desc) {
	out <- usageOverflowed
	out <- usageFailing
}

// Collect implements prometheus.Collector.
func (c usageCollector) Collect(out chan<- prometheus.Metric) {
	s := c.recorder.Stats()
	counterTo(out)(usageOverflowed, s.Overflowed)
	out <- prometheus.MustNewConstMetric(usageFailing, prometheus.GaugeValue, oneIf(s.Failing))
}
