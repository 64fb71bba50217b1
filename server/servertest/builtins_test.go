package servertest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/servertest"
)

// builtinCall is how a built-in is called in the test.
type builtinCall struct {
	name, expression string
	// fails says that the call is an error, refused that no set with it is loaded; none why there is no call.
	fails, refused bool
	none           string
}

func (c *builtinCall) purpose() string { return "calls_" + strings.ReplaceAll(c.name, ".", "_") }

// builtinCalls are those of testdata/builtins.txt, one for each built-in of the capabilities.
func builtinCalls(t *testing.T) (all []builtinCall) {
	t.Helper()
	text, err := os.ReadFile("testdata/builtins.txt")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]builtinCall{}
	for line := range strings.Lines(string(text)) {
		name, expression, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if strings.HasPrefix(name, "#") {
			continue
		}
		c := builtinCall{name: name}
		c.expression, c.fails = strings.CutPrefix(expression, "error: ")
		c.expression, c.refused = strings.CutPrefix(c.expression, "refused: ")
		if why, none := strings.CutPrefix(expression, "none: "); none {
			c.none = why
		}
		given[name] = c
	}
	var capabilities struct{ Builtins []struct{ Name string } }
	data, err := os.ReadFile("../../policies/opa.capabilities")
	if err == nil {
		err = json.Unmarshal(data, &capabilities)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range capabilities.Builtins {
		c, ok := given[b.Name]
		if !ok {
			t.Errorf("testdata/builtins.txt does not call %s", b.Name)
			continue
		}
		delete(given, b.Name)
		all = append(all, c)
	}
	for name := range given {
		t.Errorf("testdata/builtins.txt: %s is no built-in of the capabilities", name)
	}
	return all
}

// calling is a set whose decision on a purpose is ALLOW if the built-in's expression holds.
func calling(all []builtinCall) map[string]string {
	var table, rules strings.Builder
	table.WriteString("notice: {version: 1, material: 1}\npurposes:\n")
	rules.WriteString(`package consentd.controllers.acme

default decision := {
	"decision": "DENY", "reasons": [{"code": "BASIS_NOT_DECLARED", "clause": ""}],
	"obligations": [], "permitted_data_categories": [],
}

decision := {
	"decision": "ALLOW", "reasons": [{"code": "BASIS_HOLDS", "clause": "§1"}],
	"legal_basis": "LEGAL_OBLIGATION", "obligations": [], "permitted_data_categories": [],
} if _holds

c := input.context

set := {x | some x in c.list}
`)
	for i := range all {
		fmt.Fprintf(&table, "  %s: {basis: LEGAL_OBLIGATION, clause: \"§1\"}\n", all[i].purpose())
		fmt.Fprintf(&rules, "\n_holds if {\n\tinput.purpose == %q\n\t%s\n}\n", all[i].purpose(), all[i].expression)
	}
	return map[string]string{tinyTable: table.String(), tinyRules: rules.String()}
}

// facts are the operands: nothing of a call is known before the request comes.
func facts(t *testing.T) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{
		"neg": -2, "n": 2.5, "i": 3, "s": "abc", "list": []any{1, 2, 3}, "words": []any{"b", "a"}, "obj": map[string]any{"k": "v"},
		"yes": true, "nothing": nil, "empty": "", "b64": "YWJj", "json": `{"a": 1}`, "yaml": "a: 1", "num": "7", "hex": "616263",
		"graph": map[string]any{"a": []any{"b"}, "b": []any{}}, "t": 1.7e18, "duration": "1h", "date": "2023-11-14",
		"rfc": "2023-11-14T22:13:20Z", "unit": "1K", "url": "https://example.org/a", "q": "a=b", "version": "1.2.0",
		"uuid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "module": "package x", "schema": "type Query{a:String}", "query": "query{a}",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEveryBuiltinThroughAStream calls each built-in that a policy may call, by OPA's
// implementation, for a check of a stream.
func TestEveryBuiltinThroughAStream(t *testing.T) {
	var all []builtinCall
	for _, c := range builtinCalls(t) {
		switch {
		case c.refused:
			expectRefused(t, c)
		case c.none != "":
			t.Logf("%s: %s", c.name, c.none)
		default:
			all = append(all, c)
		}
	}
	s := servertest.Start(t, servertest.Options{Policies: treeOf(calling(all)), PolicyEngine: policy.Delegating})
	stream, err := s.Decisions.CheckStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	facts := facts(t)
	for i, c := range all {
		if err := stream.Send(&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{{Id: uint64(i) + 1,
			Check: &consentv1.CheckRequest{
				Controller: "acme", SubjectId: "u", Purpose: c.purpose(), Context: facts,
			}}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	got := received(stream)
	if len(got.results) != len(all) || len(all) < 150 {
		t.Errorf("%d results of %d calls, %v", len(got.results), len(all), got.end)
	}
	for id, results := range got.results {
		c := all[id-1]
		r := results[0].GetResponse()
		want := consentv1.ReasonCode_REASON_CODE_BASIS_HOLDS
		if c.fails {
			want = consentv1.ReasonCode_REASON_CODE_POLICY_ERROR
		}
		if len(results) != 1 || r.GetReasons()[0].GetCode() != want {
			t.Errorf("%s: %s: got %v, want %v", c.name, c.expression, results, want)
		}
	}
	if n := s.Metric(t, "consentd_panics_total", nil); n != 0 {
		t.Errorf("%v panics", n)
	}
}

func expectRefused(t *testing.T, c builtinCall) {
	t.Helper()
	loader := policy.NewLoader(policy.Options{})
	defer loader.Close()
	if _, err := loader.Read(treeOf(calling([]builtinCall{c}))); err == nil || !strings.Contains(err.Error(), "deprecated") {
		t.Errorf("%s: a set that calls it: %v, want that it is refused as deprecated", c.name, err)
	}
}
