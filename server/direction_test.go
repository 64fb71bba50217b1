package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// policyRooms are the files of server/policy from the bottom up: each names only what those before it declare. A
// package of its own for each room would have to export most of what it has.
var policyRooms = []struct {
	room  string
	files []string
}{
	{"what a set may hold", []string{
		"faults.go", "flags.go", "refuse_access.go", "refuse.go", "describe.go", "horizon.go", "rules.go",
	}},
	{"what an input is, and an answer", []string{"records.go", "state.go", "input.go", "answer.go"}},
	{"what a set is", []string{"options.go", "journal.go", "generation.go", "access.go", "set.go", "compile.go"}},
	{"how it is decided", []string{"evaluate.go", "neighborhood.go"}},
	{"how it is watched", []string{"compare.go", "shadow.go", "near.go", "trace.go", "hints.go"}},
	{"who makes and holds sets", []string{"loader.go", "active.go", "doc.go"}},
}

func TestFilesOfPolicyPointOneWay(t *testing.T) {
	height := map[string]int{}
	for _, r := range policyRooms {
		for _, name := range r.files {
			height[name] = len(height)
		}
	}
	p := typed(t, "policy")
	for _, name := range p.names {
		if _, known := height[name]; !known {
			t.Errorf("policy/%s: a new file: say in this test which room it belongs to", name)
		}
	}
	for name := range height {
		if !slices.Contains(p.names, name) {
			t.Errorf("this test names policy/%s, which is not there", name)
		}
	}
	uses := 0
	for _, u := range p.uses() {
		uses++
		if height[u.by] < height[u.of] {
			t.Errorf("%s uses %s of %s, which is above it", u.at, u.name, u.of)
		}
	}
	if uses < 100 {
		t.Errorf("only %d uses between files found: the test says little", uses)
	}
}

// The test above sees a use that runs up: by name, by method, and by field.
func TestUpwardUsesAreSeen(t *testing.T) {
	p := checked(t, nil, map[string]string{
		"low.go":  "package p\n\nfunc f(h *high) int { h.m(); return h.field }\n",
		"high.go": "package p\n\ntype high struct{ field int }\n\nfunc (*high) m() { f(nil) }\n",
	})
	var seen []string
	for _, u := range p.uses() {
		seen = append(seen, u.by+" "+u.name)
	}
	slices.Sort(seen)
	if want := []string{"high.go f", "low.go field", "low.go high", "low.go m"}; !slices.Equal(seen, want) {
		t.Errorf("uses are %q, want %q", seen, want)
	}
}

// typedPackage is a package's files, tests aside, and what their identifiers stand for.
type typedPackage struct {
	files token.FileSet
	names []string
	pkg   *types.Package
	info  types.Info
}

// use is an identifier in one file that another file declares.
type use struct{ at, by, of, name string }

func (p *typedPackage) uses() (found []use) {
	for id, object := range p.info.Uses {
		if object.Pkg() != p.pkg {
			continue
		}
		at, of := p.files.Position(id.Pos()), p.files.Position(object.Pos())
		if at.Filename != of.Filename {
			found = append(found, use{fmt.Sprintf("%s:%d", at.Filename, at.Line), at.Filename, of.Filename, object.Name()})
		}
	}
	return found
}

// typed reads and checks a package in a folder below this one.
func typed(t *testing.T, folder string) *typedPackage {
	t.Helper()
	paths, err := filepath.Glob(path.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	for _, name := range paths {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources[filepath.Base(name)] = string(source)
	}
	return checked(t, exports(t, "./"+folder), sources)
}

// checked checks a package's sources by their names; exported are the files of what they import.
func checked(t *testing.T, exported map[string]string, sources map[string]string) *typedPackage {
	t.Helper()
	p := &typedPackage{info: types.Info{Uses: map[*ast.Ident]types.Object{}}}
	var parsed []*ast.File
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		file, err := parser.ParseFile(&p.files, name, sources[name], 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed, p.names = append(parsed, file), append(p.names, name)
	}
	config := types.Config{Importer: importer.ForCompiler(&p.files, "gc", func(name string) (io.ReadCloser, error) {
		return os.Open(exported[name])
	})}
	var err error
	if p.pkg, err = config.Check("checked", &p.files, parsed, &p.info); err != nil {
		t.Fatal(err)
	}
	return p
}

// exports are the files with what each package that a package needs exports, by import path.
func exports(t *testing.T, pkg string) map[string]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export", pkg).Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for list := json.NewDecoder(bytes.NewReader(out)); ; {
		var one struct{ ImportPath, Export string }
		if err := list.Decode(&one); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found[one.ImportPath] = one.Export
	}
}
