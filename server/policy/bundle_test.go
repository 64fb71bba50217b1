package policy_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/open-policy-agent/opa/v1/compile"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/source"
)

// TestABundleOfThePoliciesDecidesAsTheyDo builds the shipped policies as `opa build -b` does: modules below another path, all
// data in one document. Every decision of the corpus is the same but for the revision.
func TestABundleOfThePoliciesDecidesAsTheyDo(t *testing.T) {
	loader := policy.NewLoader(policy.Options{ShadowRate: -1})
	folder := loadBy(t, loader)
	bundle, err := loader.Load(bundled(t).FS())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(folder.Describe().Controllers, bundle.Describe().Controllers); diff != "" {
		t.Errorf("controllers (-folder +bundle):\n%s", diff)
	}
	corpus(t, func(name string, request *consent.Request, snapshot *consent.Snapshot, now consent.Instant) {
		want := folder.Decide(context.Background(), request, snapshot, now)
		got := bundle.Decide(context.Background(), request, snapshot, now)
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(consent.Decision{}, "PolicyRevision")); diff != "" {
			t.Errorf("%s (-folder +bundle):\n%s", name, diff)
		}
	})
}

func bundled(t *testing.T) *source.Files {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "policies")
	if err := os.CopyFS(dir, policies.FS); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := compile.New().WithPaths(dir).WithAsBundle(true).WithOutput(&out).Build(context.Background()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := source.Open(source.Config{Location: file})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	files, err := s.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// corpus calls do for each case that is about a decision.
func corpus(t *testing.T, do func(name string, request *consent.Request, snapshot *consent.Snapshot, now consent.Instant)) {
	t.Helper()
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	start, done := regoStart, 0
	for i := range all {
		if all[i].Expect.Error != "" {
			continue
		}
		events, err := cases.DomainEvents(all[i].Events, "e", start)
		if err != nil {
			t.Fatal(err)
		}
		request, err := all[i].Request(consent.Subject{Controller: all[i].Controller, ID: "subject"})
		if err != nil {
			t.Fatal(err)
		}
		do(all[i].Name, &request, &consent.Snapshot{State: consent.Fold(events)}, consent.InstantOf(start))
		done++
	}
	if done < 300 {
		t.Errorf("only %d cases", done)
	}
}

// TestStatesPreparedForAnotherGeneration: a state that was prepared before the table of strings began anew decides as one
// prepared after it, under sets of both.
func TestStatesPreparedForAnotherGeneration(t *testing.T) {
	loader := policy.NewLoader(policy.Options{ShadowRate: -1})
	before := loadBy(t, loader)
	loader.Overgrow()
	old := map[string]any{}
	corpus(t, func(name string, _ *consent.Request, snapshot *consent.Snapshot, _ consent.Instant) {
		old[name], _ = loader.Prepare(snapshot.State)
	})
	after := loadBy(t, loader)
	if before.SameGeneration(after) {
		t.Fatal("the table did not begin anew")
	}
	corpus(t, func(name string, request *consent.Request, snapshot *consent.Snapshot, now consent.Instant) {
		want := before.Decide(context.Background(), request, snapshot, now)
		fresh, _ := loader.Prepare(snapshot.State)
		for which, prepared := range map[string]any{"old": old[name], "fresh": fresh} {
			snapshot.Prepared = prepared
			for set, decider := range map[string]*policy.Set{"before": before, "after": after} {
				if diff := cmp.Diff(want, decider.Decide(context.Background(), request, snapshot, now)); diff != "" {
					t.Errorf("%s: %s state under the set %s (-want +got):\n%s", name, which, set, diff)
				}
			}
		}
	})
	if s := loader.Stats(); s.Topdown != 0 || s.Errors != 0 {
		t.Errorf("stats = %+v: the compiled engine did not decide everything", s)
	}
}

// TestTablesAboveTheirFolder: the strict checks hold wherever a table comes from, with the line that it has there.
func TestTablesAboveTheirFolder(t *testing.T) {
	const good = `{"controllers": {"acme": {"durations": {"idle": {"days": 30}}, "notice": {"version": 1, "material": 1},
  "purposes": {"storage": {"basis": "CONTRACT", "clause": "1"}}}}, "lib": {"x": 1}}`
	above := func(name, content string) fstest.MapFS {
		files := without("controllers/acme/data.yaml")
		files[name] = &fstest.MapFile{Data: []byte(content)}
		return files
	}
	if _, err := policy.Load(above("data.json", good), policy.Options{}); err != nil {
		t.Errorf("a good table in data.json: %v", err)
	}
	table := "acme: {notice: {version: 1, material: 1}, durations: {idle: {days: 3}}, purposes: {storage: {basis: CONTRACT, clause: x}}}\n"
	if _, err := policy.Load(above("controllers/data.yaml", table), policy.Options{}); err != nil {
		t.Errorf("a good table in controllers/data.yaml: %v", err)
	}
	twice := minimal()
	twice["data.json"] = &fstest.MapFile{Data: []byte(`{"controllers": {"acme": {"name": "x"}}}`)}
	below := minimal()
	below["controllers/acme/purposes/data.yaml"] = &fstest.MapFile{Data: []byte("erasure: {basis: CONTRACT, clause: x}")}
	for name, row := range map[string]struct {
		files fstest.MapFS
		file  string
		line  int
		says  string
	}{
		"a misspelt key": {above("data.json", strings.Replace(good, `"clause": "1"`, `"clause": "1", "forbiden": []`, 1)), "data.json", 2, "unknown key forbiden"},
		"a wrong basis":  {above("data.json", strings.Replace(good, "CONTRACT", "CONTRACTUAL", 1)), "data.json", 2, `"CONTRACTUAL"`},
		"no clause":      {above("data.json", strings.Replace(good, `, "clause": "1"`, "", 1)), "data.json", 2, "controllers.acme.purposes.storage: clause"},
		"no table":       {above("data.json", `{"controllers": {"acme": null}}`), "data.json", 1, "controllers.acme.notice: required"},
		"a table twice":  {twice, "data.json", 0, "join them"},
		"a table's part": {below, "controllers/acme/purposes/data.yaml", 0, "move this into controllers/acme/data.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Load(row.files, policy.Options{})
			for _, f := range policy.Faults(err) {
				if f.File == row.file && (row.line == 0 || f.Line == row.line) && strings.Contains(f.Message, row.says) {
					return
				}
			}
			t.Errorf("faults %q: want one in %s:%d that says %q", policy.Faults(err), row.file, row.line, row.says)
		})
	}
}
