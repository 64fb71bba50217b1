package admission_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
)

// now is the instant around which the tests make their cases: 2026-11-01.
const now = consent.Instant(1793491200_000_000_000)

// TestShippedPoliciesAreAdmitted is the proof that lets a server start with the embedded policies unproven.
func TestShippedPoliciesAreAdmitted(t *testing.T) {
	if raceEnabled {
		t.Skip("a million cases take minutes under the race detector; the planted faults run the same code on fewer")
	}
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := admission.Admit(context.Background(), policies.FS, set, admission.Options{Now: now})
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

// TestProverDoesNotProveTwice: what means the same is not proven and tested again, and what changed is.
func TestProverDoesNotProveTwice(t *testing.T) {
	prover := admission.New(admission.Options{Now: now})
	admit := func(files fs.FS) consent.PolicyReport {
		t.Helper()
		set, err := policy.Load(files, policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := prover.Admit(context.Background(), files, set)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	first := admit(shipped(t, "example/storage", nil))
	proof := prover.Proof()
	commented := shipped(t, "example/storage", []edit{
		{
			levels,
			`import data.consentd.lib.appi
`,
			`# moves all lines
import data.consentd.lib.appi
`,
		},
	})
	again := admit(commented)
	if again.Cases != first.Cases || prover.Proof() != proof {
		t.Errorf("the same rules with a comment were proven again: %d cases, at first %d", again.Cases, first.Cases)
	}
	commented["controllers/example/data.yaml"].Data = append(commented["controllers/example/data.yaml"].Data, "\nown: {saved: 1}\n"...)
	if admit(commented); prover.Proof() != proof {
		t.Error("a table with a key that no rule reads was proven again")
	}
	reads := shipped(t, "example/storage", []edit{
		{"controllers/example/example.rego", `"obligations": set()`, `"obligations": {o | saved == 2; some o in set()}`},
		{
			"controllers/example/example.rego",
			`# METADATA
# title: The decision`,
			`saved := object.get(data.controllers[input.controller], ["own", "saved"], 0)

# METADATA
# title: The decision`,
		},
	})
	admit(reads)
	proof = prover.Proof()
	reads["controllers/example/data.yaml"].Data = append(reads["controllers/example/data.yaml"].Data, "\nown: {saved: 1}\n"...)
	if admit(reads); prover.Proof() == proof {
		t.Error("a table with a key that a rule reads was not proven again")
	}
	changed := shipped(t, "example/storage", []edit{
		{
			levels,
			`_kept if input.purpose == "legal_claims"`,
			`_kept if input.purpose == "storage"`,
		},
	})
	set, err := policy.Load(changed, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prover.Admit(context.Background(), changed, set); err == nil {
		t.Error("a faulty set is admitted after a good one")
	}
}

// TestTrustedUnitsAreNotProvenAgain: of a copy of the embedded policies with one controller changed, that one is
// proven.
func TestTrustedUnitsAreNotProvenAgain(t *testing.T) {
	prover := admission.New(admission.Options{Now: now, Known: policies.FS, TrustKnown: true})
	files := fstest.MapFS{}
	copyShipped(t, files, "")
	table := files["controllers/jsers/data.yaml"]
	table.Data = append(table.Data, "\nage: {minimum: 20, clause: \"§9\"}\n"...)
	set, err := policy.Load(files, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := prover.Admit(context.Background(), files, set)
	if _, refused := errors.AsType[*admission.Refused](err); err != nil && !refused {
		t.Fatal(err)
	}
	for _, c := range report.Controllers {
		if (c.Cases > 0) != (c.ID == "jsers") {
			t.Errorf("%s: %d cases were decided", c.ID, c.Cases)
		}
	}
}
