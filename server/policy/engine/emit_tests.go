package engine

// testStep makes the steps that have no effect but on their target.
func (e *emitter) testStep(n *node) step {
	switch n.op {
	case opDefined:
		return e.definedStep(n)
	case opTruthy:
		return e.truthyStep(n)
	case opUndefined:
		a := e.op(n.a)
		return func(f *frame) int { return unless(f.get(a) == nil) }
	case opEqual:
		return e.equalStep(n)
	case opNotEqual:
		return e.notEqualStep(n)
	case opTest:
		return e.predicateStep(n)
	case opKind:
		return e.kindStep(n)
	case opDot:
		return e.dotStep(n)
	}
	a, d := e.op(n.a), e.dst(n)
	return func(f *frame) int {
		f.set(d, f.vm.arena.newNum(int64(length(f.get(a)))))
		return ctlNext
	}
}

// unless is the control code of a test.
func unless(ok bool) int {
	if ok {
		return ctlNext
	}
	return ctlUndefined
}

func (f *frame) set(d int32, v Value) {
	if d >= 0 {
		f.regs[d] = v
	}
}

func (e *emitter) definedStep(n *node) step {
	a, d := e.op(n.a), e.dst(n)
	if d < 0 && a.kind == inSlot {
		id := a.id
		return func(f *frame) int { return unless(f.vm.slot(id) != nil) }
	}
	if a.kind == inSlot {
		id := a.id
		return func(f *frame) int {
			v := f.vm.slot(id)
			f.regs[d] = v // also if undefined: the target must not keep an old value
			return unless(v != nil)
		}
	}
	return func(f *frame) int {
		v := f.get(a)
		f.set(d, v)
		return unless(v != nil)
	}
}

func (e *emitter) truthyStep(n *node) step {
	id := n.a.id
	return func(f *frame) int {
		v := f.vm.slot(id)
		return unless(v != nil && v != Value(False))
	}
}

func (e *emitter) equalStep(n *node) step {
	a, b := e.op(n.a), e.op(n.b)
	if a.kind == inConst {
		a, b = b, a
	}
	if b.kind == inConst {
		return equalConst(a, b.val)
	}
	if n.strict {
		return func(f *frame) int {
			v := f.get(a)
			return unless(v != nil && Equal(v, f.get(b)))
		}
	}
	return func(f *frame) int { return unless(Equal(f.get(a), f.get(b))) }
}

func equalConst(a *operand, want Value) step {
	switch w := want.(type) {
	case *Str:
		return equalString(a, w)
	case *Bool:
		return func(f *frame) int {
			b, ok := f.get(a).(*Bool)
			return unless(ok && b == w)
		}
	}
	return func(f *frame) int { return unless(Equal(f.get(a), want)) }
}

func equalString(a *operand, want *Str) step {
	if a.kind == inSlot {
		id := a.id
		return func(f *frame) int {
			s, ok := f.vm.slot(id).(*Str)
			return unless(ok && s.same(want))
		}
	}
	return func(f *frame) int {
		s, ok := f.get(a).(*Str)
		return unless(ok && s.same(want))
	}
}

func (e *emitter) notEqualStep(n *node) step {
	a, b := e.op(n.a), e.op(n.b)
	if isFalse(*b) {
		return func(f *frame) int { return unless(f.get(a) != Value(False)) }
	}
	return func(f *frame) int { return unless(!Equal(f.get(a), f.get(b))) }
}

func (e *emitter) kindStep(n *node) step {
	a, k := e.op(n.a), Kind(n.n)
	return func(f *frame) int {
		v := f.get(a)
		return unless(v != nil && v.Kind() == k)
	}
}

func (e *emitter) dotStep(n *node) step {
	a, b, d := e.op(n.a), e.op(n.b), e.dst(n)
	if n.a.data {
		return func(f *frame) int {
			v := Value(nil)
			if key := f.get(b); key != nil {
				v = lookupData(f.get(a), key)
			}
			f.set(d, v)
			return unless(v != nil)
		}
	}
	if isString(*b) {
		return dotString(a, b.val.(*Str), d)
	}
	return func(f *frame) int {
		v := Value(nil)
		if key := f.get(b); key != nil {
			if t := f.vm.track; t != nil {
				v = t.lookupTracked(f, a, key)
			} else {
				v = lookup(f.get(a), key)
			}
		}
		f.set(d, v)
		return unless(v != nil)
	}
}

func dotString(a *operand, key *Str, d int32) step {
	return func(f *frame) int {
		v := fieldOf(f.get(a), key)
		f.set(d, v)
		return unless(v != nil)
	}
}
