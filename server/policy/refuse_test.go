package policy_test

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/policy"
)

// minimal is a set of one controller that allows storage; a test changes one file of it.
func minimal() fstest.MapFS {
	return fstest.MapFS{
		"controllers/acme/data.yaml": {Data: []byte("notice: {version: 1, material: 1}\n" +
			"durations: {idle: {days: 30}}\npurposes: {storage: {basis: CONTRACT, clause: \"1\"}}\n")},
		"controllers/acme/acme.rego": {Data: []byte(acmeRego(`input.subject.known == true`))},
		"lib/clock/clock.rego": {Data: []byte("package consentd.lib.clock\n\nreached(t) if input.now >= t\n\n" +
			"elapsed(t, name) if input.now >= t + (data.controllers[input.controller].durations[name].days * 86400000000000)\n")},
	}
}

// acmeRego is a policy that allows under a condition, which stands on line 8.
func acmeRego(condition string) string {
	const rest = `"legal_basis": "CONTRACT", "obligations": [], "permitted_data_categories": []}`
	return `package consentd.controllers.acme

import data.consentd.lib.clock

default decision := {"decision": "DENY", "reasons": [{"code": "RESTRICTED", "clause": "1"}], ` + rest + `

decision := {"decision": "ALLOW", "reasons": [{"code": "BASIS_HOLDS", "clause": "1"}], ` + rest + ` if {
	` + condition + `
}
`
}

func with(name, content string) fstest.MapFS {
	files := minimal()
	files[name] = &fstest.MapFile{Data: []byte(content)}
	return files
}

func without(name string) fstest.MapFS {
	files := minimal()
	delete(files, name)
	return files
}

func TestLoadRefuses(t *testing.T) {
	const rego, table = "controllers/acme/acme.rego", "controllers/acme/data.yaml"
	const head = "notice: {version: 1, material: 1}\npurposes:\n"
	tests := []struct {
		name  string
		files fs.FS
		want  []string // all of these
	}{
		{"an empty directory", fstest.MapFS{}, []string{"no policy files"}},
		{"a clock built-in", with(rego, acmeRego("time.now_ns() > 1")), []string{rego + ":8", "time.now_ns"}},
		{"the network", with(rego, acmeRego(`http.send({"url": "x"}).status == 200`)), []string{rego + ":8", "http.send"}},
		{"randomness", with(rego, acmeRego(`rand.intn("a", 2) == 1`)), []string{rego + ":8", "rand.intn"}},
		{"the runtime", with(rego, acmeRego(`opa.runtime().env.X`)), []string{rego + ":8", "opa.runtime"}},
		{"net.*", with(rego, acmeRego(`net.cidr_contains("10.0.0.0/8", "10.0.0.1")`)), []string{rego + ":8", "net.cidr_contains"}},
		{"a refused built-in behind with", with(rego, acmeRego(`count([1]) == 1 with count as uuid.rfc4122`)),
			[]string{rego + ":8", "uuid.rfc4122"}},
		{"now outside the clock", with(rego, acmeRego(`input.now > 5`)), []string{rego + ":8", "input.now"}},
		{"now by a computed key", with(rego, acmeRego(`some k in ["now"]; input[k] > 5`)), []string{rego + ":8", "input[k]"}},
		{"now by the whole input", with(rego, acmeRego(`x := input; x.now > 5`)), []string{rego + ":8", "input"}},
		{"now replaced", with(rego, acmeRego(`clock.reached(5) with input.now as 7`)), []string{rego + ":8", "input.now"}},
		{"a computed instant", with(rego, acmeRego(`clock.reached(input.subject.last_activity_at + 5)`)),
			[]string{rego + ":8", "clock.reached"}},
		{"a computed instant in a variable", with(rego, acmeRego(`t := input.subject.last_activity_at + 5; clock.reached(t)`)),
			[]string{rego + ":8", "clock.reached"}},
		{"two faults at once", with(rego, acmeRego(`time.now_ns() > input.now`)), []string{"time.now_ns", "input.now"}},
		{"a syntax error", with(rego, "package x\n\nallow if {"), []string{rego + ":3"}},
		{"an unknown function", with(rego, acmeRego(`nope(1)`)), []string{rego + ":8", "nope"}},
		{"a recursion", with(rego, acmeRego(`decision.decision == "ALLOW"`)), []string{rego, "recursive"}},
		{"a controller without a table", without(table), []string{rego + ":5", "no table"}},
		{"a controller without a policy", without(rego), []string{"controllers/acme", "no policy"}},
		{"a misspelt key", with(table, head+"  storage: {basis: CONTRACT, clause: x, forbiden: []}"),
			[]string{table, ":3: ", "unknown key forbiden"}},
		{"an unknown basis", with(table, head+"  storage: {basis: CONSNT, clause: x}"), []string{table, ":3: ", `"CONSNT"`}},
		{"an unknown recipient", with(table, head+"  storage: {basis: CONTRACT, clause: x, recipients: [FRIEND]}"),
			[]string{":3: ", `"FRIEND"`}},
		{"a category in capitals", with(table, head+"  storage: {basis: CONTRACT, clause: x, allowed: [User]}"),
			[]string{":3: ", `"User"`}},
		{"neither basis nor prohibited", with(table, head+"  storage: {clause: x}"), []string{table, "purposes.storage", "exactly one"}},
		{"both basis and prohibited", with(table, head+"  storage: {basis: CONTRACT, prohibited: true, clause: x}"),
			[]string{"exactly one"}},
		{"no clause", with(table, head+"  storage: {basis: CONTRACT}"), []string{"purposes.storage", "clause"}},
		{"no notice", with(table, "purposes: {storage: {basis: CONTRACT, clause: x}}"), []string{"notice: required"}},
		{"a purpose in capitals", with(table, head+"  Storage: {basis: CONTRACT, clause: x}"), []string{"purposes.Storage"}},
		{"a reference to nothing", with(table, head+"  storage: {basis: CONTRACT, clause: x, covered_by: nothing}"),
			[]string{"purposes.storage", `"nothing"`}},
		{"a date that is none", with("lib/ages/data.yaml", `ages: [{effective_from: "yesterday"}]`),
			[]string{"lib/ages/data.yaml:1: effective_from", "yesterday"}},
		{"broken YAML", with(table, "a: [1"), []string{table}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := policy.Load(test.files, policy.Options{})
			if err == nil {
				t.Fatal("loaded")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error = %q, want it to contain %q", err, want)
				}
			}
		})
	}
}

func TestLoadTakesWhatIsSound(t *testing.T) {
	sound := with("controllers/acme/acme.rego", acmeRego(`clock.elapsed(input.subject.last_activity_at, "idle")`))
	sound["controllers/acme/acme_test.rego"] = &fstest.MapFile{Data: []byte("package x_test\n\ntest_x if time.now_ns() > 1\n")}
	sound["README.md"] = &fstest.MapFile{Data: []byte("not a policy")}
	set, err := policy.Load(sound, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(set.Describe().Files); got != 3 {
		t.Errorf("%d files, want 3: tests and other files are not part of the set", got)
	}
}

func TestRevisionIsThatOfTheFiles(t *testing.T) {
	revision := func(files fs.FS) string {
		set, err := policy.Load(files, policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return set.Revision()
	}
	base := revision(minimal())
	if revision(minimal()) != base {
		t.Error("the same files have two revisions")
	}
	if revision(with("controllers/acme/acme.rego", acmeRego(`input.subject.known == false`))) == base {
		t.Error("another policy has the same revision")
	}
	table := minimal()["controllers/acme/data.yaml"]
	if revision(with("controllers/acme/data.yaml", string(table.Data)+"name: Acme\n")) == base {
		t.Error("another table has the same revision")
	}
	tests := maps.Clone(minimal())
	tests["controllers/acme/acme_test.rego"] = &fstest.MapFile{Data: []byte("package x\n")}
	if revision(tests) != base {
		t.Error("a test changed the revision of what decides")
	}
}

func TestShippedPoliciesDescribeThemselves(t *testing.T) {
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range set.Describe().Controllers {
		ids = append(ids, c.ID)
	}
	if got, want := strings.Join(ids, " "), "example jasminai jsers livex somesing z-image"; got != want {
		t.Errorf("controllers = %s, want %s", got, want)
	}
	purposes, err := set.Purposes("example")
	if err != nil || len(purposes) != 15 {
		t.Errorf("Purposes(example) = %v, %v; want 15", purposes, err)
	}
	if _, err := set.Purposes("nobody"); err == nil {
		t.Error("Purposes(nobody) has no error")
	}
}
