package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// source is a file, parsed.
type source struct {
	path  string // below the root, with slashes
	test  bool
	lines []string
	// comments is how many lines hold a comment alone, blank how many nothing.
	comments, blank int
	syntax          *ast.File
}

// folder is a package: the files of a folder, tests of all kinds among them.
type folder struct {
	path  string
	fset  *token.FileSet
	files []*source
}

// read returns the packages below a root, by path.
func read(root string) ([]*folder, error) {
	byPath := map[string]*folder{}
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case path.Ext(name) != ".go":
			return nil
		}
		return add(byPath, tree, name)
	})
	if err != nil {
		return nil, err
	}
	var folders []*folder
	for _, f := range byPath {
		folders = append(folders, f)
	}
	slices.SortFunc(folders, func(a, b *folder) int { return strings.Compare(a.path, b.path) })
	return folders, nil
}

func add(byPath map[string]*folder, tree fs.FS, name string) error {
	content, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	f := byPath[path.Dir(name)]
	if f == nil {
		f = &folder{path: path.Dir(name), fset: token.NewFileSet()}
	}
	syntax, err := parser.ParseFile(f.fset, name, content, parser.ParseComments)
	if err != nil {
		return fmt.Errorf("parsing: %w", err)
	}
	if ast.IsGenerated(syntax) {
		return nil
	}
	byPath[f.path] = f
	s := &source{
		path: name, test: strings.HasSuffix(name, "_test.go"), syntax: syntax,
		lines: strings.Split(strings.TrimSuffix(string(content), "\n"), "\n"),
	}
	s.countComments(f.fset)
	f.files = append(f.files, s)
	return nil
}

// countComments counts lines that a comment fills, and blank ones.
func (s *source) countComments(fset *token.FileSet) {
	for _, group := range s.syntax.Comments {
		for _, c := range group.List {
			first, last := fset.Position(c.Pos()), fset.Position(c.End())
			if strings.TrimSpace(s.lines[first.Line-1][:first.Column-1]) == "" {
				s.comments += last.Line - first.Line + 1
			}
		}
	}
	for _, line := range s.lines {
		if strings.TrimSpace(line) == "" {
			s.blank++
		}
	}
}
