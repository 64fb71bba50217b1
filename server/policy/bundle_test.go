package policy_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// TestABundleOfThePoliciesDecidesAsTheyDo builds the shipped policies as `opa build -b` does: modules below another
// path, all data in one document. Every decision of the corpus is the same but for the revision.
func TestABundleOfThePoliciesDecidesAsTheyDo(t *testing.T) {
	loader := policy.NewLoader(policy.Options{ShadowRate: -1})
	folder := loadBy(t, loader)
	bundle, err := loader.Read(bundled(t).FS())
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

// bundled is a bundle of the shipped policies.
func bundled(t *testing.T) *source.Files {
	t.Helper()
	return built(t, policies.FS, compile.New())
}

// built is what is read of the bundle that c makes of policies, as `opa build -b` does.
func built(t *testing.T, from fs.FS, c *compile.Compiler) *source.Files {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "policies")
	if err := os.CopyFS(dir, from); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.WithPaths(dir).WithAsBundle(true).WithOutput(&out).Build(context.Background()); err != nil {
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

// TestOptimizedBundles: a set that `opa build -O` rewrote decides as it did before.
func TestOptimizedBundles(t *testing.T) {
	set := fstest.MapFS{}
	for name, content := range map[string]string{
		"controllers/acme/data.yaml": `notice: {version: 1, material: 1}
durations: {idle: {days: 30, clause: x}}
purposes:
  storage: {basis: CONTRACT, clause: "1"}
  mail: {basis: CONSENT, clause: "2"}
`,
		"controllers/acme/acme.rego": `package consentd.controllers.acme

row := data.controllers.acme.purposes[input.purpose]

answer(effect, code) := {
	"decision": effect, "reasons": [{"code": code, "clause": row.clause}], "legal_basis": row.basis,
	"obligations": [], "permitted_data_categories": [],
}

denials contains "SUBJECT_UNKNOWN" if not input.subject.known == true

denials contains "CONSENT_MISSING" if {
	row.basis == "CONSENT"
	not input.subject.consents[input.purpose].status == "GIVEN"
}

decision := answer("ALLOW", "BASIS_HOLDS") if count(denials) == 0

decision := answer("DENY", min(denials)) if count(denials) > 0
`,
	} {
		set[name] = &fstest.MapFile{Data: []byte(content)}
	}
	loader := policy.NewLoader(policy.Options{ShadowRate: -1})
	plain, err := loader.Read(set)
	if err != nil {
		t.Fatal(err)
	}
	given := consent.Fold([]consent.Event{{ID: "1", OccurredAt: 1, Source: "app",
		Fact: consent.Consent{Purpose: "mail", Status: consent.Given, NoticeVersion: 1}}})
	for _, level := range []int{1, 2} {
		files := built(t, set, compile.New().WithOptimizationLevel(level).WithEntrypoints("consentd/controllers/acme/decision"))
		optimized, err := loader.Read(files.FS())
		if err != nil {
			t.Fatalf("-O=%d: %v", level, err)
		}
		if !slices.ContainsFunc(files.List(), func(f consent.PolicyFile) bool { return strings.HasPrefix(f.Path, "optimized/") }) {
			t.Errorf("-O=%d: nothing was optimized", level)
		}
		for _, purpose := range []string{"storage", "mail"} {
			for _, state := range []*consent.State{{}, given} {
				request := &consent.Request{Subject: consent.Subject{Controller: "acme", ID: "s"}, Purpose: purpose}
				want := plain.Decide(context.Background(), request, &consent.Snapshot{State: state}, 7)
				got := optimized.Decide(context.Background(), request, &consent.Snapshot{State: state}, 7)
				if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(consent.Decision{}, "PolicyRevision")); diff != "" {
					t.Errorf("-O=%d, %s (-plain +optimized):\n%s", level, purpose, diff)
				}
			}
		}
	}
}

// TestOptimizedClocksAreRefused: where the optimizer writes out what compares times, one line says what to do.
func TestOptimizedClocksAreRefused(t *testing.T) {
	files := built(t, policies.FS, compile.New().WithOptimizationLevel(2).WithEntrypoints("consentd/controllers/jasminai/decision"))
	_, err := policy.Load(files.FS(), policy.Options{})
	faults := policy.Faults(err)
	if len(faults) != 1 || !strings.HasPrefix(faults[0].File, "optimized/") || faults[0].Line == 0 ||
		!strings.HasSuffix(faults[0].Message,
			"input.now stands outside consentd.lib.clock: build the bundle without -O, the server compiles policies itself") {
		t.Errorf("faults: %q", faults)
	}
}

// corpus calls do for each case that is about a decision.
func corpus(t *testing.T, do func(name string, request *consent.Request, snapshot *consent.Snapshot, now consent.Instant)) {
	t.Helper()
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	start, done := corpusStart, 0
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

// TestStatesPreparedForAnotherGeneration: a state that was prepared before the table of strings began anew decides as
// one prepared after it, under sets of both.
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
	table := `acme:
  notice: {version: 1, material: 1}
  durations: {idle: {days: 3}}
  purposes: {storage: {basis: CONTRACT, clause: x}}
`
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
		"a misspelt key": {above("data.json", strings.Replace(good, `"clause": "1"`, `"clause": "1", "forbiden": []`, 1)),
			"data.json", 2, "unknown key forbiden"},
		"a wrong basis": {above("data.json", strings.Replace(good, "CONTRACT", "CONTRACTUAL", 1)), "data.json", 2, `"CONTRACTUAL"`},
		"no clause": {above("data.json", strings.Replace(good, `, "clause": "1"`, "", 1)), "data.json", 2,
			"controllers.acme.purposes.storage: clause"},
		"no table":       {above("data.json", `{"controllers": {"acme": null}}`), "data.json", 1, "null here: write a map"},
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
