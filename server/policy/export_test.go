package policy

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// BuildInput returns the input of a request as OPA has it.
func BuildInput(r *consent.Request, s *consent.State, now consent.Instant) ast.Value {
	l := NewLoader(Options{Engine: Topdown})
	scratch := &scratch{builder: engine.NewBuilder(l.symbols)}
	return engine.ToAST(l.input.build(scratch, r, &consent.Snapshot{State: s}, now))
}

// WithNative returns options under which the compiled engine has a built-in of another meaning.
func (o Options) WithNative(name string, f engine.Native) Options {
	o.native = map[string]engine.Native{name: f}
	return o
}

// RefusedBuiltins are the built-ins that Load refuses, with why.
func RefusedBuiltins() map[string]string { return refusedBuiltins() }
