package engine

import "unsafe"

// arena allocates the values of one evaluation. It hands out the elements of
// slabs that it keeps, with the slices that they have grown, so that an
// evaluation like an earlier one allocates nothing. After reset its values are
// garbage: nothing may refer to them.
//
// A heap arena (see Builder) allocates each value by itself instead.
type arena struct {
	heap    bool
	strs    slab[Str]
	nums    slab[Num]
	arrays  slab[Array]
	objects slab[Object]
	records slab[Object] // with the keys of a shape; apart, so that objects keep the key slices they grew
	sets    slab[Set]
	indexes slab[index]
}

// slabLen is the number of values of the first slab; each further one doubles.
const slabLen = 32

type slab[T any] struct {
	chunks [][]T
	chunk  int // index of the chunk in use
	next   int // first free element in it
}

func (s *slab[T]) take() *T {
	if s.chunk < len(s.chunks) && s.next < len(s.chunks[s.chunk]) {
		s.next++
		return &s.chunks[s.chunk][s.next-1]
	}
	return s.grow()
}

func (s *slab[T]) grow() *T {
	if s.chunk < len(s.chunks) {
		s.chunk++
	}
	if s.chunk == len(s.chunks) {
		s.chunks = append(s.chunks, make([]T, slabLen<<min(s.chunk, 12)))
	}
	s.next = 1
	return &s.chunks[s.chunk][0]
}

// eachUsed calls f for every element that was handed out since the last reset.
func (s *slab[T]) eachUsed(f func(*T)) {
	for c := 0; c <= s.chunk && c < len(s.chunks); c++ {
		n := len(s.chunks[c])
		if c == s.chunk {
			n = s.next
		}
		for i := range n {
			f(&s.chunks[c][i])
		}
	}
}

func (s *slab[T]) rewind() { s.chunk, s.next = 0, 0 }

func (s *slab[T]) bytes() int {
	var t T
	n := 0
	for _, c := range s.chunks {
		n += len(c) * int(unsafe.Sizeof(t))
	}
	return n
}

// reset makes the arena empty. If it holds more than limit bytes, in slabs and
// in the slices of the values that were in use, the memory is dropped.
func (a *arena) reset(limit int) {
	if a.held() > limit {
		*a = arena{heap: a.heap}
		return
	}
	a.rewind()
}

// rewind makes the arena empty and keeps its memory.
func (a *arena) rewind() {
	a.strs.rewind()
	a.nums.rewind()
	a.arrays.rewind()
	a.objects.rewind()
	a.records.rewind()
	a.sets.rewind()
	a.indexes.rewind()
}

// held is what the arena holds in bytes. The slices of values that this
// evaluation did not use are not counted: they were, by the one that grew them.
func (a *arena) held() int {
	const word = int(unsafe.Sizeof(Value(nil)))
	n := a.strs.bytes() + a.nums.bytes() + a.arrays.bytes() + a.objects.bytes() + a.records.bytes() + a.sets.bytes()
	a.arrays.eachUsed(func(x *Array) { n += cap(x.elems) * word })
	a.sets.eachUsed(func(x *Set) { n += cap(x.elems) * word })
	a.objects.eachUsed(func(x *Object) { n += (cap(x.keys) + cap(x.vals)) * word })
	a.records.eachUsed(func(x *Object) { n += cap(x.vals) * word })
	a.indexes.eachUsed(func(x *index) { n += cap(x.slots) * 4 })
	return n
}

func (a *arena) newStr(s string) *Str {
	if a.heap {
		return newString(s)
	}
	x := a.strs.take()
	x.s, x.tab, x.h = s, nil, 0
	return x
}

func (a *arena) newNum(i int64) *Num {
	if a.heap || i >= minSmall && i <= maxSmall {
		return Int(i)
	}
	x := a.nums.take()
	x.i, x.lit = i, nil
	return x
}

func (a *arena) newArray(capacity int) *Array {
	if a.heap {
		return &Array{elems: make([]Value, 0, capacity)}
	}
	x := a.arrays.take()
	x.elems = x.elems[:0]
	return x
}

func (a *arena) newObject() *Object {
	if a.heap {
		return &Object{sorted: true}
	}
	x := a.objects.take()
	x.keys, x.vals = x.keys[:0], x.vals[:0]
	x.index, x.sorted = nil, true
	return x
}

// newRecord returns an object with keys that it shares with others, still without
// values. The keys are interned, of one table, and sorted.
func (a *arena) newRecord(keys []Value, idx *index) *Object {
	if a.heap {
		return &Object{keys: keys, vals: make([]Value, 0, len(keys)), index: idx, sorted: true, shared: true, uniform: true}
	}
	x := a.records.take()
	x.keys, x.vals, x.index = keys, x.vals[:0], idx
	x.sorted, x.shared, x.uniform = true, true, true
	return x
}

func (a *arena) newSet() *Set {
	if a.heap {
		return &Set{sorted: true}
	}
	x := a.sets.take()
	x.elems, x.index, x.sorted = x.elems[:0], nil, true
	return x
}

// insertInto sets a field of an object of this arena.
func (a *arena) insertInto(o *Object, key, value Value) {
	if o.index == nil && len(o.keys) == scanMax && !a.heap {
		o.index = a.slabIndex(o.keys)
	}
	o.insert(key, value)
}

// addTo adds an element to a set of this arena.
func (a *arena) addTo(s *Set, v Value) {
	if s.index == nil && len(s.elems) == scanMax && !a.heap {
		s.index = a.slabIndex(s.elems)
	}
	s.add(v)
}

func (a *arena) slabIndex(vals []Value) *index {
	x := a.indexes.take()
	x.rebuild(vals)
	return x
}
