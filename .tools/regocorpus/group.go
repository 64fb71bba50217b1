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

// stub registers the functions that are neither OPA's nor defined in the files, by how they are called, as built-ins
// that return their last argument. A call with one argument more than others have names the result there.
func stub(files []source) {
	arities, defined := map[string]int{}, map[string]bool{}
	for _, f := range files {
		for _, r := range f.module.Rules {
			defined[f.module.Package.Path.String()+" "+r.Head.Ref()[0].String()] = true
		}
	}
	for _, f := range files {
		pkg := f.module.Package.Path.String()
		count := func(call []*ast.Term) {
			if operator, ok := call[0].Value.(ast.Ref); ok && !defined[pkg+" "+operator[0].String()] {
				count(arities, f.module, call)
			}
		}
		ast.WalkTerms(f.module, func(t *ast.Term) bool {
			if call, ok := t.Value.(ast.Call); ok {
				count(call)
			}
			return false
		})
		ast.WalkExprs(f.module, func(e *ast.Expr) bool {
			if terms, ok := e.Terms.([]*ast.Term); ok {
				count(terms)
			}
			return false
		})
	}
	for name, arity := range arities {
		register(name, arity)
	}
}

// count notes the least number of arguments of a call to what nobody defines.
func count(arities map[string]int, m *ast.Module, call []*ast.Term) {
	operator, ok := call[0].Value.(ast.Ref)
	if !ok || operator.HasPrefix(ast.DefaultRootRef) || ast.BuiltinMap[operator.String()] != nil {
		return
	}
	for _, i := range m.Imports {
		if i.Name().Equal(operator[0].Value) {
			return
		}
	}
	least, known := arities[operator.String()]
	if n := len(call) - 1; !known || n < least {
		arities[operator.String()] = n
	}
}

func register(name string, arity int) {
	args := make([]types.Type, arity)
	for i := range args {
		args[i] = types.A
	}
	f := &rego.Function{Name: name, Decl: types.NewFunction(args, types.A)}
	rego.RegisterBuiltinDyn(f, func(_ rego.BuiltinContext, args []*ast.Term) (*ast.Term, error) {
		if arity == 0 {
			return nil, nil
		}
		return args[arity-1], nil // topdown passes the term of the result, too
	})
}
