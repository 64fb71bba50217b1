package backup

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FromDir reads a backup that is a directory.
func FromDir(dir string) Source {
	return func(sink Sink) (m Manifest, err error) {
		text, err := os.ReadFile(filepath.Join(dir, ManifestName))
		if errors.Is(err, fs.ErrNotExist) {
			return m, fmt.Errorf("%s is no backup: it has no %s", dir, ManifestName)
		}
		if err != nil {
			return m, err
		}
		if m, err = parseManifest(text); err != nil {
			return m, err
		}
		read := reading{sink: sink, found: map[string]File{}}
		err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path == filepath.Join(dir, ManifestName) {
				return err
			}
			return read.stored(dir, path)
		})
		if err == nil {
			err = read.compare(m)
		}
		if err != nil {
			return Manifest{}, err
		}
		return m, nil
	}
}

// stored reads a file of a directory.
func (r *reading) stored(dir, path string) error {
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(r.file(filepath.ToSlash(name), f), f.Close())
}

// Target is a directory that a backup is written to.
type Target struct {
	// Dir must be empty, or not there.
	Dir string
	// Last reports whether a file is one without which the directory is no store: it gets its name when all else is
	// there.
	Last func(name string) bool
	// Manifest keeps the manifest: the directory is a backup.
	Manifest bool
}

const (
	// unfinishedMark is a file that keeps servers from a directory that is not whole.
	unfinishedMark = "UNFINISHED"
	// unnamed ends the name of a file that gets its own last.
	unnamed = ".unfinished"
)

// Write writes a backup to the target: to a new directory beside it, which takes its name once all is there and on
// disk. Where that fails nothing is left; where the process is killed a directory <Dir>.unfinished-<random>, which no
// server opens and which may be removed.
func (t Target) Write(from Source) (m Manifest, err error) {
	if err := t.free(); err != nil {
		return m, err
	}
	suffix := make([]byte, 4)
	_, _ = rand.Read(suffix) // never fails
	w := writing{Target: t, dir: filepath.Clean(t.Dir) + unnamed + "-" + hex.EncodeToString(suffix)}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(w.dir))
		}
	}()
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return m, err
	}
	if err := w.write(unfinishedMark, nil); err != nil {
		return m, err
	}
	if m, err = from(w.take); err != nil {
		return m, err
	}
	return m, w.finish(m)
}

// free refuses a target that holds anything.
func (t Target) free() error {
	entries, err := os.ReadDir(t.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s cannot be written to: name a directory that is empty or not there: %w", t.Dir, err)
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty, it holds %s: name a directory that is empty or not there", t.Dir, entries[0].Name())
	}
	return nil
}

// writing is a directory that is not whole yet.
type writing struct {
	Target
	dir string
	// late are the files without their names.
	late []string
	// folders are those below dir.
	folders []string
}

// take is the Sink.
func (w *writing) take(name string, content io.Reader) error {
	if w.Last(name) {
		w.late = append(w.late, name)
		name += unnamed
	}
	return w.write(name, content)
}

// write writes a file that is not there, and syncs it.
func (w *writing) write(name string, content io.Reader) error {
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := w.folder(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if content != nil {
		_, err = io.Copy(f, content)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// folder makes a folder and those above it.
func (w *writing) folder(path string) error {
	if path == w.dir {
		return nil
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := w.folder(filepath.Dir(path)); err != nil {
		return err
	}
	w.folders = append(w.folders, path)
	return os.Mkdir(path, 0o700)
}

// finish makes the directory what it is to be: first all names in it, then its own.
func (w *writing) finish(m Manifest) error {
	if w.Manifest {
		if err := w.keep(m); err != nil {
			return err
		}
	}
	for _, folder := range append(w.folders, w.dir) {
		if err := syncDir(folder); err != nil {
			return err
		}
	}
	for _, name := range w.late {
		path := filepath.Join(w.dir, filepath.FromSlash(name))
		if err := os.Rename(path+unnamed, path); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(w.dir, unfinishedMark)); err != nil {
		return err
	}
	if err := syncDir(w.dir); err != nil {
		return err
	}
	// A rename takes the place of a directory that is empty, and of no other.
	if err := os.Rename(w.dir, w.Dir); err != nil {
		return fmt.Errorf("%s was filled meanwhile, or cannot be replaced: %w", w.Dir, err)
	}
	return syncDir(filepath.Dir(filepath.Clean(w.Dir)))
}

// keep writes the manifest.
func (w *writing) keep(m Manifest) error {
	text, err := m.text()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(w.dir, ManifestName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
