package app

import (
	"errors"
	"regexp"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/certificate"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/telemetry"
	"github.com/consentd/consentd/server/version"
)

// registerMetrics adds what is not the services' own.
func (a *App) registerMetrics() error {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "consentd_build_info", Help: "What was built; always 1.",
		ConstLabels: prometheus.Labels{"version": a.config.Version, "commit": version.Commit(), "go": runtime.Version()},
	})
	build.Set(1)
	return errors.Join(
		a.registry.Register(collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
			collectors.GoRuntimeMetricsRule{Matcher: schedulerLatency}))),
		a.registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
		a.registry.Register(build),
		a.registry.Register(stateCollector{a}),
		a.registry.Register(nodesCollector{a}),
		a.registry.Register(accessCollector{a.gate}),
		a.registerDurations(),
	)
}

// schedulerLatency is how long goroutines that could run waited for a processor: what tells of saturation first.
var schedulerLatency = regexp.MustCompile(`^/sched/latencies:seconds$`)

func (a *App) registerDurations() error {
	var faults []error
	for _, c := range a.durations.collectors() {
		faults = append(faults, a.registry.Register(c))
	}
	return errors.Join(faults...)
}

// What stateCollector tells.
var (
	cacheLookups = prometheus.NewDesc("consentd_cache_lookups_total",
		"Lookups in the cache: hit, miss (no entry), invalid (an entry older than a write to its slot).", []string{"result"}, nil)
	cacheEvictions = prometheus.NewDesc("consentd_cache_evictions_total", "Entries that made room for others.", nil, nil)
	cacheRejected  = prometheus.NewDesc("consentd_cache_rejections_total", "Entries that were not taken in.", nil, nil)
	cacheLoads     = prometheus.NewDesc("consentd_cache_loads_total", "Reads of the store for the cache.", []string{"result"}, nil)
	cacheBytes     = prometheus.NewDesc("consentd_cache_bytes", "What the entries of the cache take.", nil, nil)
	storeRevision  = prometheus.NewDesc("consentd_store_revision", "The newest revision of the store.", nil, nil)
	storeQueue     = prometheus.NewDesc("consentd_store_write_queue", "Writes that wait for the disk.", nil, nil)
	storeWritable  = prometheus.NewDesc("consentd_store_writable",
		"1 while events can be recorded; 0 while they cannot: decisions go on, see the log.", nil, nil)
	certificateLoads = prometheus.NewDesc("consentd_certificate_loads_total",
		"Certificates taken in since the start, and those that could not be.", []string{"outcome"}, nil)
	certificateFailing = prometheus.NewDesc("consentd_certificate_failing",
		"1 while the certificate's files cannot be used and the last good one is served.", nil, nil)
	certificateExpires = prometheus.NewDesc("consentd_certificate_expires_seconds",
		"When the certificate that is served expires, since the epoch.", nil, nil)
	policyActive    = prometheus.NewDesc("consentd_policy_info", "The active policies; always 1.", []string{"revision"}, nil)
	policyDecisions = prometheus.NewDesc("consentd_policy_evaluations_total",
		"Decisions evaluated, by engine; the shadow's are not among them.", []string{"engine"}, nil)
	policyBudget = prometheus.NewDesc("consentd_policy_over_budget_total",
		"Decisions denied with POLICY_ERROR because the policy took too many steps or nested too deeply.", nil, nil)
	policyPanics = prometheus.NewDesc("consentd_policy_engine_panics_total",
		"Faults of the compiled engine; topdown decided.", nil, nil)
	policyUnsupported = prometheus.NewDesc("consentd_policy_unsupported_total",
		"Controllers, of all policies loaded, that the compiled engine does not support; topdown decides.", nil, nil)
	shadowDecisions = prometheus.NewDesc("consentd_policy_shadow_total",
		"Decisions that topdown made again: same, different, or dropped because it was too busy.", []string{"result"}, nil)
	watchers     = prometheus.NewDesc("consentd_watchers", "Clients' caches that hold a stream or a lease.", nil, nil)
	leases       = prometheus.NewDesc("consentd_leases", "Clients' caches that may answer without asking.", nil, nil)
	watchDropped = prometheus.NewDesc("consentd_watchers_dropped_total",
		"Streams to clients' caches that were ended because the client was too slow.", nil, nil)
	watchFences = prometheus.NewDesc("consentd_fences_total",
		"Writes with fence: complete, or given up at the caller's deadline.", []string{"result"}, nil)
	policyLoads = prometheus.NewDesc("consentd_policy_loads_total",
		"Attempts to load policies: activated, unchanged, refused (faults in them), unreadable (the source failed), "+
			"unfinished (out of time, tried again).", []string{"outcome"}, nil)
	policyFailures = prometheus.NewDesc("consentd_policy_consecutive_failures",
		"Attempts to load policies that failed since the last that succeeded.", nil, nil)
	policyRetry = prometheus.NewDesc("consentd_policy_retry_seconds",
		"When policies whose admission ran out of time are tried again, since the epoch; 0: there are none.", nil, nil)
	policyLastGood = prometheus.NewDesc("consentd_policy_last_good",
		"1 while the policies are the kept copy that the server started with because their source failed.", nil, nil)
	policyBehind = prometheus.NewDesc("consentd_policy_behind",
		"1 while the store has an activation of policies that this node does not decide by, or lost the one that it does.", nil, nil)
	policyNumber = prometheus.NewDesc("consentd_policy_activation_number",
		"Which activation of the store the active policies are; 0: they are this node's own.", nil, nil)
	policyUnkept = prometheus.NewDesc("consentd_policy_copies_failed_total",
		"Copies of the policies in force that could not be kept in the data directory.", nil, nil)
	policySucceeded = prometheus.NewDesc("consentd_policy_last_success_seconds",
		"When an attempt to load policies last succeeded, since the epoch; 0: never.", nil, nil)
	traceSpans = prometheus.NewDesc("consentd_trace_spans_total",
		"Spans of traced calls: exported, failed (the collector did not take them), dropped (too many).", []string{"outcome"}, nil)
	policySince = prometheus.NewDesc("consentd_policy_activated_seconds", "When they were activated, since the epoch.", nil, nil)
)

// stateCollector reads counters and states when it is asked, so that the hit path keeps no second set of them.
type stateCollector struct{ app *App }

// Describe implements prometheus.Collector.
func (c stateCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		cacheLookups, cacheEvictions, cacheRejected, cacheLoads, cacheBytes, storeRevision, storeWritable,
		certificateLoads, certificateFailing, certificateExpires, policyActive, policySince,
		policyLoads, policyFailures, policyLastGood, policyUnkept, policySucceeded, policyRetry,
		policyDecisions, policyBudget, policyPanics, policyUnsupported, shadowDecisions,
		policyBehind, policyNumber,
		watchers, leases, watchDropped, watchFences, storeQueue, traceSpans,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c stateCollector) Collect(out chan<- prometheus.Metric) {
	collectCache(out, c.app.states.Stats())
	collectPolicy(out, c.app.loader.Stats())
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	w := c.app.watchers.Stats()
	gauge(watchers, float64(w.Watchers))
	gauge(leases, float64(w.Leases))
	counterTo(out)(watchDropped, w.Dropped)
	counterTo(out)(watchFences, w.Fences-w.Unfenced, "complete")
	counterTo(out)(watchFences, w.Unfenced, "given up")
	gauge(storeQueue, float64(c.app.queued()))
	gauge(storeRevision, float64(c.app.states.Applied()))
	gauge(storeWritable, oneIf(!c.app.health.writesFail.Load()))
	if c.app.pair != nil {
		collectCertificate(out, c.app.pair.Stats())
	}
	active := c.app.policies.Describe()
	gauge(policyActive, 1, active.Revision)
	gauge(policySince, float64(active.ActivatedAt)/1e9)
	status := c.app.manager.Status()
	gauge(policyFailures, float64(status.Failures))
	gauge(policySucceeded, float64(status.SucceededAt)/1e9)
	gauge(policyRetry, float64(status.RetryAt)/1e9)
	gauge(policyLastGood, oneIf(status.LastGood))
	gauge(policyBehind, oneIf(status.Behind()))
	gauge(policyNumber, float64(status.Number))
	collectLoads(out, c.app.manager.Counts())
	collectTraces(out, c.app.tracer.Stats())
}

func collectTraces(out chan<- prometheus.Metric, s telemetry.Stats) {
	counter := counterTo(out)
	counter(traceSpans, s.Exported, "exported")
	counter(traceSpans, s.Failed, "failed")
	counter(traceSpans, s.Dropped, "dropped")
}

func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

func collectCertificate(out chan<- prometheus.Metric, s certificate.Stats) {
	counter := counterTo(out)
	counter(certificateLoads, s.Loaded, "loaded")
	counter(certificateLoads, s.Failed, "failed")
	out <- prometheus.MustNewConstMetric(certificateFailing, prometheus.GaugeValue, oneIf(s.Failing))
	out <- prometheus.MustNewConstMetric(certificateExpires, prometheus.GaugeValue, float64(s.Expires.Unix()))
}

func collectLoads(out chan<- prometheus.Metric, n reload.Counts) {
	counter := counterTo(out)
	counter(policyLoads, n.Activated, "activated")
	counter(policyLoads, n.Unchanged, "unchanged")
	counter(policyLoads, n.Refused, "refused")
	counter(policyLoads, n.Unreadable, "unreadable")
	counter(policyLoads, n.Unfinished, "unfinished")
	counter(policyUnkept, n.Unkept)
}

func counterTo(out chan<- prometheus.Metric) func(*prometheus.Desc, uint64, ...string) {
	return func(d *prometheus.Desc, value uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
}

func collectPolicy(out chan<- prometheus.Metric, s policy.Stats) {
	counter := counterTo(out)
	counter(policyDecisions, s.Compiled, "compiled")
	counter(policyDecisions, s.Topdown, "topdown")
	counter(policyBudget, s.OverBudget)
	counter(policyPanics, s.Panics)
	counter(policyUnsupported, s.Unsupported)
	counter(shadowDecisions, s.Shadowed-s.Differences, "same")
	counter(shadowDecisions, s.Differences, "different")
	counter(shadowDecisions, s.Dropped, "dropped")
}

func collectCache(out chan<- prometheus.Metric, s cache.Stats) {
	counter := counterTo(out)
	counter(cacheLookups, s.Hits, "hit")
	counter(cacheLookups, s.Misses, "miss")
	counter(cacheLookups, s.Invalid, "invalid")
	counter(cacheEvictions, s.Evictions)
	counter(cacheRejected, s.Rejections)
	counter(cacheLoads, s.Loads-s.LoadErrors, "ok")
	counter(cacheLoads, s.LoadErrors, "error")
	out <- prometheus.MustNewConstMetric(cacheBytes, prometheus.GaugeValue, float64(s.Bytes))
}
