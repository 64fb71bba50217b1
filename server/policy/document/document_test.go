package document_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/document"
)

// refused are the faults of a file, one in a line.
func refused(t *testing.T, err error) string {
	t.Helper()
	e, ok := errors.AsType[*consent.PolicyFaultsError](err)
	if err != nil && !ok {
		t.Fatalf("%T: %v", err, err)
	}
	var lines []string
	if e != nil {
		for _, f := range e.Faults {
			lines = append(lines, f.String())
		}
	}
	return strings.Join(lines, "\n")
}

func TestData(t *testing.T) {
	const yes = `
a: true   # a bool
b: "true"
c: [1, 3.10, -2e3, null]
d: {e: yes, f: 2018-05-25, g: 'it''s'}
h: |
  two
  lines
i: &row {x: 1}
j: *row
"3.10": §2 # text as a key
12:30: text
`
	v, err := document.Read("a.yaml", []byte(yes))
	if err != nil {
		t.Fatal(err)
	}
	row := map[string]any{"x": json.Number("1")}
	want := map[string]any{
		"a": true, "b": "true", "c": []any{json.Number("1"), json.Number("3.10"), json.Number("-2e3"), nil},
		"d": map[string]any{"e": "yes", "f": "2018-05-25", "g": "it's"}, "h": "two\nlines\n", "i": row, "j": row,
		"3.10": "§2", "12:30": "text",
	}
	if d := cmp.Diff(want, v.Data()); d != "" {
		t.Error(d)
	}
	if line := v.LineOf("d", "nothing"); line != 5 {
		t.Errorf("line %d", line)
	}
}

// The same value in both forms is the same for whoever reads it.
func TestJSONIsReadAsYAMLIs(t *testing.T) {
	const both = "{\"a\": [true, null, 1.50, \"x\\u00e9\"],\n \"b\": {\"c\": {}}, \"d\": []}"
	inJSON, err := document.Read("a.json", []byte(both))
	if err != nil {
		t.Fatal(err)
	}
	inYAML, err := document.Read("a.yaml", []byte(both))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(inYAML.Data(), inJSON.Data()); d != "" {
		t.Error(d)
	}
	if a, b := inJSON.LineOf("b", "c"), inYAML.LineOf("b", "c"); a != 2 || b != 2 {
		t.Errorf("lines %d, %d", a, b)
	}
}

func TestReadRefuses(t *testing.T) {
	deep := strings.Repeat("[", 600) + strings.Repeat("]", 600)
	laughs := "a0: &a0 [x, x]\n"
	for i := range 40 {
		laughs += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	for name, row := range map[string]struct{ file, content, want string }{
		"a second document": {
			"a.yaml",
			`a: 1
---
b: 2
`,
			"a.yaml:2: a second YAML document begins here: keep one document in a file",
		},
		"an empty second one": {"a.yaml", "a: 1\n---\n", "a second YAML document begins here"},
		"a merge key":         {"a.yaml", "a: &a {x: 1}\nb:\n  <<: *a\n", "a.yaml:3: merge keys are not read: write the keys out"},
		"a tag":               {"a.yaml", "a: !!bool yes\n", "a.yaml:1: the tag !!bool"},
		"a tag of one's own":  {"a.yaml", "a: 1\nb: !x {c: 1}\n", "a.yaml:2: the tag !x"},
		"True":                {"a.yaml", "a: True\n", "a.yaml:1: True: write true, or quote it"},
		"a tilde":             {"a.yaml", "a: ~\n", "a.yaml:1: nothing stands here"},
		"nothing":             {"a.yaml", "a:\nb: 1\n", "a.yaml:1: nothing stands here"},
		"hexadecimal":         {"a.yaml", "a: 0x1F\n", "a.yaml:1: 0x1F: write the number as JSON does"},
		"octal":               {"a.yaml", "a: 010\n", "a.yaml:1: 010: write the number as JSON does"},
		"underscores":         {"a.yaml", "a: 1_000\n", "a.yaml:1: 1_000: write the number as JSON does"},
		"no digit in front":   {"a.yaml", "a: .5\n", "a.yaml:1: .5: write the number as JSON does"},
		"not a number":        {"a.yaml", "a: .nan\n", "a.yaml:1: .nan: write the number as JSON does"},
		"too large":           {"a.yaml", "a: 1e999\n", "a.yaml:1: 1e999 has more digits than all readers"},
		"too many digits":     {"a.yaml", "a: 99999999999999999999", "a.yaml:1: 99999999999999999999 has more digits"},
		"too small":           {"a.yaml", "a: 1e-999999999", "a.yaml:1: 1e-999999999 has more digits"},
		"digits behind":       {"a.yaml", "a: 0.12345678901234567890", "0.12345678901234567890 has more digits"},
		"a key that is true":  {"a.yaml", "true: 1\n", `a.yaml:1: the key true is a truth value: quote it: "true"`},
		"a clause as a key":   {"a.yaml", "a: 1\n3.10: x\n", `a.yaml:2: the key 3.10 is a number: quote it: "3.10"`},
		"a map as a key":      {"a.yaml", "{a: 1}: x\n", "a.yaml:1: a key that is no text"},
		"a key twice":         {"a.yaml", "a: 1\nb: 1\n\"a\": 2\n", `a.yaml:3: key "a" stands at line 1 already: keep one of them`},
		"an anchor twice":     {"a.yaml", "a: &x 1\nb: &x 2\nc: *x\n", `a.yaml:2: anchor "x" is defined at line 1 already`},
		"an alias of itself":  {"a.yaml", "a: &x [*x]\n", "alias \"x\" stands within what it names"},
		"no anchor":           {"a.yaml", "a: *x\n", "unknown anchor 'x' referenced: define it above"},
		"laughs":              {"a.yaml", laughs, "has more than 5000000 values: make it smaller"},
		"too deep":            {"a.yaml", "a: " + deep, "a.yaml:1: nested deeper than 500"},
		"broken YAML": {
			"a.yaml",
			`a: 1
b: c: d
`,
			"a.yaml:2: mapping values are not allowed in this context: correct the YAML here",
		},
		"tabs":                 {"a.yaml", "a:\n\tb: 1\n", "a.yaml:2: found character that cannot start any token: indent by spaces"},
		"no UTF-8":             {"a.yaml", "a: 1\nb: \xff\n", "a.yaml:2: a byte or control character that no text has"},
		"a control character":  {"a.json", "{\n\"a\": \"\x01\"}", "a.json:2: a byte or control character that no text has"},
		"a key twice in JSON":  {"a.json", "{\"a\": 1,\n \"a\": 2}", `a.json:2: key "a" stands at line 1 already: keep one of them`},
		"broken JSON":          {"a.json", "{\"a\": 1,\n \"b\": yes}", "a.json:2: invalid character 'y'"},
		"two values in JSON":   {"a.json", "{}\n{}", "a.json:2: invalid character '{' after top-level value: correct the JSON here"},
		"no value in JSON":     {"a.json", "", "a.json:1: unexpected end of JSON input: correct the JSON here"},
		"too deep in JSON":     {"a.json", deep, "a.json:1: nested deeper than 500"},
		"too large in JSON":    {"a.json", "[1,\n 1e999]", "a.json:2: 1e999 has more digits than all readers"},
		"a comma too much":     {"a.json", "[1,]", "a.json:1: invalid character ']'"},
		"all faults, not one":  {"a.yaml", "a: True\nb: ~\n", "a.yaml:2: nothing stands here"},
		"UTF-16":               {"a.yaml", "\xff\xfea\x00:\x00 \x001\x00", "a.yaml:1: a byte or control character"},
		"a comment for a list": {"a.yaml", "a: [\n", "did not find expected node content"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := document.Read(row.file, []byte(row.content))
			if got := refused(t, err); !strings.Contains(got, row.want) {
				t.Errorf("faults %q, want %q", got, row.want)
			}
		})
	}
}

func TestAFileWithoutAValue(t *testing.T) {
	for _, content := range []string{"", "# a comment\n", "\n\n"} {
		if v, err := document.Read("a.yaml", []byte(content)); v != nil || err != nil {
			t.Errorf("%q: %v, %v", content, v, err)
		}
	}
	if _, err := document.Read("a.yaml", []byte("---\n")); !strings.Contains(refused(t, err), "nothing stands here") {
		t.Errorf("an empty document: %v", err)
	}
}

type shape struct {
	Flag  bool            `yaml:"flag"`
	Count int             `yaml:"count"`
	Small uint8           `yaml:"small"`
	Text  string          `yaml:"text"`
	List  []string        `yaml:"list"`
	Map   map[string]bool `yaml:"map"`
	Below *shape          `yaml:"below"`
	Free  any             `yaml:"free"`
}

func TestDecode(t *testing.T) {
	v, err := document.Read("a.yaml", []byte(
		"flag: true\ncount: -3\nsmall: 255\ntext: no\nlist: [a, on]\n"+
			"map: {y: false}\nbelow: {count: 1}\nfree: {a: [1, \"yes\"], b: null}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got shape
	if err := v.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := shape{
		Flag: true, Count: -3, Small: 255, Text: "no", List: []string{
			"a",
			"on",
		}, Map: map[string]bool{
			"y": false,
		}, Below: &shape{
			Count: 1,
		},
		Free: map[string]any{"a": []any{json.Number("1"), "yes"}, "b": nil},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for content, want := range map[string]string{
		"flag: yes":                         `a.yaml:1: flag: "yes" is text here: write true or false`,
		`flag: "true"`:                      `flag: "true" is text here: write true or false`,
		"flag: 1":                           `flag: "1" is a number here: write true or false`,
		"flag: null":                        "flag: null here: write true or false",
		"flag: [true]":                      "flag: a list here: write true or false",
		"count: 1.5":                        "count: 1.5 is no whole number",
		"count: 365.0":                      "count: 365.0 is no whole number",
		"count: 1e3":                        "count: 1e3 is no whole number",
		`count: "1"`:                        `count: "1" is text here: write a whole number`,
		"count: true":                       `count: "true" is a truth value here`,
		"small: 256":                        "small: 256 is not between 0 and 255",
		"small: -1":                         "small: -1 is not between 0 and 255",
		"text: 3.10":                        `text: "3.10" is a number here: write it in quotes where text is meant, "3.10"`,
		"text: true":                        `write it in quotes where text is meant, "true"`,
		"text: {a: 1}":                      "text: a map here: write text",
		"list: a":                           `list: "a" is text here: write a list`,
		"list: [a, 1]":                      `list: "1" is a number here`,
		"map: {a: on}":                      `a: "on" is text here: write true or false`,
		"map: [a]":                          "map: a list here: write a map",
		"below: null":                       "below: null here: write a map",
		"free: on":                          `free: on is text, and neither true nor false: write true or false, or quote it: "on"`,
		"free: {a: [1, No]}":                "No is text, and neither true nor false",
		"Flag: true":                        "unknown key Flag: mend the name or remove it",
		"flag: yes\ntext: 1\nlist: [[x]]\n": "a.yaml:3: list: a list here: write text",
	} {
		v, err := document.Read("a.yaml", []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		if got := refused(t, v.Decode(&shape{})); !strings.Contains(got, want) {
			t.Errorf("%q: faults %q, want %q", content, got, want)
		}
	}
}

func TestMerged(t *testing.T) {
	read := func(file, content string) *document.Value {
		v, err := document.Read(file, []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	a, b := read("a.yaml", "x: {y: 1}\nz: 1\n"), read("b.yaml", "w: 1\nx: {v: 2}\n")
	both, err := document.Merged(a, b)
	if err != nil {
		t.Fatal(err)
	}
	one, two := json.Number("1"), json.Number("2")
	want := map[string]any{"x": map[string]any{"y": one, "v": two}, "z": one, "w": one}
	if d := cmp.Diff(want, both.Data()); d != "" {
		t.Error(d)
	}
	_, err = document.Merged(both, read("c.yaml", "a: 1\nx: {v: {}}\n"))
	if got, want := refused(t, err), "c.yaml:2: data.x.v stands in b.yaml:2 too: keep one of them"; got != want {
		t.Errorf("fault %q, want %q", got, want)
	}
}
