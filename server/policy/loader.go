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

// Engine says what evaluates policies.
type Engine uint8

// The engines.
const (
	// Compiled evaluates programs compiled from OPA's plan (package engine), and falls back to topdown.
	Compiled Engine = iota
	// Topdown evaluates by OPA's own evaluator, the reference.
	Topdown
	// Delegating is Compiled, but for the built-in functions: all are OPA's. No setting names it; tests of what
	// OPA's functions do to a server are what it is for.
	Delegating
)

// ParseEngine returns the engine of that name: compiled or topdown.
func ParseEngine(name string) (Engine, bool) {
	switch name {
	case "compiled":
		return Compiled, true
	case "topdown":
		return Topdown, true
	}
	return 0, false
}

// DefaultShadowRate is how many decisions are made for one that topdown makes again.
const DefaultShadowRate = 1024

// Options configure a Loader. The zero value is the production setting.
type Options struct {
	// Logger receives policy errors and differences; nil: slog.Default().
	Logger *slog.Logger
	// Engine is what evaluates.
	Engine Engine
	// ShadowRate is N where one in N decisions of the compiled engine is made again by topdown, off the request path, and
	// compared. Zero means DefaultShadowRate, negative none.
	ShadowRate int
	// MaxSteps bounds the steps of one compiled evaluation; zero means engine.DefaultMaxSteps.
	MaxSteps int64
	// TrackRules lets Set.Fired tell which rules fired. It makes evaluations slower: for admission and tests.
	TrackRules bool

	// native replaces built-ins of the compiled engine, for tests.
	native map[string]engine.Native
}

// Loader loads sets of policies. It holds what outlives a set: a generation of interned strings, so that states prepared under
// one set serve the next, the counters, and the shadow. All methods may be called concurrently. Close it.
type Loader struct {
	options Options
	logger  *slog.Logger
	current atomic.Pointer[generation]
	mu      sync.Mutex // held by who replaces current
	counts  counts
	shadow  *shadow
	// detached is that of Set.Detached, and wrong says that its policy failed by topdown too.
	detached bool
	wrong    atomic.Bool
}

// NewLoader returns a loader and starts its shadow.
func NewLoader(o Options) *Loader {
	l := &Loader{options: o, logger: cmp.Or(o.Logger, slog.Default())}
	l.current.Store(newGeneration())
	if rate := cmp.Or(o.ShadowRate, DefaultShadowRate); o.Engine == Compiled && rate > 0 {
		l.shadow = newShadow(l, uint64(rate))
	}
	return l
}

// Close stops the shadow and waits for it. Sets stay usable, without a shadow.
func (l *Loader) Close() {
	if l.shadow != nil {
		l.shadow.close()
	}
}

// Prepare builds the part of the input that depends on the state alone, once, for a cache to keep beside the state; it also
// says how many bytes that holds. The result is immutable and serves every set of this loader.
func (l *Loader) Prepare(s *consent.State) (prepared any, bytes int) {
	if l.options.Engine == Topdown {
		return nil, 0
	}
	g := l.current.Load()
	p := g.input.prepare(engine.NewHeap(g.symbols), s)
	return p, p.size()
}

// Load loads a set by a loader of its own, without a shadow: for tools and tests that need one set.
func Load(fsys fs.FS, o Options) (*Set, error) {
	o.ShadowRate = -1
	return NewLoader(o).Load(fsys)
}

// LoadTree is Load for files that are read already.
func LoadTree(t *tree.Tree, o Options) (*Set, error) {
	o.ShadowRate = -1
	return NewLoader(o).LoadTree(t)
}
