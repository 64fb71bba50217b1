package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/consentd/consentd/server/consent"
)

// ReadDir reads the policy files below dir, which together have at most maxBytes. Hidden files and folders, and those
// of other kinds, are passed over. Symbolic links are followed to files below dir, and to folders below hidden ones of
// dir, as Kubernetes lays out its volumes (controllers -> ..data/controllers); any other is refused: a rule that is not
// there because its link leads nowhere could be one that denies, and a folder that is read in two places has each rule
// twice.
func ReadDir(dir string, maxBytes int64) (*Files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, cannotRead(err)
	}
	defer func() { _ = root.Close() }()
	t := tree{dir: dir, root: root, left: maxBytes, maxBytes: maxBytes}
	if err := fs.WalkDir(root.FS(), ".", t.visit); err != nil {
		return nil, err
	}
	return NewFiles(t.files)
}

// tree is a directory while it is read.
type tree struct {
	dir   string
	root  *os.Root
	files []consent.PolicyFile
	// left is what of maxBytes is left for further files.
	left, maxBytes int64
	// link is the link to a folder that is being followed; empty: none.
	link string
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
		if folder, err := t.target(name); folder || err != nil {
			return err
		}
	}
	if !counts(name) {
		return nil
	}
	return t.take(name)
}

// target refuses a symbolic link that does not lead to a file below the directory, and reads the folder that it may
// lead to.
func (t *tree) target(name string) (folder bool, err error) {
	info, err := t.root.Stat(name)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return false, fmt.Errorf("%s: the symbolic link leads back to itself: remove it", name)
	case errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("%s: the symbolic link leads nowhere: remove it or put its target there", name)
	case err != nil && strings.Contains(err.Error(), "escapes"):
		return false, fmt.Errorf("%s: the symbolic link leaves the directory: put a copy of its target in its place", name)
	case err != nil:
		return false, fmt.Errorf("%s: %w", name, cannotRead(err))
	case !info.IsDir():
		return false, nil
	}
	return true, t.follow(name)
}

// follow reads the folder that a link leads to, if it is below a hidden one and so not read where it stands.
func (t *tree) follow(name string) error {
	dir, err := filepath.EvalSymlinks(t.dir)
	target, linkErr := filepath.EvalSymlinks(filepath.Join(t.dir, name))
	if err = errors.Join(err, linkErr); err != nil {
		return fmt.Errorf("%s: %w", name, cannotRead(err))
	}
	below, err := filepath.Rel(dir, target)
	if err != nil || t.link != "" || !filepath.IsLocal(below) || below == "." || !inHidden(below) {
		return fmt.Errorf("%s: symbolic links to folders, but to those below a hidden one as Kubernetes has them, are not followed: "+
			"put the folder itself there", name)
	}
	t.link = name
	defer func() { t.link = "" }()
	return fs.WalkDir(t.root.FS(), name, t.visit)
}

// inHidden reports whether a path is a hidden folder or leads through one.
func inHidden(name string) bool {
	return slices.ContainsFunc(strings.Split(filepath.ToSlash(name), "/"),
		func(part string) bool { return strings.HasPrefix(part, ".") })
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
