package source_test

import (
	"archive/tar"
	"io/fs"
	"testing"

	"github.com/consentd/consentd/server/policy/source"
)

// FuzzBundle: whatever comes as a bundle is refused, or gives files with paths below the policies, within the limit.
func FuzzBundle(f *testing.F) {
	const limit = 1 << 16
	f.Add([]byte("garbage"))
	f.Add(archive(f, entry("/data.json", `{"a": 1}`), entry("/x.rego", "package x\n"), entry("/.manifest", `{"rego_version": 1}`)))
	f.Add(archive(f, entry("a/../../x.rego", "package x\n")))
	f.Add(archive(f, tar.Header{Name: "x", Typeflag: tar.TypeSymlink, Linkname: "/"}))
	f.Fuzz(func(t *testing.T, content []byte) {
		files, err := source.Unpack(content, limit)
		if err != nil {
			return
		}
		checkFiles(t, files, limit)
	})
}

// FuzzUnzip: whatever is found in the place of a kept copy is refused, or gives files that pack to themselves.
func FuzzUnzip(f *testing.F) {
	files, err := source.NewFiles(named([]string{"a.rego", "b/data.yaml"}))
	if err != nil {
		f.Fatal(err)
	}
	packed, err := files.Zip("comment")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add(packed[:len(packed)/2])
	f.Fuzz(func(t *testing.T, content []byte) {
		files, comment, err := source.Unzip(content)
		if err != nil {
			return
		}
		checkFiles(t, files, 1<<30)
		packed, err := files.Zip(comment)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := source.Unzip(packed)
		if err != nil || again.Digest() != files.Digest() {
			t.Errorf("packed again: %v, or other files", err)
		}
	})
}

func checkFiles(t *testing.T, files *source.Files, limit int) {
	t.Helper()
	total := 0
	for _, file := range files.List() {
		total += len(file.Content)
		if !fs.ValidPath(file.Path) {
			t.Errorf("path %q", file.Path)
		}
		if content, err := fs.ReadFile(files.FS(), file.Path); err != nil || string(content) != string(file.Content) {
			t.Errorf("%q reads otherwise: %v", file.Path, err)
		}
	}
	if total > 4*limit { // data are indented
		t.Errorf("%d bytes past a limit of %d", total, limit)
	}
}
