package source_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/source"
)

func packedFiles(t *testing.T, content string) (*source.Files, []byte) {
	t.Helper()
	files, err := source.NewFiles([]consent.PolicyFile{{Path: "a/b.rego", Content: []byte(content)}})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := files.Zip("")
	if err != nil {
		t.Fatal(err)
	}
	return files, packed
}

func TestWhatIsFetchedIsVerified(t *testing.T) {
	files, packed := packedFiles(t, "package a")
	if got, err := source.Verified(packed, files.Digest()); err != nil || got.Digest() != files.Digest() {
		t.Errorf("%v, %v", got, err)
	}
	_, other := packedFiles(t, "package b")
	for name, harmed := range map[string][]byte{
		"another set": other, "nothing": nil, "half of it": packed[:len(packed)/2],
		"a byte changed": bytes.Replace(packed, []byte("package a"), []byte("package c"), 1),
	} {
		if _, err := source.Verified(harmed, files.Digest()); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestArchivesThatGrowAreRefused: a small file must not take all memory before its digest is known.
func TestArchivesThatGrowAreRefused(t *testing.T) {
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	entry, err := w.CreateHeader(&zip.FileHeader{Name: "a.rego", Method: zip.Deflate})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(make([]byte, 10<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := source.Unzip(packed.Bytes()); err == nil || !strings.Contains(err.Error(), "unpacks to more") {
		t.Errorf("%d bytes that are 10 MiB: %v", packed.Len(), err)
	}
}

// TestArchivesWhoseEntriesShareTheirBytesAreRefused: a hundred entries that all have the same bytes are not a hundred
// times as much.
func TestArchivesWhoseEntriesShareTheirBytesAreRefused(t *testing.T) {
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	content := make([]byte, 1<<16)
	for i := range 2 {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%d.rego", i), Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(content[:len(content)>>(8*i)]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	harmed := packed.Bytes()
	// The second entry of the directory is made the first one again, under its own name.
	first := bytes.Index(harmed, []byte("PK\x01\x02"))
	second := first + bytes.Index(harmed[first+4:], []byte("PK\x01\x02")) + 4
	name := bytes.Clone(harmed[second+46 : second+46+6])
	copy(harmed[second:], harmed[first:first+46+6])
	copy(harmed[second+46:], name)
	if _, _, err := source.Unzip(harmed); err == nil {
		t.Error("two entries with the bytes of one are taken")
	}
}
