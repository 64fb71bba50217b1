package model

import (
	"errors"
	"hash/maphash"
)

// ErrTooLarge is Explore's where there are more states than it may visit.
var ErrTooLarge = errors.New("more states than the bound: raise the bound, or explore less")

// Result is what Explore found.
type Result struct {
	// States is how many were visited: all that can be reached, where Broken is none.
	States int
	// Depth is the number of steps to the farthest of them.
	Depth int
	// Broken is the property that does not hold, zero: all hold. Trace is then a shortest way there, a step a line.
	Broken Property
	Trace  []string
}

// Explore visits all states of a configuration, breadth first, at most limit of them, and stops at the first one that
// breaks a property. It takes about 3 µs and 64 bytes a state.
func Explore(c Config, limit int) (Result, error) {
	v := newVisited()
	v.add(start(&c), 0)
	m := moves{cfg: &c}
	var res Result
	for i, level := 0, 1; i < v.len(); i++ {
		if i == level {
			res.Depth++
			level = v.len()
		}
		s := *v.at(i)
		if c.Only == Ends && s.fence == pending && !m.ends(s) {
			return Result{v.len(), res.Depth, Ends, v.trace(&c, i)}, nil
		}
		m.of(&s)
		for _, next := range m.out {
			if v.add(next.next, i) && next.next.broken != 0 {
				res.States, res.Broken, res.Trace = v.len(), next.next.broken, v.trace(&c, v.len()-1)
				return res, nil
			}
		}
		if v.len() > limit {
			return Result{States: v.len()}, ErrTooLarge
		}
	}
	res.States = v.len()
	return res, nil
}

const chunk = 1 << 16

// visited is a set of states in the order in which they were found, each with the one that it was found from. An open
// table of their places takes 4 to 8 bytes a state beside the 56 of itself; a map takes three times as much.
type visited struct {
	seed    maphash.Seed
	table   []uint32 // place + 1
	chunks  [][]state
	parents []uint32
}

func newVisited() *visited { return &visited{seed: maphash.MakeSeed(), table: make([]uint32, 1<<16)} }

func (v *visited) len() int { return len(v.parents) }

func (v *visited) at(i int) *state { return &v.chunks[i/chunk][i%chunk] }

// add reports whether the state is new.
func (v *visited) add(s state, parent int) bool {
	slot := v.slot(&s)
	if v.table[slot] != 0 {
		return false
	}
	if len(v.parents)%chunk == 0 {
		v.chunks = append(v.chunks, make([]state, 0, chunk))
	}
	last := &v.chunks[len(v.chunks)-1]
	*last = append(*last, s)
	v.parents = append(v.parents, uint32(parent))
	v.table[slot] = uint32(len(v.parents))
	if len(v.parents)*2 > len(v.table) {
		v.grow()
	}
	return true
}

// slot is where the state is in the table, or where it belongs.
func (v *visited) slot(s *state) int {
	mask := len(v.table) - 1
	slot := int(maphash.Comparable(v.seed, *s)) & mask
	for v.table[slot] != 0 && *v.at(int(v.table[slot]) - 1) != *s {
		slot = (slot + 1) & mask
	}
	return slot
}

func (v *visited) grow() {
	v.table = make([]uint32, 2*len(v.table))
	for i := range v.parents {
		v.table[v.slot(v.at(i))] = uint32(i) + 1
	}
}
