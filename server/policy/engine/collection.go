package engine

// Object maps values to values. Keys and values are parallel slices: up to
// scanMax keys a lookup scans them, comparing identities first, beyond it uses
// a hash index. Records of one shape share their key slice.
type Object struct {
	keys, vals []Value
	index      *index
	sorted     bool // keys are in Rego's order
	shared     bool // keys belong to a shape: copy before changing
	uniform    bool // keys are strings, interned in one table
}

// Set is a set of values, without duplicates.
type Set struct {
	elems  []Value
	index  *index
	sorted bool
}

// scanMax is the number of keys up to which a scan beats the index. Scanning
// 12 interned keys takes about as long as one hash lookup.
const scanMax = 12

// Len returns the number of fields.
func (o *Object) Len() int { return len(o.keys) }

// At returns field i, in Rego's order of keys.
func (o *Object) At(i int) (key, value Value) {
	o.sort()
	return o.keys[i], o.vals[i]
}

// Get returns the field of a string key, or nil. It does not allocate.
func (o *Object) Get(key string) Value {
	k := Str{s: key}
	if i := o.indexOfStr(&k); i >= 0 {
		return o.vals[i]
	}
	return nil
}

// Lookup returns the field of any key, or nil.
func (o *Object) Lookup(key Value) Value {
	i := o.indexOf(key)
	if i < 0 {
		return nil
	}
	return o.vals[i]
}

func (o *Object) indexOf(key Value) int {
	if s, ok := key.(*Str); ok {
		return o.indexOfStr(s)
	}
	if o.index != nil {
		return o.index.find(o.keys, key)
	}
	return indexIn(o.keys, key)
}

func (o *Object) indexOfStr(s *Str) int {
	if o.index != nil {
		return o.index.findStr(o.keys, s)
	}
	for i, k := range o.keys {
		if p, ok := k.(*Str); ok && p == s {
			return i
		}
	}
	if o.uniform && s.tab != nil && len(o.keys) > 0 && o.keys[0].(*Str).tab == s.tab {
		return -1
	}
	for i, k := range o.keys {
		if p, ok := k.(*Str); ok && p.same(s) {
			return i
		}
	}
	return -1
}

func indexIn(vals []Value, v Value) int {
	for i, e := range vals {
		if Equal(e, v) {
			return i
		}
	}
	return -1
}

// insert sets a field, replacing the value of an equal key.
func (o *Object) insert(key, value Value) {
	if i := o.indexOf(key); i >= 0 {
		o.vals[i] = value
		return
	}
	if o.shared {
		o.keys = append([]Value(nil), o.keys...)
		o.index, o.shared = newIndex(o.keys), false
	}
	o.uniform = false
	o.keys = append(o.keys, key)
	o.vals = append(o.vals, value)
	o.sorted = len(o.keys) == 1
	o.index = o.index.appended(o.keys)
}

// Len returns the number of elements.
func (s *Set) Len() int { return len(s.elems) }

// At returns element i, in Rego's order.
func (s *Set) At(i int) Value {
	s.sort()
	return s.elems[i]
}

// Contains reports whether v is an element.
func (s *Set) Contains(v Value) bool { return s.indexOf(v) >= 0 }

func (s *Set) indexOf(v Value) int {
	if s.index != nil {
		return s.index.find(s.elems, v)
	}
	return indexIn(s.elems, v)
}

func (s *Set) find(v Value) Value {
	if i := s.indexOf(v); i >= 0 {
		return s.elems[i]
	}
	return nil
}

func (s *Set) add(v Value) {
	if s.indexOf(v) >= 0 {
		return
	}
	s.elems = append(s.elems, v)
	s.sorted = len(s.elems) == 1
	s.index = s.index.appended(s.elems)
}

// index is an open-addressing hash table of positions in a slice of values. A
// nil index is that of a short slice.
type index struct {
	slots []int32 // position+1; 0 is free. The length is a power of two
}

// appended keeps the index of vals up to date after one value was appended.
func (x *index) appended(vals []Value) *index {
	if x == nil {
		if len(vals) <= scanMax {
			return nil
		}
		x = &index{}
		x.rebuild(vals)
		return x
	}
	if 2*len(vals) > len(x.slots) {
		x.rebuild(vals)
		return x
	}
	x.put(len(vals)-1, hash(vals[len(vals)-1]))
	return x
}

// newIndex returns the index of vals, nil if they are few.
func newIndex(vals []Value) *index {
	if len(vals) <= scanMax {
		return nil
	}
	x := &index{}
	x.rebuild(vals)
	return x
}

func (x *index) rebuild(vals []Value) {
	if x == nil {
		return
	}
	n := max(len(x.slots), 32)
	for n < 4*len(vals) {
		n *= 2
	}
	if n == len(x.slots) {
		clear(x.slots)
	} else {
		x.slots = make([]int32, n)
	}
	for i, v := range vals {
		x.put(i, hash(v))
	}
}

func (x *index) put(pos int, h uint64) {
	mask := uint64(len(x.slots) - 1)
	i := h & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = int32(pos + 1)
}

func (x *index) find(vals []Value, v Value) int {
	mask := uint64(len(x.slots) - 1)
	for i := hash(v) & mask; x.slots[i] != 0; i = (i + 1) & mask {
		if p := int(x.slots[i] - 1); Equal(vals[p], v) {
			return p
		}
	}
	return -1
}

func (x *index) findStr(vals []Value, s *Str) int {
	mask := uint64(len(x.slots) - 1)
	for i := s.hash() & mask; x.slots[i] != 0; i = (i + 1) & mask {
		p := int(x.slots[i] - 1)
		if e, ok := vals[p].(*Str); ok && e.same(s) {
			return p
		}
	}
	return -1
}

// Hash returns a hash under which equal values agree, however they are
// represented. It holds for this process only.
func Hash(v Value) uint64 {
	if v == nil {
		return 0
	}
	return hash(v)
}

func hash(v Value) uint64 {
	switch x := v.(type) {
	case *Str:
		return x.hash()
	case *Num:
		return x.hash()
	case *Bool:
		if x.v {
			return 3
		}
		return 5
	case *Null:
		return 7
	}
	return hashComposite(v)
}

func hashComposite(v Value) uint64 {
	h := uint64(0)
	switch x := v.(type) {
	case *Array:
		for _, e := range x.elems {
			h = mix(h + hash(e))
		}
	case *Set:
		for _, e := range x.elems { // a sum, as sets may be in any order
			h += mix(hash(e))
		}
	case *Object:
		for i, k := range x.keys {
			h += mix(hash(k) + 31*hash(x.vals[i]))
		}
	}
	return mix(h + uint64(v.Kind()))
}
