package document_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/document"
)

// FuzzRead: whatever a file holds, reading it ends with faults that name it, or with data that are the same when they
// are written as JSON and read again by the other reader.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"controllers/*/data.yaml", "lib/*/data.yaml"} {
		files, err := fs.Glob(policies.FS, pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(files, err)
		}
		for _, name := range files {
			content, err := fs.ReadFile(policies.FS, name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(false, content)
		}
	}
	for _, content := range []string{
		"a: &x [*x]", "a: &x {b: *x}", "? a\n: b", "- - - a",
		"a: !!str b", "%YAML 1.1\n---\na: yes", "--- a\n...\n", "\ufeffa: 1", "a: |2\n   b",
		"{\"a\": [1, 2.50, -0, null, true], \"b\": {\"\": \"\"}}", "[1", "{\"a\":1,\"a\":2}",
		"\"\\ud800\"", "a: '", "a: 1e-10", "? {a: b}\n: c", "*a",
		"\u2028a: 1\u2028b: 2", "a: \"\\x00\"", "&a &b c", "<<: {a: 1}", "a:\r\n  b: 1\rc: 2",
	} {
		f.Add(false, []byte(content))
		f.Add(true, []byte(content))
	}
	f.Fuzz(func(t *testing.T, isJSON bool, content []byte) {
		file := "a.yaml"
		if isJSON {
			file = "a.json"
		}
		v, err := document.Read(file, content)
		if refused, ok := errors.AsType[*consent.PolicyFaultsError](err); ok {
			for _, fault := range refused.Faults {
				if fault.File != file || fault.Message == "" {
					t.Errorf("a fault without a place or a text: %+v", fault)
				}
			}
			return
		}
		if err != nil || v == nil {
			if err != nil || isJSON {
				t.Errorf("value %v, error %v", v, err)
			}
			return
		}
		data := v.Data()
		written, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := document.Read("b.json", written)
		if err != nil {
			t.Fatalf("%s is refused: %v", written, err)
		}
		if d := cmp.Diff(data, again.Data()); d != "" {
			t.Error(d)
		}
	})
}
