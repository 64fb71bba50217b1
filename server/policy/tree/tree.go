// Package tree reads the files of a set of policies, each once: modules, documents and the tables of controllers.
// Whoever needs one of them takes it from here, so that what rules see, what the server checks and what is proven are
// the same.
//
// A file that OPA's tools read stands where it stands for them: data below the keys that its folders name. Data of
// several files are joined; what stands in two of them is refused. All data are read strictly (package document).
package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/document"
)

// The layout of a set. The rules of controllers and their tables live apart, so that rules and data never merge:
// data.consentd.controllers.<id>.decision and data.controllers.<id>.
const (
	// Rules is where the rules of controllers live, as a path of Rego.
	Rules = "data.consentd.controllers"
	// Tables is where their tables live, as a path of Rego.
	Tables = "data.controllers"
	// Folder is that of both, a folder for each controller.
	Folder = TablesKey + "/"
	// TablesKey is the key of the documents below which the tables stand.
	TablesKey = "controllers"
	// TestSuffix ends the names of files that hold tests, which are not part of a set.
	TestSuffix = "_test.rego"
)

// Tree is what the files of a set hold. It is immutable and may be used concurrently.
type Tree struct {
	// Files are sorted by path, Revision is their digest; tests are not among them.
	Files    []consent.PolicyFile
	Revision string
	// Modules are parsed, by path.
	Modules map[string]*ast.Module
	// Documents are the data as rules see them.
	Documents map[string]any
	// Tables are those of the controllers, by id: what stands in Documents below controllers.
	Tables map[string]*Table
	// Access is the table of access, below access; nil: the set has none.
	Access *Access
	// Dates are all effective_from dates of the data, sorted.
	Dates []consent.Instant

	tests func() (map[string]*ast.Module, error)
}

// Read reads the files below fsys. Hidden files and folders are passed over. The error has every fault of files that
// cannot be read as what they are, and of tables.
func Read(fsys fs.FS) (*Tree, error) {
	files, tests, err := readFiles(fsys)
	if err != nil {
		return nil, fmt.Errorf("reading policies: %w", err)
	}
	if len(files) == 0 {
		return nil, errors.New("reading policies: the directory has no policy files (*.rego, *.yaml, *.json)")
	}
	t := &Tree{Files: files, Revision: digest(files), Modules: map[string]*ast.Module{}, Documents: map[string]any{}}
	t.tests = sync.OnceValues(func() (map[string]*ast.Module, error) {
		modules := map[string]*ast.Module{}
		return modules, parse(tests, modules)
	})
	data, err := readData(files)
	err = errors.Join(parse(files, t.Modules), err, t.readTables(data), t.readAccessTable(data))
	if err == nil && data.merged != nil {
		t.Documents = data.merged.Data().(map[string]any)
		t.Dates, err = dates(data.merged)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Tests are the modules that hold tests, by path. They are parsed when they are first asked for. The error lists what
// does not parse.
func (t *Tree) Tests() (map[string]*ast.Module, error) { return t.tests() }

// All are the modules of the set and of its tests.
func (t *Tree) All() (map[string]*ast.Module, error) {
	tests, err := t.Tests()
	if err != nil {
		return nil, err
	}
	all := maps.Clone(t.Modules)
	maps.Copy(all, tests)
	return all, nil
}

// IsTest reports whether a file holds tests, by its name.
func IsTest(name string) bool { return strings.HasSuffix(name, TestSuffix) }

func hidden(name string) bool { return strings.HasPrefix(name, ".") && name != "." }

func isPolicyFile(name string) bool {
	switch path.Ext(name) {
	case ".rego", ".yaml", ".yml", ".json":
		return !hidden(path.Base(name))
	}
	return false
}

// parseModule, readDocument and sha256Of read a file once each; a test counts them.
var (
	parseModule  = ast.ParseModuleWithOpts
	readDocument = document.Read
	sha256Of     = sha256.Sum256
)

// holder is a file system that has its files in memory, with their digests.
type holder interface {
	fs.FS
	// PolicyFiles are sorted by path; they are not changed.
	PolicyFiles() []consent.PolicyFile
}

// heldFiles are the files of a set and its tests, of a file system that has them in memory.
func heldFiles(held []consent.PolicyFile) (files, tests []consent.PolicyFile) {
	for _, f := range held {
		switch {
		case !isPolicyFile(f.Path) || slices.ContainsFunc(strings.Split(f.Path, "/"), hidden):
		case IsTest(f.Path):
			tests = append(tests, f)
		default:
			files = append(files, f)
		}
	}
	return files, tests
}

// readFiles returns the files of a set and its tests, sorted by path.
func readFiles(fsys fs.FS) (files, tests []consent.PolicyFile, err error) {
	if h, ok := fsys.(holder); ok {
		files, tests = heldFiles(h.PolicyFiles())
		return files, tests, nil
	}
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden(entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !isPolicyFile(name):
			return nil
		}
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if IsTest(name) {
			tests = append(tests, consent.PolicyFile{Path: name, Content: content})
			return nil
		}
		sum := sha256Of(content)
		files = append(files, consent.PolicyFile{Path: name, SHA256: hex.EncodeToString(sum[:]), Content: content})
		return nil
	})
	slices.SortFunc(files, func(a, b consent.PolicyFile) int { return strings.Compare(a.Path, b.Path) })
	return files, tests, err
}

// digest is the revision of a set of files: the first 16 bytes of a SHA-256 over their paths and digests.
func digest(files []consent.PolicyFile) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d:%s=%s\n", len(f.Path), f.Path, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// parse adds the modules among files.
func parse(files []consent.PolicyFile, modules map[string]*ast.Module) error {
	var faults []error
	options := ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true}
	for _, f := range files {
		if path.Ext(f.Path) != ".rego" {
			continue
		}
		m, err := parseModule(f.Path, string(f.Content), options)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		modules[f.Path] = m
	}
	return errors.Join(faults...)
}

// data are the documents while they are read.
type data struct {
	// merged are all of them, as they stand in data; nil: there are none.
	merged *document.Value
	// placed are those of single files, in the order of the files.
	placed []placed
}

type placed struct {
	file  string
	value *document.Value
}

// readData reads all data files and joins them.
func readData(files []consent.PolicyFile) (d data, err error) {
	var faults []error
	for _, f := range files {
		if path.Ext(f.Path) == ".rego" {
			continue
		}
		v, err := readDocument(f.Path, f.Content)
		if err == nil {
			err = fault(f.Path, v)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if dir := path.Dir(f.Path); dir != "." {
			v = v.Below(strings.Split(dir, "/")...)
		}
		d.placed = append(d.placed, placed{f.Path, v})
		merged, err := document.Merged(d.merged, v)
		if err == nil {
			d.merged = merged
		}
		faults = append(faults, err, checkFree(v))
	}
	return d, errors.Join(faults...)
}

// fault is what is wrong with a file's value as a whole.
func fault(file string, v *document.Value) error {
	switch {
	case v == nil:
		return faulty(consent.PolicyFault{
			File: file, Line: 1, Message: "the file is empty: write its data, {} for none, or remove the file",
		})
	case !v.IsMap():
		return faulty(v.Fault("the file is no map: data are {key: value}"))
	}
	return nil
}

// checkFree checks data whose types nobody declares: all but tables.
func checkFree(v *document.Value) error {
	var faults []error
	v.Entries(func(key string, below *document.Value) {
		if key != TablesKey && key != AccessKey {
			faults = append(faults, below.CheckFree())
		}
	})
	return errors.Join(faults...)
}

func faulty(f consent.PolicyFault) error {
	return &consent.PolicyFaultsError{Faults: []consent.PolicyFault{f}}
}

// The years of effective_from: instants are nanoseconds, and what is computed from them must not overflow.
const firstYear, lastYear = 1700, 2199

// dates are all effective_from dates, sorted.
func dates(root *document.Value) ([]consent.Instant, error) {
	var found []consent.Instant
	var faults []error
	var walk func(key string, v *document.Value)
	walk = func(key string, v *document.Value) {
		if key != "effective_from" {
			v.Entries(walk)
			return
		}
		s, _ := v.Text()
		t, err := time.Parse(time.RFC3339, s)
		if err != nil || t.Year() < firstYear || t.Year() > lastYear {
			faults = append(faults, faulty(v.Fault(
				"effective_from: %q is not an RFC 3339 time of the years %d to %d: write one, such as \"2026-01-01T00:00:00Z\"",
				s, firstYear, lastYear)))
		}
		found = append(found, consent.InstantOf(t))
	}
	walk("", root)
	slices.Sort(found)
	return slices.Compact(found), errors.Join(faults...)
}
