package engine

import (
	"context"
	"errors"
	"math"
	"slices"
)

// errUnknown ends the evaluation, for a table, of what reads what the case does
// not know.
var errUnknown = errors.New("not known in this case")

// caseSteps bounds the evaluation of one document for a table.
const caseSteps = 2000

// caseBuilder makes the table of a case. It evaluates, callees first, every document
// that an entrypoint may need. To read what the case does not know is an error,
// here, and then the document is not known either; whatever comes out without
// one does so in all evaluations of the case.
type caseBuilder struct {
	m       *vm
	unknown []bool      // by slot: that it cannot be computed
	left    [][]remains // by function.id; nil: not looked at
	room    []remains   // where these are
	t       *table
}

// table makes the table of a case from the values that the paths have in one
// evaluation of it.
func (e *Entrypoint) table(key caseKey, vals []Value) (t *table) {
	p := e.prog
	t = &table{key: key, spans: make([]span, len(p.order))}
	b := &caseBuilder{
		unknown: make([]bool, len(p.slots)), left: make([][]remains, len(p.order)), room: make([]remains, 0, 2*len(p.order)), t: t,
	}
	b.m = &vm{
		prog: p, slots: make([]memo, len(p.slots)), applied: make([]application, p.memos), arena: arena{heap: true},
		ctx: context.Background(), data: p.data, table: &p.whole, gen: 1, gens: 1, build: b,
	}
	b.m.frames = []*frame{{vm: b.m, regs: make([]Value, 0, 64)}}
	defer func() {
		if recover() != nil { // as it will in the evaluation, which reports it
			t = &table{key: key, spans: p.whole.spans}
		}
	}()
	b.learnAspects(vals)
	for _, fn := range e.needed {
		b.examine(fn)
	}
	b.fillTable()
	return t
}

// needed returns what a function may call, and itself, callees first.
func (p *Program) needed(fn *function) (out []*function) {
	seen := make([]bool, len(p.order))
	seen[fn.id] = true
	for id := fn.id; id >= 0; id-- {
		if seen[id] {
			out = append(out, p.order[id])
			for _, c := range p.order[id].calls {
				seen[c.id] = true
			}
		}
	}
	slices.Reverse(out)
	return out
}

func (b *caseBuilder) setSlot(slot int32, v Value) { b.m.slots[slot] = memo{gen: b.m.gen, val: v} }

func (b *caseBuilder) isKnown(slot int32) bool { return b.m.slots[slot].gen == b.m.gen }

// begin makes the vm forget how the last evaluation ended.
func (b *caseBuilder) begin(fn *function) *frame {
	b.clear()
	b.m.depth = -1
	return b.m.enter(fn)
}

func (b *caseBuilder) clear() {
	b.m.err, b.m.bierr, b.m.left, b.m.budget = nil, nil, 0, caseSteps
}

// learnAspects sets what the aspects say of the paths.
func (b *caseBuilder) learnAspects(vals []Value) {
	for i, v := range vals {
		slot, a := b.m.prog.cases.paths[i].slot, b.t.key.aspects[i]
		switch o, isObject := v.(*Object); {
		case a == anyValue:
		case a == aspect(emptyObject):
			b.setSlot(slot, emptyObject)
		case a == aspect(emptyArray):
			b.setSlot(slot, emptyArray)
		case isObject:
			b.absent(slot, o)
		default:
			b.setSlot(slot, v)
		}
	}
}

// absent makes the fields that a record lacks undefined.
func (b *caseBuilder) absent(slot int32, o *Object) {
	for id := range b.m.prog.slots {
		d := &b.m.prog.slots[id]
		if d.field != nil && d.parent.kind == inSlot && d.parent.id == slot && o.indexOfStr(d.field) < 0 {
			b.setSlot(int32(id), nil)
		}
	}
}

// computeKnown is the builder's way to compute a slot.
func (b *caseBuilder) computeKnown(id int32) Value {
	m := b.m
	if m.err != nil {
		return nil
	}
	d := &m.prog.slots[id]
	if b.unknown[id] || d.fn != nil { // a document is known by now, or never
		m.fail(errUnknown)
		return nil
	}
	v := m.path(d)
	if m.err != nil {
		b.unknown[id] = true
		return nil
	}
	b.setSlot(id, v)
	return v
}

// examine finds out what is left of a function, and the value of a document.
func (b *caseBuilder) examine(fn *function) {
	b.left[fn.id] = b.leftOf(fn)
	if fn.slot < 0 {
		return
	}
	v, ok := fn.constant, fn.folded
	if !ok {
		v, ok = b.evaluateDocument(fn)
	}
	if ok {
		b.setSlot(fn.slot, v)
	}
}

func (b *caseBuilder) evaluateDocument(fn *function) (Value, bool) {
	f := b.begin(fn)
	for _, l := range b.left[fn.id] {
		c := l.run(f)
		if b.m.err != nil || b.m.bierr != nil {
			return nil, false
		}
		if c == ctlReturn {
			break
		}
	}
	return f.regs[fn.ret], true
}

// fillTable puts into the table what evaluations of the case read and run.
func (b *caseBuilder) fillTable() {
	b.t.known, b.t.vals = make([]int32, 0, 64), make([]Value, 0, 64)
	b.t.steps = make([]step, 0, len(b.room))
	reached := &reach{b: b, slots: make([]bool, len(b.unknown)), fns: make([]bool, len(b.left))}
	reached.reachFunction(b.t.key.fn)
	for id, yes := range reached.slots {
		if yes && b.isKnown(int32(id)) {
			sortDeep(b.m.slots[id].val)
			b.t.known = append(b.t.known, int32(id))
			b.t.vals = append(b.t.vals, b.m.slots[id].val)
		}
	}
	for _, fn := range b.m.prog.order[:b.t.key.fn.id+1] {
		if reached.fns[fn.id] {
			b.span(fn)
		}
	}
	b.t.known, b.t.vals, b.t.steps = slices.Clone(b.t.known), slices.Clone(b.t.vals), slices.Clone(b.t.steps)
}

func (b *caseBuilder) span(fn *function) {
	left, t := b.left[fn.id], b.t
	if left == nil || len(t.steps)+len(left) >= math.MaxUint16 {
		return // all units, then
	}
	t.spans[fn.id] = span{from: uint16(len(t.steps)), n: uint16(len(left) + 1)}
	for _, l := range left {
		t.steps = append(t.steps, l.run)
	}
}

// reach is what evaluations of a case may read and run.
type reach struct {
	b     *caseBuilder
	slots []bool
	fns   []bool // by function.id
}

func (r *reach) reachFunction(fn *function) {
	if r.fns[fn.id] {
		return
	}
	r.fns[fn.id] = true
	for _, l := range r.b.left[fn.id] {
		for _, s := range l.slots {
			r.reachSlot(s)
		}
		for _, c := range l.calls {
			r.reachFunction(c)
		}
	}
}

func (r *reach) reachSlot(id int32) {
	if r.slots[id] {
		return
	}
	r.slots[id] = true
	if !r.b.isKnown(id) { // paths that only evaluations have read so far
		r.b.clear()
		r.b.m.slot(id)
	}
	d := &r.b.m.prog.slots[id]
	switch {
	case r.b.isKnown(id):
	case d.fn != nil:
		r.reachFunction(d.fn)
	default:
		for _, o := range []operand{d.parent, d.key} {
			if o.kind == inSlot {
				r.reachSlot(o.id)
			}
		}
	}
}

// sortDeep sorts what a value consists of, so that evaluations can share it.
func sortDeep(v Value) {
	switch x := v.(type) {
	case *Array:
		sortAllDeep(x.elems)
	case *Set:
		sortAllDeep(x.elems)
		x.sort()
	case *Object:
		sortAllDeep(x.keys)
		sortAllDeep(x.vals)
		x.sort()
	}
}

func sortAllDeep(vals []Value) {
	for _, v := range vals {
		sortDeep(v)
	}
}
