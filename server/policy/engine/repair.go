package engine

import (
	"github.com/open-policy-agent/opa/v1/ir"
)

// repair changes a plan where it means something else than topdown.
func repair(p *ir.Policy) {
	for _, f := range p.Funcs.Funcs {
		repairBlocks(f.Blocks)
	}
	for _, pl := range p.Plans.Plans {
		repairBlocks(pl.Blocks)
	}
}

func repairBlocks(blocks []*ir.Block) {
	walk(blocks, func(s ir.Stmt) {
		switch s := s.(type) {
		case *ir.NotStmt:
			repairNot(s.Block)
		case *ir.ScanStmt:
			repairEvery(s.Block)
		}
	})
}

// repairNot treats the mark of a negation's body, `not { …, mark = true, …; mark
// is defined }`. The planner never resets it, so that in a loop it would stay
// from one round to the next. And what follows the mark may end the block before
// the test: the reference to data that stand beside rules, where there are none.
// A body that holds where control comes to its end needs no mark.
func repairNot(b *ir.Block) {
	last := len(b.Stmts) - 1
	if last < 0 {
		return
	}
	mark, ok := b.Stmts[last].(*ir.IsDefinedStmt)
	if !ok {
		return
	}
	if last > 0 && sets(b.Stmts[last-1], mark.Source) && marks([]*ir.Block{b}, mark.Source) == 1 {
		b.Stmts = b.Stmts[:last-1]
		return
	}
	at := *mark.GetLocation()
	b.Stmts = []ir.Stmt{
		&ir.ResetLocalStmt{Target: mark.Source, Location: at},
		&ir.BlockStmt{Blocks: []*ir.Block{{Stmts: b.Stmts[:last]}}, Location: at},
		mark,
	}
}

func sets(s ir.Stmt, l ir.Local) bool {
	a, ok := s.(*ir.AssignVarStmt)
	return ok && a.Target == l && a.Source.Value == ir.Bool(true)
}

// marks is the number of statements that set l to true.
func marks(blocks []*ir.Block, l ir.Local) (n int) {
	walk(blocks, func(s ir.Stmt) {
		if sets(s, l) {
			n++
		}
	})
	return n
}

// repairEvery ends the loop of an `every` after the first element for which the
// body does not hold, and the body after the first solution, as topdown does:
// what comes after them may raise an error. The loop is
//
//	reset held; block { …, held = true }; held is undefined; failed = true
func repairEvery(b *ir.Block) {
	n := len(b.Stmts)
	if n < 3 {
		return
	}
	check, ok := b.Stmts[n-2].(*ir.IsUndefinedStmt)
	failed, ok2 := b.Stmts[n-1].(*ir.AssignVarStmt)
	body, ok3 := b.Stmts[n-3].(*ir.BlockStmt)
	if !ok || !ok2 || !ok3 || failed.Source.Value != ir.Bool(true) {
		return
	}
	b.Stmts = append(b.Stmts, &ir.BreakStmt{Index: 1, Location: *failed.GetLocation()})
	leaveWhenSet(body.Blocks[0], check.Source, 0)
}

// leaveWhenSet ends a block, from blocks that many levels deeper, once l is true.
func leaveWhenSet(b *ir.Block, l ir.Local, depth uint32) {
	for i, s := range b.Stmts {
		if sets(s, l) {
			b.Stmts = append(b.Stmts[:i+1:i+1], &ir.BreakStmt{Index: depth, Location: *s.GetLocation()})
			return
		}
		levels := uint32(1)
		if _, ok := s.(*ir.ScanStmt); ok {
			levels = 2
		}
		for _, inner := range nested(s) {
			leaveWhenSet(inner, l, depth+levels)
		}
	}
}
