package scaffold_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/format"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
	"github.com/consentd/consentd/server/policy/policytest"
	"github.com/consentd/consentd/server/policy/scaffold"
)

func TestInit(t *testing.T) {
	for _, id := range []string{"acme", "acme-shop"} {
		t.Run(id, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new", "policies")
			files, err := scaffold.Init(dir, id)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range append(files, "INPUT.md", "schemas/input.jsonschema", "opa.capabilities", ".regal/config.yaml") {
				if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
					t.Error(err)
				}
			}
			proven(t, dir)
			admitted(t, dir)
			formatted(t, dir)
		})
	}
}

// proven runs the new controller's tests: all of its own faults are noticed, and each purpose's main outcome is
// shown.
func proven(t *testing.T, dir string) {
	t.Helper()
	suite, err := policytest.Load(os.DirFS(dir), policytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := suite.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() || report.Tests < 4 || report.Cases < 5 {
		t.Errorf("%d tests, %d cases, failures %v", report.Tests, report.Cases, report.Failures)
	}
	mutation, err := suite.Mutate(context.Background(), policytest.MutateOptions{Under: "controllers"})
	if err != nil {
		t.Fatal(err)
	}
	if mutation.Mutants < 4 || len(mutation.Unnoticed) > 0 {
		t.Errorf("%d faults, not noticed: %v", mutation.Mutants, mutation.Unnoticed)
	}
}

func admitted(t *testing.T, dir string) {
	t.Helper()
	set, err := policy.Load(os.DirFS(dir), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := admission.Admit(context.Background(), os.DirFS(dir), set, admission.Options{Known: policies.FS})
	if err != nil {
		t.Error(err)
	}
	for _, w := range report.Warnings {
		t.Errorf("warning: %s", w)
	}
	if report.Tests.Passed < 9 {
		t.Errorf("%d tests and cases passed", report.Tests.Passed)
	}
}

func formatted(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".rego") {
			return err
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		want, err := format.Source(name, source)
		if err == nil && !bytes.Equal(source, want) {
			t.Errorf("%s is not formatted", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestInitRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine.txt"), []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ dir, id, says string }{
		{full, "acme", "mine.txt"},
		{filepath.Join(full, "mine.txt"), "acme", "mine.txt"},
		{t.TempDir(), "Acme", "small letters"},
		{t.TempDir(), "", "small letters"},
		{t.TempDir(), "../x", "small letters"},
		{t.TempDir(), "input", "word of Rego"},
	} {
		_, err := scaffold.Init(test.dir, test.id)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("Init(%s, %q): %v, want %q", test.dir, test.id, err, test.says)
		}
	}
	if entries, err := os.ReadDir(full); err != nil || len(entries) != 1 {
		t.Errorf("the folder that was not empty has %v, %v", entries, err)
	}
}
