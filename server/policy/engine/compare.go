package engine

import (
	"cmp"
	"sort"
	"strings"
)

// Equal reports whether two values are equal in Rego. Two undefined values are
// equal, as in OPA's compiled plans.
func Equal(a, b Value) bool {
	switch x := a.(type) {
	case *Str:
		y, ok := b.(*Str)
		return ok && x.same(y)
	case *Bool:
		y, ok := b.(*Bool)
		return ok && x == y
	case *Num:
		y, ok := b.(*Num)
		return ok && (x == y || x.compare(y) == 0)
	case nil:
		return b == nil
	case *Null:
		_, ok := b.(*Null)
		return ok
	}
	return equalComposite(a, b)
}

func equalComposite(a, b Value) bool {
	switch x := a.(type) {
	case *Array:
		y, ok := b.(*Array)
		return ok && x.equal(y)
	case *Object:
		y, ok := b.(*Object)
		return ok && x.equal(y)
	case *Set:
		y, ok := b.(*Set)
		return ok && x.equal(y)
	}
	return false
}

func (a *Array) equal(b *Array) bool {
	if a == b {
		return true
	}
	if len(a.elems) != len(b.elems) {
		return false
	}
	for i, v := range a.elems {
		if !Equal(v, b.elems[i]) {
			return false
		}
	}
	return true
}

func (o *Object) equal(b *Object) bool {
	if o == b {
		return true
	}
	if len(o.keys) != len(b.keys) {
		return false
	}
	for i, k := range o.keys {
		j := b.indexOf(k)
		if j < 0 || !Equal(o.vals[i], b.vals[j]) {
			return false
		}
	}
	return true
}

func (s *Set) equal(b *Set) bool {
	if s == b {
		return true
	}
	if len(s.elems) != len(b.elems) {
		return false
	}
	for _, e := range s.elems {
		if b.indexOf(e) < 0 {
			return false
		}
	}
	return true
}

// Compare orders two values as Rego does: by kind, then by value; undefined
// comes first. It may sort sets and objects in place, hence shared values are
// sorted when they are frozen.
func Compare(a, b Value) int {
	if a == nil || b == nil {
		return cmp.Compare(rank(a), rank(b))
	}
	if c := cmp.Compare(a.Kind(), b.Kind()); c != 0 {
		return c
	}
	switch x := a.(type) {
	case *Bool:
		return compareBool(x, b.(*Bool))
	case *Num:
		return x.compare(b.(*Num))
	case *Str:
		return x.compareStr(b.(*Str))
	case *Array:
		return compareSlices(x.elems, b.(*Array).elems)
	case *Object:
		return compareObjects(x, b.(*Object))
	case *Set:
		y := b.(*Set)
		x.sort()
		y.sort()
		return compareSlices(x.elems, y.elems)
	}
	return 0
}

func rank(v Value) int {
	if v == nil {
		return 0
	}
	return 1
}

func compareBool(a, b *Bool) int {
	if a == b {
		return 0
	}
	if b.v {
		return -1
	}
	return 1
}

func (s *Str) compareStr(o *Str) int {
	if s == o {
		return 0
	}
	return strings.Compare(s.s, o.s)
}

func compareSlices(a, b []Value) int {
	for i := range min(len(a), len(b)) {
		if c := Compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func compareObjects(a, b *Object) int {
	a.sort()
	b.sort()
	for i := range min(len(a.keys), len(b.keys)) {
		if c := Compare(a.keys[i], b.keys[i]); c != 0 {
			return c
		}
		if c := Compare(a.vals[i], b.vals[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a.keys), len(b.keys))
}

// insertionMax is the length up to which an insertion sort is used; what rules
// produce is shorter, and nearly sorted.
const insertionMax = 12

func (s *Set) sort() {
	if s.sorted {
		return
	}
	if len(s.elems) <= insertionMax {
		insertionSort(s)
	} else {
		sort.Sort(s)
	}
	s.sorted = true
	s.index.rebuild(s.elems)
}

func (o *Object) sort() {
	if o.sorted {
		return
	}
	if len(o.keys) <= insertionMax {
		insertionSort(o)
	} else {
		sort.Sort(o)
	}
	o.sorted = true
	o.index.rebuild(o.keys)
}

func insertionSort(s sort.Interface) {
	for i := 1; i < s.Len(); i++ {
		for j := i; j > 0 && s.Less(j, j-1); j-- {
			s.Swap(j, j-1)
		}
	}
}

// Less and Swap make Set and Object sortable in place, without an adapter.

// Less orders by element.
func (s *Set) Less(i, j int) bool { return Compare(s.elems[i], s.elems[j]) < 0 }

// Swap exchanges two elements.
func (s *Set) Swap(i, j int) { s.elems[i], s.elems[j] = s.elems[j], s.elems[i] }

// Less orders by key.
func (o *Object) Less(i, j int) bool { return Compare(o.keys[i], o.keys[j]) < 0 }

// Swap exchanges two fields.
func (o *Object) Swap(i, j int) {
	o.keys[i], o.keys[j] = o.keys[j], o.keys[i]
	o.vals[i], o.vals[j] = o.vals[j], o.vals[i]
}
