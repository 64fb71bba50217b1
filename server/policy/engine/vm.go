package engine

import (
	"context"

	"github.com/open-policy-agent/opa/v1/topdown"
)

// step is a compiled statement or block. It returns a control code, relative
// to the block that contains it:
//
//	0    go on with the next statement
//	n>0  leave n blocks (the plan's `break n-1`); 1 is also how a statement
//	     that is undefined ends its block
//	<0   leave the function: ctlReturn or ctlAbort
//
// Whoever runs a block consumes one level: a code of 1 from a block means that
// the block is done.
type step func(f *frame) int

const (
	ctlNext      = 0
	ctlUndefined = 1
	ctlReturn    = -1
	ctlAbort     = -2 // vm.err is set
)

// vm is the state of one evaluation. It is pooled by its program and used by
// one goroutine at a time.
//
// Paths and documents are memoized in slots, one per value number of the
// program. An entry counts if it carries the current generation, so a new
// evaluation invalidates all of them by counting up. A `with` runs under a
// generation of its own, never used again: generation, input and data belong
// together.
type vm struct {
	prog    *Program
	slots   []memo
	applied []application // by function.memo
	gen     uint64        // the current generation
	gens    uint64        // the last one given out
	table   *table        // of the case, in its first generation
	build   *caseBuilder  // what makes a table, while it uses this vm

	input, data Value

	frames []*frame
	depth  int
	arena  arena

	ctx     context.Context
	left    int64 // steps until the context is looked at
	budget  int64 // steps left after that
	err     error // sticky: the first error
	bierr   error // the first error of a built-in
	bctx    *topdown.BuiltinContext
	stop    func() bool // ends the cancellation of bctx
	buf     []byte      // for strings under construction
	req     Request
	results *Set // of a query
	fired   []uint64

	track *tracking // set while a center is evaluated (see Neighbors)
	mark  uint64    // trackBit then: see memo
}

// memo is the value of a slot in a generation; a nil value is undefined, which
// is remembered like any other. There is no bit that says so: an entry counts if
// its generation is the vm's, and generations are counted from 1.
//
// What a center memoizes carries trackBit beside its generation. No generation
// that is given out has that bit, so the entry equals none, in this evaluation
// and in all later ones: slot always calls compute, which notes what is read, and
// neither slot nor the compiled closures need to ask whether anybody tracks.
// computeTracked alone looks for the marked generation. So it must hold that
//
//   - mark is set before prepare begins a generation, and stays while it runs
//   - whatever memoizes adds mark: slots here, and calls in apply. A call that
//     were remembered without it would hide what it read from its second caller
//   - runWith takes a generation of its own and gives the old one back without
//     clearing slots: no entry of the one can be taken for one of the other
//
// To mark vm.gen itself, instead of the entries, would make them current and
// leave all but the first use of a slot untracked; to ask in slot whether a center
// is evaluated would cost every read of every decision.
type memo struct {
	gen uint64 // with the vm's mark
	val Value
}

// trackBit marks what is memoized while a center is evaluated.
const trackBit = 1 << 63

// frame holds the registers of one call. Frames are reused by depth.
type frame struct {
	vm   *vm
	regs []Value
}

// slotDef says how to compute a slot. Slots are value numbers: equal paths
// from input and data, whatever rule they are in, are one slot.
type slotDef struct {
	fn     *function // the call of a document, or
	parent operand   // parent[key]
	key    operand
	field  *Str // the key, where it is a constant string and the parent no data: the common case
	data   bool // the step is one of a reference that starts at data
}

// quantum is how many steps pass between two looks at the context: some ten
// microseconds of work.
const quantum = 1024

func (m *vm) enter(fn *function) *frame {
	m.depth++
	if m.depth >= len(m.frames) {
		m.frames = append(m.frames, &frame{vm: m})
	}
	f := m.frames[m.depth]
	if cap(f.regs) < fn.nregs {
		f.regs = make([]Value, fn.nregs)
		return f
	}
	f.regs = f.regs[:fn.nregs]
	clear(f.regs)
	return f
}

// call runs a function that has only input and data as arguments.
func (m *vm) call(fn *function) Value {
	if m.left--; m.left < 0 && !m.refill() {
		return nil
	}
	if m.depth >= m.prog.opts.MaxDepth {
		m.fail(ErrDepth)
		return nil
	}
	f := m.enter(fn)
	v := fn.exec(f)
	m.depth--
	return v
}

// slot returns the value of a slot, nil if it is undefined or failed.
func (m *vm) slot(id int32) Value {
	s := &m.slots[id]
	if s.gen == m.gen {
		return s.val
	}
	return m.compute(id)
}

func (m *vm) compute(id int32) Value {
	if m.track != nil {
		return m.track.computeTracked(m, id)
	}
	return m.evaluateSlot(id)
}

// evaluateSlot computes a slot.
func (m *vm) evaluateSlot(id int32) Value {
	d := &m.prog.slots[id]
	var v Value
	switch {
	case m.build != nil:
		return m.build.computeKnown(id)
	case d.fn != nil:
		v = m.call(d.fn)
	default:
		v = m.path(d)
	}
	m.slots[id] = memo{gen: m.gen | m.mark, val: v} // the one it began with: runWith restores it
	return v
}

// path is the value of a slot that is no document.
func (m *vm) path(d *slotDef) Value {
	if d.field != nil {
		if d.parent.kind == inSlot {
			return fieldOf(m.slot(d.parent.id), d.field)
		}
		return fieldOf(m.value(&d.parent), d.field)
	}
	src, key := m.value(&d.parent), Value(nil)
	if src != nil {
		key = m.value(&d.key)
	}
	switch {
	case key == nil:
		return nil
	case d.data:
		return lookupData(src, key)
	}
	return lookup(src, key)
}

// fieldOf is lookup for a string key.
func fieldOf(src Value, key *Str) Value {
	switch x := src.(type) {
	case *Object:
		if i := x.indexOfStr(key); i >= 0 {
			return x.vals[i]
		}
	case *Set:
		return x.find(key)
	}
	return nil
}

// value reads an operand that is no register.
func (m *vm) value(o *operand) Value {
	switch o.kind {
	case inConst:
		return o.val
	case inSlot:
		return m.slot(o.id)
	case inInput:
		if m.build != nil {
			m.fail(errUnknown)
		}
		if m.track != nil {
			m.track.deps |= m.track.bits[wholeInput]
		}
		return m.input
	case inData:
		return m.data
	}
	return nil
}

// get is short enough to be inlined, for registers alone.
func (f *frame) get(o *operand) Value {
	if o.kind == inReg {
		return f.regs[o.id]
	}
	return f.vm.value(o)
}

// tick counts n steps; false means that the evaluation is over.
func (m *vm) tick(n int) bool {
	m.left -= int64(n)
	return m.left >= 0 || m.refill()
}

func (m *vm) refill() bool {
	if m.err != nil {
		return false
	}
	if m.ctx.Err() != nil { // not Done: a context may make its channel when it is asked for it
		m.fail(cancelled(m.ctx))
		return false
	}
	if m.budget+m.left < 0 {
		m.fail(ErrBudget)
		return false
	}
	m.budget += m.left // what was used beyond the quantum
	m.left = min(quantum, m.budget)
	m.budget -= m.left
	return true
}

// fail ends the evaluation with its first error. Loops and calls see it at
// their next step.
func (m *vm) fail(err error) {
	if m.err == nil {
		m.err = err
	}
	m.left, m.budget = -1, 0
}

// runWith runs body under another input or data.
func (m *vm) runWith(target *Value, v Value, body step, f *frame) int {
	if m.build != nil {
		m.fail(errUnknown)
		return ctlAbort
	}
	saved, gen, table := *target, m.gen, m.table
	m.gens++
	*target, m.gen, m.table = v, m.gens, &m.prog.whole
	c := body(f)
	*target, m.gen, m.table = saved, gen, table
	return c
}
