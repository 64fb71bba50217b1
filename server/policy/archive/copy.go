package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/consentd/consentd/server/policy/source"
)

// Copy is the path of a copy of a set's files: a zip, whose comment says where they come from and has a digest over
// that and all files. It is written under another name, synced and renamed, so that it is there whole or not at all.
// One goroutine writes at a time; others may read meanwhile.
type Copy string

// label is the comment of a copy.
type label struct {
	Format int    `json:"consentd_policies"`
	Origin string `json:"origin"`
	Digest string `json:"sha256"`
}

const keepFormat = 1

// ErrNoCopy is returned by Read where nothing was kept.
var ErrNoCopy = errors.New("no copy is kept")

func labelOf(files *source.Files, origin string) label {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\n%d:%s\n%s\n", keepFormat, len(origin), origin, files.Digest()))
	return label{Format: keepFormat, Origin: origin, Digest: hex.EncodeToString(sum[:])}
}

// Write replaces the copy. It is on disk when Write returns.
func (k Copy) Write(files *source.Files, origin string) error {
	comment, err := json.Marshal(labelOf(files, origin))
	if err != nil {
		return err
	}
	packed, err := files.Zip(string(comment))
	if err != nil {
		return err
	}
	return replace(string(k), packed)
}

// Read returns the copy and where it came from.
func (k Copy) Read() (files *source.Files, origin string, err error) {
	packed, err := os.ReadFile(string(k))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // no directory yet, or none that the store takes
		return nil, "", ErrNoCopy
	}
	if err != nil {
		return nil, "", fmt.Errorf("the kept policies cannot be read: %w: correct the file's permissions", err)
	}
	files, comment, err := source.Unzip(packed)
	if err != nil {
		return nil, "", k.damaged(err)
	}
	var l label
	if err := json.Unmarshal([]byte(comment), &l); err != nil {
		return nil, "", k.damaged(err)
	}
	if l.Format > keepFormat {
		return nil, "", fmt.Errorf("the kept policies %s are in a newer format, %d: start the newer server, or remove the file", k,
			l.Format)
	}
	if l != labelOf(files, l.Origin) {
		return nil, "", k.damaged(errors.New("their digest differs"))
	}
	return files, l.Origin, nil
}

func (k Copy) damaged(err error) error {
	return fmt.Errorf("the kept policies %s are damaged (%w): restore the file from a backup, or remove it", k, err)
}

// unfinished ends the name of a file that is being written.
const unfinished = ".new"

// replace writes a file whole: it is there, or what was there before. It is on disk when replace returns.
func replace(name string, content []byte) error {
	dir := filepath.Dir(name)
	if err := makeDir(dir); err != nil {
		return err
	}
	if err := writeSynced(name+unfinished, content); err != nil {
		return err
	}
	if err := os.Rename(name+unfinished, name); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes a folder, and its parent if that is not there either.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Mkdir(filepath.Dir(dir), 0o700); err == nil {
			err = errors.Join(syncDir(filepath.Dir(filepath.Dir(dir))), os.Mkdir(dir, 0o700))
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func writeSynced(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
