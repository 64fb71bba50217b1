package engine

import (
	"cmp"
	"errors"
	"strings"

	"github.com/open-policy-agent/opa/v1/ir"
)

// This file has all that is relied on of the form of OPA's plans, which no
// promise of OPA's covers: package ir says what a statement means, not which of
// them the planner makes of a rule. TestPlanShapes holds the form, and fails at
// an upgrade of OPA with what changed. What is relied on of rules before they
// are planned is in rewrite.go and refuse.go, and held by TestPlannerFaults.
//
// Decisions would be wrong if these changed unnoticed:
//
//   - a call passes input and data on as they are (passesDocuments; else the
//     function is refused)
//   - a dynamic call stands in three blocks of its reference (leavesOfUndefined)
//   - a negation marks its success and tests the mark last, or is a single dot
//     (repairNot; else the plan is refused)
//   - a loop of an `every` ends with the test that an element held, and the note
//     that one did not (everyLoop)
//
// The rest would only be slower, as what is not recognized is evaluated as it
// stands: else chains, references to base data, the block behind a complete rule,
// the one that returns, predicates that are compared with false.

// documentParams are input and data, the first parameters of every function.
const documentParams = 2

// takesDocuments reports whether a function begins with input and data.
func takesDocuments(f *ir.Func) bool {
	return len(f.Params) >= documentParams && f.Params[0] == ir.Input && f.Params[1] == ir.Data
}

// passesDocuments reports whether a call passes on the current input and data. All
// that the planner makes do; memoizing by generation depends on it.
func passesDocuments(args []ir.Operand) bool {
	return len(args) >= documentParams && args[0].Value == ir.Input && args[1].Value == ir.Data
}

// leavesOfUndefined is the number of blocks that end where a dynamic call finds
// a document that is undefined: three of its reference, so that no dots are
// looked at in data as they are where there is no document, and the block that
// has the reference:
//
//	block { block { block { call dynamic, break 1 } { dot … dot, break 1 }, break 2 } … }
const leavesOfUndefined = 4

// document is the document that a function computes, without the plan's prefix.
func (fn *function) document() string {
	_, p, _ := strings.Cut(fn.name, ".")
	return p
}

// units splits the blocks of a function into the pieces that are analysed by
// themselves: a rule's block, or each branch of an else chain. The planner
// reuses locals between them.
func units(blocks []*ir.Block) []*ir.Block {
	var out []*ir.Block
	for _, b := range blocks {
		if chain := elseChain(b); chain != nil {
			out = append(out, chain.Blocks...)
			continue
		}
		out = append(out, b)
	}
	return out
}

// elseChain recognizes the block of a rule with else.
func elseChain(b *ir.Block) *ir.BlockStmt {
	if len(b.Stmts) != 1 {
		return nil
	}
	s, _ := b.Stmts[0].(*ir.BlockStmt)
	return s
}

// baseDots recognizes what the planner makes of a reference to base data, and
// returns the dots in it:
//
//	block { block { dot … dot, break 1 }, break 1 }
func baseDots(s *ir.BlockStmt) *ir.Block {
	outer := soleBlock(s)
	if outer == nil || len(outer.Stmts) != 2 || !isBreak(outer.Stmts[1], 1) {
		return nil
	}
	b, ok := outer.Stmts[0].(*ir.BlockStmt)
	if !ok {
		return nil
	}
	inner := soleBlock(b)
	if inner == nil || len(inner.Stmts) == 0 || !isBreak(inner.Stmts[len(inner.Stmts)-1], 1) {
		return nil
	}
	dots := inner.Stmts[:len(inner.Stmts)-1]
	for _, d := range dots {
		if _, ok := d.(*ir.DotStmt); !ok {
			return nil
		}
	}
	return &ir.Block{Stmts: dots}
}

func soleBlock(s *ir.BlockStmt) *ir.Block {
	if len(s.Blocks) != 1 {
		return nil
	}
	return s.Blocks[0]
}

func isBreak(s ir.Stmt, index uint32) bool {
	b, ok := s.(*ir.BreakStmt)
	return ok && b.Index == index
}

// mergeEnds joins a complete rule with the block that the planner puts behind
// it: { …, once r = v } { r is defined, once result = r } assigns to the result
// at once.
func mergeEnds(nodes [][]*node, ret ir.Local) [][]*node {
	for i := 0; i+1 < len(nodes); i++ {
		l, ok := endOf(nodes[i+1], ret)
		if !ok || !onlyAssigns(nodes[i], l) {
			continue
		}
		eachNode(nodes[i], func(n *node) {
			if n.op == opOnce && n.dst == l {
				n.dst = ret
			}
		})
		nodes[i+1] = []*node{}
		nodes[i] = withoutReset(nodes[i], l)
	}
	return nodes
}

func withoutReset(nodes []*node, l ir.Local) []*node {
	out := nodes[:0:0]
	for _, n := range nodes {
		if n.op != opReset || n.dst != l {
			out = append(out, n)
		}
	}
	return out
}

// endOf recognizes the block that passes local l on to the result.
func endOf(nodes []*node, ret ir.Local) (ir.Local, bool) {
	if len(nodes) != 2 || nodes[0].op != opDefined || nodes[1].op != opOnce || nodes[1].dst != ret {
		return 0, false
	}
	l := ir.Local(nodes[0].a.id)
	return l, nodes[0].a.kind == inReg && nodes[1].a.isReg(l)
}

// onlyAssigns reports that a rule does nothing with l but reset it first and
// assign to it.
func onlyAssigns(nodes []*node, l ir.Local) bool {
	if len(nodes) == 0 || nodes[0].op != opReset || nodes[0].dst != l {
		return false
	}
	ok := true
	eachNode(nodes[1:], func(n *node) {
		n.operands(func(o *operand) { ok = ok && !o.isReg(l) })
		ok = ok && (n.dst != l || n.op == opOnce)
	})
	return ok
}

// isReturn recognizes the last block of a function, which returns the result.
func isReturn(it item, result ir.Local) bool {
	if it.chain || len(it.sole()) != 1 {
		return false
	}
	n := it.sole()[0]
	return n.op == opReturn && n.a.isReg(result)
}

// isTest recognizes a predicate and the test that it is not false.
func (w *fusing) isTest(n, next *node) bool {
	return n.op == opBuiltin && n.builtin.test != nil &&
		next.op == opNotEqual && next.a.isReg(n.dst) && isFalse(next.b) &&
		!w.shared[n.dst] && w.reads[n.dst] == 1
}

// errNegation refuses a plan of which it cannot be said when a negation holds.
var errNegation = errors.New("the plan has a negation of another form than planshape.go knows: is this another version of OPA?")

// repair changes a plan where it means something else than topdown.
func repair(p *ir.Policy) error {
	var errs []error
	for _, f := range p.Funcs.Funcs {
		errs = append(errs, repairBlocks(f.Blocks))
	}
	for _, pl := range p.Plans.Plans {
		errs = append(errs, repairBlocks(pl.Blocks))
	}
	return cmp.Or(errs...)
}

func repairBlocks(blocks []*ir.Block) (err error) {
	walk(blocks, func(s ir.Stmt) {
		switch s := s.(type) {
		case *ir.NotStmt:
			if !repairNot(s.Block) {
				err = errNegation
			}
		case *ir.ScanStmt:
			repairEvery(s.Block)
		}
	})
	return err
}

// repairNot treats the mark of a negation's body, `not { …, mark = true, …; mark
// is defined }`. The planner never resets it, so that in a loop it would stay
// from one round to the next. And what follows the mark may end the block before
// the test: the reference to data that stand beside rules, where there are none.
// A body that holds where control comes to its end needs no mark. The planner
// makes one itself, of a single dot, where it looks for documents beside rules;
// all other forms are unknown, and false is returned.
func repairNot(b *ir.Block) bool {
	mark, ok := markOf(b)
	if !ok {
		return isDot(b)
	}
	last := len(b.Stmts) - 1
	if last > 0 && sets(b.Stmts[last-1], mark.Source) && marks([]*ir.Block{b}, mark.Source) == 1 {
		b.Stmts = b.Stmts[:last-1]
		return true
	}
	at := *mark.GetLocation()
	b.Stmts = []ir.Stmt{
		&ir.ResetLocalStmt{Target: mark.Source, Location: at},
		&ir.BlockStmt{Blocks: []*ir.Block{{Stmts: b.Stmts[:last]}}, Location: at},
		mark,
	}
	return true
}

func isDot(b *ir.Block) bool {
	if len(b.Stmts) != 1 {
		return false
	}
	_, ok := b.Stmts[0].(*ir.DotStmt)
	return ok
}

// markOf recognizes the test of the mark at the end of a negation's body.
func markOf(b *ir.Block) (*ir.IsDefinedStmt, bool) {
	last := len(b.Stmts) - 1
	if last < 0 {
		return nil, false
	}
	mark, ok := b.Stmts[last].(*ir.IsDefinedStmt)
	return mark, ok
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
// what comes after them may raise an error.
func repairEvery(b *ir.Block) {
	body, held, ok := everyLoop(b)
	if !ok {
		return
	}
	last := b.Stmts[len(b.Stmts)-1]
	b.Stmts = append(b.Stmts, &ir.BreakStmt{Index: 1, Location: *last.GetLocation()})
	leaveWhenSet(body, held, 0)
}

// everyLoop recognizes the loop of an `every`, and returns the block of its body
// and the mark that this sets:
//
//	reset held; block { …, held = true }; held is undefined; failed = true
func everyLoop(b *ir.Block) (body *ir.Block, held ir.Local, ok bool) {
	n := len(b.Stmts)
	if n < 3 {
		return nil, 0, false
	}
	block, ok1 := b.Stmts[n-3].(*ir.BlockStmt)
	check, ok2 := b.Stmts[n-2].(*ir.IsUndefinedStmt)
	failed, ok3 := b.Stmts[n-1].(*ir.AssignVarStmt)
	if !ok1 || !ok2 || !ok3 || failed.Source.Value != ir.Bool(true) {
		return nil, 0, false
	}
	return block.Blocks[0], check.Source, true
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
