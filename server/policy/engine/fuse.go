package engine

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ir"
)

// fusing rewrites the nodes of one unit. Each rewrite removes closures; none
// changes the order in which anything with an effect happens.
type fusing struct {
	c      *compiler
	shared map[ir.Local]bool
	reads  map[ir.Local]int
	muts   map[ir.Local]int // nodes that change a collection
}

func (c *compiler) fuseUnit(nodes []*node, shared map[ir.Local]bool) []*node {
	if !c.fuse() {
		return nodes
	}
	w := &fusing{c: c, shared: shared}
	for range 3 { // what one pass drops makes further values unread
		w.countUses(nodes)
		nodes = w.fuseBlock(nodes)
	}
	return nodes
}

func (w *fusing) countUses(nodes []*node) {
	w.reads, w.muts = map[ir.Local]int{}, map[ir.Local]int{}
	eachNode(nodes, func(n *node) {
		if n.c.kind == inReg && n.op != opScan {
			w.muts[ir.Local(n.c.id)]++
		}
		n.operands(func(o *operand) {
			if o.kind == inReg {
				w.reads[ir.Local(o.id)]++
			}
		})
		if n.op == opOnce {
			w.reads[n.dst]++
		}
		if n.op == opScan { // writes them, does not read them
			w.reads[ir.Local(n.a.id)]--
			w.reads[ir.Local(n.b.id)]--
		}
	})
}

func (w *fusing) unread(l ir.Local) bool {
	return l != noLocal && !w.shared[l] && w.reads[l] == 0
}

func (w *fusing) fuseBlock(nodes []*node) []*node {
	out := nodes[:0:0]
	for _, n := range nodes {
		for i, b := range n.blocks {
			n.blocks[i] = w.fuseBlock(b)
		}
		if w.drop(n) {
			continue
		}
		out = append(out, n)
	}
	out = w.joinNodes(out)
	return w.dropChecks(out)
}

// drop removes assignments that nobody reads, and simplifies nodes by operand.
func (w *fusing) drop(n *node) bool {
	switch n.op {
	case opNop:
		return true
	case opAssign, opReset, opMake:
		return w.unread(n.dst)
	case opScan:
		w.dropScanTargets(n)
	case opDefined:
		if w.unread(n.dst) {
			n.dst = noLocal
		}
		return n.dst == noLocal && n.a.kind == inConst
	case opDot:
		if w.unread(n.dst) {
			n.dst = noLocal
		}
	}
	return false
}

func (w *fusing) dropScanTargets(n *node) {
	if n.a.kind == inReg && w.unread(ir.Local(n.a.id)) {
		n.a = operand{}
	}
	if n.b.kind == inReg && w.unread(ir.Local(n.b.id)) {
		n.b = operand{}
	}
}

// joinNodes joins a predicate with the test that it is not false, and an object
// with the fields that are put into it.
func (w *fusing) joinNodes(nodes []*node) []*node {
	for i, n := range nodes {
		if i+1 < len(nodes) && w.isTest(n, nodes[i+1]) {
			nodes[i+1] = &node{op: opTest, args: n.args, builtin: n.builtin, dst: noLocal, at: n.at}
			nodes[i] = &node{op: opNop, dst: noLocal}
		}
		w.fuseRecord(nodes[i:])
	}
	out := nodes[:0:0]
	for _, n := range nodes {
		if n.op != opNop {
			out = append(out, n)
		}
	}
	return out
}

func isFalse(o operand) bool { return o.kind == inConst && o.val == Value(False) }

// fuseRecord joins `make object` with the insertions of constant string keys that
// follow in the same block, at the place of the last: until then nobody else
// may see the object, and the values must stay.
func (w *fusing) fuseRecord(nodes []*node) {
	first := nodes[0]
	if first.op != opMake || Kind(first.n) != KindObject || w.muts[first.dst] < 2 || w.shared[first.dst] {
		return
	}
	r := &node{op: opRecord, dst: first.dst, at: first.at}
	inserts := w.inserts(nodes, r)
	if inserts == nil {
		return
	}
	sortRecord(r)
	nop := node{op: opNop, dst: noLocal}
	*first = nop
	for _, n := range inserts {
		*n = nop
	}
	*inserts[len(inserts)-1] = *r
}

// inserts collects the keys and values of an object into r, and returns the
// nodes that insert them; nil if not all that changes the object is of that kind.
func (w *fusing) inserts(nodes []*node, r *node) []*node {
	var found []*node
	keys, regs := map[string]bool{}, map[int32]bool{}
	for _, n := range nodes[1:] {
		if n.op == opInsert && n.c.isReg(r.dst) && isString(n.a) && !n.b.isReg(r.dst) && !keys[n.a.val.(*Str).s] {
			keys[n.a.val.(*Str).s] = true
			if n.b.kind == inReg {
				regs[n.b.id] = true
			}
			r.keys, r.args, found = append(r.keys, n.a.val), append(r.args, n.b), append(found, n)
			if len(found) == w.muts[r.dst] {
				return found
			}
		} else if disturbs(n, r.dst, regs) {
			return nil
		}
	}
	return nil
}

// disturbs reports that a node uses the object under construction, or writes
// one of the registers whose values are to go into it.
func disturbs(n *node, object ir.Local, regs map[int32]bool) bool {
	found := false
	eachNode([]*node{n}, func(n *node) {
		n.operands(func(o *operand) { found = found || o.isReg(object) })
		found = found || n.dst == object || n.dst != noLocal && regs[int32(n.dst)]
		if n.op == opScan {
			found = found || n.a.kind == inReg && regs[n.a.id] || n.b.kind == inReg && regs[n.b.id]
		}
	})
	return found
}

func isString(o operand) bool {
	if o.kind != inConst {
		return false
	}
	_, ok := o.val.(*Str)
	return ok
}

// sortRecord puts the keys into Rego's order, so that the object is born sorted.
func sortRecord(r *node) {
	order := make([]int, len(r.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return Compare(r.keys[a], r.keys[b]) })
	keys, args := make([]Value, len(order)), make([]operand, len(order))
	for to, from := range order {
		keys[to], args[to] = r.keys[from], r.args[from]
	}
	r.keys, r.args = keys, args
}

// lookahead bounds how far dropChecks looks. A literal of ten thousand
// references is as many checks in a row.
const lookahead = 64

// dropChecks removes checks that a slot is defined if a later node of the block
// is undefined without it anyway, and only tests that cannot fail lie between:
// which of several tests is undefined first makes no difference. A slot whose
// computation runs rules may raise an error, so it must stay where it is, unless
// it is the next node that computes it.
func (w *fusing) dropChecks(nodes []*node) []*node {
	out := nodes[:0:0]
	for i, n := range nodes {
		if n.op == opDefined && n.dst == noLocal && n.a.kind == inSlot && w.implied(n.a.id, nodes[i+1:]) {
			continue
		}
		out = append(out, n)
	}
	return out
}

func (w *fusing) implied(s int32, rest []*node) bool {
	for _, n := range rest[:min(len(rest), lookahead)] {
		if n.strictIn(w.c, s) {
			return (n.op != opOnce || n.dst != noLocal) && (!w.c.calls(s) || w.c.computesFirst(n, s))
		}
		if !w.c.infallible(n) || w.c.calls(s) {
			return false
		}
	}
	return false
}

// computesFirst reports that a node looks at slot s before anything else that
// may be undefined: the node would end there, and s would not be computed.
func (c *compiler) computesFirst(n *node, s int32) bool {
	if n.op == opDot { // looks at its key first
		return n.b.kind == inConst && c.startsWith(n.a, s)
	}
	first := operand{}
	n.operands(func(o *operand) {
		if first.kind == inNone && o.kind != inConst {
			first = *o
		}
	})
	return c.startsWith(first, s)
}

// startsWith reports that an operand is slot s, or a path below it.
func (c *compiler) startsWith(o operand, s int32) bool {
	for o.kind == inSlot && o.id != s {
		o = c.prog.slots[o.id].parent
	}
	return o.kind == inSlot
}
