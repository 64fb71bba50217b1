package grpcapi

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/consentd/consentd/server/consent"
)

// declaredPurposes returns the purposes that a controller declares or prohibits, sorted; nil if there is no such
// controller.
type declaredPurposes func(controller string) []string

const (
	// otherLabel stands for names that get no series of their own.
	otherLabel = "other"
	// maxDecisionRows is for how many pairs of a controller and a purpose decisions are counted apart. Only declared
	// ones come so far, and policies that change for years could declare ever more. A pair takes about a kilobyte, and
	// two or three series in the end; all of them take 0.3 s to add, once.
	maxDecisionRows = 4_000
	// reasonCount is more than there are codes.
	reasonCount = 64
)

// decisionMetrics counts decisions by controller, purpose, answer and principal reason. Each combination's counter is
// resolved once; after that a decision costs a lookup of its row and an atomic addition.
//
// Whoever asks chooses the purpose, so that one which nobody declares is counted as another.
type decisionMetrics struct {
	purposes  declaredPurposes
	decisions *prometheus.CounterVec
	// failures is there from the start, so that its first increase is seen.
	failures prometheus.Counter
	// denied and stale are those of degraded decisions; they are there from the start too.
	degraded      *prometheus.CounterVec
	denied, stale prometheus.Counter
	// rows is immutable; one that is new is added to a copy.
	rows atomic.Pointer[map[decisionKey]*decisionRow]
	// mu is held to replace rows.
	mu sync.Mutex
}

type decisionKey struct{ controller, purpose string }

// decisionRow are the counters of a controller and a purpose by effect and principal reason; nil: not counted yet.
type decisionRow struct {
	key      decisionKey
	counters [consent.Allow + 1][reasonCount]atomic.Pointer[prometheus.Counter]
}

func newDecisionMetrics(purposes declaredPurposes) *decisionMetrics {
	m := &decisionMetrics{
		purposes: purposes,
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "consentd_decisions_total",
			Help: "Decisions, by controller, purpose (other: not declared), answer and principal reason.",
		}, []string{"controller", "purpose", "decision", "reason"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "consentd_policy_errors_total", Help: "Denials because the policy failed (POLICY_ERROR).",
		}),
	}
	m.degraded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "consentd_degraded_decisions_total",
		Help: "Decisions though the state could not be read, as the purpose declares: denied, or stale (by an old state).",
	}, []string{"mode"})
	m.denied, m.stale = m.degraded.WithLabelValues("denied"), m.degraded.WithLabelValues("stale")
	m.rows.Store(&map[decisionKey]*decisionRow{{otherLabel, otherLabel}: {key: decisionKey{otherLabel, otherLabel}}})
	return m
}

func (m *decisionMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.decisions, m.failures, m.degraded}
}

// count counts a decision.
func (m *decisionMetrics) count(controller, purpose string, d *consent.Decision) {
	m.countIn(m.row(decisionKey{controller, purpose}), d)
}

// countIn counts a decision about the pair of a row.
func (m *decisionMetrics) countIn(row *decisionRow, d *consent.Decision) {
	effect, reason := consent.Deny, consent.ReasonCode(0)
	if d.Effect == consent.Allow {
		effect = consent.Allow
	}
	if len(d.Reasons) > 0 && int(d.Reasons[0].Code) < reasonCount {
		reason = d.Reasons[0].Code
	}
	if reason == consent.PolicyError {
		m.failures.Inc()
	}
	switch d.Degraded {
	case consent.DegradedDenied:
		m.denied.Inc()
	case consent.DegradedStale:
		m.stale.Inc()
	}
	counter := row.counters[effect][reason].Load()
	if counter == nil {
		counter = m.resolve(row, effect, reason)
	}
	(*counter).Inc()
}

// row returns the counters of a pair, or of those that it is counted with.
func (m *decisionMetrics) row(key decisionKey) *decisionRow {
	if row := (*m.rows.Load())[key]; row != nil {
		return row
	}
	if _, declared := slices.BinarySearch(m.purposes(key.controller), key.purpose); !declared {
		key.purpose = otherLabel
		if row := (*m.rows.Load())[key]; row != nil {
			return row
		}
	}
	return m.add(key)
}

// add makes a row of its own for a pair, if there is room.
func (m *decisionMetrics) add(key decisionKey) *decisionRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := *m.rows.Load()
	if row := rows[key]; row != nil {
		return row
	}
	if len(rows) >= maxDecisionRows {
		return rows[decisionKey{otherLabel, otherLabel}]
	}
	more := maps.Clone(rows)
	row := &decisionRow{key: key}
	more[key] = row
	m.rows.Store(&more)
	return row
}

func (m *decisionMetrics) resolve(row *decisionRow, effect consent.Effect, reason consent.ReasonCode) *prometheus.Counter {
	text := ""
	if reason != 0 {
		text = reason.String()
	}
	counter := m.decisions.WithLabelValues(row.key.controller, row.key.purpose, effect.String(), text)
	row.counters[effect][reason].Store(&counter)
	return &counter
}
