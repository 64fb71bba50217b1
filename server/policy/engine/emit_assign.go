package engine

// assignStep makes the steps that write registers and collections.
func (e *emitter) assignStep(n *node) step {
	switch n.op {
	case opAssign:
		a, d := e.op(n.a), e.dst(n)
		return func(f *frame) int { f.regs[d] = f.get(a); return ctlNext }
	case opReset:
		d := e.dst(n)
		return func(f *frame) int { f.regs[d] = nil; return ctlNext }
	case opMake:
		return e.makeStep(n)
	case opRecord:
		return e.recordStep(n)
	case opMerge:
		a, b, d := e.op(n.a), e.op(n.b), e.dst(n)
		return func(f *frame) int { f.regs[d] = f.vm.merge(f.get(a), f.get(b)); return ctlNext }
	case opOnce:
		return e.onceStep(n)
	case opAppend:
		return e.appendStep(n)
	case opAdd:
		return e.addStep(n)
	}
	return e.insertStep(n)
}

func (e *emitter) makeStep(n *node) step {
	d := e.dst(n)
	switch Kind(n.n) {
	case KindArray:
		return func(f *frame) int { f.regs[d] = f.vm.arena.newArray(0); return ctlNext }
	case KindObject:
		return func(f *frame) int { f.regs[d] = f.vm.arena.newObject(); return ctlNext }
	}
	return func(f *frame) int { f.regs[d] = f.vm.arena.newSet(); return ctlNext }
}

// recordStep makes an object of fixed keys, which all its instances share.
func (e *emitter) recordStep(n *node) step {
	keys, args, d, idx := n.keys, e.ops(n.args), e.dst(n), newIndex(n.keys)
	return func(f *frame) int {
		o := f.vm.arena.newRecord(keys, idx)
		for i := range args {
			v := f.get(&args[i])
			if v == nil {
				return ctlUndefined
			}
			o.vals = append(o.vals, v)
		}
		f.regs[d] = o
		return ctlNext
	}
}

// succeeded records that a rule succeeded; mark is its number plus 1.
func (m *vm) succeeded(mark int) { m.fired[(mark-1)/64] |= 1 << ((mark - 1) % 64) }

// marked adds the record of a rule's success to a step.
func marked(n *node, s step) step {
	if n.mark == 0 {
		return s
	}
	mark := n.mark
	return func(f *frame) int {
		c := s(f)
		if c == ctlNext || c == ctlReturn {
			f.vm.succeeded(mark)
		}
		return c
	}
}

func (e *emitter) onceStep(n *node) step {
	a, d, at := e.op(n.a), e.dst(n), n.at
	if n.final { // a constant, and no other value is assigned
		v := a.val
		return marked(n, func(f *frame) int {
			if f.regs[d] == nil {
				f.regs[d] = v
			}
			return ctlReturn
		})
	}
	return marked(n, func(f *frame) int {
		v := f.get(a)
		if v == nil {
			return ctlUndefined
		}
		old := f.regs[d]
		if old == nil {
			f.regs[d] = v
			return ctlNext
		}
		if !Equal(old, v) { // else the first stays: 1 and 1.0 are equal
			f.vm.fail(conflict("complete rules must not produce multiple outputs", at))
			return ctlAbort
		}
		return ctlNext
	})
}

func (e *emitter) appendStep(n *node) step {
	a, c := e.op(n.a), e.op(n.c)
	return func(f *frame) int {
		v := f.get(a)
		arr, ok := f.get(c).(*Array)
		if v == nil || !ok {
			return ctlUndefined
		}
		arr.elems = append(arr.elems, v)
		return ctlNext
	}
}

func (e *emitter) addStep(n *node) step {
	a, c := e.op(n.a), e.op(n.c)
	return marked(n, func(f *frame) int {
		v := f.get(a)
		s, ok := f.get(c).(*Set)
		if v == nil || !ok {
			return ctlUndefined
		}
		f.vm.arena.addTo(s, v)
		return ctlNext
	})
}

func (e *emitter) insertStep(n *node) step {
	a, b, c, at, once := e.op(n.a), e.op(n.b), e.op(n.c), n.at, n.op == opOnceIn
	return marked(n, func(f *frame) int {
		k, v := f.get(a), f.get(b)
		o, ok := f.get(c).(*Object)
		if k == nil || v == nil || !ok {
			return ctlUndefined
		}
		if once {
			if old := o.Lookup(k); old != nil && !Equal(old, v) {
				f.vm.fail(conflict("object keys must be unique", at))
				return ctlAbort
			}
		}
		f.vm.arena.insertInto(o, k, v)
		return ctlNext
	})
}

// merge returns the recursive union of two documents. Where both have a value
// that is not an object, a has its way.
func (m *vm) merge(a, b Value) Value {
	if a == nil {
		return b
	}
	x, ok := a.(*Object)
	y, ok2 := b.(*Object)
	if !ok || !ok2 {
		return a
	}
	out := m.arena.newObject()
	for i, k := range x.keys {
		m.arena.insertInto(out, k, m.merge(x.vals[i], y.Lookup(k)))
	}
	for i, k := range y.keys {
		if x.indexOf(k) < 0 {
			m.arena.insertInto(out, k, y.vals[i])
		}
	}
	m.tick(len(out.keys))
	return out
}

// upsert returns base with the value at path replaced; objects on the way are
// copied, or made.
func (m *vm) upsert(base Value, path []Value, v Value) Value {
	if len(path) == 0 {
		return v
	}
	out := m.arena.newObject()
	old := Value(nil)
	if o, ok := base.(*Object); ok {
		for i, k := range o.keys {
			m.arena.insertInto(out, k, o.vals[i])
		}
		old = o.Lookup(path[0])
	}
	m.arena.insertInto(out, path[0], m.upsert(old, path[1:], v))
	return out
}
