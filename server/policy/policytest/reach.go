package policytest

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// place is a line of a file.
type place struct {
	file string
	line int
}

func placeOf(at *ast.Location) place { return place{file: at.File, line: at.Row} }

// reach is which lines an evaluation looked at: those of rules that it entered and of expressions that it evaluated.
type reach map[place]bool

// Enabled implements topdown.QueryTracer.
func (reach) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (reach) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (r reach) TraceEvent(e topdown.Event) {
	switch node := e.Node.(type) {
	case *ast.Rule:
		if e.Op == topdown.EnterOp && node.Location.HasFile() {
			r[placeOf(node.Location)] = true
		}
	case *ast.Expr:
		if e.Op == topdown.EvalOp && node.Location.HasFile() {
			r[placeOf(node.Location)] = true
		}
	}
}

// of says whether the evaluation looked at the place of a mutant: else it comes out the same with the mutant.
func (r reach) of(m *mutant) bool {
	for line := m.Line; line <= m.lastLine; line++ {
		if r[place{m.File, line}] {
			return true
		}
	}
	return false
}
