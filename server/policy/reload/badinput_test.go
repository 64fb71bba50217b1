package reload_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/policy/source"
)

// following starts a manager over a real source and returns what it makes of the next changes.
func following(t *testing.T, c source.Config) *bench {
	t.Helper()
	s, err := source.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, nil, func(c *reload.Config) { c.Source = s })
	b.start(t)
	return b
}

// refused waits until the source is refused, and returns why. The policies in force still answer.
func (b *bench) refused(t *testing.T) []consent.PolicyFault {
	t.Helper()
	for {
		select {
		case status := <-b.observed:
			if len(status.Faults) == 0 {
				continue
			}
			if got := b.clause(t); got != "good" {
				t.Errorf("the last good set is gone: %q", got)
			}
			return status.Faults
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was refused")
		}
	}
}

func expectFault(t *testing.T, faults []consent.PolicyFault, place string, says ...string) {
	t.Helper()
	text := faults[0].String()
	if faults[0].Place() != place {
		t.Errorf("the place is %q, want %q: %s", faults[0].Place(), place, text)
	}
	for _, want := range says {
		if !strings.Contains(text, want) {
			t.Errorf("the fault does not say %q: %s", want, text)
		}
	}
	if strings.Contains(text, "\n") {
		t.Errorf("more than a line: %q", text)
	}
}

func saveAll(t *testing.T, dir string, files *source.Files) {
	t.Helper()
	for _, f := range files.List() {
		name := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		rewrite(t, name, f.Content)
	}
}

// Whatever is saved in a folder that is followed: one line with place and remedy, and the last good set still answers.
func TestBadSaves(t *testing.T) {
	const table, rules = "controllers/acme/data.yaml", "controllers/acme/acme.rego"
	const head = "notice: {version: 1, material: 1}\npurposes:\n  storage: {basis: CONTRACT, clause: good}\n"
	const module = "package consentd.controllers.acme\n\n"
	for name, row := range map[string]struct {
		file, content string
		place         string
		says          []string
	}{
		"a syntax error":              {rules, module + "decision := {\n", rules + ":4", []string{"unexpected eof"}},
		"saved by half":               {rules, rego[:len(rego)/2], rules + ":4", nil},
		"emptied":                     {rules, "", rules, []string{"empty module"}},
		"a type error":                {rules, rego + "x := count(1)\n", rules + ":7", []string{"count"}},
		"an unknown function":         {rules, rego + "x := nope(1)\n", rules + ":7", []string{"nope"}},
		"a refused built-in":          {rules, rego + "x := http.send({})\n", rules + ":7", []string{"http.send", "not allowed"}},
		"a clock":                     {rules, rego + "x := time.now_ns()\n", rules + ":7", []string{"time.now_ns", "in the input"}},
		"a rule that needs itself":    {rules, rego + "x if y\ny if x\n", rules + ":7", []string{"recursive"}},
		"no entrypoint":               {rules, module + "other := 1\n", "", []string{"no policy", "add a rule"}},
		"rules and data in one place": {"consentd/controllers/acme/data.yaml", "decision: {}\n", rules + ":3", []string{"conflict"}},
		"an unknown key":              {table, head + "kept_after_erasur: [x]\n", table + ":4", []string{"unknown key kept_after_erasur"}},
		"an unknown purpose":          {table, head + "  erasure: {basis: CONTRACT, clause: x, covered_by: nothing}\n", table, []string{"nothing", "does not declare"}},
		"an unknown basis":            {table, strings.Replace(head, "CONTRACT", "CONTRAKT", 1), table + ":3", []string{`"CONTRAKT"`}},
		"two bases":                   {table, strings.Replace(head, "basis: CONTRACT", "basis: CONTRACT, basis: CONSENT", 1), table + ":3", []string{"basis"}},
		"broken YAML":                 {table, head + "a: b: c\n", table + ":4", nil},
		"a controller without rules":  {"controllers/other/data.yaml", head, "", []string{"controllers/other", "no policy"}},
		"a file over the limit":       {"big.json", strings.Repeat(" ", 1<<20+1), "big.json", []string{"larger than 1 MiB", "--policies-max-size"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "policies")
			saveAll(t, dir, acme(t, "good"))
			b := following(t, source.Config{Location: dir, MaxBytes: 1 << 20, Poll: time.Hour})
			file := filepath.Join(dir, row.file)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			rewrite(t, file, []byte(row.content))
			expectFault(t, b.refused(t), row.place, row.says...)
		})
	}
	for name, target := range map[string]string{"a symbolic link to itself": "x.rego", "a symbolic link out": "/etc/hostname"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "policies")
			saveAll(t, dir, acme(t, "good"))
			b := following(t, source.Config{Location: dir, Poll: time.Hour})
			if err := os.Symlink(target, filepath.Join(dir, "x.rego")); err != nil {
				t.Fatal(err)
			}
			expectFault(t, b.refused(t), "x.rego", "symbolic link")
		})
	}
}

// bundled packs files as a bundle.
func bundled(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const data = `{"controllers": {"acme": {"notice": {"version": 1, "material": 1}, "purposes": {"storage": {"basis": "CONTRACT", "clause": "good"}}}}}`

// goodBundle has edits, of which an empty one leaves a file out.
func goodBundle(edits map[string]string) map[string]string {
	files := map[string]string{"/data.json": data, "/policies/acme.rego": rego, "/.manifest": `{"rego_version": 1}`}
	for name, content := range edits {
		files[name] = content
		if content == "" {
			delete(files, name)
		}
	}
	return files
}

// Whatever comes as a bundle, in a file or by HTTP.
func TestBadBundles(t *testing.T) {
	for name, row := range map[string]struct {
		content []byte
		place   string
		says    []string
	}{
		"garbage":          {[]byte("<html>"), "", []string{"is no bundle", "opa build"}},
		"cut off":          {bundled(t, goodBundle(nil))[:200], "", []string{"cut off", "opa build"}},
		"a path escape":    {bundled(t, goodBundle(map[string]string{"../x.rego": rego})), "", []string{`"../x.rego"`, "leaves the bundle"}},
		"a newer Rego":     {bundled(t, goodBundle(map[string]string{"/.manifest": `{"rego_version": 2}`})), "", []string{"version 2 of Rego"}},
		"a newer contract": {bundled(t, goodBundle(map[string]string{"/.manifest": `{"metadata": {"consentd": {"contract": 9}}}`})), "", []string{"newer server"}},
		"too large":        {bundled(t, goodBundle(map[string]string{"/x/data.json": `{"x": "` + strings.Repeat("x", 1<<20) + `"}`})), "", []string{"larger than 1 MiB", "--policies-max-size"}},
		"a bad rule":       {bundled(t, goodBundle(map[string]string{"/policies/acme.rego": rego + "x := nope(1)\n"})), "policies/acme.rego:7", []string{"nope"}},
		"a bad table":      {bundled(t, goodBundle(map[string]string{"/data.json": strings.Replace(data, "clause", "claus", 1)})), "data.json:11", []string{"unknown key claus"}},
		"no table":         {bundled(t, goodBundle(map[string]string{"/data.json": ""})), "policies/acme.rego:3", []string{"no table"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "bundle.tar.gz")
			rewrite(t, file, bundled(t, goodBundle(nil)))
			b := following(t, source.Config{Location: file, MaxBytes: 1 << 20, Poll: time.Hour})
			rewrite(t, file+".new", row.content)
			if err := os.Rename(file+".new", file); err != nil {
				t.Fatal(err)
			}
			expectFault(t, b.refused(t), row.place, row.says...)
		})
		t.Run(name+", by HTTP", func(t *testing.T) {
			t.Parallel()
			var content atomic.Pointer[[]byte]
			good := bundled(t, goodBundle(nil))
			content.Store(&good)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(*content.Load()) }))
			defer server.Close()
			b := following(t, source.Config{Location: server.URL, MaxBytes: 1 << 20, Poll: 10 * time.Millisecond})
			content.Store(&row.content)
			expectFault(t, b.refused(t), row.place, row.says...)
			content.Store(&good)
			for status := range b.observed {
				if len(status.Faults) == 0 {
					break
				}
			}
			go func() { // let Close find the manager between looks
				for range b.observed {
				}
			}()
		})
	}
}
