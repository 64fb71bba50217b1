package policytest

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// line is one of a file.
type line struct {
	file string
	row  int
}

func lineAt(at *ast.Location) line { return line{file: at.File, row: at.Row} }

// reach is which lines an evaluation looked at: those of rules that it entered and of expressions that it evaluated.
type reach map[line]bool

// Enabled implements topdown.QueryTracer.
func (reach) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (reach) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (r reach) TraceEvent(e topdown.Event) {
	switch node := e.Node.(type) {
	case *ast.Rule:
		if e.Op == topdown.EnterOp && node.Location.HasFile() {
			r[lineAt(node.Location)] = true
		}
	case *ast.Expr:
		if e.Op == topdown.EvalOp && node.Location.HasFile() {
			r[lineAt(node.Location)] = true
		}
	}
}

// of says whether the evaluation looked at the place of a mutant: else it comes out the same with the mutant.
func (r reach) of(m *mutant) bool {
	for row := m.Line; row <= m.lastLine; row++ {
		if r[line{m.File, row}] {
			return true
		}
	}
	return false
}
