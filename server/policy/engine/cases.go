package engine

import (
	"slices"
	"sync/atomic"
	"unsafe"
)

// maxCasePaths bounds Options.Cases.
const maxCasePaths = 16

// caseKey tells cases apart: the entrypoint, and an aspect of each path. The
// hash of both comes first, as most keys differ in it.
type caseKey struct {
	hash    uint64
	fn      *function
	aspects [maxCasePaths]aspect
}

// aspect is what a case knows of a value, as a pointer by which aspects differ:
// that it is undefined, a boolean or an interned string, an empty object or
// array, or a record of certain keys; anyValue of all others. It keeps alive what it points to, so
// that no other takes its place.
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

// casePath is a path whose aspect counts.
type casePath struct {
	parent int // index of the path without the last key; -1: input itself
	key    *Str
	slot   int32
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
	// caseSets × caseWays bounds the memory of a program's tables, of some 10 KiB each.
	caseSets = 256
	caseWays = 4
	// patience is how many evaluations of a full set go without a table before one is made:
	// making one takes as long as some twenty evaluations.
	patience = 64
)

// table is what is known of a case: the slots that have the same value in all
// its evaluations, as far as these read them, and what is left of functions. Immutable.
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
	out := &cases{tab: c.sym.id}
	for _, path := range c.opts.Cases {
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

// addCasePath adds a path and those that it goes through, as far as the policy reads them.
func (c *compiler) addCasePath(cs *cases, path []string) {
	parent, from := -1, operand{kind: inInput}
	for _, k := range path {
		key := c.sym.intern(k)
		slot, ok := c.slots[slotKeyOf(from, konst(key))]
		if !ok {
			return
		}
		from = slotted(slot)
		i := slices.IndexFunc(cs.paths, func(p casePath) bool { return p.slot == slot })
		if i < 0 {
			if len(cs.paths) == maxCasePaths {
				return
			}
			i = len(cs.paths)
			cs.paths = append(cs.paths, casePath{parent: parent, key: key, slot: slot})
		}
		parent = i
	}
}

// caseOf returns the table for an input, and makes one where it is worth it.
func (p *Program) caseOf(fn *function, input Value) *table {
	c := p.cases
	if c == nil {
		return &p.whole
	}
	var vals [maxCasePaths]Value
	key := caseKey{fn: fn}
	h := uint64(uintptr(unsafe.Pointer(fn)))
	for i := range c.paths {
		path := &c.paths[i]
		src := input
		if path.parent >= 0 {
			src = vals[path.parent]
		}
		vals[i] = fieldOf(src, path.key)
		key.aspects[i] = c.aspectOf(vals[i])
		h = (h ^ uint64(uintptr(key.aspects[i]))) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	key.hash = mix(h)
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
			return &p.whole
		}
		way = int(n/patience) % caseWays
	}
	t := p.buildCase(key, vals[:len(c.paths)])
	set.tables[way].Store(t)
	return t
}
