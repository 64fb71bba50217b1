package engine

import (
	"github.com/open-policy-agent/opa/v1/ir"
)

// scope is what is known at a point of a unit. It is flow-sensitive: writing a
// local forgets what was known of it, leaving a block forgets all that was
// learned of locals written inside, since the block may have been left early.
//
// A block works on the scope around it, and what it changed is undone at its
// end, by a journal. The rejected alternative, a copy for each block, took
// seconds for bodies of ten thousand lines.
type scope struct {
	facts   map[ir.Local]operand    // the local equals the operand
	copies  map[ir.Local][]ir.Local // by register: locals of which facts name it, or did
	data    map[ir.Local]bool       // the local was reached from data by references
	defined map[int32]bool          // the slot is defined
	pending map[ir.Local]*literal   // of the innermost block
	journal []func()                // undo what the blocks around changed, last first
	depth   int                     // of blocks; outside of all nothing is undone
}

// literal is a collection under construction, so far of constants alone.
type literal struct {
	nodes []*node // that build it
	left  int     // statements that are still to come
	value Value
}

func newScope() *scope {
	return &scope{
		facts:   map[ir.Local]operand{},
		copies:  map[ir.Local][]ir.Local{},
		data:    map[ir.Local]bool{},
		defined: map[int32]bool{},
		pending: map[ir.Local]*literal{},
	}
}

// block runs f for a nested block, and undoes what f changed.
func (s *scope) block(f func()) {
	begun, pending := len(s.journal), s.pending
	s.pending = map[ir.Local]*literal{}
	s.depth++
	f()
	s.depth--
	for i := len(s.journal) - 1; i >= begun; i-- {
		s.journal[i]()
	}
	s.journal, s.pending = s.journal[:begun], pending
}

// change sets a key of one of the scope's maps, or deletes it, and notes how to
// undo that.
func change[K comparable, V any](s *scope, m map[K]V, key K, value *V) {
	old, had := m[key]
	if !had && value == nil {
		return
	}
	s.undo(func() {
		if had {
			m[key] = old
		} else {
			delete(m, key)
		}
	})
	if value == nil {
		delete(m, key)
	} else {
		m[key] = *value
	}
}

// undo has f called at the end of the block.
func (s *scope) undo(f func()) {
	if s.depth > 0 {
		s.journal = append(s.journal, f)
	}
}

// learn records that a local equals an operand.
func (s *scope) learn(l ir.Local, o operand) {
	change(s, s.facts, l, &o)
	if o.kind == inReg { // stays when the fact is undone: forget looks at the fact
		s.copies[ir.Local(o.id)] = append(s.copies[ir.Local(o.id)], l)
	}
}

// reached records that a local was reached from data.
func (s *scope) reached(l ir.Local) {
	yes := true
	change(s, s.data, l, &yes)
}

// define records that a slot is defined.
func (s *scope) define(slot int32) {
	yes := true
	change(s, s.defined, slot, &yes)
}

// forget drops what is known of a local that is being written.
func (s *scope) forget(l ir.Local) {
	change(s, s.facts, l, nil)
	change(s, s.data, l, nil)
	delete(s.pending, l)
	copies := s.copies[l]
	if len(copies) == 0 {
		return
	}
	for _, k := range copies {
		if o, ok := s.facts[k]; ok && o.isReg(l) {
			change(s, s.facts, k, nil)
		}
	}
	delete(s.copies, l)
	s.undo(func() { s.copies[l] = copies })
}

// forgetDocuments drops what depends on input and data, which a `with` changes.
func (s *scope) forgetDocuments() {
	for slot := range s.defined {
		change(s, s.defined, slot, nil)
	}
	for k, o := range s.facts {
		switch o.kind {
		case inSlot, inInput, inData:
			change(s, s.facts, k, nil)
		}
	}
}
