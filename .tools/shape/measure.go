package main

import (
	"go/ast"
	"slices"
	"unicode/utf8"
)

// sizes are what the percentiles are taken of.
type sizes struct {
	files, functions, parameters, interfaces []int
}

func (s *sizes) add(f *folder) {
	for _, file := range f.files {
		if file.test {
			continue
		}
		s.files = append(s.files, len(file.lines))
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				s.functions = append(s.functions, f.fset.Position(n.End()).Line-f.fset.Position(n.Pos()).Line+1)
				s.parameters = append(s.parameters, n.Type.Params.NumFields())
			case *ast.InterfaceType:
				if methods := methodsOf(n); methods > 0 {
					s.interfaces = append(s.interfaces, methods)
				}
			}
			return true
		})
	}
}

// methodsOf counts the methods that an interface names itself; one of types alone, a constraint, has none.
func methodsOf(n *ast.InterfaceType) (methods int) {
	for _, field := range n.Methods.List {
		if _, isMethod := field.Type.(*ast.FuncType); isMethod {
			methods += len(field.Names)
		}
	}
	return methods
}

// percentile returns the value that p percent of the values are at most.
func percentile(values []int, p int) int {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)*p+99)/100-1]
}

// shared returns how many unexported functions and methods a package has, and how many of
// them have the name of another.
func shared(f *folder) (functions, sharing int) {
	names := map[string]int{}
	for _, file := range f.files {
		for _, decl := range file.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && !file.test && !fn.Name.IsExported() {
				names[fn.Name.Name]++
			}
		}
	}
	for name, n := range names {
		if name == "main" || name == "init" {
			continue
		}
		functions += n
		if n > 1 {
			sharing += n
		}
	}
	return functions, sharing
}

// widest returns the longest line of the tests of a package in columns, and how many pass the limit.
func widest(f *folder, limit int) (longest, over int) {
	for _, file := range f.files {
		if !file.test {
			continue
		}
		for _, line := range file.lines {
			columns := utf8.RuneCountInString(line)
			longest = max(longest, columns)
			if columns > limit {
				over++
			}
		}
	}
	return longest, over
}

// share is how many of the lines that are not blank are comments.
type share struct{ comments, lines int }

func (s *share) add(file *source) {
	s.comments += file.comments
	s.lines += len(file.lines) - file.blank
}

func (s share) percent() float64 {
	if s.lines == 0 {
		return 0
	}
	return 100 * float64(s.comments) / float64(s.lines)
}
