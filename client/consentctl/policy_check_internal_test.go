package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// aController is a set of one controller that allows storage to everyone who is known, when the condition holds.
func aController(t *testing.T, condition string) string {
	t.Helper()
	dir := t.TempDir()
	folder := filepath.Join(dir, "controllers", "acme")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	table := "notice: {version: 1, material: 1}\npurposes: {storage: {basis: CONTRACT, clause: \"1\"}}\n"
	answer := func(decision, code string) string {
		return `{"decision": "` + decision + `", "reasons": [{"code": "` + code + `", "clause": "1"}], ` +
			`"legal_basis": "CONTRACT", "obligations": [], "permitted_data_categories": []}`
	}
	rules := "package consentd.controllers.acme\n\ndefault decision := " + answer("DENY", "ERASURE_REQUESTED") + "\n\ndecision := " +
		answer("ALLOW", "BASIS_HOLDS") + " if {\n\t" + condition + "\n}\n"
	for name, content := range map[string]string{"data.yaml": table, "acme.rego": rules} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// faultyCondition allows whatever stands against it.
const faultyCondition = "input.subject.known"

func TestPolicyCheckRefuses(t *testing.T) {
	dir := aController(t, faultyCondition)
	got := execute("", "", "policy", "check", dir)
	if got.code != exitDenied || got.stderr != "" {
		t.Fatalf("exit code %d, stderr %q", got.code, got.stderr)
	}
	for _, want := range []string{
		"controllers/acme/acme.rego:5: storage of acme: ERASURE: a standing erasure denies",
		"allowed by controllers/acme/acme.rego:5",
		"opa eval -d " + dir,
		`--stdin-input 'data.consentd.controllers["acme"].decision' <<'EOF'`,
		`"erasure": "REQUESTED"`,
		"warning: the set has no tests",
		"refused: ",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is not in the output:\n%s", want, got.stdout)
		}
	}
}

// A case that fails refuses the set, as a test does; policy test shows the same.
func TestPolicyCheckRunsCases(t *testing.T) {
	dir := aController(t, `input.subject.erasure == "NONE"`)
	wrong := "- name: storage for strangers\n  controller: acme\n  check: {purpose: storage}\n  expect: {decision: ALLOW}\n"
	if err := os.WriteFile(filepath.Join(dir, "controllers", "acme", "acme.cases"), []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	got := execute("", "", "policy", "check", dir)
	want := `controllers/acme/acme.cases:1: case "storage for strangers" fails: expected ALLOW, ` +
		`got decision = DENY: mend the rule or the case`
	if got.code != exitDenied || !strings.Contains(got.stdout, want) {
		t.Errorf("exit code %d, want %q in:\n%s", got.code, want, got.stdout)
	}
	if strings.Contains(got.stdout, "no tests") {
		t.Errorf("a set with a case is said to have no tests:\n%s", got.stdout)
	}
}

func TestPolicyCheckAsJSON(t *testing.T) {
	got := execute("", "", "policy", "check", aController(t, faultyCondition), "-o", "json")
	var answer struct {
		Admitted bool
		Faults   []struct {
			File, Message  string
			Line           int
			Counterexample *struct{ Invariant, Input, Command string }
		}
		Cases int
	}
	if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Admitted || got.code != exitDenied || answer.Cases == 0 {
		t.Errorf("exit code %d: %+v", got.code, answer)
	}
	for _, f := range answer.Faults {
		if f.Counterexample == nil || !json.Valid([]byte(f.Counterexample.Input)) || f.File == "" || f.Line == 0 {
			t.Errorf("a fault without place or counterexample: %+v", f)
		}
	}
}

func TestPolicyCheckOfWhatDoesNotLoad(t *testing.T) {
	got := execute("", "", "policy", "check", aController(t, "nope(1)"))
	if got.code != exitDenied || !strings.Contains(got.stdout, "controllers/acme/acme.rego:6: ") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := execute("", "", "policy", "check", filepath.Join(t.TempDir(), "nowhere")); got.code != exitError || got.stderr == "" {
		t.Errorf("a folder that is not there: exit code %d, stderr %q", got.code, got.stderr)
	}
}
