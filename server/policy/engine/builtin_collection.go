package engine

func arrayConcat(m *vm, a, b Value) Value {
	x, ok := a.(*Array)
	y, ok2 := b.(*Array)
	if !ok || !ok2 {
		return delegate
	}
	switch {
	case len(x.elems) == 0:
		return y
	case len(y.elems) == 0:
		return x
	}
	m.tick(len(x.elems) + len(y.elems))
	out := m.arena.newArray(len(x.elems) + len(y.elems))
	out.elems = append(append(out.elems, x.elems...), y.elems...)
	return out
}

func arraySlice(m *vm, a, b, c Value) Value {
	x, ok := a.(*Array)
	from, to, ok2 := ints(b, c)
	if !ok || !ok2 {
		return delegate
	}
	end := min(max(to, 0), int64(len(x.elems)))
	start := min(max(from, 0), end)
	m.tick(int(end - start))
	out := m.arena.newArray(int(end - start))
	out.elems = append(out.elems, x.elems[start:end]...)
	return out
}

func objectGet(_ *vm, a, key, otherwise Value) Value {
	o, ok := a.(*Object)
	if !ok {
		return delegate
	}
	path, ok := key.(*Array)
	if !ok {
		if v := o.Lookup(key); v != nil {
			return v
		}
		return otherwise
	}
	v := a
	for _, k := range path.elems {
		if v = lookup(v, k); v == nil {
			return otherwise
		}
	}
	return v
}

func objectKeys(m *vm, a Value) Value {
	o, ok := a.(*Object)
	if !ok {
		return delegate
	}
	m.tick(len(o.keys))
	out := m.arena.newSet()
	for _, k := range o.keys {
		m.arena.addTo(out, k)
	}
	return out
}

func objectUnion(m *vm, a, b Value) Value {
	x, ok := a.(*Object)
	y, ok2 := b.(*Object)
	if !ok || !ok2 {
		return delegate
	}
	return m.overwrite(x, y)
}

// overwrite is the recursive union in which y wins.
func (m *vm) overwrite(x, y *Object) Value {
	m.tick(len(x.keys) + len(y.keys))
	out := m.arena.newObject()
	for i, k := range x.keys {
		m.arena.insertInto(out, k, x.vals[i])
	}
	for i, k := range y.keys {
		v := y.vals[i]
		if old, ok := out.Lookup(k).(*Object); ok {
			if obj, ok := v.(*Object); ok {
				v = m.overwrite(old, obj)
			}
		}
		m.arena.insertInto(out, k, v)
	}
	return out
}

// walkAll returns [path, value] of a value and all values inside it, in the
// order in which topdown finds them.
func walkAll(m *vm, v Value) Value {
	w := walker{m: m, out: m.arena.newArray(0)}
	w.visit(v)
	return w.out
}

type walker struct {
	m    *vm
	path []Value // to the value that is visited
	out  *Array
}

func (w *walker) visit(v Value) {
	if !w.m.tick(1 + len(w.path)) {
		return
	}
	path, pair := w.m.arena.newArray(len(w.path)), w.m.arena.newArray(2)
	path.elems = append(path.elems, w.path...)
	pair.elems = append(pair.elems, path, v)
	w.out.elems = append(w.out.elems, pair)
	switch x := v.(type) {
	case *Array:
		for i, e := range x.elems {
			w.below(w.m.arena.newNum(int64(i)), e)
		}
	case *Set:
		x.sort()
		for _, e := range x.elems {
			w.below(e, e)
		}
	case *Object:
		x.sort()
		for i, k := range x.keys {
			w.below(k, x.vals[i])
		}
	}
}

func (w *walker) below(key, v Value) {
	w.path = append(w.path, key)
	w.visit(v)
	w.path = w.path[:len(w.path)-1]
}
