package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newController is a folder that policy init wrote, for the controller acme.
func newController(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "acme")
	got := execute("127.0.0.1:1", "", "policy", "init", dir)
	if got.code != exitOK || !strings.Contains(got.stdout, filepath.Join(dir, "controllers", "acme", "acme.cases")) {
		t.Fatalf("policy init: %+v", got)
	}
	return dir
}

func edit(t *testing.T, file, was, is string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(content, []byte(was)) {
		t.Fatalf("%s has no %q: %v", file, was, err)
	}
	if err := os.WriteFile(file, bytes.Replace(content, []byte(was), []byte(is), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestPolicyTest(t *testing.T) {
	dir := newController(t)
	got := execute("127.0.0.1:1", "", "policy", "test", dir)
	for _, want := range []string{
		"Tests            4\n", "Cases            5\n", "Failed           0\n", "sale_of_data         PURPOSE_PROHIBITED×1 ",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	if got.code != exitOK || got.stderr != "" || t.Failed() {
		t.Errorf("%+v", got)
	}
}

func TestPolicyTestMutate(t *testing.T) {
	dir := newController(t)
	args := []string{"policy", "test", dir, "--mutate", "--under", "controllers/acme", "--threshold", "100"}
	if got := execute("127.0.0.1:1", "", args...); got.code != exitOK ||
		!strings.Contains(got.stdout, "5 of 5 planted faults noticed: 100.0 %") {
		t.Errorf("%+v", got)
	}
	rules := filepath.Join(dir, "controllers", "acme", "acme.rego")
	edit(t, rules, `request.flag("public_source")`, "request.flag(\"public_source\")\n\tinput.subject.age_max < 18")
	edit(t, filepath.Join(dir, "controllers", "acme", "acme_test.rego"), `{"context": {"public_source": true}}`,
		`{"context": {"public_source": true}, "subject": fixture.subject({"age_max": 3})}`)
	got := execute("127.0.0.1:1", "", args...)
	if got.code != exitDenied || got.stderr != "" {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{
		rules + ":27  denials  removed input.subject.age_max < 18\n",
		rules + ":27  denials  moved the bound of input.subject.age_max < 18\n",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, got.stdout)
		}
	}
}

func TestPolicyTestFails(t *testing.T) {
	dir := newController(t)
	rules := filepath.Join(dir, "controllers", "acme", "acme.rego")
	edit(t, rules, `== "product_improvement"`, `== "improvement"`)
	got := execute("127.0.0.1:1", "", "policy", "test", dir, "--mutate")
	want := "FAIL " + filepath.Join(dir, "controllers", "acme", "acme_test.rego") +
		`:17: test_denied_public_sources: expected fixture.codes(d) == {"DATA_CATEGORY_NOT_PERMITTED"}, got {"BASIS_HOLDS"}` + "\n"
	if got.code != exitDenied || !strings.HasPrefix(got.stdout, want) || strings.Contains(got.stdout, "planted") || got.stderr != "" {
		t.Errorf("%+v, want %q", got, want)
	}
	var report testRun
	got = execute("127.0.0.1:1", "", "policy", "test", dir, "-o", "json")
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != exitDenied || len(report.Failures) != 1 {
		t.Errorf("%+v: %v", got, err)
	}
	edit(t, rules, `request.flag("public_source")`, "http.send({}) == input.now")
	got = execute("127.0.0.1:1", "", "policy", "test", dir)
	lines := strings.Split(got.stderr, "\n")
	if got.code != exitError || len(lines) != 3 || !strings.Contains(lines[0], "controllers/acme/acme.rego:26: built-in http.send") ||
		!strings.Contains(lines[1], "controllers/acme/acme.rego:26: input.now") {
		t.Errorf("%+v", got)
	}
}

func TestPolicyInitRefusesFullFolders(t *testing.T) {
	dir := newController(t)
	got := execute("127.0.0.1:1", "", "policy", "init", dir)
	if got.code != exitError || !strings.Contains(got.stderr, "is not empty") || got.stdout != "" {
		t.Errorf("%+v", got)
	}
	got = execute("127.0.0.1:1", "", "policy", "init", filepath.Join(t.TempDir(), "x"), "--controller", "Acme", "-o", "json")
	if got.code != exitError || !strings.Contains(got.stderr, `controller "Acme"`) {
		t.Errorf("%+v", got)
	}
}
