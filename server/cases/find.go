package cases

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/consentd/consentd/server/consent"
)

// Ext ends the names of files of cases that stand beside policies. OPA's tools read no files of that name, where any *.yaml
// would become data.
const Ext = ".cases"

// Find reads all files *.cases below fsys, in the order of their paths, and returns the cases and the content of the files by
// path. The error is a *consent.PolicyFaultsError with a fault for each file that is no list of cases, or what fsys failed
// with. Hidden files and folders are passed over.
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
		if err != nil {
			faults.Faults = append(faults.Faults, placed(name, err)...)
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

var (
	lineForm     = regexp.MustCompile(`^line (\d+): (.*)$`)
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
	intoForm     = regexp.MustCompile("cannot unmarshal .* into \\S+")
)

// placed are the faults that an error of Parse lists, each with its line.
func placed(file string, err error) (faults []consent.PolicyFault) {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = several.Errors
	}
	for _, text := range lines {
		f := consent.PolicyFault{File: file, Message: strings.Join(strings.Fields(text), " ")}
		if m := lineForm.FindStringSubmatch(f.Message); m != nil {
			f.Line, _ = strconv.Atoi(m[1]) // the form has digits only
			f.Message = m[2]
		}
		f.Message = remedied(f.Message)
		faults = append(faults, f)
	}
	return faults
}

// remedied is what YAML's reader says, without the names of Go's types, and with what to do.
func remedied(text string) string {
	switch {
	case unknownField.MatchString(text):
		return unknownField.ReplaceAllString(text, "unknown key $1: mend the name or remove it")
	case intoForm.MatchString(text):
		return "has another form than is wanted here: compare with the cases that policy init writes"
	}
	return text
}
