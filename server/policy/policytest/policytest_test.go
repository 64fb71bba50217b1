package policytest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/policy/policytest"
)

// small is a controller without packs: mail is allowed on a given consent to adults, ads never.
var small = map[string]string{
	"controllers/c/data.yaml": `name: c
notice: {version: 1, material: 1}
purposes:
  mail: {basis: CONSENT, clause: "1"}
  ads: {basis: CONSENT, clause: "2"}
`,
	"controllers/c/c.rego": `package consentd.controllers.c

decision := answer("ALLOW", "BASIS_HOLDS") if {
	count(denials) == 0
} else := answer("DENY", min(denials))

answer(effect, code) := {
	"decision": effect,
	"reasons": [{"code": code, "clause": "1"}],
	"legal_basis": "CONSENT",
	"obligations": [],
	"permitted_data_categories": [],
}

denials contains "CONSENT_MISSING" if not given

denials contains "UNDER_AGE" if {
	input.subject.age_max < 16
	input.purpose == "mail"
}

denials contains "PURPOSE_PROHIBITED" if input.purpose == "ads"

given if input.subject.consents[input.purpose].status == "GIVEN"
`,
	"controllers/c/c_test.rego": `package consentd.controllers.c_test

import data.consentd.controllers.c

asked(purpose, age) := {"controller": "c", "purpose": purpose, "subject": {
	"age_max": age,
	"consents": {"mail": {"status": "GIVEN"}},
}}

test_allowed if c.decision.decision == "ALLOW" with input as asked("mail", 30)

test_denied_child if c.denials == {"UNDER_AGE"} with input as asked("mail", 12)

test_denied_ads if c.denials == {"CONSENT_MISSING", "PURPOSE_PROHIBITED"} with input as asked("ads", 30)

todo_test_later if false
`,
	"controllers/c/c.cases": `- name: no mail without consent
  controller: c
  events: [{at: -1h, profile: {jurisdiction: DE}}]
  check: {purpose: mail}
  expect: {decision: DENY, reasons: [CONSENT_MISSING]}

- name: refused by the API
  controller: c
  check: {purpose: mail}
  expect: {error: INVALID_ARGUMENT}
`,
}

// changed is small with texts replaced (file, old, new) or files added (file, "", new).
func changed(t *testing.T, changes ...[3]string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	for name, content := range small {
		out[name] = &fstest.MapFile{Data: []byte(content)}
	}
	for _, c := range changes {
		name, was, is := c[0], c[1], c[2]
		if was == "" {
			out[name] = &fstest.MapFile{Data: []byte(is)}
			continue
		}
		before := string(out[name].Data)
		if !strings.Contains(before, was) {
			t.Fatalf("%s has no %q", name, was)
		}
		out[name] = &fstest.MapFile{Data: []byte(strings.Replace(before, was, is, 1))}
	}
	return out
}

func run(t *testing.T, files fstest.MapFS) *policytest.Report {
	t.Helper()
	suite, err := policytest.Load(files, policytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := suite.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestRun(t *testing.T) {
	got := run(t, changed(t))
	got.PolicyRevision, got.Seconds = "", 0
	want := &policytest.Report{
		Tests: 3, Cases: 1, SkippedTests: 1, SkippedCases: 1, Failures: []policytest.Failure{},
		Coverage: policytest.Coverage{Percent: 100, Covered: 16, Total: 16, Missed: []policytest.MissedLines{}},
		Controllers: []policytest.Controller{{
			ID: "c",
			Purposes: []policytest.Purpose{
				{
					Purpose: "ads",
					Outcomes: []policytest.Outcome{
						{Outcome: "CONSENT_MISSING", Seen: 0},
						{Outcome: "PURPOSE_PROHIBITED", Seen: 0},
					},
				},
				{
					Purpose: "mail",
					Outcomes: []policytest.Outcome{
						{Outcome: "ALLOW", Seen: 1},
						{Outcome: "CONSENT_MISSING", Seen: 1},
						{Outcome: "UNDER_AGE", Seen: 0},
					},
				},
			},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFailuresSayWhere(t *testing.T) {
	for _, test := range []struct {
		what   string
		change [3]string
		want   []string
	}{
		{
			"a rule of which two tests think otherwise",
			[3]string{"controllers/c/c.rego", `contains "UNDER_AGE"`, `contains "RESTRICTED"`},
			[]string{`controllers/c/c_test.rego:12: test_denied_child: expected ` +
				`c.denials == {"UNDER_AGE"} with input as asked("mail", 12), got {"RESTRICTED"}`},
		},
		{
			"a case and a test",
			[3]string{"controllers/c/c.rego", `"CONSENT_MISSING" if not given`, `"CONSENT_REFUSED" if not given`},
			[]string{
				`controllers/c/c.cases:1: no mail without consent: expected CONSENT_MISSING among them, got reasons = [CONSENT_REFUSED]`,
				`controllers/c/c_test.rego:14: test_denied_ads: expected ` +
					`c.denials == {"CONSENT_MISSING", "PURPOSE_PROHIBITED"} with input as asked("ads", 30), ` +
					`got {"CONSENT_REFUSED", "PURPOSE_PROHIBITED"}`,
			},
		},
		{
			"a test that errs",
			[3]string{
				"controllers/c/err_test.rego",
				"",
				`package t_test

f(1) := 1

f(1) := 2

test_errs if f(1) == 1
`,
			},
			[]string{
				`controllers/c/err_test.rego:7: test_errs: controllers/c/err_test.rego:5: eval_conflict_error: function data.t_test.f ` +
					`produced conflicting values for the same inputs: 1 at controllers/c/err_test.rego:3 2 at controllers/c/err_test.rego:5`,
			},
		},
		{
			"a named part of a test",
			[3]string{"controllers/c/named_test.rego", "", `package t_test

test_all[name] if {
	some name, age in {"twelve": 12, "twenty": 20}
	age > 15
}
`},
			[]string{`controllers/c/named_test.rego:5: test_all (twelve): expected age > 15, got false or undefined`},
		},
	} {
		t.Run(test.what, func(t *testing.T) {
			var got []string
			for _, f := range run(t, changed(t, test.change)).Failures {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTooManyCasesAreAFailure: where not every case of a purpose was looked at, the report does not pass for a
// whole one.
func TestTooManyCasesAreAFailure(t *testing.T) {
	rules := small["controllers/c/c.rego"]
	for i := range 64 {
		rules += fmt.Sprintf("\ndenials contains \"UNDER_AGE\" if input.context.key_%02d == true\n", i)
	}
	r := run(t, changed(t, [3]string{"controllers/c/c.rego", "", rules}))
	if len(r.Failures) != 2 { // of ads and mail
		t.Fatalf("failures: %+v", r.Failures)
	}
	f := r.Failures[1]
	if f.File != "controllers/c/data.yaml" || f.Name != "mail of c" || !strings.Contains(f.Got, `the last "key_63": read fewer keys`) {
		t.Errorf("failure: %+v", f)
	}
}

func TestMutate(t *testing.T) {
	suite, err := policytest.Load(changed(t), policytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it comes out the same
		got, err := suite.Mutate(context.Background(), policytest.MutateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var unnoticed []string
		for _, m := range got.Unnoticed {
			unnoticed = append(unnoticed, m.Rule+": "+m.Change+" "+m.Text)
		}
		want := []string{
			`denials: moved the bound of input.subject.age_max < 16`, // no test is of 16
			`denials: removed input.purpose == "mail"`,               // nor of ads to a child
		}
		if diff := cmp.Diff(want, unnoticed); diff != "" {
			t.Error(diff)
		}
		if got.Mutants != 17 || got.Noticed != 15 || got.Percent != 88.2 {
			t.Errorf("%d of %d, %v %%", got.Noticed, got.Mutants, got.Percent)
		}
	}
}

func TestMutateUnder(t *testing.T) {
	suite, err := policytest.Load(changed(t), policytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := 0
	got, err := suite.Mutate(context.Background(), policytest.MutateOptions{
		Under: "controllers/c/", Progress: func(int, int) { done++ },
	})
	if err != nil || got.Mutants != 17 || done < 17 {
		t.Errorf("%+v, %v; told %d times", got, err, done)
	}
	if _, err := suite.Mutate(context.Background(), policytest.MutateOptions{Under: "controllers/cc"}); err == nil {
		t.Error("no rule is there, and no error")
	}
}

func TestMutateRefusesTestsThatFail(t *testing.T) {
	suite, err := policytest.Load(changed(t, [3]string{
		"controllers/c/c_test.rego",
		`== {"UNDER_AGE"}`,
		`== set()`,
	}), policytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = suite.Mutate(context.Background(), policytest.MutateOptions{})
	if err == nil || !strings.Contains(err.Error(), "c_test.rego:12") {
		t.Errorf("got %v", err)
	}
}

func TestEndedContext(t *testing.T) {
	suite, err := policytest.Load(changed(t), policytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r, err := suite.Run(ctx); err == nil {
		t.Errorf("Run: %+v", r)
	}
	if m, err := suite.Mutate(ctx, policytest.MutateOptions{}); err == nil {
		t.Errorf("Mutate: %+v", m)
	}
}

func TestLoadErrors(t *testing.T) {
	const file = "controllers/c/bad.cases"
	for _, test := range []struct {
		change [3]string
		says   string
	}{
		{[3]string{file, "", "- name: x\n  controler: c\n"}, "controllers/c/bad.cases:2: unknown key controler"},
		{
			[3]string{
				file,
				"",
				`- name: x
  controller: d
  expect: {decision: DENY}
`,
			},
			`controllers/c/bad.cases:1: controller "d" is not`,
		},
		{[3]string{file, "", "- name: x\n  controller: c\n"}, "controllers/c/bad.cases:1: expect: needs"},
		{
			[3]string{
				file,
				"",
				`- name: x
  controller: c
  events: [{at: soon, erasure: {stage: REQUESTED}}]
  expect: {decision: DENY}
`,
			},
			`"soon" is neither`,
		},
		{
			[3]string{
				file,
				"",
				`- name: x
  controller: c
  events: [{at: -1d, erasure: {stage: MAYBE}}]
  expect: {decision: DENY}
`,
			},
			`bad.cases:1: events[0]: unknown name "MAYBE"`,
		},
		{[3]string{file, "", "- [\n"}, "controllers/c/bad.cases:1: "},
		{[3]string{"controllers/c/c.rego", "not given", "not gven"}, "c.rego:15"},
		{[3]string{"controllers/c/c_test.rego", "if false", "if {"}, "c_test.rego"},
	} {
		_, err := policytest.Load(changed(t, test.change), policytest.Options{})
		if err == nil || !strings.Contains(err.Error(), test.says) ||
			strings.Contains(test.change[0], ".cases") && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q on one line", test.change[2], err, test.says)
		}
	}
}

// TestShipped runs the shipped policies' tests, and the corpus as cases.
func TestShipped(t *testing.T) {
	if raceEnabled {
		t.Skip("all controllers take minutes under the race detector; the other tests run the same code on one")
	}
	corpus, err := cases.Load("../../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	suite, err := policytest.Load(policies.FS, policytest.Options{Cases: corpus})
	if err != nil {
		t.Fatal(err)
	}
	r, err := suite.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() || r.Tests < 300 || r.Cases < 900 || r.Coverage.Percent < 99 || len(r.Controllers) != 6 {
		t.Errorf("%d tests, %d cases, %v %%, %d controllers, failures %v",
			r.Tests, r.Cases, r.Coverage.Percent, len(r.Controllers), r.Failures)
	}
	for _, c := range r.Controllers {
		for _, p := range c.Purposes {
			if len(p.Outcomes) == 0 {
				t.Errorf("%s %s: nothing was seen", c.ID, p.Purpose)
			}
		}
	}
}
