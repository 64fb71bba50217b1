package grpcapi

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/consentd/consentd/server/consent"
)

var allowed = &consent.Decision{Effect: consent.Allow, Reasons: []consent.Reason{{Code: consent.BasisHolds}}}

func denied(code consent.ReasonCode) *consent.Decision {
	return &consent.Decision{Reasons: []consent.Reason{{Code: code}}}
}

// Whoever may ask may name any purpose: a hundred thousand of them are one series.
func TestHostilePurposesGetNoSeries(t *testing.T) {
	m := newDecisionMetrics(adsAlone)
	for i := range 100_000 {
		m.count("acme", fmt.Sprintf("purpose_%d", i), denied(consent.PurposeNotDeclared))
	}
	m.count("acme", "ads", allowed)
	if n := testutil.CollectAndCount(m.decisions); n != 2 {
		t.Errorf("%d series, want 2", n)
	}
	if n := testutil.ToFloat64(m.decisions.WithLabelValues("acme", "other", "DENY", "PURPOSE_NOT_DECLARED")); n != 100_000 {
		t.Errorf("%v decisions for other purposes", n)
	}
	if n := len(*m.rows.Load()); n > 3 {
		t.Errorf("%d rows are kept", n)
	}
}

// Policies that declare ever more purposes get so many series and no more, and every decision stays counted.
func TestDeclaredPurposesAreCapped(t *testing.T) {
	var declared []string
	for i := range maxDecisionRows + 500 {
		declared = append(declared, fmt.Sprintf("p%05d", i))
	}
	m := newDecisionMetrics(func(string) []string { return declared })
	var asking sync.WaitGroup
	for part := range slices.Chunk(declared, len(declared)/4+1) {
		asking.Go(func() {
			for _, purpose := range part {
				m.count("acme", purpose, allowed)
			}
		})
	}
	asking.Wait()
	if n := testutil.CollectAndCount(m.decisions); n != maxDecisionRows {
		t.Errorf("%d series, want %d", n, maxDecisionRows)
	}
	if n := testutil.ToFloat64(m.decisions.WithLabelValues("other", "other", "ALLOW", "BASIS_HOLDS")); n != 501 {
		t.Errorf("%v decisions beyond them, want 501", n)
	}
}

// The hit path counts without allocating.
func TestCountingAllocatesNothing(t *testing.T) {
	m, err := newMetrics(prometheus.NewRegistry(), adsAlone)
	if err != nil {
		t.Fatal(err)
	}
	deny := denied(consent.PurposeNotDeclared)
	if n := testing.AllocsPerRun(100, func() {
		counters := m.unary["/consent.v1.DecisionService/Check"]
		began := counters.begin()
		m.decided.count("acme", "ads", allowed)
		m.decided.count("acme", "undeclared", deny)
		counters.answered(began, "")
	}); n != 0 {
		t.Errorf("%v allocations a call, want none", n)
	}
}

// Each reason has a counter.
func TestReasonsAreAllCounted(t *testing.T) {
	m := newDecisionMetrics(adsAlone)
	for code := consent.ReasonCode(1); code.Known(); code++ {
		m.count("acme", "ads", denied(code))
		if n := testutil.ToFloat64(m.decisions.WithLabelValues("acme", "ads", "DENY", code.String())); n != 1 {
			t.Errorf("%v is counted %v times", code, n)
		}
	}
	if n := testutil.ToFloat64(m.failures); n != 1 {
		t.Errorf("%v policy errors, want 1", n)
	}
}
