package admission_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
)

const caseFile = "controllers/example/example.cases"

// goodCase passes over the set of withCases.
const goodCase = `- name: a customer's files are stored
  controller: example
  events: [{at: -30d, profile: {jurisdiction: DE}}]
  check: {purpose: storage}
  expect: {decision: ALLOW, legal_basis: CONTRACT}
`

// ofAmount adds a rule that no enumerated case makes fire, since numbers of the context are not varied.
var ofAmount = []edit{
	{
		"controllers/example/example.rego",
		`# METADATA
# title: The decision`,
		`denials contains [8, "RECIPIENT_NOT_PERMITTED", "§9"] if {
	is_number(input.context.amount)
	input.context.amount > 1000
}

# METADATA
# title: The decision`,
	},
	{"controllers/example/example.rego", `"denials": set()`, `"denials": denials`},
}

const amountCase = `
- name: no large amounts
  controller: example
  events: [{at: -30d, profile: {jurisdiction: DE}}]
  check: {purpose: storage, context: {amount: 2000}}
  expect: {decision: DENY, reasons: [RECIPIENT_NOT_PERMITTED]}
`

// withCases is a small set with these cases; edits as shipped has them.
func withCases(t *testing.T, cases string, edits ...edit) fstest.MapFS {
	t.Helper()
	files := shipped(t, "example/storage", edits)
	files[caseFile] = &fstest.MapFile{Data: []byte(cases)}
	return files
}

// admitted asks a prover, and returns the report and the faults of a set that is refused.
func admitted(t *testing.T, p *admission.Prover, files fstest.MapFS) (consent.PolicyReport, []consent.PolicyFinding) {
	t.Helper()
	set, err := policy.Load(files, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := p.Admit(context.Background(), files, set)
	refused, ok := errors.AsType[*admission.Refused](err)
	if err != nil && !ok {
		t.Fatal(err)
	}
	if !ok {
		return report, nil
	}
	if len(report.Faults) != len(refused.Faults) {
		t.Errorf("the report has %d faults, the error %d", len(report.Faults), len(refused.Faults))
	}
	return report, refused.Faults
}

// TestCasesAreRun: a case that fails keeps the set out, with its place, name, and what was expected and got.
func TestCasesAreRun(t *testing.T) {
	p := admission.New(admission.Options{Now: now, Known: policies.FS})
	for _, row := range []struct {
		name, cases string
		// place and says are those of the only fault; empty: the set is admitted.
		place string
		says  []string
	}{
		{"one that passes", goodCase, "", nil},
		{"none", "", "", nil},
		{
			"another decision",
			strings.Replace(goodCase, "{decision: ALLOW, legal_basis: CONTRACT}", "{decision: DENY, reasons: [OBJECTED]}", 1),
			caseFile + ":1",
			[]string{
				`case "a customer's files are stored" fails`,
				"expected DENY, got decision = ALLOW",
				"expected OBJECTED among them",
				"mend the rule or the case",
			},
		},
		{
			"one after others",
			"# a comment\n" + goodCase + "\n" + strings.Replace(goodCase, "CONTRACT", "CONSENT", 1),
			caseFile + ":8",
			[]string{`expected "CONSENT", got legal_basis = "CONTRACT"`},
		},
		{"an error of the API", strings.Replace(goodCase, "{decision: ALLOW, legal_basis: CONTRACT}", "{error: NOT_FOUND}", 1), "", nil},
		{"no YAML", "- name: [", caseFile + ":1", []string{"did not find"}},
		{
			"an unknown key",
			strings.Replace(goodCase, "check:", "chekc:", 1),
			caseFile + ":4",
			[]string{"unknown key chekc", "mend the name"},
		},
		{"an unknown key inside", strings.Replace(goodCase, "jurisdiction", "juris", 1), caseFile + ":3", []string{"unknown key juris"}},
		{
			"a list that is none",
			strings.Replace(goodCase, "legal_basis: CONTRACT", "reasons: OBJECTED", 1),
			caseFile + ":5",
			[]string{"is text here: write a list"},
		},
		{
			"an unknown reason",
			strings.Replace(goodCase, "legal_basis: CONTRACT", "not_reasons: [OBJECT]", 1),
			caseFile + ":1",
			[]string{`expect.not_reasons: "OBJECT"`},
		},
		{
			"an unknown status",
			strings.Replace(goodCase, "profile: {jurisdiction: DE}", "consent: {purpose: storage, status: GAVE}", 1),
			caseFile + ":1",
			[]string{`"GAVE"`, "mend"},
		},
		{
			"an unknown controller",
			strings.Replace(goodCase, "controller: example", "controller: exmaple", 1),
			caseFile + ":1",
			[]string{`controller "exmaple" is not in this set`},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, faults := admitted(t, p, withCases(t, row.cases))
			if row.place == "" {
				if len(faults) > 0 {
					t.Errorf("refused: %v", list(faults))
				}
				return
			}
			if len(faults) != 1 || faults[0].Place() != row.place {
				t.Fatalf("%d faults, want one at %s:\n%s", len(faults), row.place, list(faults))
			}
			for _, want := range row.says {
				if !strings.Contains(faults[0].Message, want) {
					t.Errorf("the fault does not say %q: %s", want, faults[0])
				}
			}
			if strings.Contains(faults[0].Message, "\n") {
				t.Errorf("more than one line: %q", faults[0].Message)
			}
		})
	}
}

// TestOnlyChangedCasesAreRun: the same cases over the same rules are not decided again, changed ones are; a rule
// that only a case makes fire is no dead rule, and is one again without it.
func TestOnlyChangedCasesAreRun(t *testing.T) {
	p := admission.New(admission.Options{Now: now, Known: policies.FS})
	files := withCases(t, goodCase+amountCase, ofAmount...)
	first, faults := admitted(t, p, files)
	if len(faults) > 0 || first.Tests.Passed != 2 {
		t.Fatalf("passed %d of 2 cases, faults:\n%s", first.Tests.Passed, list(faults))
	}
	ran, proof := p.RanCases(), p.Proof()
	again, faults := admitted(t, p, files)
	if p.RanCases() != ran {
		t.Error("unchanged cases were decided again")
	}
	if len(faults) > 0 || again.Tests.Passed != 2 || p.Proof() != proof {
		t.Errorf("the same again: %+v after %+v, faults:\n%s", again.Tests, first.Tests, list(faults))
	}
	changed := withCases(t, goodCase+amountCase+"# a comment\n", ofAmount...)
	if _, faults := admitted(t, p, changed); len(faults) > 0 || p.RanCases() == ran {
		t.Errorf("a changed file was not decided again, or refused:\n%s", list(faults))
	}
	wrong := withCases(t, goodCase+strings.Replace(amountCase, "DENY", "ALLOW", 1), ofAmount...)
	if _, faults := admitted(t, p, wrong); len(faults) != 1 || p.Proof() != proof {
		t.Errorf("a changed case: proven again: %v, faults:\n%s", p.Proof() != proof, list(faults))
	}
	gone := withCases(t, goodCase, ofAmount...)
	_, faults = admitted(t, p, gone)
	if len(faults) != 1 || !strings.Contains(faults[0].String(), "controllers/example/example.rego:") ||
		!strings.Contains(faults[0].Message, "fires in no case and in no test") {
		t.Errorf("without the case that the rule needs:\n%s", list(faults))
	}
	if _, faults := admitted(t, p, files); len(faults) > 0 || p.Proof() != proof {
		t.Errorf("back to what was admitted: faults:\n%s", list(faults))
	}
}

// TestShippedRulesNeedNotFire: of shared rules that stand as they shipped nothing is said, of changed ones one
// line a file.
func TestShippedRulesNeedNotFire(t *testing.T) {
	admit := func(o admission.Options, edits ...edit) []consent.PolicyFinding {
		report, faults := admitted(t, admission.New(o), withCases(t, goodCase, edits...))
		if len(faults) > 0 {
			t.Fatalf("refused:\n%s", list(faults))
		}
		return report.Warnings
	}
	known := admission.Options{Now: now, Known: policies.FS}
	if got := admit(known); len(got) > 0 {
		t.Errorf("of the shipped packs it is said:\n%s", list(got))
	}
	dead := edit{
		"lib/place/place.rego",
		"europe if country",
		`europe if country == "XX"

europe if jurisdiction == "XY"

europe if country`,
	}
	got := admit(known, dead)
	if len(got) != 1 || !strings.HasPrefix(got[0].String(), "lib/place/place.rego:") ||
		!strings.Contains(got[0].Message, "(the same holds here for line ") {
		t.Errorf("of rules that were added it is said:\n%s", list(got))
	}
	files := map[string]int{}
	for _, w := range admit(admission.Options{Now: now}) {
		files[w.File]++
	}
	for file, n := range files {
		if n > 2 {
			t.Errorf("%s has %d warnings, want one of rules that do not fire, one of those that nothing needs", file, n)
		}
	}
	if len(files) < 3 {
		t.Errorf("where nothing is known, %d files have rules that do not fire: the test says little", len(files))
	}
}

// TestARuleThatNothingNeedsIsAFault: a rule whose name is misspelt is in no decision, whatever tests say of it.
func TestARuleThatNothingNeedsIsAFault(t *testing.T) {
	p := admission.New(admission.Options{Now: now, Known: policies.FS})
	misspelt := append([]edit{
		{
			"controllers/example/example.rego",
			`# METADATA
# title: The decision`,
			`denails contains [6, "OBJECTED", "§9"] if input.purpose == "storage"

# METADATA
# title: The decision`,
		},
	}, ofAmount...)
	_, faults := admitted(t, p, withCases(t, goodCase+amountCase, misspelt...))
	if len(faults) != 1 || faults[0].Place() != "controllers/example/example.rego:10" ||
		!strings.Contains(faults[0].Message, "denails is needed by no decision: mend its name") {
		t.Errorf("refused:\n%s", list(faults))
	}
}

// TestWarningsAreSaidAgain: a prover that does not prove a set again says the same of it, at the lines as they are
// now.
func TestWarningsAreSaidAgain(t *testing.T) {
	p := admission.New(admission.Options{Now: now})
	files := withCases(t, goodCase)
	first, _ := admitted(t, p, files)
	proof := p.Proof()
	rules := files["lib/place/place.rego"]
	rules.Data = append([]byte("# a comment\n"), rules.Data...)
	again, _ := admitted(t, p, files)
	if p.Proof() != proof || len(again.Warnings) != len(first.Warnings) || len(first.Warnings) == 0 {
		t.Fatalf("proven again: %v; %d warnings, at first %d", p.Proof() != proof, len(again.Warnings), len(first.Warnings))
	}
	for i, w := range again.Warnings {
		want := first.Warnings[i].Line
		if w.File == "lib/place/place.rego" {
			want++
		}
		if w.Line != want {
			t.Errorf("%s: want line %d", w, want)
		}
	}
}

// TestPurposesWithoutTests: a purpose that nothing asks about is a warning, one line for all of a controller.
func TestPurposesWithoutTests(t *testing.T) {
	files := withCases(t, goodCase)
	table := files["controllers/example/data.yaml"]
	table.Data = append(table.Data, `    age_verification: {basis: CONTRACT, clause: x}
    support:
        basis: CONTRACT
        clause: x
`...)
	report, faults := admitted(t, admission.New(admission.Options{Now: now, Known: policies.FS}), files)
	if len(faults) > 0 || len(report.Warnings) != 1 {
		t.Fatalf("faults and warnings:\n%s\n%s", list(faults), list(report.Warnings))
	}
	line := 1 + strings.Count(string(table.Data[:strings.Index(string(table.Data), "age_verification:")]), "\n")
	w := report.Warnings[0]
	if w.File != "controllers/example/data.yaml" || w.Line != line ||
		!strings.Contains(w.Message, "no test or case asks about age_verification, support: write one") {
		t.Errorf("%s: want line %d", w, line)
	}
}

// TestFailuresOfAnswersHavePlaces: a decision that is none is said with the line at which to mend it.
func TestFailuresOfAnswersHavePlaces(t *testing.T) {
	const rules = "controllers/example/example.rego"
	for _, row := range []struct {
		name, denial string
		line         int
		says         string
	}{
		{"a code that there is not", `[7, "OBJECTD", "x"]`, 10, `"OBJECTD" is not one of the known values: mend the name`},
		{"a denial without its level", `["OBJECTED", "x"]`, 15, "as INPUT.md has them"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, faults := admitted(t, admission.New(admission.Options{Now: now, Known: policies.FS}), withCases(t, "",
				edit{
					rules,
					`# METADATA
# title: The decision`,
					"denials contains " + row.denial + " if input.purpose == \"storage\"\n\n# METADATA\n# title: The decision",
				},
				edit{rules, `"denials": set()`, `"denials": denials`}))
			for _, f := range faults {
				if f.Counterexample != nil && f.File == rules && f.Line == row.line && strings.Contains(f.Message, row.says) {
					return
				}
			}
			t.Errorf("no fault at %s:%d that says %q:\n%s", rules, row.line, row.says, list(faults))
		})
	}
}
