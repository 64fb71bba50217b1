package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
	"github.com/consentd/consentd/server/policy/policytest"
)

// starting is a set that asks what a category starts with, with a case and a test of it. The compiled engine with
// planted options decides otherwise.
func starting() fstest.MapFS {
	files := with("controllers/acme/acme.rego", acmeRego("input.subject.known == true\n\tstartswith(input.controller, \"ac\")"))
	files["controllers/acme/acme.cases"] = &fstest.MapFile{Data: []byte(`- name: a customer's files are stored
  controller: acme
  events: [{at: -30d, profile: {jurisdiction: DE}}]
  check: {purpose: storage}
  expect: {decision: ALLOW, legal_basis: CONTRACT}
`)}
	files["controllers/acme/acme_test.rego"] = &fstest.MapFile{Data: []byte(`package consentd.controllers.acme_test

import data.consentd.controllers.acme

test_starts if acme.decision.decision == "ALLOW" with input as {"controller": "acme", "subject": {"known": true}}
`)}
	return files
}

// TestAdmissionDecidesByBothEngines: a set of which the engines decide something differently is refused, with both
// answers: by a case, by a state of the proof, and by a test.
func TestAdmissionDecidesByBothEngines(t *testing.T) {
	for name, o := range map[string]policy.Options{"as shipped": {}, "planted": planted()} {
		t.Run(name, func(t *testing.T) {
			set, err := policy.Load(starting(), o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = admission.Admit(t.Context(), starting(), set, admission.Options{})
			var refused *admission.Refused
			if !errors.As(err, &refused) { // it breaks rules of the law as well
				t.Fatalf("error = %v, want the set refused", err)
			}
			for _, want := range []string{
				"controllers/acme/acme.cases:1: case \"a customer's files are stored\" fails: the compiled engine answers {",
				"ENGINES: where ",
				"acme_test.test_starts: the compiled engine answers undefined, OPA answers true",
			} {
				if got := strings.Contains(err.Error(), want); got != (name == "planted") {
					t.Errorf("refusal has %q: %t\n%v", want, got, err)
				}
			}
		})
	}
}

// TestCompareIsTopdowns: Compare returns topdown's decision, and names the difference.
func TestCompareIsTopdowns(t *testing.T) {
	request := &consent.Request{Subject: consent.Subject{Controller: "acme", ID: "s"}, Purpose: "storage"}
	state := consent.Fold([]consent.Event{{ID: "1", OccurredAt: 1, Fact: consent.Profile{AccountStatus: consent.AccountActive}}})
	for name, o := range map[string]policy.Options{"as shipped": {}, "planted": planted(), "topdown": {Engine: policy.Topdown}} {
		set, err := policy.Load(starting(), o)
		if err != nil {
			t.Fatal(err)
		}
		d, err := set.Compare(t.Context(), request, state, 2)
		var difference *policy.DifferenceError
		if got := errors.As(err, &difference); got != (name == "planted") {
			t.Errorf("%s: error = %v", name, err)
		}
		if err == nil && d.Effect != consent.Allow {
			t.Errorf("%s: decision %+v, want ALLOW", name, d)
		}
	}
}

// TestPolicyTestDecidesByBothEngines: policy test reports what the engines decide differently as failures: in a case,
// in a test, and in a state that no test has.
func TestPolicyTestDecidesByBothEngines(t *testing.T) {
	for name, o := range map[string]policy.Options{"as shipped": {}, "planted": planted()} {
		suite, err := policytest.Load(starting(), policytest.Options{Policy: o})
		if err != nil {
			t.Fatal(err)
		}
		report, err := suite.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if report.Tests != 1 || report.Cases != 1 {
			t.Errorf("%s: %d tests and %d cases, want one of each", name, report.Tests, report.Cases)
		}
		var failures strings.Builder
		for _, f := range report.Failures {
			fmt.Fprintln(&failures, f)
		}
		for _, want := range []string{
			"controllers/acme/acme.cases:1: a customer's files are stored: expected {",
			"controllers/acme/data.yaml:1: storage of acme: expected {",
			"controllers/acme/acme_test.rego:5: data.consentd.controllers.acme_test.test_starts: " +
				"expected true, got undefined by the compiled engine",
		} {
			if got := strings.Contains(failures.String(), want); got != (name == "planted") {
				t.Errorf("%s: failures have %q: %t\n%s", name, want, got, &failures)
			}
		}
	}
}

// TestPlannerFaultsAreDecidedByTopdown: a controller whose rules OPA plans wrongly is decided by topdown, and one that
// it cannot plan does not keep the others out.
func TestPlannerFaultsAreDecidedByTopdown(t *testing.T) {
	request := &consent.Request{Subject: consent.Subject{Controller: "acme", ID: "s"}, Purpose: "storage"}
	state := consent.Fold([]consent.Event{{ID: "1", OccurredAt: 1, Fact: consent.Profile{AccountStatus: consent.AccountActive}}})
	for name, rules := range map[string]string{
		"vanishing": acmeRego("limits[input.purpose].max == 5") +
			"limits.ads.max := 1\nlimits.ads[k] := 2 if k := \"m\"\nlimits.storage.max := 5\n",
		"not planned": acmeRego("marks.storage.b == 2") +
			"marks[x].a := 1 if some x in [\"storage\"]\nmarks[x].b := marks[x].a + 1 if some x in [\"storage\"]\n",
		"rewritten": acmeRego("not blocked[input.purpose].always") +
			"blocked.ads.always := true\nblocked.storage.always := false\n",
	} {
		t.Run(name, func(t *testing.T) {
			l := policy.NewLoader(policy.Options{ShadowRate: -1})
			set, err := l.Read(with("controllers/acme/acme.rego", rules))
			if err != nil {
				t.Fatal(err)
			}
			if d := set.Decide(t.Context(), request, &consent.Snapshot{State: state}, 2); d.Effect != consent.Allow {
				t.Errorf("decision %+v, want ALLOW", d)
			}
			if _, err := set.Compare(t.Context(), request, state, 2); err != nil {
				t.Error(err)
			}
			fallen := name != "rewritten"
			if s := l.Stats(); s.Topdown > 0 != fallen || s.Unsupported > 0 != fallen {
				t.Errorf("stats = %+v, want topdown %t", s, fallen)
			}
		})
	}
}
