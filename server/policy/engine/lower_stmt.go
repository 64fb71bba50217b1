package engine

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ir"
)

// lowerSimple lowers a statement without nested blocks. A nil node means that
// nothing is left to do.
func (w *lowering) lowerSimple(s ir.Stmt, sc *scope) *node {
	switch s := s.(type) {
	case *ir.DotStmt:
		return w.lowerDot(s, sc)
	case *ir.CallStmt:
		return w.lowerCall(s, sc)
	case *ir.CallDynamicStmt:
		return w.lowerDynamic(s, sc)
	case *ir.ReturnLocalStmt:
		return &node{op: opReturn, a: w.local(s.Source, sc), dst: noLocal}
	case *ir.BreakStmt:
		return &node{op: opBreak, n: int(s.Index), dst: noLocal}
	case *ir.ResultSetAddStmt:
		return &node{op: opResult, a: w.local(s.Value, sc), dst: noLocal}
	case *ir.ObjectMergeStmt:
		a, b := w.local(s.A, sc), w.local(s.B, sc)
		n := w.target(opMerge, s.Target, sc)
		n.a, n.b = a, b
		return n
	}
	if n, ok := w.lowerAssigning(s, sc); ok {
		return n
	}
	if n, ok := w.lowerBuilding(s, sc); ok {
		return n
	}
	return w.lowerTesting(s, sc)
}

func (w *lowering) lowerAssigning(s ir.Stmt, sc *scope) (*node, bool) {
	switch s := s.(type) {
	case *ir.AssignVarStmt:
		return w.lowerAssign(s.Target, w.operand(s.Source, sc), sc), true
	case *ir.AssignVarOnceStmt:
		src := w.operand(s.Source, sc)
		n := w.target(opOnce, s.Target, sc)
		n.a = src
		return n, true
	case *ir.AssignIntStmt:
		return w.lowerAssign(s.Target, konst(Int(s.Value)), sc), true
	case *ir.MakeNumberIntStmt:
		return w.lowerAssign(s.Target, konst(Int(s.Value)), sc), true
	case *ir.MakeNumberRefStmt:
		return w.lowerAssign(s.Target, konst(numberOf(w.c.policy.Static.Strings[s.Index].Value)), sc), true
	case *ir.MakeNullStmt:
		return w.lowerAssign(s.Target, konst(NullValue), sc), true
	case *ir.ResetLocalStmt:
		return w.target(opReset, s.Target, sc), true
	case *ir.LenStmt:
		src := w.operand(s.Source, sc)
		n := w.target(opLen, s.Target, sc)
		n.a = src
		return n, true
	}
	return nil, false
}

// lowerAssign makes the target a copy. The fact is about the value alone: that it
// was reached from data is not inherited.
func (w *lowering) lowerAssign(dst ir.Local, src operand, sc *scope) *node {
	n := w.target(opAssign, dst, sc)
	n.a = src
	src.data = false
	w.learnFact(sc, dst, src)
	return n
}

func (w *lowering) lowerTesting(s ir.Stmt, sc *scope) *node {
	n := &node{dst: noLocal}
	switch s := s.(type) {
	case *ir.EqualStmt:
		n.op, n.a, n.b = opEqual, w.operand(s.A, sc), w.operand(s.B, sc)
		n.strict = isDefined(sc, n.a) && isDefined(sc, n.b)
	case *ir.NotEqualStmt:
		return w.lowerNotEqual(w.operand(s.A, sc), w.operand(s.B, sc), sc)
	case *ir.IsArrayStmt:
		n.op, n.a, n.n = opKind, w.operand(s.Source, sc), int(KindArray)
	case *ir.IsObjectStmt:
		n.op, n.a, n.n = opKind, w.operand(s.Source, sc), int(KindObject)
	case *ir.IsSetStmt:
		n.op, n.a, n.n = opKind, w.operand(s.Source, sc), int(KindSet)
	case *ir.IsDefinedStmt:
		n.op, n.a = opDefined, w.local(s.Source, sc)
	case *ir.IsUndefinedStmt:
		n.op, n.a = opUndefined, w.local(s.Source, sc)
	default:
		panic(unsupported(fmt.Sprintf("statement %T", s)))
	}
	return n
}

func (w *lowering) lowerNotEqual(a, b operand, sc *scope) *node {
	if a.kind == inSlot && sc.defined[a.id] && b.kind == inConst && b.val == Value(False) {
		return &node{op: opTruthy, a: a, dst: noLocal}
	}
	return &node{op: opNotEqual, a: a, b: b, dst: noLocal}
}

func isDefined(sc *scope, o operand) bool {
	return o.kind == inConst || o.kind == inSlot && sc.defined[o.id]
}

// lowerDot lowers target = source[key].
func (w *lowering) lowerDot(s *ir.DotStmt, sc *scope) *node {
	src, key := w.operand(s.Source, sc), w.operand(s.Key, sc)
	if w.c.fuse() && src.kind == inConst && key.kind == inConst {
		return w.folded(s.Target, lookupConst(src, key), src.data, sc)
	}
	if w.c.opts.NoSlots || src.kind == inReg || key.kind == inReg {
		n := w.target(opDot, s.Target, sc)
		n.a, n.b = src, key
		if src.data {
			sc.reached(s.Target)
		}
		return n
	}
	return w.lowerPath(s.Target, w.c.slotOf(src, key), src.data, sc)
}

func lookupConst(src, key operand) Value {
	if src.data {
		return lookupData(src.val, key.val)
	}
	return lookup(src.val, key.val)
}

// folded makes the target a constant, or the block undefined.
func (w *lowering) folded(dst ir.Local, v Value, data bool, sc *scope) *node {
	if v == nil {
		sc.forget(dst)
		return &node{op: opBreak, dst: noLocal}
	}
	n := w.target(opAssign, dst, sc)
	n.a = konst(v)
	w.learnFact(sc, dst, operand{kind: inConst, val: v, data: data})
	if data {
		sc.reached(dst)
	}
	return n
}

// lowerPath makes the target the value of a slot, which must be defined.
func (w *lowering) lowerPath(dst ir.Local, slot int32, data bool, sc *scope) *node {
	op := opDefined
	if sc.defined[slot] {
		op = opAssign
	}
	n := w.target(op, dst, sc)
	n.a = slotted(slot)
	w.c.known(sc, slot)
	if data {
		sc.reached(dst)
	}
	w.learnFact(sc, dst, operand{kind: inSlot, id: slot, data: data})
	return n
}

func (w *lowering) lowerCall(s *ir.CallStmt, sc *scope) *node {
	args := make([]operand, len(s.Args))
	for i, a := range s.Args {
		args[i] = w.operand(a, sc)
	}
	fn := w.c.prog.funcs[s.Func]
	if fn == nil {
		n := w.target(opBuiltin, s.Result, sc)
		n.args, n.builtin = args, w.c.builtin(s.Func)
		return n
	}
	if !passesDocuments(s.Args) {
		panic(unsupported("call with other documents than input and data"))
	}
	w.fn.calls = append(w.fn.calls, fn)
	if fn.folded {
		return w.folded(s.Result, fn.constant, false, sc)
	}
	if fn.arity() == 0 {
		return w.lowerDocument(s, fn, sc)
	}
	n := w.target(opCall, s.Result, sc)
	n.args, n.fn = args[documentParams:], fn
	return n
}

func (w *lowering) lowerDocument(s *ir.CallStmt, fn *function, sc *scope) *node {
	if !w.c.opts.NoSlots && w.c.fuse() {
		return w.lowerPath(s.Result, fn.slot, false, sc)
	}
	n := w.target(opDefined, s.Result, sc)
	n.a = slotted(fn.slot)
	return n
}

func (w *lowering) lowerDynamic(s *ir.CallDynamicStmt, sc *scope) *node {
	path := make([]operand, len(s.Path))
	for i, p := range s.Path {
		path[i] = w.operand(p, sc)
	}
	if w.c.withArgs.matches(path) {
		panic(unsupported(unpassed))
	}
	w.fn.dynamic = true
	n := w.target(opDynamic, s.Result, sc)
	n.args = path
	return n
}

// lowerBuilding lowers the statements that make collections. A collection of
// constants alone becomes a constant when its last element is in.
func (w *lowering) lowerBuilding(s ir.Stmt, sc *scope) (*node, bool) {
	switch s := s.(type) {
	case *ir.MakeArrayStmt:
		return w.lowerMake(s.Target, KindArray, sc), true
	case *ir.MakeObjectStmt:
		return w.lowerMake(s.Target, KindObject, sc), true
	case *ir.MakeSetStmt:
		return w.lowerMake(s.Target, KindSet, sc), true
	case *ir.ArrayAppendStmt:
		n := &node{op: opAppend, a: w.operand(s.Value, sc), c: reg(s.Array), dst: noLocal}
		return w.collectElement(s.Array, n, sc), true
	case *ir.SetAddStmt:
		n := &node{op: opAdd, a: w.operand(s.Value, sc), c: reg(s.Set), dst: noLocal}
		return w.collectElement(s.Set, n, sc), true
	case *ir.ObjectInsertStmt:
		n := &node{op: opInsert, a: w.operand(s.Key, sc), b: w.operand(s.Value, sc), c: reg(s.Object), dst: noLocal}
		return w.collectElement(s.Object, n, sc), true
	case *ir.ObjectInsertOnceStmt:
		n := &node{op: opOnceIn, a: w.operand(s.Key, sc), b: w.operand(s.Value, sc), c: reg(s.Object), dst: noLocal}
		return w.collectElement(s.Object, n, sc), true
	}
	return nil, false
}

func (w *lowering) lowerMake(dst ir.Local, k Kind, sc *scope) *node {
	n := w.target(opMake, dst, sc)
	n.n = int(k)
	if !w.c.fuse() || w.shared[dst] {
		return n
	}
	lit := &literal{nodes: []*node{n}, left: w.muts[dst], value: newCollection(k)}
	if lit.left == 0 {
		w.complete(dst, lit, sc)
		return n
	}
	sc.pending[dst] = lit
	return n
}

func newCollection(k Kind) Value {
	switch k {
	case KindArray:
		return &Array{}
	case KindObject:
		return &Object{sorted: true}
	}
	return &Set{sorted: true}
}

// collectElement adds an element to a literal, if it is one.
func (w *lowering) collectElement(dst ir.Local, n *node, sc *scope) *node {
	lit := sc.pending[dst]
	if lit == nil {
		return n
	}
	if !lit.accept(n) {
		delete(sc.pending, dst)
		return n
	}
	lit.nodes = append(lit.nodes, n)
	if lit.left--; lit.left == 0 {
		w.complete(dst, lit, sc)
	}
	return n
}

// complete turns the nodes that built a literal into one assignment. It is the
// last node: the value is not visible before.
func (w *lowering) complete(dst ir.Local, lit *literal, sc *scope) {
	delete(sc.pending, dst)
	v := freeze(w.c.sym, lit.value)
	for _, n := range lit.nodes {
		*n = node{op: opNop, dst: noLocal}
	}
	last := lit.nodes[len(lit.nodes)-1]
	*last = node{op: opAssign, dst: dst, a: konst(v)}
	w.learnFact(sc, dst, konst(v))
}

// accept applies a node to the literal; false means that it is none.
func (l *literal) accept(n *node) bool {
	if n.a.kind != inConst || n.op != opAppend && n.op != opAdd && n.b.kind != inConst {
		return false
	}
	switch v := l.value.(type) {
	case *Array:
		v.elems = append(v.elems, n.a.val)
	case *Set:
		v.add(n.a.val)
	case *Object:
		if n.op != opInsert {
			return false
		}
		v.insert(n.a.val, n.b.val)
	}
	return true
}
