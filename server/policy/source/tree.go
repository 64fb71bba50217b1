package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/consentd/consentd/server/consent"
)

// ReadDir reads the policy files below dir, which together have at most maxBytes. Hidden files and folders, and those of other
// kinds, are passed over, symbolic links are followed to files below dir only: a rule that is not there because its link leads
// nowhere could be one that denies.
func ReadDir(dir string, maxBytes int64) (*Files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, cannotRead(err)
	}
	defer func() { _ = root.Close() }()
	t := tree{root: root, left: maxBytes, maxBytes: maxBytes}
	if err := fs.WalkDir(root.FS(), ".", t.visit); err != nil {
		return nil, err
	}
	return NewFiles(t.files)
}

// tree is a directory while it is read.
type tree struct {
	root  *os.Root
	files []consent.PolicyFile
	// left is what of maxBytes is left for further files.
	left, maxBytes int64
	// visited counts files and folders of all kinds.
	visited int
}

func (t *tree) visit(name string, entry fs.DirEntry, err error) error {
	t.visited++
	switch {
	case t.visited > maxEntries:
		return fmt.Errorf("the directory has more than %d files and folders: name that of the policies alone", maxEntries)
	case err != nil:
		return fmt.Errorf("%s: %w", name, cannotRead(err))
	case strings.HasPrefix(entry.Name(), ".") && name != ".":
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	case entry.IsDir():
		return nil
	case entry.Type()&fs.ModeSymlink != 0:
		if err := t.link(name); err != nil {
			return err
		}
	}
	if !counts(name) {
		return nil
	}
	return t.take(name)
}

// link refuses a symbolic link that does not lead to a file below the directory.
func (t *tree) link(name string) error {
	info, err := t.root.Stat(name)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return fmt.Errorf("%s: the symbolic link leads back to itself: remove it", name)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: the symbolic link leads nowhere: remove it or put its target there", name)
	case err != nil && strings.Contains(err.Error(), "escapes"):
		return fmt.Errorf("%s: the symbolic link leaves the directory: put a copy of its target in its place", name)
	case err != nil:
		return fmt.Errorf("%s: %w", name, cannotRead(err))
	case info.IsDir():
		return fmt.Errorf("%s: symbolic links to folders are not followed: put the folder itself there", name)
	}
	return nil
}

// take reads a file within what is left.
func (t *tree) take(name string) error {
	f, err := t.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe must not hold it up
	if err != nil {
		return fmt.Errorf("%s: %w", name, cannotRead(err))
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%s: is no ordinary file: remove it", name)
	}
	content, err := io.ReadAll(io.LimitReader(f, t.left+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, cannotRead(err))
	}
	if t.left -= int64(len(content)); t.left < 0 {
		return tooLarge(name+": with it the policies are", t.maxBytes)
	}
	t.files = append(t.files, consent.PolicyFile{Path: name, Content: content})
	return nil
}

// cannotRead says what to do about a failure to read. It leaves out paths, which the caller gives.
func cannotRead(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err
	}
	return fmt.Errorf("cannot be read (%w): correct its permissions", err)
}
