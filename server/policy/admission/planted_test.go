package admission_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"go.yaml.in/yaml/v3"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
)

// TestPlantedFaultsAreRefused plants one fault after the other in a copy of a shipped policy. Each is refused; the
// counterexample, evaluated by topdown from its JSON, is allowed by the edited policies and denied by the shipped
// ones.
func TestPlantedFaultsAreRefused(t *testing.T) {
	for i, p := range plantedFaults {
		t.Run(p.name, func(t *testing.T) {
			if raceEnabled && i%5 > 0 {
				t.Skip("under the race detector one in five is planted; the others run the same code")
			}
			edited := shipped(t, p.where, p.edits)
			faults := faultsOf(t, edited)
			f := wanted(faults, p)
			if f == nil {
				t.Fatalf("no fault %q %q among:\n%s", p.invariant, p.says, list(faults))
			}
			t.Logf("%s", f)
			if c := f.Counterexample; c != nil {
				t.Logf("allowed by %v; silent: %s", c.AllowedBy, strings.Join(c.Silent, " | "))
				reevaluate(t, edited, c)
			}
		})
	}
}

func wanted(faults []consent.PolicyFinding, p planted) *consent.PolicyFinding {
	for i, f := range faults {
		id := ""
		if f.Counterexample != nil {
			id = f.Counterexample.Invariant
		}
		if id == p.invariant && strings.Contains(f.String(), p.says) {
			return &faults[i]
		}
	}
	return nil
}

func list(faults []consent.PolicyFinding) string { return (&admission.Refused{Faults: faults}).Error() }

// shipped is a copy of the shipped policies without their tests, of which one controller stays with one purpose or
// some, and with edits, each of which must hit.
func shipped(t testing.TB, where string, edits []edit) fstest.MapFS {
	t.Helper()
	controller, purpose, _ := strings.Cut(where, "/")
	files := fstest.MapFS{}
	copyShipped(t, files, controller)
	for _, e := range edits {
		before := string(files[e.file].Data)
		after := strings.Replace(before, e.old, e.new, 1)
		if after == before {
			t.Fatalf("%s does not have %q", e.file, e.old)
		}
		files[e.file].Data = []byte(after)
	}
	table := files["controllers/"+controller+"/data.yaml"]
	table.Data = onlyRows(t, table.Data, strings.Split(purpose, ",")...)
	return files
}

// copyShipped copies the shipped policies, of which only one controller if one is named, without their tests.
func copyShipped(t testing.TB, files fstest.MapFS, controller string) {
	t.Helper()
	err := fs.WalkDir(policies.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		if controller != "" && strings.HasPrefix(name, "controllers/") && !strings.HasPrefix(name, "controllers/"+controller+"/") {
			return nil
		}
		content, err := fs.ReadFile(policies.FS, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// onlyRows is a table with the rows of some purposes.
func onlyRows(t testing.TB, content []byte, purposes ...string) []byte {
	t.Helper()
	var table map[string]any
	if err := yaml.Unmarshal(content, &table); err != nil {
		t.Fatal(err)
	}
	rows := map[string]any{}
	for _, purpose := range purposes {
		rows[purpose] = table["purposes"].(map[string]any)[purpose]
	}
	table["purposes"] = rows
	out, err := yaml.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func faultsOf(t testing.TB, files fs.FS) []consent.PolicyFinding {
	t.Helper()
	set, err := policy.Load(files, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = admission.Admit(context.Background(), files, set, admission.Options{Now: now, SkipTests: true})
	var refused *admission.Refused
	if err == nil {
		t.Fatal("admitted")
	}
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	return refused.Faults
}

// reevaluate decides the counterexample as `opa eval` does.
func reevaluate(t *testing.T, edited fs.FS, c *consent.Counterexample) {
	t.Helper()
	was, wasErr := eval(t, policies.FS, c.Query, c.Input)
	is, isErr := eval(t, edited, c.Query, c.Input)
	if wasErr != nil {
		t.Errorf("the shipped policies fail on it: %v", wasErr)
	}
	if c.Invariant == "TOTAL" {
		if isErr == nil {
			t.Errorf("the edited policies answer it: %s", is)
		}
		return
	}
	if isErr != nil || is != "ALLOW" {
		t.Errorf("the edited policies answer %s %v, want ALLOW: %s", is, isErr, c.Input)
	}
	if was != "DENY" {
		t.Errorf("the shipped policies answer %s, want DENY: %s", was, c.Input)
	}
	if c.Before == "" {
		return
	}
	if before, err := eval(t, edited, c.Query, c.Before); err != nil || before != "DENY" {
		t.Errorf("before the restricting event the edited policies answer %s %v, want DENY", before, err)
	}
}

func eval(t *testing.T, files fs.FS, query, input string) (string, error) {
	t.Helper()
	loaded, err := loader.NewFileLoader().WithFS(files).Filtered([]string{"."}, func(_ string, info fs.FileInfo, _ int) bool {
		return strings.HasSuffix(info.Name(), "_test.rego")
	})
	if err != nil {
		t.Fatal(err)
	}
	var document any
	decoder := json.NewDecoder(strings.NewReader(input))
	decoder.UseNumber() // times are more than a float holds
	if err := decoder.Decode(&document); err != nil {
		t.Fatalf("the input is no JSON: %v", err)
	}
	options := []func(*rego.Rego){
		rego.Query(query), rego.Store(inmem.NewFromObject(loaded.Documents)), rego.Input(document), rego.StrictBuiltinErrors(true),
	}
	for name, m := range loaded.Modules {
		options = append(options, rego.ParsedModule(m.Parsed), rego.SetRegoVersion(ast.RegoV1))
		_ = name
	}
	results, err := rego.New(options...).Eval(context.Background())
	if err != nil || len(results) == 0 {
		return "", fmt.Errorf("%d results: %w", len(results), err)
	}
	return fmt.Sprint(results[0].Expressions[0].Value.(map[string]any)["decision"]), nil
}
