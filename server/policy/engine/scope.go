package engine

import (
	"maps"

	"github.com/open-policy-agent/opa/v1/ir"
)

// scope is what is known at a point of a unit. It is flow-sensitive: writing a
// local forgets what was known of it, leaving a block forgets all that was
// learned of locals written inside, since the block may have been left early.
type scope struct {
	facts   map[ir.Local]operand // the local equals the operand
	data    map[ir.Local]bool    // the local was reached from data by references
	defined map[int32]bool       // the slot is defined
	pending map[ir.Local]*literal
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
		data:    map[ir.Local]bool{},
		defined: map[int32]bool{},
		pending: map[ir.Local]*literal{},
	}
}

// inner is the scope of a nested block.
func (s *scope) inner() *scope {
	return &scope{
		facts:   maps.Clone(s.facts),
		data:    maps.Clone(s.data),
		defined: maps.Clone(s.defined),
		pending: map[ir.Local]*literal{},
	}
}

// forget drops what is known of a local that is being written.
func (s *scope) forget(l ir.Local) {
	delete(s.facts, l)
	delete(s.data, l)
	delete(s.pending, l)
	for k, o := range s.facts {
		if o.isReg(l) {
			delete(s.facts, k)
		}
	}
}

// forgetDocuments drops what depends on input and data, which a `with` changes.
func (s *scope) forgetDocuments() {
	clear(s.defined)
	for k, o := range s.facts {
		switch o.kind {
		case inSlot, inInput, inData:
			delete(s.facts, k)
		}
	}
}
