package engine

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// PlanQuery plans any query over a compiler's modules, without a look at the shapes of their rules.
func PlanQuery(ctx context.Context, compiler *ast.Compiler, opts ...func(*rego.Rego)) (*Plan, error) {
	return NewPlanner().query(ctx, compiler, opts...)
}

// Held returns the bytes that a pooled evaluation of the entrypoint retains.
func Held(e *Entrypoint) int {
	m := e.prog.acquire()
	defer e.prog.pool.Put(m)
	return m.arena.held()
}

// Table makes the table of the case of an input, and returns the number of slots
// that it knows, and that of the steps of the functions that it has.
func Table(e *Entrypoint, input Value) (known, steps int) {
	var vals [maxCasePaths]Value
	c := e.prog.cases
	t := e.table(c.keyOf(e.fn, input, &vals), vals[:len(c.paths)])
	return len(t.known), len(t.steps)
}

// Tables returns the number of tables that the entrypoint's program has.
func Tables(e *Entrypoint) (n int) {
	for i := range e.prog.cases.sets {
		for w := range caseWays {
			if e.prog.cases.sets[i].tables[w].Load() != nil {
				n++
			}
		}
	}
	return n
}
