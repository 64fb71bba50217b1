package engine

import (
	"context"
	"slices"
)

// Neighbors evaluates an entrypoint for many inputs that differ in few fields
// from one, the center: what the center's evaluation found without them is not
// found again. It is not safe for concurrent use.
//
// A field is a key of the input, or of one of its records, such as
// subject.erasure. While the center is evaluated, each slot notes the fields
// that it depends on, by itself or by what it uses. A neighbor starts with the
// slots that depend on no field that changed. Which fields changed is the
// caller's to say: one that is forgotten has its old value, or its new one.
type Neighbors struct {
	entry *Entrypoint
	m     *vm
	track *tracking
	known []knownSlot // what the center computed
	read  Fields      // what its outcome depends on
	other arena       // the one not in use: the center's values outlive those of its neighbors
}

// Fields is a set of fields.
type Fields uint64

// AllFields is every field.
const AllFields = ^Fields(0)

// knownSlot is a slot of the center.
type knownSlot struct {
	id   int32
	deps Fields
	val  Value
}

// Fields that the program names have a bit of their own, up to maxFieldBit, which
// all further ones share. Keys that it makes up while it runs, such as those
// that a function is given, share the rest by their hash.
const (
	maxFieldBit = 47
	dynamicBits = AllFields &^ (1<<(maxFieldBit+1) - 1)
)

// tracking notes what values depend on while an evaluation runs: every use of a
// slot then comes by compute, as nothing that is memoized is current (see memo).
type tracking struct {
	records []string
	bits    map[fieldName]Fields
	slots   []trackedSlot
	deps    Fields // what was read so far by whatever is being computed
}

// fieldName is a field of a record or, without key, all other reading of the
// record, or a key of the input that is none. Without both it is the input.
type fieldName struct{ record, key string }

var wholeInput fieldName

// trackedSlot is what is known of a slot.
type trackedSlot struct {
	own    Fields // read by the slot itself
	exact  bool   // and nothing else: it is a field by a constant key
	record bool   // it is a record: what is below it is read by field
	deps   Fields // what the value depends on
}

// Neighbors returns an evaluation of neighbors that tells apart the fields of
// the named records of the input, and its other keys.
func (e *Entrypoint) Neighbors(records ...string) *Neighbors {
	p := e.prog
	t := &tracking{records: records, bits: map[fieldName]Fields{}, slots: make([]trackedSlot, len(p.slots))}
	t.bit(wholeInput)
	for id := range p.slots {
		t.slots[id] = t.readsOf(p, &p.slots[id])
	}
	return &Neighbors{entry: e, m: p.newVM(), track: t, read: AllFields}
}

// readsOf finds what a slot reads by itself. It comes after its parent.
func (t *tracking) readsOf(p *Program, d *slotDef) trackedSlot {
	record, key := "", d.key.constant()
	switch {
	case d.fn != nil:
		return trackedSlot{}
	case d.parent.kind == inSlot && t.slots[d.parent.id].record:
		record = p.slots[d.parent.id].key.constant()
	case d.parent.kind != inInput:
		return trackedSlot{}
	}
	if key == "" {
		return trackedSlot{own: t.bit(fieldName{record: record})}
	}
	if record == "" {
		return trackedSlot{own: t.bit(fieldName{record: key}), exact: true, record: slices.Contains(t.records, key)}
	}
	return trackedSlot{own: t.bit(fieldName{record, key}), exact: true}
}

// constant is the string that an operand is, if it is one.
func (o *operand) constant() string {
	if s, ok := o.val.(*Str); ok && o.kind == inConst {
		return s.s
	}
	return ""
}

// bit returns the bit of a field, a new one where it has none.
func (t *tracking) bit(name fieldName) Fields {
	b, ok := t.bits[name]
	if !ok {
		b = 1 << min(len(t.bits), maxFieldBit)
		t.bits[name] = b
	}
	return b
}

// dynamicBit is that of a field that the program does not name.
func (t *tracking) dynamicBit(record string, key *Str) Fields {
	if b, ok := t.bits[fieldName{record, key.s}]; ok {
		return b
	}
	return 1 << (maxFieldBit + 1 + key.hash()>>1%(63-maxFieldBit))
}

// lookupTracked looks a key up, noting which if it is one of a record.
func (t *tracking) lookupTracked(f *frame, a *operand, key Value) Value {
	s, ok := key.(*Str)
	if !ok || a.kind != inSlot || !t.slots[a.id].record {
		return lookup(f.get(a), key)
	}
	deps := t.deps
	src := f.get(a)
	t.deps = deps | t.dynamicBit(f.vm.prog.slots[a.id].key.constant(), s)
	return lookup(src, key)
}

// Field is the set of what depends on a key of the input or, if key is not empty,
// on that key of a record.
func (n *Neighbors) Field(record, key string) Fields {
	t := n.track
	f := t.bits[wholeInput]
	if key == "" {
		f |= dynamicBits
	} else {
		f |= t.dynamicBit(record, newString(key))
	}
	for k, b := range t.bits {
		if k.record == record && (k.key == "" || key == "") {
			f |= b
		}
	}
	return f
}

// Read is what the center's outcome depends on: a neighbor of which none of it
// changed has the same.
func (n *Neighbors) Read() Fields { return n.read }

// Center is Eval (see Entrypoint) of a new center. Its input must stay as it is
// until the next one. After an error nothing is known, and all is read.
func (n *Neighbors) Center(ctx context.Context, req Request, use func(Result) error) error {
	m, t := n.m, n.track
	n.known, n.read = n.known[:0], AllFields
	m.arena, n.other = n.other, m.arena
	m.arena.reset(m.prog.opts.MaxRetained)
	t.deps, m.track, m.mark = 0, t, trackBit
	m.prepare(ctx, req, &m.prog.whole) // a table would hide what is read
	v, err := m.evaluate(n.entry.fn)
	m.track, m.mark = nil, 0
	if err == nil {
		n.remember()
		err = use(Result{Value: v, vm: m})
	}
	m.arena, n.other = n.other, m.arena
	n.endEval(err)
	return err
}

func (n *Neighbors) remember() {
	n.read = n.track.deps
	for id := range n.m.slots {
		s := &n.m.slots[id]
		if t := &n.track.slots[id]; s.gen == n.m.gen|trackBit && !t.record {
			n.known = append(n.known, knownSlot{id: int32(id), deps: t.deps, val: s.val})
		}
	}
}

// Eval evaluates for an input of which only the changed fields may differ from
// the center's. The values of other fields must be the center's own.
func (n *Neighbors) Eval(ctx context.Context, req Request, changed Fields, use func(Result) error) error {
	m := n.m
	m.arena.reset(m.prog.opts.MaxRetained)
	m.prepare(ctx, req, n.entry.caseOf(req.Input))
	for i := range n.known {
		if k := &n.known[i]; k.deps&changed == 0 {
			m.slots[k.id] = memo{gen: m.gen, val: k.val}
		}
	}
	v, err := m.evaluate(n.entry.fn)
	if err == nil {
		err = use(Result{Value: v, vm: m})
	}
	n.endEval(err)
	return err
}

// endEval ends an evaluation. After a panic the state of what ran is unknown.
func (n *Neighbors) endEval(err error) {
	n.m.release()
	if _, ok := err.(*PanicError); ok {
		n.m, n.other = n.entry.prog.newVM(), arena{}
		n.known, n.read = n.known[:0], AllFields
	}
}

// computeTracked is vm.compute, noting what the value depends on.
func (t *tracking) computeTracked(m *vm, id int32) Value {
	s := &t.slots[id]
	if known := &m.slots[id]; known.gen == m.gen|trackBit {
		t.deps |= s.deps
		return known.val
	}
	outer := t.deps
	t.deps = 0
	v := m.evaluateSlot(id)
	if s.exact {
		t.deps = 0
	}
	s.deps = t.deps | s.own
	t.deps = outer | s.deps
	return v
}
