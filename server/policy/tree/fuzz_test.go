package tree_test

import (
	"encoding/json"
	"io/fs"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/loader"
	"go.yaml.in/yaml/v3"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/policy/tree"
)

// scalar is where one stands in a text.
type scalar struct{ from, to int }

// scalarsOf are the scalars of a text on one line, keys too, in their order.
func scalarsOf(t testing.TB, content string) (found []scalar) {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(content), &root); err != nil {
		t.Fatal(err)
	}
	lines := []int{0}
	for i := range len(content) {
		if content[i] == '\n' {
			lines = append(lines, i+1)
		}
	}
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.Anchor == "" {
			line := content[lines[n.Line-1]:]
			from := lines[n.Line-1] + len(string([]rune(line)[:n.Column-1]))
			size := len(n.Value)
			if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
				size += 2
			}
			found = append(found, scalar{from, from + size})
		}
		for _, below := range n.Content {
			walk(below)
		}
	}
	walk(&root)
	return found
}

// written are values of all types, as people and programs write them.
var written = []string{
	"yes", "no", "on", "off", "y", "n", "Yes", "ON", `"yes"`, `"true"`, "true", "false",
	"True", "TRUE", "null", "~", "", "1", "-1", "0", "1.0",
	"1.5", "365.25", "3.10", `"3.10"`, "1e2", "0x1F", "010", "0o7", "0b1", "1_000", "+1",
	".5", ".inf", ".nan", "1e999", "99999999999999999999",
	"2018-05-25", "2018-05-25T00:00:00Z", "12:30", "[]", "[true]", "{}", "{a: 1}", "!!bool yes",
	"!!str true", "!!binary aGk=", "&a true", "*a",
	"<<", "CONSENT", "controller_policy", "gdpr", "|", ">", "'", "\"a", "a: b", "a\n---\nb: 1", "# x", "@x", "`x`", "%x", "- 1", "? 1",
	"\u00a0true", "true\u2028", "tr\u200bue", "\ufefftrue", "true\r", "1\t",
}

// FuzzATableByType: a value of a shipped table in another type or form is refused, or else the rules see what the
// server checked, and OPA's own tools see the same.
func FuzzATableByType(f *testing.F) {
	tables, err := fs.Glob(policies.FS, "controllers/*/data.yaml")
	if err != nil || len(tables) == 0 {
		f.Fatal(tables, err)
	}
	lib, err := fs.Glob(policies.FS, "lib/*/data.yaml")
	if err != nil {
		f.Fatal(err)
	}
	tables = append(tables, lib...)
	contents, scalars := map[string]string{}, map[string][]scalar{}
	for i, name := range tables {
		content, err := fs.ReadFile(policies.FS, name)
		if err != nil {
			f.Fatal(err)
		}
		contents[name], scalars[name] = string(content), scalarsOf(f, string(content))
		for at := range scalars[name] {
			for k := range 3 {
				f.Add(uint8(i), uint16(at), written[(3*at+k)%len(written)])
			}
		}
	}
	f.Fuzz(func(t *testing.T, table uint8, at uint16, text string) {
		name := tables[int(table)%len(tables)]
		s := scalars[name][int(at)%len(scalars[name])]
		content := contents[name][:s.from] + text + contents[name][s.to:]
		files := fstest.MapFS{name: &fstest.MapFile{Data: []byte(content)}}
		read, err := tree.Read(files)
		if err != nil {
			return
		}
		for id, table := range read.Tables {
			seen, ok := read.Documents["controllers"].(map[string]any)[id]
			if d := sameAs(reflect.ValueOf(table).Elem(), seen, "controllers."+id); !ok || len(d) > 0 {
				t.Errorf("with %q: the rules do not see what was checked: %s", text, strings.Join(d, "; "))
			}
		}
		loaded, err := loader.NewFileLoader().WithFS(files).Filtered([]string{"."}, nil)
		if err != nil {
			t.Fatalf("with %q: admitted, and OPA refuses it: %v", text, err)
		}
		if d := cmp.Diff(valued(loaded.Documents), valued(read.Documents)); d != "" {
			t.Errorf("with %q: OPA's tools see something else: %s", text, d)
		}
	})
}

// sameAs are the differences between what was decoded and a document.
func sameAs(v reflect.Value, seen any, where string) []string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return differs(seen == nil, where)
		}
		return sameAs(v.Elem(), seen, where)
	case reflect.Bool:
		b, ok := seen.(bool)
		return differs(ok && b == v.Bool(), where)
	case reflect.String:
		s, ok := seen.(string)
		return differs(ok && s == v.String(), where)
	case reflect.Int, reflect.Uint32:
		n, ok := seen.(json.Number)
		return differs(ok && n.String() == strings.TrimSpace(jsonOf(v)), where)
	case reflect.Slice:
		return sameList(v, seen, where)
	case reflect.Map:
		return sameMap(v, seen, where)
	case reflect.Interface:
		return differs(cmp.Equal(v.Interface(), seen), where)
	}
	return sameFields(v, seen, where)
}

func differs(same bool, where string) []string {
	if same {
		return nil
	}
	return []string{where}
}

func jsonOf(v reflect.Value) string {
	out, _ := json.Marshal(v.Interface()) // integers have a form
	return string(out)
}

func sameList(v reflect.Value, seen any, where string) (out []string) {
	l, ok := seen.([]any)
	if !ok || len(l) != v.Len() {
		return []string{where}
	}
	for i := range l {
		out = append(out, sameAs(v.Index(i), l[i], where)...)
	}
	return out
}

func sameMap(v reflect.Value, seen any, where string) (out []string) {
	m, ok := seen.(map[string]any)
	if !ok || len(m) != v.Len() {
		return []string{where}
	}
	for _, k := range v.MapKeys() {
		below, ok := m[k.String()]
		out = append(out, differs(ok, where+"."+k.String())...)
		out = append(out, sameAs(v.MapIndex(k), below, where+"."+k.String())...)
	}
	return out
}

// sameFields compares the fields that are there, and says that no others are.
func sameFields(v reflect.Value, seen any, where string) (out []string) {
	m, ok := seen.(map[string]any)
	if !ok {
		return []string{where}
	}
	var names []string
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		if below, ok := m[name]; ok && name != "" {
			names = append(names, name)
			out = append(out, sameAs(v.Field(i), below, where+"."+name)...)
		} else if name != "" {
			out = append(out, differs(v.Field(i).IsZero(), where+"."+name)...)
		}
	}
	for key := range m {
		out = append(out, differs(slices.Contains(names, key), where+"."+key)...)
	}
	return out
}

// valued is a document with its numbers by value.
func valued(v any) any {
	switch v := v.(type) {
	case json.Number:
		if r, ok := new(big.Rat).SetString(string(v)); ok {
			return r.String()
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = valued(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = valued(e)
		}
		return out
	}
	return v
}
