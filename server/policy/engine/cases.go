package engine

import (
	"sync/atomic"
	"unsafe"
)

// maxCasePaths bounds Options.Cases.
const maxCasePaths = 8

// caseKey tells cases apart: the entrypoint, and an aspect of each path. The
// hash of both comes first, as most keys differ in it.
type caseKey struct {
	hash    uint64
	fn      *function
	aspects [maxCasePaths]aspect
}

// aspect is what a case knows of a value, as a pointer by which aspects differ:
// that it is undefined (nil), a boolean or an interned string (the value), an
// empty object or array, a record of certain keys (these), or nothing
// (anyValue). It keeps alive what it points to, so that nothing else takes its
// place in memory.
type aspect unsafe.Pointer

var (
	anyMark     byte
	anyValue    = aspect(unsafe.Pointer(&anyMark))
	emptyObject = &Object{sorted: true}
	emptyArray  = &Array{}
)

func (c *cases) aspectOf(v Value) aspect {
	switch x := v.(type) {
	case nil:
		return nil
	case *Str:
		if x.tab == c.tab {
			return aspect(x)
		}
	case *Bool:
		return aspect(x)
	case *Object:
		switch {
		case len(x.keys) == 0:
			return aspect(emptyObject)
		case x.shared:
			return aspect(&x.keys[0])
		}
	case *Array:
		if len(x.elems) == 0 {
			return aspect(emptyArray)
		}
	}
	return anyValue
}

// casePath is a path of the input whose aspect counts, and its slot.
type casePath struct {
	keys []*Str
	slot int32
}

// cases are the tables of a program, by the hash of their keys.
type cases struct {
	tab   *tableID
	paths []casePath
	parts parts
	sets  [caseSets]caseSet
}

// caseSet holds the tables of a few cases. When it is full and others miss it
// often, one takes the place of the one that is next in turn.
type caseSet struct {
	tables [caseWays]atomic.Pointer[table]
	misses atomic.Uint32
}

const (
	// caseSets × caseWays tables, of some 4 KiB each, are what a program may keep: 8 MiB.
	caseSets = 512
	caseWays = 4
	// patience is how many evaluations go without a table before one is made in
	// the place of another. Making one takes as long as some ten evaluations, so
	// where cases are too many that costs 4 % at most.
	patience = 256
)

// table is what is known of a case: the slots that have the same value in all
// its evaluations, as far as these read them, and what is left of functions.
// Immutable.
type table struct {
	key   caseKey
	known []int32 // slots
	vals  []Value // their values
	spans []span  // by function.id
	steps []step
}

// span is where a table has the units that are left of a function, n-1 of them;
// if n is zero, all are.
type span struct{ from, n uint16 }

// newCases finds the slots of the paths; nil where there are none.
func (c *compiler) newCases() *cases {
	if !c.hasCases() {
		return nil
	}
	out := &cases{tab: c.sym.id, parts: parts{steps: map[partKey]step{}}}
	for _, path := range c.opts.Cases[:min(len(c.opts.Cases), maxCasePaths)] {
		c.addCasePath(out, path)
	}
	if len(out.paths) == 0 {
		return nil
	}
	return out
}

func (c *compiler) hasCases() bool {
	return len(c.opts.Cases) > 0 && c.fuse() && !c.opts.NoSlots && !c.opts.TrackRules
}

// addCasePath adds a path, if some rule reads it by constant keys.
func (c *compiler) addCasePath(cs *cases, path []string) {
	p, from := casePath{}, operand{kind: inInput}
	for _, k := range path {
		key := c.sym.intern(k)
		slot, ok := c.slots[slotKeyOf(from, konst(key))]
		if !ok {
			return
		}
		p.keys, p.slot, from = append(p.keys, key), slot, slotted(slot)
	}
	cs.paths = append(cs.paths, p)
}

// caseOf returns the table for an input, and makes one where it is worth it.
func (e *Entrypoint) caseOf(input Value) *table {
	c := e.prog.cases
	if c == nil {
		return &e.prog.whole
	}
	var vals [maxCasePaths]Value
	key := c.keyOf(e.fn, input, &vals)
	set := &c.sets[key.hash%caseSets]
	way := 0
	for ; way < caseWays; way++ {
		t := set.tables[way].Load()
		if t == nil {
			break
		}
		if t.key == key {
			return t
		}
	}
	if way == caseWays {
		n := set.misses.Add(1)
		if n%patience != 0 {
			return &e.prog.whole
		}
		way = int(n/patience) % caseWays
	}
	t := e.table(key, vals[:len(c.paths)])
	set.tables[way].Store(t)
	return t
}

// keyOf returns the key of an input, and the values of the paths in vals.
func (c *cases) keyOf(fn *function, input Value, vals *[maxCasePaths]Value) caseKey {
	key := caseKey{fn: fn}
	h := uint64(uintptr(unsafe.Pointer(fn)))
	for i := range c.paths {
		v := input
		for _, k := range c.paths[i].keys {
			v = fieldOf(v, k)
		}
		vals[i], key.aspects[i] = v, c.aspectOf(v)
		h = (h ^ uint64(uintptr(key.aspects[i]))) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	key.hash = mix(h)
	return key
}
