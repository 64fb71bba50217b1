package policy

import (
	"cmp"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
	"github.com/consentd/consentd/server/policy/tree"
)

// Loader makes sets of policies. It holds what outlives a set: a generation of interned strings, so that states
// prepared under one set serve the next, the counters, and the shadow. All methods may be called concurrently. Close
// it.
type Loader struct {
	options Options
	journal *journal
	current atomic.Pointer[generation]
	mu      sync.Mutex // held by who replaces current
	shadow  *shadow
}

// NewLoader returns a loader and starts its shadow.
func NewLoader(o Options) *Loader {
	l := &Loader{options: o, journal: &journal{logger: cmp.Or(o.Logger, slog.Default())}}
	l.current.Store(newGeneration())
	if rate := cmp.Or(o.ShadowRate, DefaultShadowRate); o.Engine == Compiled && rate > 0 {
		l.shadow = newShadow(l.journal, uint64(rate))
	}
	return l
}

// Close stops the shadow and waits for it. Sets stay usable, without a shadow.
func (l *Loader) Close() {
	if l.shadow != nil {
		l.shadow.close()
	}
}

// Read reads, checks and compiles the policies below fsys: modules (*.rego) and data (*.yaml, *.yml, *.json), laid out
// as `opa test` and `opa build` read them. Tests (*_test.rego) are not part of the set.
//
// The error lists every fault found at the first stage that fails, each with file and line where there is one: see
// Faults.
func (l *Loader) Read(fsys fs.FS) (*Set, error) {
	t, err := tree.Read(fsys)
	if err != nil {
		return nil, err
	}
	return l.Compile(t)
}

// Compile is Read for files that are read already.
func (l *Loader) Compile(t *tree.Tree) (*Set, error) {
	g := l.forNext()
	set := &Set{
		options: l.options, journal: l.journal, generation: g, tree: t, stranger: &controller{},
		description: consent.Policy{Revision: t.Revision, Files: t.Files}, controllers: map[string]*controller{},
	}
	if l.shadow != nil {
		set.shadow = l.shadow
	}
	if err := set.compile(); err != nil {
		return nil, err
	}
	l.measure(g)
	return set, nil
}

// forNext returns the generation that a new set is to belong to: the current one, or where its table has grown too
// much, one that becomes the current one.
func (l *Loader) forNext() *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.current.Load()
	if g.enough > 0 && g.symbols.Len() > g.enough {
		g = newGeneration()
		l.current.Store(g)
	}
	return g
}

// measure notes how large a generation's first set is.
func (l *Loader) measure(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.enough == 0 {
		g.enough = growth*g.symbols.Len() + spare
	}
}

// Prepare builds the part of the input that depends on the state alone, once, for a cache to keep beside the state; it
// also says how many bytes that holds. The result is immutable and serves every set of this loader.
func (l *Loader) Prepare(s *consent.State) (prepared any, bytes int) {
	if l.options.Engine == Topdown {
		return nil, 0
	}
	g := l.current.Load()
	p := g.records.prepare(engine.NewHeap(g.symbols), s)
	return p, p.size()
}

// Stats returns the counters.
func (l *Loader) Stats() Stats { return l.journal.counts.stats() }

// Load makes one set by a loader of its own, without a shadow: for tools and tests that need no other. The error is
// that of Loader.Read.
func Load(fsys fs.FS, o Options) (*Set, error) {
	o.ShadowRate = -1
	return NewLoader(o).Read(fsys)
}

// LoadTree is Load for files that are read already.
func LoadTree(t *tree.Tree, o Options) (*Set, error) {
	o.ShadowRate = -1
	return NewLoader(o).Compile(t)
}
