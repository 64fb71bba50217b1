// Package backup is the form of a backup: a tar archive of the files of a data directory whose last entry is a manifest
// of all others, or a directory with the same files and the manifest.
//
// What it guarantees: whatever is cut off, damaged, missing or added is an error that names the file, before anybody
// works with it. A restored directory is there whole, synced, or not at all; one that was begun and not ended is
// nothing that a server opens. The manifest's digests find damage, not an intruder: keep a backup as safe as the data.
package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ManifestName is the archive's last entry.
const ManifestName = "manifest.json"

// format is that of archive and manifest; a newer one is refused.
const format = 1

// maxManifest bounds what is read as a manifest; a file takes some 120 bytes of it.
const maxManifest = 256 << 20

// Manifest says what a backup holds.
type Manifest struct {
	Format int `json:"consentd_backup"`
	// StoreID is that of the store, in hexadecimal, StoreFormat the format in which it is written.
	StoreID     string `json:"store_id"`
	StoreFormat int    `json:"store_format"`
	// Revision is the one as of which it holds the store: every change up to it, and none after.
	Revision uint64 `json:"revision"`
	// MadeAt is when, by the server's clock; Version is what the server called itself.
	MadeAt  time.Time `json:"made_at"`
	Version string    `json:"version"`
	// Files are all entries before the manifest, in their order.
	Files []File `json:"files"`
}

// File is an entry of an archive.
type File struct {
	// Name is its path below the data directory, with slashes.
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Bytes are those of all files.
func (m *Manifest) Bytes() (sum int64) {
	for _, f := range m.Files {
		sum += f.Bytes
	}
	return sum
}

// seal is the first line of a manifest's text, the digest of the rest.
type seal struct {
	SHA256 string `json:"manifest_sha256"`
}

// text is a line with the digest of what follows, and the manifest.
func (m *Manifest) text() ([]byte, error) {
	body, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, err
	}
	first, err := json.Marshal(seal{digest(body)})
	return append(append(first, '\n'), body...), err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func parseManifest(text []byte) (m Manifest, err error) {
	first, body, _ := bytes.Cut(text, []byte("\n"))
	var s seal
	if err := json.Unmarshal(first, &s); err != nil || s.SHA256 != digest(body) {
		return m, fmt.Errorf("%s is damaged: take another backup", ManifestName)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("%s is no manifest: %w", ManifestName, err)
	}
	if m.Format != format {
		return m, fmt.Errorf("the backup has format %d, this version knows %d: use the version that made it", m.Format, format)
	}
	return m, nil
}

// Writer writes an archive. It is not safe for concurrent use.
type Writer struct {
	tar      *tar.Writer
	manifest Manifest
}

// NewWriter begins an archive. The manifest's files are added by Add.
func NewWriter(w io.Writer, m Manifest) *Writer {
	m.Format = format
	return &Writer{tar: tar.NewWriter(w), manifest: m}
}

// Add adds the regular files below a directory, in the order of their names, but for those that skip names; it is asked
// of folders too. A file that is gone when its turn comes is left out; of one that grows there is what it had when it
// was opened.
func (w *Writer) Add(dir string, skip func(name string) bool) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case skip(name) && entry.IsDir():
			return fs.SkipDir
		case skip(name), !entry.Type().IsRegular():
			return nil
		}
		return w.add(path, name)
	})
}

func (w *Writer) add(path, name string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	header := &tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime(), Format: tar.FormatPAX}
	if err := w.tar.WriteHeader(header); err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(w.tar, hash), io.LimitReader(f, info.Size()))
	if err != nil {
		return err
	}
	if n < info.Size() {
		return fmt.Errorf("%s became shorter while it was read: repeat the backup", name)
	}
	w.manifest.Files = append(w.manifest.Files, File{name, n, hex.EncodeToString(hash.Sum(nil))})
	return nil
}

// Close ends the archive with its manifest. A Writer that is not closed leaves an archive that nobody takes.
func (w *Writer) Close() error {
	text, err := w.manifest.text()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: ManifestName, Mode: 0o600, Size: int64(len(text)), ModTime: w.manifest.MadeAt, Format: tar.FormatPAX}
	if err := w.tar.WriteHeader(header); err != nil {
		return err
	}
	if _, err := w.tar.Write(text); err != nil {
		return err
	}
	return w.tar.Close()
}

// Sink takes the content of a file, or not all of it.
type Sink func(name string, content io.Reader) error

// Discard is a Sink that keeps nothing.
func Discard(string, io.Reader) error { return nil }

// Source gives all files of a backup to a sink, and returns its manifest where they are all there, and nothing else.
// What the sink got is to be taken for damaged until then.
type Source func(Sink) (Manifest, error)

// FromTar reads an archive.
func FromTar(r io.Reader) Source {
	return func(sink Sink) (Manifest, error) {
		read := reading{sink: sink, found: map[string]File{}}
		archive := tar.NewReader(r)
		for {
			header, err := archive.Next()
			if err != nil {
				return Manifest{}, read.broken(err)
			}
			if header.Name == ManifestName {
				return read.end(archive)
			}
			if header.Typeflag != tar.TypeReg {
				return Manifest{}, fmt.Errorf("%q in the backup is no file", header.Name)
			}
			if err := read.file(header.Name, archive); err != nil {
				return Manifest{}, read.broken(err)
			}
		}
	}
}

// reading is a backup that is being read.
type reading struct {
	sink  Sink
	found map[string]File
	last  string
}

// broken says where an archive is broken off.
func (r *reading) broken(err error) error {
	where := "at its beginning"
	if r.last != "" {
		where = "after " + r.last
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the backup is cut off %s: it has no manifest; take another", where)
	}
	if errors.Is(err, tar.ErrHeader) {
		return fmt.Errorf("the backup is damaged %s, or no backup: take another", where)
	}
	return err
}

// file passes a file to the sink, and takes its digest.
func (r *reading) file(name string, content io.Reader) error {
	if !filepath.IsLocal(name) || name != filepath.ToSlash(filepath.Clean(name)) || strings.Contains(name, `\`) {
		return fmt.Errorf("%q in the backup is no path below a data directory", name)
	}
	if _, twice := r.found[name]; twice {
		return fmt.Errorf("%s is in the backup twice", name)
	}
	r.last = name
	hash := sha256.New()
	counted := &counter{Reader: io.TeeReader(content, hash)}
	if err := r.sink(name, counted); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, counted); err != nil { // what the sink left
		return err
	}
	r.found[name] = File{name, counted.n, hex.EncodeToString(hash.Sum(nil))}
	return nil
}

type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += int64(n)
	return n, err
}

// end reads the manifest, and compares.
func (r *reading) end(archive *tar.Reader) (m Manifest, err error) {
	text, err := io.ReadAll(io.LimitReader(archive, maxManifest))
	if err != nil {
		return m, r.broken(err)
	}
	if m, err = parseManifest(text); err != nil {
		return m, err
	}
	if header, err := archive.Next(); err == nil {
		return Manifest{}, fmt.Errorf("%s comes after the manifest: take another backup", header.Name)
	}
	if err := r.compare(m); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// compare returns all differences between what was found and the manifest.
func (r *reading) compare(m Manifest) error {
	var faults []error
	listed := map[string]bool{}
	for _, want := range m.Files {
		listed[want.Name] = true
		switch got, found := r.found[want.Name]; {
		case !found:
			faults = append(faults, fmt.Errorf("%s is missing: take another backup", want.Name))
		case got != want:
			faults = append(faults, fmt.Errorf("%s is damaged: its digest is not the manifest's; take another backup", want.Name))
		}
	}
	for name := range r.found {
		if !listed[name] {
			faults = append(faults, fmt.Errorf("%s is not in the manifest: take another backup", name))
		}
	}
	return errors.Join(faults...)
}
