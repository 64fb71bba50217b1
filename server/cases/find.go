package cases

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// Ext ends the names of files of cases that stand beside policies. OPA's tools read no files of that name,
// where any *.yaml would become data.
const Ext = ".cases"

// Find reads all files *.cases below fsys, in the order of their paths, and returns the cases and the content of the
// files by path. The error is a *consent.PolicyFaultsError with a fault for each file that is no list of cases, or what
// fsys failed with. Hidden files and folders are passed over.
func Find(fsys fs.FS) (all []Case, contents map[string][]byte, err error) {
	contents = map[string][]byte{}
	faults := &consent.PolicyFaultsError{}
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(entry.Name(), ".") && name != ".":
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir() || path.Ext(name) != Ext:
			return nil
		}
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		list, err := Parse(name, content)
		if refused, ok := errors.AsType[*consent.PolicyFaultsError](err); ok {
			faults.Faults = append(faults.Faults, refused.Faults...)
		}
		all, contents[name] = append(all, list...), content
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading cases: %w", err)
	}
	if len(faults.Faults) > 0 {
		return nil, nil, faults
	}
	return all, contents, nil
}
