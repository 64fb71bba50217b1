package policy

import (
	"io/fs"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// Load reads, admits and compiles the policies below fsys: modules (*.rego) and data (*.yaml, *.yml, *.json), laid out as
// `opa test` and `opa build` read them. Tests (*_test.rego) are not part of the set.
//
// The error lists every fault found at the first stage that fails, each with file and line where there is one.
func (l *Loader) Load(fsys fs.FS) (*Set, error) {
	t, err := tree.Read(fsys)
	if err != nil {
		return nil, err
	}
	return l.LoadTree(t)
}

// LoadTree is Load for files that are read already.
func (l *Loader) LoadTree(t *tree.Tree) (*Set, error) {
	if err := admit(t.Modules); err != nil {
		return nil, err
	}
	g := l.forLoad()
	b := &build{Tree: t, loader: l, symbols: g.symbols}
	set := &Set{
		loader: l, generation: g, tree: t, description: consent.Policy{Revision: t.Revision, Files: t.Files},
		controllers: map[string]*controller{},
	}
	if err := b.set(set); err != nil {
		return nil, err
	}
	l.loaded(g)
	return set, nil
}

// Tree is what the set was made of.
func (s *Set) Tree() *tree.Tree { return s.tree }
