package source_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/open-policy-agent/opa/v1/compile"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/policy/source"
)

// shipped is a folder with a copy of the policies that ship.
func shipped(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "policies")
	if err := os.CopyFS(dir, policies.FS); err != nil {
		t.Fatal(err)
	}
	return dir
}

// small is a folder with a module and data.
func small(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "small")
	write(t, filepath.Join(dir, "a.rego"), []byte("package a\n\nb := data.c.d\n"))
	write(t, filepath.Join(dir, "c", "data.yaml"), []byte("d: 1\n"))
	return dir
}

// build makes a bundle of a folder as `opa build -b` does.
func build(t testing.TB, dir string, options ...func(*compile.Compiler)) []byte {
	t.Helper()
	var out bytes.Buffer
	c := compile.New().WithPaths(dir).WithAsBundle(true).WithOutput(&out)
	for _, o := range options {
		c = with(c, o)
	}
	if err := c.Build(context.Background()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func with(c *compile.Compiler, o func(*compile.Compiler)) *compile.Compiler {
	o(c)
	return c
}

// archive packs entries into a tar.gz.
func archive(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, e := range entries {
		content := []byte(e.PAXRecords["content"])
		e.PAXRecords = nil
		e.Mode = 0o600
		if e.Typeflag == 0 {
			e.Typeflag, e.Size = tar.TypeReg, int64(len(content))
		}
		if err := w.WriteHeader(&e); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
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

// entry is a file of an archive.
func entry(name, content string) tar.Header {
	return tar.Header{Name: name, PAXRecords: map[string]string{"content": content}}
}

func write(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, c source.Config) source.Source {
	t.Helper()
	s, err := source.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func paths(files *source.Files) (names []string) {
	_ = fs.WalkDir(files.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	return names
}

// repack changes the files of a bundle and adds some; nil leaves one out.
func repack(t testing.TB, content []byte, change func(name string, old []byte) []byte, more ...tar.Header) []byte {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(unzipped)
	var entries []tar.Header
	for {
		header, err := r.Next()
		if err == io.EOF {
			return archive(t, append(entries, more...)...)
		}
		if err != nil {
			t.Fatal(err)
		}
		old, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if now := change(header.Name, old); now != nil {
			entries = append(entries, entry(header.Name, string(now)))
		}
	}
}
