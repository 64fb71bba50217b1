package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"
)

// unsafe are the built-ins whose results differ from call to call, or that reach out of the process.
var unsafe = map[string]struct{}{
	"http.send": {}, "net.lookup_ip_addr": {}, "rand.intn": {}, "uuid.rfc4122": {}, "opa.runtime": {}, "test.sleep": {},
}

// source is a parsed module.
type source struct {
	path   string
	module *ast.Module
}

// read parses all modules below a folder, those that are Rego v1 as such; others are v0, or not taken.
func read(folder string) (files []source, err error) {
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".rego" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, version := range []ast.RegoVersion{ast.RegoV1, ast.RegoV0} {
			m, err := ast.ParseModuleWithOpts(path, string(text), ast.ParserOptions{RegoVersion: version})
			if err == nil && m != nil {
				files = append(files, source{path, m})
				break
			}
		}
		return nil
	})
	return files, err
}

// set is a group of modules that compile together.
type set struct{ modules map[string]*ast.Module }

// group finds groups that compile. Where too much of a folder has to be left out, its folders are groups of their own.
func group(files []source, folder string) (sets []*set) {
	if len(files) == 0 {
		return nil
	}
	s := newSet(files)
	s.reduce()
	if len(s.modules)*20 >= len(files)*19 {
		return append(sets, s)
	}
	below := map[string][]source{}
	for _, f := range files {
		rest, _ := filepath.Rel(folder, f.path)
		first, _, nested := strings.Cut(rest, string(filepath.Separator))
		if !nested {
			first = ""
		}
		below[first] = append(below[first], f)
	}
	if len(below) == 1 && below[""] != nil {
		if len(s.modules) == 0 {
			return nil
		}
		return append(sets, s)
	}
	for _, name := range slices.Sorted(maps.Keys(below)) {
		sets = append(sets, group(below[name], filepath.Join(folder, name))...)
	}
	return sets
}

func newSet(files []source) *set {
	s := &set{modules: map[string]*ast.Module{}}
	for _, f := range files {
		s.modules[f.path] = f.module
	}
	s.stub()
	return s
}

// reduce leaves out the modules in which the compiler finds faults, until there are none.
func (s *set) reduce() {
	for len(s.modules) > 0 {
		_, err := s.compile()
		var faults ast.Errors
		if err == nil || !errors.As(err, &faults) {
			return
		}
		before := len(s.modules)
		for _, f := range faults {
			if f.Location != nil {
				delete(s.modules, f.Location.File)
			}
		}
		if len(s.modules) == before {
			clear(s.modules)
		}
	}
}

// compile compiles copies, in the mode of topdown.
func (s *set) compile() (*ast.Compiler, error) {
	modules := make(map[string]*ast.Module, len(s.modules))
	for name, m := range s.modules {
		modules[name] = m.Copy()
	}
	c := ast.NewCompiler().WithUnsafeBuiltins(unsafe).SetErrorLimit(1000)
	if c.Compile(modules); c.Failed() {
		return nil, fmt.Errorf("compiling: %w", c.Errors)
	}
	return c, nil
}

// stub registers the functions that are neither OPA's nor defined in the group, by how they are called, as built-ins that return
// their last argument.
func (s *set) stub() {
	for _, m := range s.modules {
		ast.WalkTerms(m, func(t *ast.Term) bool {
			if call, ok := t.Value.(ast.Call); ok {
				s.declare(m, call)
			}
			return false
		})
		ast.WalkExprs(m, func(e *ast.Expr) bool {
			if terms, ok := e.Terms.([]*ast.Term); ok {
				s.declare(m, terms)
			}
			return false
		})
	}
}

func (s *set) declare(m *ast.Module, call []*ast.Term) {
	operator, ok := call[0].Value.(ast.Ref)
	if !ok || len(operator) < 2 || operator.HasPrefix(ast.DefaultRootRef) || ast.BuiltinMap[operator.String()] != nil {
		return
	}
	for _, i := range m.Imports {
		if i.Name().Equal(operator[0].Value) {
			return
		}
	}
	args := make([]types.Type, len(call)-1)
	for i := range args {
		args[i] = types.A
	}
	f := &rego.Function{Name: operator.String(), Decl: types.NewFunction(args, types.A)}
	rego.RegisterBuiltinDyn(f, func(_ rego.BuiltinContext, args []*ast.Term) (*ast.Term, error) {
		if len(args) == 0 {
			return nil, nil
		}
		return args[len(args)-1], nil
	})
}
