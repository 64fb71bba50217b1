package tree_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/policy/tree"
)

func files(contents map[string]string) fs.FS {
	out := fstest.MapFS{}
	for name, content := range contents {
		out[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return out
}

const acme = "notice: {version: 1, material: 1}\npurposes:\n  storage: {basis: CONTRACT, clause: \"1\"}\n"

// Data stand below the keys that their folders name, and those of several files are one; a table is what stands
// there.
func TestDocuments(t *testing.T) {
	read, err := tree.Read(files(map[string]string{
		"data.json":                    `{"lib": {"x": {"a": 1}}, "top": true}`,
		"lib/x/data.yaml":              "b: 2\n",
		"lib/x/more.yml":               "c: {effective_from: 2026-01-01T00:00:00Z}\n",
		"controllers/acme/data.yaml":   acme,
		"controllers/acme/a.rego":      "package consentd.controllers.acme\n\nx := 1\n",
		"controllers/acme/a_test.rego": "package consentd.controllers.acme_test\n\ntest_x if true\n",
		".hidden/data.yaml":            "d: 1\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	one := json.Number("1")
	want := map[string]any{
		"lib": map[string]any{"x": map[string]any{
			"a": one, "b": json.Number("2"), "c": map[string]any{"effective_from": "2026-01-01T00:00:00Z"},
		}},
		"top": true,
		"controllers": map[string]any{"acme": map[string]any{
			"notice":   map[string]any{"version": one, "material": one},
			"purposes": map[string]any{"storage": map[string]any{"basis": "CONTRACT", "clause": "1"}},
		}},
	}
	if d := cmp.Diff(want, read.Documents); d != "" {
		t.Error(d)
	}
	table := read.Tables["acme"]
	if len(read.Tables) != 1 || table.Purposes["storage"].Clause != "1" ||
		table.File() != "controllers/acme/data.yaml" || table.LineOf("purposes", "storage") != 3 {
		t.Errorf("tables %v", read.Tables)
	}
	if len(read.Dates) != 1 || read.Dates[0].Time().Year() != 2026 {
		t.Errorf("dates %v", read.Dates)
	}
	all, err := read.All()
	if names := slices.Sorted(maps.Keys(all)); err != nil || len(read.Modules) != 1 || len(names) != 2 {
		t.Errorf("modules %v, %v", names, err)
	}
}

// Every file that cannot be read is told of, not the first alone.
func TestAllFaultsAreTold(t *testing.T) {
	_, err := tree.Read(files(map[string]string{
		"a.rego":      "package a\n\nx :=\n",
		"b/data.yaml": "a: 1\na: 2\n",
		"c/data.json": "{",
		"controllers/acme/data.yaml": strings.Replace(acme, "version: 1", "version: \"1\"", 1) +
			"  mail: {basis: CONSNT, clause: 3.10}\n",
		"d/data.yaml": "effective_from: 2262-04-11T00:00:00Z\n",
	}))
	if err == nil {
		t.Fatal("read")
	}
	for _, want := range []string{
		"a.rego:4", `b/data.yaml:2: key "a" stands at line 1 already`, "c/data.json:1: unexpected end",
		`data.yaml:1: version: "1" is text here`,
		`data.yaml:4: basis: "CONSNT" is not a known value`, `data.yaml:4: clause: "3.10" is a number here`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
	if _, err := tree.Read(files(map[string]string{"d/data.yaml": "effective_from: 2262-04-11T00:00:00Z\n"})); err == nil ||
		!strings.Contains(err.Error(), "d/data.yaml:1: effective_from") {
		t.Errorf("an instant that arithmetic overflows: %v", err)
	}
}

// The revision is of what decides: tests do not change it, data and rules do.
func TestRevision(t *testing.T) {
	contents := map[string]string{"controllers/acme/data.yaml": acme, "a.rego": "package a\n\nx := 1\n"}
	revision := func() string {
		read, err := tree.Read(files(contents))
		if err != nil {
			t.Fatal(err)
		}
		return read.Revision
	}
	first := revision()
	contents["a_test.rego"] = "package a_test\n\ntest_x if true\n"
	if revision() != first {
		t.Error("a test changes the revision")
	}
	contents["a.rego"] += "# a comment\n"
	if revision() == first {
		t.Error("a rule's file does not change the revision")
	}
}

// BenchmarkRead reads the shipped policies, without their tests.
func BenchmarkRead(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tree.Read(policies.FS); err != nil {
			b.Fatal(err)
		}
	}
}
