package policy

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// BuildInput returns the input of a request as OPA has it.
func BuildInput(r *consent.Request, s *consent.State, now consent.Instant) ast.Value {
	l := NewLoader(Options{Engine: Topdown})
	g := l.current.Load()
	scratch := &scratch{builder: engine.NewBuilder(g.symbols)}
	return engine.ToAST(g.records.build(scratch, r, &consent.Snapshot{State: s}, now))
}

// BuildAct returns the input of rules of access as OPA has it.
func BuildAct(c *caller.Caller, act caller.Act) ast.Value {
	symbols := engine.NewSymbols()
	return engine.ToAST(newActRecords(symbols).build(&scratch{builder: engine.NewBuilder(symbols)}, c, act))
}

// WithNative returns options under which the compiled engine has a built-in of another meaning.
func (o Options) WithNative(name string, f engine.Native) Options {
	o.native = map[string]engine.Native{name: f}
	return o
}

// Overgrow makes the loader's next load begin another generation.
func (l *Loader) Overgrow() { l.current.Load().enough = 1 }

// SameGeneration reports whether the sets share a table of strings.
func (s *Set) SameGeneration(other *Set) bool { return s.generation == other.generation }

// Strings is how many strings the loader's table holds.
func (l *Loader) Strings() int { return l.current.Load().symbols.Len() }

// RefusedBuiltins are the built-ins that Load refuses, with why.
func RefusedBuiltins() map[string]string { return refusedBuiltins() }

// Extremes are instants whose sums overflow.
var Extremes = extremes
