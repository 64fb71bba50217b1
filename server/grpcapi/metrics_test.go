package grpcapi_test

import (
	"context"
	"maps"
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

// checks are the labels of calls of Check, and more.
func checks(more map[string]string) map[string]string {
	labels := map[string]string{"grpc_type": "unary", "grpc_service": "consent.v1.DecisionService", "grpc_method": "Check"}
	maps.Copy(labels, more)
	return labels
}

// ads are the labels of decisions on acme's purpose ads, and more.
func ads(more map[string]string) map[string]string {
	labels := map[string]string{"controller": "acme", "purpose": "ads"}
	maps.Copy(labels, more)
	return labels
}

func TestCallsAndDecisionsAreCounted(t *testing.T) {
	answers := []consent.Decision{
		{Effect: consent.Allow, Reasons: []consent.Reason{{Code: consent.BasisHolds}}},
		consent.Failed(),
		{},
		consent.Unavailable("§1"),
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
		{"grpc_server_started_total", checks(nil), 5},
		{"grpc_server_msg_received_total", checks(nil), 5},
		{"grpc_server_msg_sent_total", checks(nil), 4},
		{"grpc_server_handled_total", checks(map[string]string{"grpc_code": "OK"}), 4},
		{"grpc_server_handled_total", checks(map[string]string{"grpc_code": "NotFound"}), 1},
		{"grpc_server_handling_seconds", checks(nil), 5},
		{"consentd_decisions_total", ads(map[string]string{"decision": "ALLOW", "reason": "BASIS_HOLDS"}), 1},
		{"consentd_decisions_total", ads(map[string]string{"decision": "DENY", "reason": "POLICY_ERROR"}), 1},
		{"consentd_decisions_total", ads(map[string]string{"decision": "DENY", "reason": ""}), 1},
		{"consentd_decisions_total", ads(map[string]string{"decision": "DENY", "reason": "STATE_UNAVAILABLE"}), 1},
		{"consentd_policy_errors_total", nil, 1},
		{"consentd_degraded_decisions_total", map[string]string{"mode": "denied"}, 1},
		{"consentd_degraded_decisions_total", map[string]string{"mode": "stale"}, 0},
	} {
		if got := counter(t, s, want.name, want.labels); got != want.value {
			t.Errorf("%s%v = %v, want %v", want.name, want.labels, got, want.value)
		}
	}
}
