package admission_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
)

const ownAccess = `package consentd.access

default allow := false

`

// TestAccessIsAdmitted: rules of access of a set's own are proven and tested with the rest, and what is wrong with
// them has its place.
func TestAccessIsAdmitted(t *testing.T) {
	prover := admission.New(admission.Options{Now: now, SkipTests: true})
	for name, row := range map[string]struct{ rules, want string }{
		"good": {ownAccess + "allow if {\n\tinput.caller.kind == \"key\"\n\tinput.action == \"check\"\n}\n", ""},
		"an error": {ownAccess + "allow if {\n\tinput.caller.kind == \"token\"\n\tjson.unmarshal(input.purpose).a\n}\n",
			"access/access.rego:3: allow fails where token:x https://x.example asks to check: "},
		"no bool": {ownAccess + "allow := \"yes\" if input.action == \"explain\"\n",
			"access/access.rego:3: allow fails where anonymous asks to explain: the policy of access answers neither true nor false"},
		"a conflict": {ownAccess + "allow if input.caller.kind == \"key\"\n\nallow := false if input.controller == \"example\"\n",
			"allow fails where key:x asks to read purpose \"\" of controller \"example\""},
		"everybody": {ownAccess + "allow if input.action != \"admin\"\n",
			"access/access.rego:3: allow holds where anonymous asks to check: ask who calls before anything is permitted"},
		"without end": {
			ownAccess + "allow if {\n\tsome a in numbers.range(1, 2000)\n\tsome b in numbers.range(1, 2000)\n\ta + b == -1\n}\n",
			"access/access.rego:3: allow fails where anonymous asks to check",
		},
	} {
		files := shipped(t, "example/storage", nil)
		files["access/access.rego"] = &fstest.MapFile{Data: []byte(row.rules)}
		delete(files, "access/access_test.rego")
		set, err := policy.Load(files, policy.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		report, err := prover.Admit(t.Context(), files, set)
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%s: got %v, want %q", name, err, row.want)
		}
		for _, w := range report.Warnings {
			if strings.HasPrefix(w.File, "access/") {
				t.Errorf("%s: a warning: %s", name, w)
			}
		}
	}
}

// TestAccessIsTestedApart: its own tests run, and a change of it neither proves nor tests a controller again.
func TestAccessIsTestedApart(t *testing.T) {
	prover := admission.New(admission.Options{Now: now})
	admit := func(files fstest.MapFS) error {
		set, err := policy.Load(files, policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = prover.Admit(t.Context(), files, set)
		return err
	}
	files := shipped(t, "example/storage", nil)
	if err := admit(files); err != nil {
		t.Fatal(err)
	}
	proof := prover.Proof()
	grants := `grants: [{callers: ["key:x"], actions: [check], controllers: ["*"], purposes: ["*"]}]`
	files["access/data.yaml"] = &fstest.MapFile{Data: []byte(grants)}
	if err := admit(files); err != nil || prover.Proof() != proof {
		t.Errorf("a grant more proves again what decides: %v", err)
	}
	own := "package consentd.access_test\n\nimport data.consentd.access\n\ntest_wrong if access.allow\n"
	files["access/own_test.rego"] = &fstest.MapFile{Data: []byte(own)}
	const want = "access/own_test.rego:5: test test_wrong fails"
	if err := admit(files); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a test that fails: %v", err)
	}
}
