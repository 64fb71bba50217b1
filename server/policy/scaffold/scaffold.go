// Package scaffold writes the policies of a new controller: a table, a rule, tests and cases to start from, the
// shared packs of the policies that ship, and what OPA's tools and regal need to check them.
//
// What it writes loads, passes its own tests and is formatted; a test holds that. It writes into a folder that is
// empty or not there and overwrites nothing. An error may leave part of the files behind, and names the file at
// which it stopped.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/consentd/consentd/policies"
)

//go:embed template
var templates embed.FS

// Init writes the policies of a new controller into dir and returns the paths of its own files, relative to dir.
func Init(dir, controller string) ([]string, error) {
	if err := validate(controller); err != nil {
		return nil, err
	}
	if err := empty(dir); err != nil {
		return nil, err
	}
	for _, shared := range []struct {
		from   fs.FS
		wanted func(string) bool
	}{{policies.FS, sharedRule}, {policies.Authoring, everything}} {
		if err := copyFiles(dir, shared.from, shared.wanted); err != nil {
			return nil, err
		}
	}
	return writeOwn(dir, controller)
}

var idForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// keywords are the words of Rego that a package cannot end in.
var keywords = []string{
	"as", "contains", "data", "default", "else", "every", "false", "if", "import", "in", "input", "not", "null", "package", "some",
	"true", "with",
}

func validate(controller string) error {
	if !idForm.MatchString(controller) || slices.Contains(keywords, controller) {
		return fmt.Errorf(
			"controller %q: want small letters, digits, - and _, a letter first, at most 64, and no word of Rego", controller)
	}
	return nil
}

func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty (it has %s): name a new folder", dir, entries[0].Name())
	}
	return nil
}

// sharedRule is for the packs without their tests, which are about the controllers that ship; what tests share
// goes along.
func sharedRule(name string) bool {
	return strings.HasPrefix(name, "lib/") && (!strings.HasSuffix(name, "_test.rego") || name == "lib/fixture/fixture_test.rego")
}

func everything(string) bool { return true }

func copyFiles(dir string, from fs.FS, wanted func(string) bool) error {
	return fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !wanted(name) {
			return err
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return write(dir, name, content)
	})
}

// names are what templates need of a controller's id.
type names struct {
	ID string
	// Name is the id as a variable of Rego, File as it begins files' names.
	Name, File string
	// Ref and TestRef are the ends of the packages' paths.
	Ref, TestRef string
}

func namesOf(controller string) names {
	n := names{ID: controller, Name: strings.ReplaceAll(controller, "-", "_")}
	n.Ref, n.TestRef = "."+controller, "."+controller+"_test"
	n.File = n.Name
	if n.Name != controller {
		n.Ref, n.TestRef = fmt.Sprintf("[%q]", controller), fmt.Sprintf("[%q]", controller+"_test")
	}
	return n
}

func writeOwn(dir, controller string) (written []string, err error) {
	n := namesOf(controller)
	for _, f := range []struct{ template, name string }{
		{"data.yaml.tmpl", "data.yaml"}, {"rules.rego.tmpl", n.File + ".rego"},
		{"rules_test.rego.tmpl", n.File + "_test.rego"}, {"cases.tmpl", n.File + ".cases"},
	} {
		t, err := template.ParseFS(templates, "template/"+f.template)
		if err != nil {
			return nil, err
		}
		var content bytes.Buffer
		if err := t.Execute(&content, n); err != nil {
			return nil, err
		}
		name := path.Join("controllers", controller, f.name)
		if err := write(dir, name, content.Bytes()); err != nil {
			return nil, err
		}
		written = append(written, name)
	}
	return written, nil
}

func write(dir, name string, content []byte) error {
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
