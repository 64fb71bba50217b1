package engine

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ir"
)

// lowering turns the statements of one unit into nodes.
type lowering struct {
	c      *compiler
	fn     *function
	shared map[ir.Local]bool // locals that other units see: nothing is assumed of them
	muts   map[ir.Local]int  // statements of the unit that change a collection in place
}

// unsupported is panicked by the compiler, and recovered per function.
type unsupported string

func (w *lowering) unit(b *ir.Block) []*node {
	w.muts = map[ir.Local]int{}
	walk([]*ir.Block{b}, func(s ir.Stmt) {
		if l, ok := collected(s); ok {
			w.muts[l]++
		}
	})
	return w.lowerBlock(b, newScope())
}

func (w *lowering) lowerBlock(b *ir.Block, sc *scope) []*node {
	var out []*node
	for _, s := range b.Stmts {
		out = append(out, w.lowerStmt(s, sc)...)
	}
	return out
}

func (w *lowering) lowerStmt(s ir.Stmt, sc *scope) []*node {
	switch s := s.(type) {
	case *ir.BlockStmt:
		if w.c.fuse() {
			if dots := baseDots(s); dots != nil {
				return w.lowerBlock(dots, sc)
			}
		}
		return w.one(w.lowerBlocks(&node{op: opBlock}, s.Blocks, sc), s)
	case *ir.ScanStmt:
		return w.one(w.lowerScan(s, sc), s)
	case *ir.NotStmt:
		return w.one(w.lowerBlocks(&node{op: opNot}, []*ir.Block{s.Block}, sc), s)
	case *ir.WithStmt:
		return w.one(w.lowerWith(s, sc), s)
	case *ir.NopStmt:
		return nil
	}
	n := w.lowerSimple(s, sc)
	if n == nil {
		return nil
	}
	return w.one(n, s)
}

func (w *lowering) one(n *node, s ir.Stmt) []*node {
	l := s.GetLocation()
	n.at = place{row: l.Row}
	if files := w.c.policy.Static.Files; l.File < len(files) {
		n.at.file = files[l.File].Value
	}
	return []*node{n}
}

func (w *lowering) lowerBlocks(n *node, blocks []*ir.Block, sc *scope) *node {
	n.dst = noLocal
	for _, b := range blocks {
		sc.block(func() { n.blocks = append(n.blocks, w.lowerBlock(b, sc)) })
		w.forgetWritten(sc, b)
	}
	return n
}

func (w *lowering) forgetWritten(sc *scope, b *ir.Block) {
	for _, l := range written([]*ir.Block{b}) {
		sc.forget(l)
	}
}

func (w *lowering) lowerScan(s *ir.ScanStmt, sc *scope) *node {
	src := w.local(s.Source, sc)
	sc.forget(s.Key)
	sc.forget(s.Value)
	w.forgetWritten(sc, s.Block) // a later iteration sees what an earlier one wrote
	n := &node{op: opScan, c: src, a: reg(s.Key), b: reg(s.Value), dst: noLocal}
	sc.block(func() { n.blocks = [][]*node{w.lowerBlock(s.Block, sc)} })
	return n
}

func (w *lowering) lowerWith(s *ir.WithStmt, sc *scope) *node {
	if s.Local != ir.Input && s.Local != ir.Data {
		panic(unsupported(fmt.Sprintf("with on local %d", s.Local)))
	}
	n := &node{op: opWith, a: w.operand(s.Value, sc), n: int(s.Local), dst: noLocal}
	for _, i := range s.Path {
		n.keys = append(n.keys, w.c.strings[i])
	}
	sc.block(func() {
		sc.forgetDocuments()
		n.blocks = [][]*node{w.lowerBlock(s.Block, sc)}
	})
	w.forgetWritten(sc, s.Block)
	return n
}

// operand resolves an operand by what is known.
func (w *lowering) operand(o ir.Operand, sc *scope) operand {
	switch v := o.Value.(type) {
	case ir.Bool:
		return konst(Boolean(bool(v)))
	case ir.StringIndex:
		return konst(w.c.strings[v])
	case ir.Local:
		return w.local(v, sc)
	}
	panic(unsupported(fmt.Sprintf("operand %T", o.Value)))
}

func (w *lowering) local(l ir.Local, sc *scope) operand {
	switch l {
	case ir.Input:
		return operand{kind: inInput}
	case ir.Data:
		if w.c.fixedData && w.c.fuse() {
			return operand{kind: inConst, val: w.c.prog.data, data: true}
		}
		return operand{kind: inData, data: true}
	}
	if o, ok := sc.facts[l]; ok {
		return o
	}
	delete(sc.pending, l) // read before it is complete: no literal
	o := reg(l)
	o.data = sc.data[l]
	return o
}

// target starts a node that writes a local.
func (w *lowering) target(op opcode, l ir.Local, sc *scope) *node {
	sc.forget(l)
	return &node{op: op, dst: l}
}

// learnFact records that a local equals an operand, unless it is one of those that
// other units see.
func (w *lowering) learnFact(sc *scope, l ir.Local, o operand) {
	if w.c.fuse() && !w.shared[l] && !o.isReg(l) {
		sc.learn(l, o)
	}
}
