package source

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// Files are the files of a set of policies, tests and cases included, as they were at one time. They are immutable and
// may be used concurrently.
type Files struct {
	list   []consent.PolicyFile
	digest string
	tree   *zip.Reader
}

// NewFiles returns the files that a set of policies can consist of, *.rego, *.yaml, *.yml and *.json, and the cases
// beside them, *.cases; others, and those below hidden folders, are left out. Paths must be relative, clean and all
// different. The contents are kept.
func NewFiles(list []consent.PolicyFile) (*Files, error) {
	var kept []consent.PolicyFile
	for _, f := range list {
		if !fs.ValidPath(f.Path) || f.Path == "." || strings.ContainsAny(f.Path, "\\\x00") {
			return nil, fmt.Errorf("%q is no path below the policies: give a relative one without .. and backslashes", f.Path)
		}
		if counts(f.Path) {
			sum := sha256.Sum256(f.Content)
			kept = append(kept, consent.PolicyFile{Path: f.Path, SHA256: hex.EncodeToString(sum[:]), Content: f.Content})
		}
	}
	slices.SortFunc(kept, func(a, b consent.PolicyFile) int { return strings.Compare(a.Path, b.Path) })
	h := sha256.New()
	for i, f := range kept {
		if i > 0 && kept[i-1].Path == f.Path {
			return nil, fmt.Errorf("%s: comes twice: name each file once", f.Path)
		}
		if i > 0 && strings.HasPrefix(f.Path, kept[i-1].Path+"/") {
			return nil, fmt.Errorf("%s: is a file and a folder: name it once", kept[i-1].Path)
		}
		fmt.Fprintf(h, "%d:%s=%s\n", len(f.Path), f.Path, f.SHA256)
	}
	files := &Files{list: kept, digest: hex.EncodeToString(h.Sum(nil))}
	packed, err := files.Zip("")
	if err != nil {
		return nil, err
	}
	files.tree, err = zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	return files, err
}

// counts reports whether a file of that path can be part of a set of policies.
func counts(name string) bool {
	switch path.Ext(name) {
	case ".rego", ".yaml", ".yml", ".json", ".cases":
	default:
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return false
		}
	}
	return true
}

// FS is the tree of the files. Who needs them whole takes them by PolicyFiles, with their digests.
func (f *Files) FS() fs.FS { return held{f.tree, f.list} }

// held is a file system that has its files in memory.
type held struct {
	*zip.Reader
	list []consent.PolicyFile
}

// PolicyFiles are sorted by path; they must not be changed.
func (h held) PolicyFiles() []consent.PolicyFile { return h.list }

// List is sorted by path; it must not be changed.
func (f *Files) List() []consent.PolicyFile { return f.list }

// Digest is a SHA-256 of all paths and contents, in hexadecimal.
func (f *Files) Digest() string { return f.digest }

// Zip packs the files, uncompressed, with a comment.
func (f *Files) Zip(comment string) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, file := range f.list {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: file.Path, Method: zip.Store})
		if err != nil {
			return nil, fmt.Errorf("packing policies: %w", err)
		}
		if _, err := entry.Write(file.Content); err != nil {
			return nil, fmt.Errorf("packing policies: %w", err)
		}
	}
	if err := w.SetComment(comment); err != nil {
		return nil, fmt.Errorf("packing policies: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing policies: %w", err)
	}
	return out.Bytes(), nil
}

// Unzip reads what Zip packed. What it has in memory is no more than what was packed: other archives, which unpack to
// more, are refused.
func Unzip(packed []byte) (files *Files, comment string, err error) {
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, "", err
	}
	var list []consent.PolicyFile
	left := uint64(len(packed))
	for _, entry := range r.File {
		if entry.Method != zip.Store || entry.UncompressedSize64 > left {
			return nil, "", fmt.Errorf("%s: unpacks to more than is there", entry.Name)
		}
		left -= entry.UncompressedSize64
		content, err := contentOf(entry)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", entry.Name, err)
		}
		list = append(list, consent.PolicyFile{Path: entry.Name, Content: content})
	}
	files, err = NewFiles(list)
	return files, r.Comment, err
}

// Verified reads what Zip packed of the files of a digest. Others, and those that are damaged, are an error.
func Verified(packed []byte, digest string) (*Files, error) {
	files, _, err := Unzip(packed)
	if err != nil {
		return nil, fmt.Errorf("they are damaged: %w", err)
	}
	if files.Digest() != digest {
		return nil, fmt.Errorf("they are damaged, or others: their digest is %s", files.Digest())
	}
	return files, nil
}

func contentOf(entry *zip.File) ([]byte, error) {
	f, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(f)
}

// tooLarge is the error of what exceeds a limit in bytes.
func tooLarge(what string, limit int64) error {
	return fmt.Errorf("%s larger than %s: make it smaller or raise --policies-max-size", what, sizeText(limit))
}

func sizeText(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}
