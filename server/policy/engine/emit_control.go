package engine

import (
	"github.com/open-policy-agent/opa/v1/ir"
)

// callStep makes the call of a function with arguments.
func (e *emitter) callStep(n *node) step {
	fn, args, d := n.fn, e.ops(n.args), e.dst(n)
	return func(f *frame) int {
		m := f.vm
		if !m.tick(1) {
			return ctlAbort
		}
		if m.depth >= m.prog.opts.MaxDepth {
			m.fail(ErrDepth)
			return ctlAbort
		}
		g := m.enter(fn)
		for i := range args {
			g.regs[fn.params[i]] = f.get(&args[i])
		}
		v := m.apply(fn, g)
		m.depth--
		if d >= 0 {
			f.regs[d] = v
		}
		if v == nil {
			return m.undefined()
		}
		return ctlNext
	}
}

// application is the last call of a function: the same arguments in the same
// generation have the same value. Policies ask `count(f(x)) > 0` and then for
// f(x) itself; arguments are compared by identity, which costs little.
type application struct {
	gen  uint64 // with the vm's mark, as in memo
	args [maxMemoArgs]Value
	val  Value
}

const maxMemoArgs = 3

// apply runs a function whose arguments are in the frame.
func (m *vm) apply(fn *function, g *frame) Value {
	if fn.memo < 0 {
		return fn.exec(g)
	}
	var args [maxMemoArgs]Value
	for i, p := range fn.params {
		args[i] = g.regs[p]
	}
	if last := &m.applied[fn.memo]; last.gen == m.gen && last.args == args {
		return last.val
	}
	v := fn.exec(g)
	if m.err == nil { // who makes a table goes on after errors
		m.applied[fn.memo] = application{gen: m.gen | m.mark, args: args, val: v}
	}
	return v
}

// undefined is the code of a call without a value: it may have failed.
func (m *vm) undefined() int {
	if m.err != nil {
		return ctlAbort
	}
	return ctlUndefined
}

// dynamicStep makes the call of a document that is found by its path. If there is
// none the block ends, and the plan goes on to look at base data; if there is
// one but it is undefined, so is the reference: four blocks end.
func (e *emitter) dynamicStep(n *node) step {
	path, d := e.ops(n.args), e.dst(n)
	root := e.c.prog.dyn
	return func(f *frame) int {
		t := root
		for i := range path {
			t = t.child(f.get(&path[i]))
		}
		if t == nil || t.fn == nil {
			return ctlUndefined
		}
		v := f.vm.slot(t.fn.slot)
		f.set(d, v)
		if v != nil {
			return ctlNext
		}
		if f.vm.err != nil {
			return ctlAbort
		}
		return leavesOfUndefined
	}
}

// notStep succeeds if its block ends early.
func (e *emitter) notStep(n *node) step {
	if b := n.body(); len(b) == 1 && b[0].op == opTruthy {
		id := b[0].a.id
		return func(f *frame) int {
			v := f.vm.slot(id)
			return unless(v == nil || v == Value(False))
		}
	}
	body := e.blockStep(n.body())
	return func(f *frame) int {
		switch c := body(f); {
		case c == ctlNext:
			return ctlUndefined
		case c > 0:
			return c - 1
		default:
			return c
		}
	}
}

func (e *emitter) withStep(n *node) step {
	a, body, path := e.op(n.a), e.blockStep(n.body()), n.keys
	input := ir.Local(n.n) == ir.Input
	return func(f *frame) int {
		m := f.vm
		if !m.tick(1) {
			return ctlAbort
		}
		target := &m.data
		if input {
			target = &m.input
		}
		c := m.runWith(target, m.upsert(*target, path, f.get(a)), body, f)
		if c > 1 {
			return c - 1
		}
		return c
	}
}

// scanStep makes a loop. Of its body's codes 1 goes on with the next element, 2
// ends the loop, more leave blocks around it.
func (e *emitter) scanStep(n *node) step {
	l := loop{k: -1, v: -1, body: e.blockStep(n.body())}
	if n.a.kind == inReg {
		l.k = e.op(n.a).id
	}
	if n.b.kind == inReg {
		l.v = e.op(n.b).id
	}
	src := e.op(n.c)
	return func(f *frame) int {
		switch x := f.get(src).(type) {
		case *Array:
			return l.overArray(f, x)
		case *Set:
			return l.overSet(f, x)
		case *Object:
			return l.overObject(f, x)
		}
		return ctlNext
	}
}

type loop struct {
	k, v int32 // registers, or -1
	body step
}

// over turns the code of the body into that of the loop; next means to go on.
func over(c int) (code int, next bool) {
	switch {
	case c == ctlNext || c == 1:
		return 0, true
	case c == 2:
		return 0, false
	case c > 2:
		return c - 2, false
	}
	return c, false
}

func (l *loop) overArray(f *frame, x *Array) int {
	for i, v := range x.elems {
		if !f.vm.tick(1) {
			return ctlAbort
		}
		if l.k >= 0 {
			f.regs[l.k] = f.vm.arena.newNum(int64(i))
		}
		f.set(l.v, v)
		if code, next := over(l.body(f)); !next {
			return code
		}
	}
	return ctlNext
}

func (l *loop) overSet(f *frame, x *Set) int {
	x.sort()
	for _, v := range x.elems {
		if !f.vm.tick(1) {
			return ctlAbort
		}
		f.set(l.k, v)
		f.set(l.v, v)
		if code, next := over(l.body(f)); !next {
			return code
		}
	}
	return ctlNext
}

func (l *loop) overObject(f *frame, x *Object) int {
	x.sort()
	for i, k := range x.keys {
		if !f.vm.tick(1) {
			return ctlAbort
		}
		f.set(l.k, k)
		f.set(l.v, x.vals[i])
		if code, next := over(l.body(f)); !next {
			return code
		}
	}
	return ctlNext
}
