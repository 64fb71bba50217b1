package policy_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/format"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

var update = flag.Bool("update", false, "write the cases as Rego tests beside the policies")

// TestRegoCorpus keeps policies/controllers/<id>/cases_test.rego, by which `opa test` runs the corpus, the same as the corpus.
// After a change of the cases or of the input: go test ./server/policy -run TestRegoCorpus -update
func TestRegoCorpus(t *testing.T) {
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	byController := map[string][]cases.Case{}
	for _, c := range all {
		if c.Expect.Error == "" {
			byController[c.Controller] = append(byController[c.Controller], c)
		}
	}
	for id, list := range byController {
		file := filepath.Join("../../policies/controllers", id, "cases_test.rego")
		want := regoTests(t, id, list)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the corpus gives; write it anew with -update", file)
		}
	}
}

// regoStart is when the cases run in Rego: a fixed day, so that the file is always the same.
var regoStart = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func regoTests(t *testing.T, id string, list []cases.Case) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Generated from the corpus by server/policy; do not edit.\npackage consentd.controllers[%q]\n\n", id+"_cases_test")
	fmt.Fprintf(&b, "import data.consentd.controllers[%q] as controller\n\n", id)
	b.WriteString("_reasons(d) := {r.code | some r in d.reasons}\n\n_obligations(d) := {o.code | some o in d.obligations}\n")
	names := map[string]int{}
	for i := range list {
		name := testName(&list[i])
		if names[name]++; names[name] > 1 {
			name = fmt.Sprintf("%s_%d", name, names[name])
		}
		fmt.Fprintf(&b, "\n# %s\n%s if {\n\td := controller.decision with input as %s\n", list[i].Name, name, regoInput(t, &list[i]))
		for _, line := range assertions(&list[i].Expect) {
			fmt.Fprintf(&b, "\t%s\n", line)
		}
		b.WriteString("}\n")
	}
	out, err := format.Source(id, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

func testName(c *cases.Case) string {
	outcome := map[string]string{"ALLOW": "allowed", "DENY": "denied"}[c.Expect.Decision]
	return "test_" + outcome + "_" + strings.Trim(notWord.ReplaceAllString(strings.ToLower(c.Name), "_"), "_")
}

func regoInput(t *testing.T, c *cases.Case) string {
	t.Helper()
	events, err := cases.DomainEvents(c.Events, "e", regoStart)
	if err != nil {
		t.Fatal(err)
	}
	request, err := c.Request(consent.Subject{Controller: c.Controller, ID: "subject"})
	if err != nil {
		t.Fatal(err)
	}
	return policy.BuildInput(&request, consent.Fold(events), consent.InstantOf(regoStart)).String()
}

func assertions(e *cases.Expect) []string {
	lines := []string{fmt.Sprintf("d.decision == %q", e.Decision)}
	each := func(codes []string, form string) {
		for _, code := range codes {
			lines = append(lines, fmt.Sprintf(form, code))
		}
	}
	each(e.Reasons, "%q in _reasons(d)")
	each(e.NotReasons, "not %q in _reasons(d)")
	each(e.Obligations, "%q in _obligations(d)")
	each(e.NotObligations, "not %q in _obligations(d)")
	if e.LegalBasis != "" {
		lines = append(lines, fmt.Sprintf("d.legal_basis == %q", e.LegalBasis))
	}
	if e.PermittedDataCategories != nil {
		lines = append(lines, fmt.Sprintf("d.permitted_data_categories == [%s]", quoted(e.PermittedDataCategories)))
	}
	return lines
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}
