package engine

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Shape is the fixed set of keys of a record: interned, in Rego's order. A
// record may leave fields out; the keys of each combination of present fields
// are made once and shared by all its records. Shapes are immutable to their
// users and safe for concurrent use.
type Shape struct {
	keys  []*Str
	order []int                                // order[i]: the position that key i of NewShape has in keys
	subs  atomic.Pointer[map[uint64]*presence] // by bit set of present keys; replaced, never changed
	mu    sync.Mutex                           // held by who replaces subs
}

// presence is a combination of fields that some record had.
type presence struct {
	keys  []Value
	index *index
}

const (
	maxFields   = 64   // bounds a Shape: presence is one word
	maxPresence = 4096 // combinations that a Shape remembers; further ones cost an allocation
)

// NewShape returns the shape of a record with the given keys, at most 64, no
// two alike. Fields are addressed by their place in keys. It panics on misuse,
// as shapes are written in the program.
func NewShape(sym *Symbols, keys ...string) *Shape {
	if len(keys) > maxFields {
		panic("engine: shape of more than 64 keys")
	}
	sorted := slices.Clone(keys)
	slices.Sort(sorted)
	if len(slices.Compact(slices.Clone(sorted))) != len(keys) {
		panic("engine: shape with a key twice: " + strings.Join(sorted, ","))
	}
	s := &Shape{keys: sym.Intern(sorted...), order: make([]int, len(keys))}
	for i, k := range keys {
		s.order[i] = slices.Index(sorted, k)
	}
	s.subs.Store(&map[uint64]*presence{})
	return s
}

// Len returns the number of keys.
func (s *Shape) Len() int { return len(s.keys) }

// present returns the keys of a combination of fields, in Rego's order.
func (s *Shape) present(mask uint64) *presence {
	if p := (*s.subs.Load())[mask]; p != nil {
		return p
	}
	return s.addPresence(mask)
}

func (s *Shape) addPresence(mask uint64) *presence {
	p := &presence{keys: make([]Value, 0, bits.OnesCount64(mask))}
	for i, k := range s.keys {
		if mask&(1<<i) != 0 {
			p.keys = append(p.keys, k)
		}
	}
	p.index = newIndex(p.keys)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := *s.subs.Load(); len(old) < maxPresence {
		m := maps.Clone(old)
		m[mask] = p
		s.subs.Store(&m)
	}
	return p
}

// Builder makes values for inputs. It is not safe for concurrent use; the
// values of a heap Builder are.
//
// A Builder from NewBuilder keeps its memory: after Reset its values are
// invalid and the next ones take their place, so a request's part of an input
// costs no allocation. A Builder from NewHeap makes frozen values that live as
// long as they are referred to, for states in caches.
type Builder struct {
	sym   *Symbols
	arena arena
}

// NewBuilder returns a Builder whose values live until its Reset.
func NewBuilder(sym *Symbols) *Builder { return &Builder{sym: sym} }

// NewHeap returns a Builder of frozen values.
func NewHeap(sym *Symbols) *Builder {
	return &Builder{sym: sym, arena: arena{heap: true}}
}

// Reset invalidates all values made since the last Reset.
func (b *Builder) Reset() { b.arena.reset(defaultRetained) }

// String makes a string: the interned one if there is one.
func (b *Builder) String(s string) Value {
	if e := b.sym.Find(s); e != nil {
		return e
	}
	return b.arena.newStr(s)
}

// Int makes a number.
func (b *Builder) Int(i int64) Value { return b.arena.newNum(i) }

// Number makes a number of a JSON literal, which must be valid.
func (b *Builder) Number(literal string) Value { return numberOf(literal) }

// Array makes an array; elems is copied.
func (b *Builder) Array(elems ...Value) Value {
	a := b.arena.newArray(len(elems))
	a.elems = append(a.elems, elems...)
	return a
}

// Strings makes an array of strings.
func (b *Builder) Strings(elems []string) Value {
	a := b.arena.newArray(len(elems))
	for _, s := range elems {
		a.elems = append(a.elems, b.String(s))
	}
	return a
}

// Set makes a set; duplicates are dropped.
func (b *Builder) Set(elems ...Value) Value {
	s := b.arena.newSet()
	for _, e := range elems {
		b.arena.addTo(s, e)
	}
	s.sort()
	return s
}

// Field is a field of an object whose keys are not fixed.
type Field struct {
	Key   string
	Value Value
}

// Object makes an object; of fields with the same key the last counts.
func (b *Builder) Object(fields ...Field) Value {
	o := b.arena.newObject()
	if b.arena.heap {
		o.keys, o.vals = make([]Value, 0, len(fields)), make([]Value, 0, len(fields))
	}
	for _, f := range fields {
		b.arena.insertInto(o, b.String(f.Key), f.Value)
	}
	o.sort()
	return o
}

// Record makes a record of a shape. vals[i] belongs to key i of NewShape, nil
// leaves the field out. vals is not kept.
func (b *Builder) Record(s *Shape, vals []Value) Value {
	if len(vals) != len(s.keys) {
		panic(fmt.Sprintf("engine: %d values for a shape of %d keys", len(vals), len(s.keys)))
	}
	var ordered [maxFields]Value
	mask := uint64(0)
	for i, v := range vals {
		if v != nil {
			ordered[s.order[i]] = v
			mask |= 1 << s.order[i]
		}
	}
	return b.recordOf(s.present(mask), &ordered, mask)
}

func (b *Builder) recordOf(p *presence, ordered *[maxFields]Value, mask uint64) Value {
	o := b.arena.newRecord(p.keys, p.index)
	for m := mask; m != 0; m &= m - 1 {
		o.vals = append(o.vals, ordered[bits.TrailingZeros64(m)])
	}
	return o
}

// Size returns the bytes that a frozen value holds, without what it shares
// with others: interned strings, keys of shapes, small numbers.
func Size(v Value) int {
	switch x := v.(type) {
	case *Str:
		if x.tab != nil {
			return 0
		}
		return int(unsafe.Sizeof(*x)) + len(x.s)
	case *Num:
		return sizeNum(x)
	case *Array:
		return int(unsafe.Sizeof(*x)) + sizeAll(x.elems)
	case *Set:
		return int(unsafe.Sizeof(*x)) + sizeAll(x.elems) + sizeIndex(x.index)
	case *Object:
		n := int(unsafe.Sizeof(*x)) + sizeAll(x.vals)
		if !x.shared {
			n += sizeAll(x.keys) + sizeIndex(x.index)
		}
		return n
	}
	return 0
}

func sizeNum(n *Num) int {
	if n.isSmall() {
		return 0
	}
	size := int(unsafe.Sizeof(*n))
	if n.lit != nil {
		size += int(unsafe.Sizeof(*n.lit)) + len(*n.lit)
	}
	return size
}

func sizeAll(vals []Value) int {
	n := cap(vals) * int(unsafe.Sizeof(Value(nil)))
	for _, v := range vals {
		n += Size(v)
	}
	return n
}

func sizeIndex(x *index) int {
	if x == nil {
		return 0
	}
	return int(unsafe.Sizeof(*x)) + 4*cap(x.slots)
}
