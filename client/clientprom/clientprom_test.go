package clientprom_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/clientprom"
	"github.com/consentd/consentd/client/clienttest"
	"github.com/consentd/consentd/client/enforce"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func TestChecksAndEnforcementAreCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := clientprom.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clientprom.New(registry); err == nil {
		t.Error("registered twice")
	}
	fake := clienttest.Start(t, "rules: [{subject: a, decision: ALLOW}, {subject: broken, error: INTERNAL}]")
	c, err := client.Dial(fake.Addr, client.WithHook(m.Hook), client.WithObserver(m.Called))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, subject := range []string{"a", "a", "b", "broken"} {
		c.Allowed(t.Context(), client.NewCheck("example", subject, "ads"))
	}
	batch := &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{client.NewCheck("example", "a", "ads")}}
	if _, err := c.BatchCheck(t.Context(), batch); err != nil {
		t.Error(err)
	}
	m.Enforced(enforce.Event{Where: "POST /ads", Purpose: "ads", Outcome: enforce.Denied})
	want := `
# HELP consentd_client_calls_total Calls other than checks that ended, by method and the gRPC code.
# TYPE consentd_client_calls_total counter
consentd_client_calls_total{code="OK",method="BatchCheck"} 1
# HELP consentd_client_checks_total Checks that ended, by what came of them: allow, deny, or the gRPC code of the error.
# TYPE consentd_client_checks_total counter
consentd_client_checks_total{controller="example",outcome="Internal",purpose="ads"} 1
consentd_client_checks_total{controller="example",outcome="allow",purpose="ads"} 2
consentd_client_checks_total{controller="example",outcome="deny",purpose="ads"} 1
# HELP consentd_client_enforced_total Calls that were let through or not, by route or method.
# TYPE consentd_client_enforced_total counter
consentd_client_enforced_total{outcome="denied",purpose="ads",where="POST /ads"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "consentd_client_calls_total",
		"consentd_client_checks_total", "consentd_client_enforced_total"); err != nil {
		t.Error(err)
	}
}
