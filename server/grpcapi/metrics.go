package grpcapi

import (
	"errors"
	"maps"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// metrics counts calls and decisions. The counters of a method are resolved once: the hit path neither hashes labels
// nor takes a lock.
type metrics struct {
	// methods is immutable; its keys are full method names.
	methods map[string]*methodMetrics
	panics  prometheus.Counter
	streams prometheus.Gauge

	decisions, policyErrors *prometheus.CounterVec
	// byController holds the counters of decisions. A controller that is new is added to a copy: only declared ones come
	// here, so there are few.
	byController atomic.Pointer[map[string]*decisionCounters]
}

type methodMetrics struct {
	// codes is indexed by the gRPC code.
	codes   [codes.Unauthenticated + 1]prometheus.Counter
	seconds prometheus.Observer
}

// decisionCounters are those of one controller, indexed by consent.Effect.
type decisionCounters [consent.Allow + 1]prometheus.Counter

// latencyBuckets run from a cached check to a write that waits for a slow disk.
var latencyBuckets = []float64{
	.000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10,
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "consentd_requests_total", Help: "Calls that ended, by method and gRPC code.",
	}, []string{"method", "code"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "consentd_request_seconds", Help: "How long calls took on the server.", Buckets: latencyBuckets,
	}, []string{"method"})
	m := &metrics{
		methods: map[string]*methodMetrics{},
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "consentd_panics_total", Help: "Calls that ended in a panic; each is an INTERNAL error and one log line.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "consentd_check_streams", Help: "CheckStream calls under way; their checks are counted as requests.",
		}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "consentd_decisions_total", Help: "Decisions, by controller and answer.",
		}, []string{"controller", "decision"}),
		policyErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "consentd_policy_errors_total", Help: "Denials because the policy failed (POLICY_ERROR), by controller.",
		}, []string{"controller"}),
	}
	for _, s := range services() {
		for _, method := range s.Methods {
			name := "/" + s.ServiceName + "/" + method.MethodName
			m.methods[name] = newMethodMetrics(method.MethodName, requests, seconds)
		}
	}
	m.methods[streamInfo.FullMethod] = newMethodMetrics("CheckStream", requests, seconds)
	m.methods[consentv1.PolicyService_DiffPolicy_FullMethodName] = newMethodMetrics("DiffPolicy", requests, seconds)
	m.methods[consentv1.AdminService_Backup_FullMethodName] = newMethodMetrics("Backup", requests, seconds)
	return m, register(registry, requests, seconds, m.panics, m.streams, m.decisions, m.policyErrors)
}

func register(registry prometheus.Registerer, collectors ...prometheus.Collector) error {
	if registry == nil {
		return nil
	}
	var faults []error
	for _, c := range collectors {
		faults = append(faults, registry.Register(c))
	}
	return errors.Join(faults...)
}

func newMethodMetrics(method string, requests *prometheus.CounterVec, seconds *prometheus.HistogramVec) *methodMetrics {
	m := &methodMetrics{seconds: seconds.WithLabelValues(method)}
	for code := range m.codes {
		m.codes[code] = requests.WithLabelValues(method, codes.Code(code).String())
	}
	return m
}

func (m *methodMetrics) done(code codes.Code, took time.Duration) {
	if int(code) < len(m.codes) {
		m.codes[code].Inc()
	}
	m.seconds.Observe(took.Seconds())
}

// decided counts a decision.
func (m *metrics) decided(controller string, d *consent.Decision) {
	effect := consent.Deny
	if d.Effect == consent.Allow {
		effect = consent.Allow
	}
	m.countersOf(controller)[effect].Inc()
	if len(d.Reasons) > 0 && d.Reasons[0].Code == consent.PolicyError {
		m.policyErrors.WithLabelValues(controller).Inc()
	}
}

// countersOf returns a controller's counters, and makes them the first time.
func (m *metrics) countersOf(controller string) *decisionCounters {
	for {
		known := m.byController.Load()
		if known != nil {
			if c, ok := (*known)[controller]; ok {
				return c
			}
		}
		more := map[string]*decisionCounters{controller: m.newDecisionCounters(controller)}
		if known != nil {
			maps.Copy(more, *known)
		}
		m.byController.CompareAndSwap(known, &more)
	}
}

func (m *metrics) newDecisionCounters(controller string) *decisionCounters {
	c := &decisionCounters{}
	for effect := range c {
		c[effect] = m.decisions.WithLabelValues(controller, consent.Effect(effect).String())
	}
	return c
}
