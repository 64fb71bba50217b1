package engine

import (
	"fmt"
	"sync"

	"github.com/open-policy-agent/opa/v1/topdown"
)

// Options tune a Program. The zero value is the production setting; the No…
// switches exist so that every optimization can be tested against its absence,
// and be turned off should a version of OPA plan differently.
type Options struct {
	// Symbols is the table of interned strings; nil means a new one.
	Symbols *Symbols
	// MaxSteps bounds one evaluation: loop iterations, calls, and the size of
	// what built-ins produce. Zero means DefaultMaxSteps, negative no bound.
	MaxSteps int64
	// MaxDepth bounds the nesting of calls. Zero means 1000.
	MaxDepth int
	// MaxRetained bounds the memory in bytes that a pooled evaluation keeps for
	// the next one. Zero means 1 MiB.
	MaxRetained int
	// StrictBuiltinErrors turns the first error of a built-in into the error
	// of the evaluation. By default such a call is undefined.
	StrictBuiltinErrors bool
	// TrackRules records which rules succeeded (see Result.Rules).
	TrackRules bool
	// Builtins are custom built-in functions by name.
	Builtins map[string]*topdown.Builtin
	// Native replaces or adds native built-ins by name; nil values remove one.
	// It is for tests: a planted error must be found by differential testing.
	Native map[string]Native

	// Cases are paths of the input, from its root, by which evaluations are told
	// apart (see "Cases" in the package's documentation); those past the eighth
	// are not used. They need slots and fusing. With TrackRules they are not used,
	// as they would hide rules from it. Nil means that nothing is known beforehand.
	Cases [][]string

	NoSlots     bool // look paths up at every use
	NoFuse      bool // one closure per statement, no propagation
	NoFold      bool // no evaluation at compile time
	NoDispatch  bool // test the guards of rules one after the other
	NoEarlyExit bool // evaluate all rules of a document, even if all have one value
	NoNative    bool // delegate all built-ins to topdown
}

// Defaults of Options. A decision takes some hundred steps; a million steps
// take about 20 ms.
const (
	DefaultMaxSteps = 1_000_000
	defaultDepth    = 1000
	defaultRetained = 1 << 20
)

// Program is a compiled policy with its data. It is immutable and safe for
// concurrent use.
type Program struct {
	opts    Options
	sym     *Symbols
	data    Value
	funcs   map[string]*function
	plans   map[string]*function
	refused map[string]string // see Plan
	dyn     *trie
	slots   []slotDef
	order   []*function // callees before callers, the planned queries last
	memos   int         // functions whose last call is remembered
	rules   []Rule
	cases   *cases    // nil: all evaluations are one
	whole   table     // the case of which nothing is known
	pool    sync.Pool // of *vm
	stats   Stats
}

// Stats say what the compiler did; for logs and tests.
type Stats struct {
	Functions   int // compiled
	Folded      int // of these, evaluated at compile time
	Slots       int // value numbers
	Dispatched  int // rule blocks behind a dispatch table
	Native      int // call sites of native built-ins
	Delegated   int // call sites of delegated built-ins
	Unsupported int // functions
}

// Stats returns what the compiler did.
func (p *Program) Stats() Stats { return p.stats }

// Rule is the place of a rule.
type Rule struct {
	Path string // of the document: data.consentd.lib.x
	File string
	Row  int // of the rule's head
}

// Rules returns all rules that Result.Rules can name. The slice is shared.
func (p *Program) Rules() []Rule { return p.rules }

// Entrypoint is a rule, or the whole planned query, that can be evaluated.
type Entrypoint struct {
	prog   *Program
	fn     *function
	needed []*function // what it may call, callees first; only for cases
}

// Rules returns the rules of the program (see Program.Rules).
func (e *Entrypoint) Rules() []Rule { return e.prog.rules }

// UnsupportedError is returned for an entrypoint that needs something the
// compiler does not know. Evaluate it with topdown.
type UnsupportedError struct {
	Entrypoint string
	Cause      string
}

// Error names the entrypoint and the first cause.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s cannot be compiled: %s", e.Entrypoint, e.Cause)
}

// Entrypoint returns the entrypoint of a rule by its path, such as
// data.consentd.controllers.example.decision. The error is an
// UnsupportedError, also if the rule was not planned.
func (p *Program) Entrypoint(path string) (*Entrypoint, error) {
	if len(p.refused) > 0 {
		if cause, ok := p.refused[normal(path)]; ok {
			return nil, &UnsupportedError{Entrypoint: path, Cause: cause}
		}
	}
	fn := p.funcs["g0."+path]
	if fn == nil || fn.arity() > 0 {
		return nil, &UnsupportedError{Entrypoint: path, Cause: "no such rule in the plan"}
	}
	return p.entrypoint(path, fn)
}

// Query returns the entrypoint of the planned query itself. Its value is a set
// of objects, one for each way to satisfy the query, with its bindings.
func (p *Program) Query(name string) (*Entrypoint, error) {
	fn := p.plans[name]
	if fn == nil {
		return nil, &UnsupportedError{Entrypoint: name, Cause: "no such query in the plan"}
	}
	return p.entrypoint(name, fn)
}

func (p *Program) entrypoint(path string, fn *function) (*Entrypoint, error) {
	if cause := p.unsupported(fn, map[*function]bool{}); cause != "" {
		return nil, &UnsupportedError{Entrypoint: path, Cause: cause}
	}
	e := &Entrypoint{prog: p, fn: fn}
	if p.cases != nil {
		e.needed = p.needed(fn)
	}
	return e, nil
}

// unsupported is the reason why fn, or what it may call, was not compiled.
func (p *Program) unsupported(fn *function, seen map[*function]bool) string {
	if seen[fn] {
		return ""
	}
	seen[fn] = true
	if fn.unsupported != "" {
		return fmt.Sprintf("%s: %s", fn.name, fn.unsupported)
	}
	for _, c := range fn.calls {
		if cause := p.unsupported(c, seen); cause != "" {
			return cause
		}
	}
	if !fn.dynamic || seen[nil] {
		return ""
	}
	seen[nil] = true // from here on all are looked at
	for _, c := range p.funcs {
		if cause := p.unsupported(c, seen); cause != "" {
			return cause
		}
	}
	return ""
}
