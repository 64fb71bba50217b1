package engine

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
)

// item is a top-level block of a function, or an else chain of several.
type item struct {
	blocks [][]*node
	chain  bool
}

// sole is the block of an item that is no chain.
func (it item) sole() []*node { return it.blocks[0] }

// regroup puts units back into items, without what is empty and without the
// last block, which only returns the result.
func (c *compiler) regroup(f *ir.Func, nodes [][]*node) []item {
	var items []item
	for _, b := range f.Blocks {
		it := item{blocks: nodes[:1]}
		if chain := elseChain(b); chain != nil {
			it = item{blocks: nodes[:len(chain.Blocks)], chain: true}
		}
		nodes = nodes[len(it.blocks):]
		if it.chain || len(it.sole()) > 0 {
			items = append(items, it)
		}
	}
	if n := len(items); n > 0 && isReturn(items[n-1], f.Return) {
		items = items[:n-1]
	}
	return items
}

// settle finds out where rules succeed, to record them, and where the value of
// a function is final.
func (c *compiler) settle(fn *function, f *ir.Func, units [][]*node) {
	if c.opts.TrackRules {
		for _, u := range units {
			if _, end := endOf(u, f.Return); !end {
				c.markRules(fn, f, u)
			}
		}
	}
	if !c.opts.NoEarlyExit && c.fuse() && c.agreed[fn.document()] {
		endWithFirst(f.Return, units)
	}
}

func (c *compiler) markRules(fn *function, f *ir.Func, unit []*node) {
	eachNode(unit, func(n *node) {
		switch n.op {
		case opOnce:
			n.mark = c.ruleAt(fn, n.at)
		case opAdd, opInsert, opOnceIn:
			if n.c.isReg(f.Return) {
				n.mark = c.ruleAt(fn, n.at)
			}
		}
	})
}

// ruleAt returns the number of a rule, plus 1.
func (c *compiler) ruleAt(fn *function, at place) int {
	r := Rule{Path: fn.document(), File: at.file, Row: at.row}
	if i, ok := c.places[r]; ok {
		return i
	}
	c.prog.rules = append(c.prog.rules, r)
	c.places[r] = len(c.prog.rules)
	return len(c.prog.rules)
}

// endWithFirst ends a function with its first rule that holds: all of them have
// one literal value, so that topdown looks at no further rule either. Of values
// that merely turn out equal it evaluates all rules, and reports their errors.
func endWithFirst(ret ir.Local, units [][]*node) {
	for _, u := range units {
		if len(u) > 0 && u[0].op == opUndefined && u[0].a.isReg(ret) {
			continue // the default
		}
		if _, end := endOf(u, ret); end {
			continue // after a chain, each branch of which ends the function
		}
		eachNode(u, func(n *node) {
			if n.op == opOnce && n.a.kind == inConst {
				n.dst, n.final = ret, true
			}
		})
	}
}

// guard is a test that a rule starts with: a slot must be one of some strings.
type guard struct {
	slot int32
	node *node
	keys []*Str
}

// guards returns the guards among the tests that a block starts with. Their
// order does not matter as long as none before them can fail: a guard that does
// not hold would hide the error. One whose slot runs rules may only be the first.
func (c *compiler) guards(it item) []guard {
	if it.chain {
		return nil
	}
	var out []guard
	for i, n := range it.sole() {
		if g, ok := guardOf(n); ok && (i == 0 || !c.calls(g.slot)) {
			out = append(out, g)
		}
		if !c.infallible(n) {
			break
		}
	}
	return out
}

func guardOf(n *node) (guard, bool) {
	switch {
	case n.op == opEqual && n.a.kind == inSlot && isString(n.b):
		return guard{slot: n.a.id, node: n, keys: []*Str{n.b.val.(*Str)}}, true
	case n.op == opEqual && n.b.kind == inSlot && isString(n.a):
		return guard{slot: n.b.id, node: n, keys: []*Str{n.a.val.(*Str)}}, true
	case n.op == opTest && n.builtin.name == ast.Member.Name && n.args[0].kind == inSlot:
		keys, ok := stringsOf(n.args[1])
		return guard{slot: n.args[0].id, node: n, keys: keys}, ok
	}
	return guard{}, false
}

// stringsOf returns the elements of a constant collection of strings.
func stringsOf(o operand) ([]*Str, bool) {
	if o.kind != inConst {
		return nil, false
	}
	var elems []Value
	switch v := o.val.(type) {
	case *Array:
		elems = v.elems
	case *Set:
		elems = v.elems
	}
	var out []*Str
	for _, e := range elems {
		s, ok := e.(*Str)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, len(out) > 0
}

// minRun is the length from which a run of guarded rules gets a table. A table
// costs about as much as four comparisons.
const minRun = 4

// run is a sequence of items that are guarded by the same slot.
type run struct {
	slot   int32
	guards []guard
}

// runAt returns the longest run that starts with the first item.
func (c *compiler) runAt(items []item) run {
	var best run
	if c.opts.NoDispatch || !c.fuse() || len(items) < minRun {
		return best
	}
	for _, g := range c.guards(items[0]) {
		r := run{slot: g.slot}
		for _, it := range items {
			next, ok := c.guardOn(it, g.slot)
			if !ok {
				break
			}
			r.guards = append(r.guards, next)
		}
		if len(r.guards) >= minRun && len(r.guards) > len(best.guards) {
			best = r
		}
	}
	return best
}

func (c *compiler) guardOn(it item, slot int32) (guard, bool) {
	for _, g := range c.guards(it) {
		if g.slot == slot {
			return g, true
		}
	}
	return guard{}, false
}
