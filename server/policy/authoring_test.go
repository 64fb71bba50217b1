package policy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/policy"
)

var update = flag.Bool("update", false, "write policies/opa.capabilities anew")

const capabilitiesFile = "../../policies/opa.capabilities"

// TestCapabilities keeps policies/opa.capabilities, by which OPA's tools tell an author what is refused, the same as
// what Load refuses. After a change of either, or of OPA's version: go test ./server/policy -run TestCapabilities
// -update
func TestCapabilities(t *testing.T) {
	want := capabilities(t)
	if *update {
		if err := os.WriteFile(capabilitiesFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(capabilitiesFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what Load allows; write it anew with -update", capabilitiesFile)
	}
}

// capabilities are those of this version of OPA without what Load refuses, a line for each built-in.
func capabilities(t *testing.T) []byte {
	t.Helper()
	c := ast.CapabilitiesForThisVersion()
	refused := policy.RefusedBuiltins()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool { return refused[b.Name] != "" })
	c.AllowNet = []string{}
	if len(c.Builtins) < 100 || len(refused) < 10 {
		t.Fatalf("%d built-ins allowed, %d refused: that cannot be", len(c.Builtins), len(refused))
	}
	var out bytes.Buffer
	out.WriteString("{\"builtins\": [\n")
	for i, b := range c.Builtins {
		line, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(line)
		if i < len(c.Builtins)-1 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	c.Builtins = nil
	rest, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "],\n%s\n", bytes.TrimPrefix(bytes.Replace(rest, []byte(`"builtins":null,`), nil, 1), []byte("{")))
	return out.Bytes()
}

func inputSchema(t *testing.T) []byte { return schemaOf(t, "input") }

func schemaOf(t *testing.T, name string) []byte {
	t.Helper()
	schema, err := fs.ReadFile(policies.Authoring, "schemas/"+name+".jsonschema")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// corpusStart is when cases run that are not about the time of day.
var corpusStart = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// TestInputsHaveTheirSchema holds every input that the corpus gives against the schema.
func TestInputsHaveTheirSchema(t *testing.T) {
	schema := inputSchema(t)
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		c := &all[i]
		q, err := c.Question(corpusStart)
		if err != nil {
			t.Fatal(err)
		}
		input := policy.BuildInput(&q.Request, q.State, q.Now)
		if faults := match(t, schema, input); faults != "" {
			t.Errorf("%s:%d: %s", c.File, c.Line, faults)
		}
	}
}

// TestSchemaKnowsAllFields shows that the schema refuses what no input has, so that the test above can fail.
func TestSchemaKnowsAllFields(t *testing.T) {
	schema := inputSchema(t)
	input := ast.MustParseTerm(`{"controller": "c", "purpose": "p", "data_categories": [], "context": {"any": 1}, "now": 1, "subject":
		{"known": true, "id": "s", "jurisdiction": "", "signals": {}, "opt_outs": {}, "consents": {}, "restrictions": {}}}`).Value
	if faults := match(t, schema, input); faults != "" {
		t.Fatal(faults)
	}
	for path, value := range map[string]string{
		"purpose": `1`, "purposes": `"p"`, "recipient": `{"kind": "FRIEND", "id": ""}`, "subject/known": `"yes"`,
		"subject/erased":   `true`,
		"subject/consents": `{"p": {"staus": "GIVEN"}}`, "subject/objections": `{"all": {"raised": true}}`,
		"subject/signals": `{"gcp": {"value": true, "time": 1}}`,
	} {
		changed := set(t, input, strings.Split(path, "/"), ast.MustParseTerm(value).Value)
		if match(t, schema, changed) == "" {
			t.Errorf("%s: %s is accepted", path, value)
		}
	}
}

func set(t *testing.T, v ast.Value, path []string, to ast.Value) ast.Value {
	t.Helper()
	if len(path) == 0 {
		return to
	}
	out := ast.NewObject()
	key := ast.StringTerm(path[0])
	inner := v
	v.(ast.Object).Foreach(func(k, e *ast.Term) {
		if out.Insert(k, e); k.Equal(key) {
			inner = e.Value
		}
	})
	out.Insert(key, ast.NewTerm(set(t, inner, path[1:], to)))
	return out
}

// match returns what in a value does not match a JSON schema.
func match(t *testing.T, schema []byte, v ast.Value) string {
	t.Helper()
	var result *ast.Term
	operands := []*ast.Term{ast.NewTerm(v), ast.StringTerm(string(schema))}
	err := topdown.GetBuiltin(ast.JSONMatchSchema.Name)(topdown.BuiltinContext{}, operands, func(r *ast.Term) error {
		result = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Get(ast.IntNumberTerm(0)).Equal(ast.BooleanTerm(true)) {
		return ""
	}
	return result.Get(ast.IntNumberTerm(1)).String()
}

// TestSchemaFindsMisspeltFields compiles the shipped rules with the schema, as `opa check --schema` does: as they are,
// and with a misspelt field. (OPA does not look below keys that are no constants, such as consents[purpose].)
func TestSchemaFindsMisspeltFields(t *testing.T) {
	for _, test := range []struct{ correct, misspelt string }{
		{"input.subject.account_status", "input.subject.acount_status"},
		{"input.recipient.kind", "input.recipient.knd"},
		{"input.caller.issuer", "input.caller.isuer"},
		{"input.subject.objections.all.raised", "input.subject.objections.all.risen"},
		{"input.subject.opt_outs.SALE_OR_SHARING", "input.subject.opt_outs.SALE_AND_SHARING"},
	} {
		if err := checkSchema(t, test.correct, test.correct); err != nil {
			t.Fatalf("the shipped rules: %v", err)
		}
		field := test.misspelt[strings.LastIndex(test.misspelt, ".")+1:]
		if err := checkSchema(t, test.correct, test.misspelt); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v", test.misspelt, err)
		}
	}
}

// checkSchema type-checks all modules with one text of them replaced by another.
func checkSchema(t *testing.T, was, is string) error {
	t.Helper()
	set := ast.NewSchemaSet()
	for _, name := range []string{"input", "access"} {
		var schema any
		if err := util.Unmarshal(schemaOf(t, name), &schema); err != nil {
			t.Fatal(err)
		}
		set.Put(ast.MustParseRef("schema."+name), schema)
	}
	modules := map[string]*ast.Module{}
	found := false
	err := fs.WalkDir(policies.FS, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".rego") || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		content, err := fs.ReadFile(policies.FS, name)
		if err != nil {
			return err
		}
		found = found || strings.Contains(string(content), was)
		changed := strings.Replace(string(content), was, is, 1)
		modules[name], err = ast.ParseModuleWithOpts(name, changed, ast.ParserOptions{ProcessAnnotation: true})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Fatalf("no rule reads %s any more", was)
	}
	compiler := ast.NewCompiler().WithSchemas(set).WithUseTypeCheckAnnotations(true)
	if compiler.Compile(modules); compiler.Failed() {
		return compiler.Errors
	}
	return nil
}
