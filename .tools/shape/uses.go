package main

import (
	"errors"
	"go/ast"
	"go/types"
	"slices"
)

// use is one file of a package that names what another declares.
type use struct{ from, to string }

// usesOf returns which files of a package use which. Other packages are not loaded: what goes
// through their types is not seen.
func usesOf(f *folder) map[use]bool {
	var files []*ast.File
	for _, file := range f.files {
		if !file.test {
			files = append(files, file.syntax)
		}
	}
	config := types.Config{Importer: nothing{}, Error: func(error) {}}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	_, _ = config.Check(f.path, f.fset, files, info) // imports fail by intent; what is the package's own resolves
	uses := map[use]bool{}
	for ident, object := range info.Uses {
		if !object.Pos().IsValid() {
			continue
		}
		from, to := f.fset.Position(ident.Pos()).Filename, f.fset.Position(object.Pos()).Filename
		if from != to {
			uses[use{from, to}] = true
		}
	}
	return uses
}

// nothing imports no package.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not loaded") }

// upward counts the uses that point up in an order of the files with few of those: a file is laid where the fewest of
// the uses between it and the files left point up, as Eades, Lin and Smyth do.
func upward(uses map[use]bool) (up int) {
	left := map[string]bool{}
	for u := range uses {
		left[u.from], left[u.to] = true, true
	}
	place := map[string]int{}
	for high, low := 0, -1; len(left) > 0; {
		file, top := next(uses, left)
		delete(left, file)
		if top {
			place[file] = high
			high++
		} else { // below all that are left, above what was laid below before
			place[file] = 1<<20 + low
			low--
		}
	}
	for u := range uses {
		if place[u.from] > place[u.to] {
			up++
		}
	}
	return up
}

// next chooses a file that uses none of those left, for the bottom; else the one that most
// exceeds its users, for the top.
func next(uses map[use]bool, left map[string]bool) (file string, top bool) {
	out, in := map[string]int{}, map[string]int{}
	for u := range uses {
		if left[u.from] && left[u.to] {
			out[u.from]++
			in[u.to]++
		}
	}
	var names []string
	for name := range left {
		names = append(names, name)
	}
	slices.Sort(names)
	best := names[0]
	for _, name := range names {
		if out[name] == 0 {
			return name, false
		}
		if in[name] == 0 || in[best] > 0 && out[name]-in[name] > out[best]-in[best] {
			best = name
		}
	}
	return best, true
}
