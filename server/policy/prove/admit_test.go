package prove_test

import (
	"context"
	"testing"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/prove"
)

// now is the instant around which the tests make their cases: 2026-11-01.
const now = consent.Instant(1793491200_000_000_000)

// TestShippedPoliciesAreAdmitted is the proof that lets a server start with the embedded policies unproven.
func TestShippedPoliciesAreAdmitted(t *testing.T) {
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := prove.Admit(context.Background(), policies.FS, set, prove.Options{Now: now})
	if err != nil {
		t.Errorf("refused:\n%v", err)
	}
	for _, f := range report.Faults {
		if f.Counterexample != nil {
			t.Logf("%s\n%+v", f, *f.Counterexample)
		}
	}
	for _, w := range report.Warnings {
		t.Logf("warning: %s", w)
	}
	t.Logf("%d cases in %v, tests %+v", report.Cases, report.Enumeration, report.Tests)
	for _, c := range report.Controllers {
		t.Logf("%+v", c)
	}
}
