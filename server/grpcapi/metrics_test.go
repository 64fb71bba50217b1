package grpcapi_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// counter returns the value of the counter, or the count of the histogram, with these labels; 0 if there is none.
func counter(t *testing.T, s *served, name string, labels map[string]string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			matched := 0
			for _, l := range m.GetLabel() {
				if labels[l.GetName()] == l.GetValue() {
					matched++
				}
			}
			if matched == len(labels) {
				sum += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func TestCallsAndDecisionsAreCounted(t *testing.T) {
	answers := []consent.Decision{
		{Effect: consent.Allow, Reasons: []consent.Reason{{Code: consent.BasisHolds}}},
		consent.Failed(),
		{},
	}
	next := 0
	s := serve(t, &fake{check: func(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error) {
		next++
		if next > len(answers) {
			return consent.Decision{}, consent.ErrUnknownController
		}
		return answers[next-1], nil
	}})
	for range answers {
		if _, err := check(t, s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := check(t, s); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	for _, want := range []struct {
		name   string
		labels map[string]string
		value  float64
	}{
		{"consentd_requests_total", map[string]string{"method": "Check", "code": "OK"}, 3},
		{"consentd_requests_total", map[string]string{"method": "Check", "code": "NotFound"}, 1},
		{"consentd_request_seconds", map[string]string{"method": "Check"}, 4},
		{"consentd_decisions_total", map[string]string{"controller": "acme", "decision": "ALLOW"}, 1},
		{"consentd_decisions_total", map[string]string{"controller": "acme", "decision": "DENY"}, 2},
		{"consentd_policy_errors_total", map[string]string{"controller": "acme"}, 1},
	} {
		if got := counter(t, s, want.name, want.labels); got != want.value {
			t.Errorf("%s%v = %v, want %v", want.name, want.labels, got, want.value)
		}
	}
}
