// Package clientprom counts checks, other calls of a client, and what package enforce lets through or not, for
// Prometheus:
//
//	m, err := clientprom.New(prometheus.DefaultRegisterer)
//	c, err := client.Dial(addr, client.WithHook(m.Hook), client.WithObserver(m.Called))
//	e, err := enforce.New(enforce.Config{Checker: c, Controller: "example", Observe: m.Enforced})
//
// Purposes and controllers are labels: they must come from the program, not from its users.
package clientprom

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/enforce"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Metrics are the counters of a program. They are safe for concurrent use.
type Metrics struct {
	checks   *prometheus.CounterVec
	seconds  prometheus.Histogram
	calls    *prometheus.CounterVec
	enforced *prometheus.CounterVec
}

// New registers the counters; it fails if they are registered already.
func New(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "consentd_client_checks_total",
			Help: "Checks that ended, by what came of them: allow, deny, or the gRPC code of the error.",
		}, []string{"controller", "purpose", "outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "consentd_client_check_seconds", Help: "How long checks took, retries included.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 11), // 100 µs to 1 s
		}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "consentd_client_calls_total",
			Help: "Calls other than checks that ended, by method and the gRPC code.",
		}, []string{"method", "code"}),
		enforced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "consentd_client_enforced_total", Help: "Calls that were let through or not, by route or method.",
		}, []string{"where", "purpose", "outcome"}),
	}
	return m, errors.Join(registry.Register(m.checks), registry.Register(m.seconds), registry.Register(m.calls),
		registry.Register(m.enforced))
}

// Hook counts checks; it is for client.WithHook.
func (m *Metrics) Hook(ctx context.Context, r *consentv1.CheckRequest) (context.Context, func(client.Decision, error)) {
	began := time.Now()
	return ctx, func(d client.Decision, err error) {
		outcome := "deny"
		switch {
		case err != nil:
			outcome = status.Code(err).String()
		case d.Allowed:
			outcome = "allow"
		}
		m.checks.WithLabelValues(r.GetController(), r.GetPurpose(), outcome).Inc()
		m.seconds.Observe(time.Since(began).Seconds())
	}
}

// Called counts calls other than checks; it is for client.WithObserver.
func (m *Metrics) Called(_ context.Context, call client.Call) {
	if call.Method != "Check" {
		m.calls.WithLabelValues(call.Method, call.Outcome).Inc()
	}
}

// Enforced counts outcomes; it is for enforce.Config.
func (m *Metrics) Enforced(e enforce.Event) {
	m.enforced.WithLabelValues(e.Where, e.Purpose, string(e.Outcome)).Inc()
}
