package engine

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ir"
)

// emitter turns the nodes of one function into closures. Locals that are left
// get registers as they come up; most have gone.
type emitter struct {
	c    *compiler
	fn   *function
	regs map[ir.Local]int32

	shared map[ir.Local]bool
}

func (e *emitter) register(l ir.Local) int32 {
	r, ok := e.regs[l]
	if !ok {
		r = int32(len(e.regs))
		e.regs[l] = r
	}
	return r
}

// dst returns the register of a target, -1 if there is none.
func (e *emitter) dst(n *node) int32 {
	if n.dst == noLocal {
		return -1
	}
	return e.register(n.dst)
}

// op resolves the register of an operand.
func (e *emitter) op(o operand) *operand {
	if o.kind == inReg {
		o.id = e.register(ir.Local(o.id))
	}
	return &o
}

func (e *emitter) ops(os []operand) []operand {
	out := make([]operand, len(os))
	for i, o := range os {
		out[i] = *e.op(o)
	}
	return out
}

// items makes the units of a function; runs of guarded rules become one.
func (e *emitter) items(items []item) []part {
	var parts []part
	for len(items) > 0 {
		if r := e.c.runAt(items); len(r.guards) > 0 {
			parts = append(parts, e.dispatchPart(r, items[:len(r.guards)]))
			e.c.prog.stats.Dispatched += len(r.guards)
			items = items[len(r.guards):]
			continue
		}
		parts = append(parts, e.itemPart(items[0]))
		items = items[1:]
	}
	return parts
}

func (e *emitter) itemPart(it item) part {
	if !it.chain {
		return e.part(it.sole())
	}
	var p part
	for _, b := range it.blocks {
		p.branches = append(p.branches, e.part(b))
	}
	p.run = chainStep(p.branches)
	return p
}

// dispatchPart makes the unit of a run of guarded rules.
func (e *emitter) dispatchPart(r run, items []item) part {
	p := part{run: e.dispatchStep(r, items)}
	blocks := make([][]*node, len(items))
	for i, it := range items {
		blocks[i] = it.sole()
	}
	p.noteReads(blocks...)
	return p
}

// dispatchStep makes one step of a run of guarded rules: it looks the slot's value
// up and runs the rules that have it, in their order.
func (e *emitter) dispatchStep(r run, items []item) step {
	table := map[string][]step{}
	for i, it := range items {
		g := r.guards[i]
		s := e.blockStep(without(it.sole(), g.node))
		for _, k := range g.keys {
			table[k.s] = append(table[k.s], s)
		}
	}
	byIdentity := map[*Str][]step{}
	for s, steps := range table {
		byIdentity[e.c.sym.intern(s)] = steps
	}
	slot, sym := r.slot, e.c.sym
	return func(f *frame) int {
		s, ok := f.vm.slot(slot).(*Str)
		if !ok {
			return ctlNext
		}
		steps := byIdentity[s]
		if s.tab != sym.id {
			steps = table[s.s]
		}
		for _, st := range steps {
			if c := st(f); c < 0 {
				return c
			}
		}
		return ctlNext
	}
}

func without(nodes []*node, drop *node) []*node {
	var out []*node
	for _, n := range nodes {
		if n != drop {
			out = append(out, n)
		}
	}
	return out
}

// blockStep makes the step that runs nodes one after the other.
func (e *emitter) blockStep(nodes []*node) step { return sequence(e.steps(nodes)) }

func (e *emitter) steps(nodes []*node) []step {
	steps := make([]step, 0, len(nodes))
	for _, n := range nodes {
		if n.op != opNop {
			steps = append(steps, e.nodeStep(n))
		}
	}
	return steps
}

func sequence(steps []step) step {
	switch len(steps) {
	case 0:
		return func(*frame) int { return ctlNext }
	case 1:
		return steps[0]
	case 2:
		a, b := steps[0], steps[1]
		return func(f *frame) int {
			if c := a(f); c != 0 {
				return c
			}
			return b(f)
		}
	case 3:
		return sequence3(steps[0], steps[1], steps[2])
	}
	return func(f *frame) int {
		for _, s := range steps {
			if c := s(f); c != 0 {
				return c
			}
		}
		return ctlNext
	}
}

func sequence3(a, b, c step) step {
	return func(f *frame) int {
		if c := a(f); c != 0 {
			return c
		}
		if c := b(f); c != 0 {
			return c
		}
		return c(f)
	}
}

// blocksStep makes the step of a block statement.
func (e *emitter) blocksStep(blocks [][]*node) step {
	var bodies []step
	for _, b := range blocks {
		bodies = append(bodies, e.blockStep(b))
	}
	return alternatives(bodies)
}

// alternatives runs each block in turn; a code of more than 1 leaves them all.
func alternatives(bodies []step) step {
	if len(bodies) == 1 {
		body := bodies[0]
		return func(f *frame) int {
			c := body(f)
			if c > 0 {
				return c - 1
			}
			return c
		}
	}
	return func(f *frame) int {
		for _, b := range bodies {
			c := b(f)
			if c < 0 {
				return c
			}
			if c > 1 {
				return c - 1
			}
		}
		return ctlNext
	}
}

func (e *emitter) nodeStep(n *node) step {
	switch {
	case n.op <= lastTest:
		return e.testStep(n)
	case n.op <= lastAssignment:
		return e.assignStep(n)
	}
	switch n.op {
	case opCall:
		return e.callStep(n)
	case opBuiltin:
		return e.builtinStep(n)
	case opDynamic:
		return e.dynamicStep(n)
	case opBlock:
		return e.blocksStep(n.blocks)
	case opScan:
		return e.scanStep(n)
	case opNot:
		return e.notStep(n)
	case opWith:
		return e.withStep(n)
	case opBreak:
		code := n.n + 1
		return func(*frame) int { return code }
	case opReturn:
		return e.returnStep(n)
	case opResult:
		return e.resultStep(n)
	}
	panic(unsupported(fmt.Sprintf("node %d", n.op)))
}

func (e *emitter) returnStep(n *node) step {
	a, ret := e.op(n.a), e.fn.ret
	return func(f *frame) int {
		f.regs[ret] = f.get(a)
		return ctlReturn
	}
}

func (e *emitter) resultStep(n *node) step {
	a := e.op(n.a)
	return func(f *frame) int {
		f.vm.arena.addTo(f.vm.results, f.get(a))
		return ctlNext
	}
}
