package engine

import (
	"math"
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ir"
)

// part is a unit of a function, with what a case needs to find out whether it
// can matter.
type part struct {
	run      step
	steps    []step      // that run consists of
	tests    []test      // of the first of the steps
	branches []part      // of an else chain; it has nothing of the others
	slots    []int32     // that it reads
	calls    []*function // with arguments, that it may call
}

// test says of a step that it does nothing but to compute what only its own unit
// reads.
type test struct {
	silent bool // it writes no register
	skip   bool // nor can it fail: a later test may be looked at before it
}

func (e *emitter) part(nodes []*node) part {
	steps := e.steps(nodes)
	p := part{run: sequence(steps)}
	if e.c.hasCases() {
		p.steps = steps
		p.tests = e.tests(nodes)
		p.noteReads(nodes)
	}
	return p
}

// noteReads notes which slots and functions blocks use.
func (p *part) noteReads(blocks ...[]*node) {
	var slots uniques[int32]
	var calls uniques[*function]
	for _, nodes := range blocks {
		eachNode(nodes, func(n *node) {
			n.operands(func(o *operand) {
				if o.kind == inSlot {
					slots.addNew(o.id)
				}
			})
			if n.op == opCall {
				calls.addNew(n.fn)
			}
		})
	}
	p.slots, p.calls = slots.list, calls.list
}

// uniques are values in the order in which they came first. Most are few, of
// which a map would cost more than to compare them.
type uniques[T comparable] struct {
	list []T
	seen map[T]bool // of more than few
}

const few = 32

func (u *uniques[T]) addNew(v T) {
	if len(u.list) < few {
		if !slices.Contains(u.list, v) {
			u.list = append(u.list, v)
		}
		return
	}
	if u.seen == nil {
		u.seen = map[T]bool{}
		for _, v := range u.list {
			u.seen[v] = true
		}
	}
	if !u.seen[v] {
		u.seen[v] = true
		u.list = append(u.list, v)
	}
}

func (e *emitter) tests(nodes []*node) (out []test) {
	for _, n := range nodes {
		if n.op == opNop {
			continue
		}
		if !e.testable(n) {
			break
		}
		out = append(out, test{silent: writesNothing(n), skip: n.dst == noLocal && e.c.infallible(n)})
	}
	return out
}

// testable reports that a node, and all inside it, neither reads nor writes what
// other units see, and has no effect outside the function.
func (e *emitter) testable(n *node) bool {
	ok := true
	eachNode([]*node{n}, func(n *node) {
		switch n.op {
		case opWith, opDynamic, opReturn, opResult:
			ok = false
		}
		ok = ok && !e.shared[n.dst]
		n.operands(func(o *operand) { ok = ok && (o.kind != inReg || !e.shared[ir.Local(o.id)]) })
	})
	return ok
}

func writesNothing(n *node) bool {
	ok := true
	eachNode([]*node{n}, func(n *node) { ok = ok && n.dst == noLocal && n.op != opScan && n.c.kind == inNone })
	return ok
}

// chainStep makes the step of an else chain.
func chainStep(branches []part) step {
	var bodies []step
	for _, b := range branches {
		bodies = append(bodies, b.run)
	}
	return alternatives(bodies)
}

// remains is what is left of a unit, with what that reads and calls.
type remains struct {
	run   step
	slots []int32
	calls []*function
}

// leftOf returns what is left of the units of a function: those that fail in all
// evaluations of the case, before they do anything, are not.
func (b *caseBuilder) leftOf(fn *function) []remains {
	first := len(b.room)
	for i := range fn.parts {
		p := &fn.parts[i]
		if len(p.branches) > 0 {
			b.leftOfChain(fn, p)
		} else if done, dead := b.tryTests(fn, p); !dead {
			b.room = append(b.room, b.leftFrom(p, done))
		}
	}
	return b.room[first:len(b.room):len(b.room)]
}

// leftOfChain adds what is left of an else chain.
func (b *caseBuilder) leftOfChain(fn *function, p *part) {
	var all remains
	bodies := make([]step, 0, len(p.branches))
	id := partKey{part: p}
	for i := range p.branches {
		done, dead := b.tryTests(fn, &p.branches[i])
		if dead {
			continue
		}
		l := b.leftFrom(&p.branches[i], done)
		bodies = append(bodies, l.run)
		all.slots, all.calls = append(all.slots, l.slots...), append(all.calls, l.calls...)
		if i < len(id.done) {
			id.done[i] = uint8(done + 1)
		}
	}
	if len(bodies) == 0 {
		return
	}
	if len(p.branches) > len(id.done) {
		all.run = alternatives(bodies)
	} else {
		all.run = b.m.prog.cases.parts.stepFor(id, func() step { return alternatives(bodies) })
	}
	b.room = append(b.room, all)
}

// leftFrom is a unit without its first steps.
func (b *caseBuilder) leftFrom(p *part, done int) remains {
	l := remains{run: p.run, slots: p.slots, calls: p.calls}
	if done > 0 {
		l.run = b.m.prog.cases.parts.stepFor(partKey{part: p, from: done}, func() step { return sequence(p.steps[done:]) })
	}
	return l
}

// maxDone is the number of first steps that a unit may lack; a partKey has room
// for no more.
const maxDone = math.MaxUint8 - 1

// tryTests reports that a unit is dead, or else how many of its first steps succeed
// in all evaluations of the case, and write nothing.
func (b *caseBuilder) tryTests(fn *function, p *part) (done int, dead bool) {
	m := b.m
	f := b.begin(fn)
	leading := true
	for i, t := range p.tests {
		b.clear()
		code := p.steps[i](f)
		switch {
		case m.err != nil:
			if leading = false; !t.skip {
				return done, false
			}
		case m.bierr != nil || code != ctlNext && code != ctlUndefined:
			return done, false
		case code == ctlUndefined:
			return done, true
		}
		if leading = leading && t.silent && i < maxDone; leading {
			done = i + 1
		}
	}
	return done, false
}

// maxParts bounds how many parts are shared; further ones are their table's own.
const maxParts = 1 << 14

// parts are the steps of units that cases have made shorter, which they share.
type parts struct {
	mu    sync.Mutex
	steps map[partKey]step // guarded by mu
}

// partKey is a unit without its first steps, or an else chain: of each branch
// the number of steps it lacks plus 1, zero if it is dead.
type partKey struct {
	part *part
	from int
	done [16]uint8
}

// stepFor returns the step for a key, made by compose if it is the first.
func (p *parts) stepFor(k partKey, compose func() step) step {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.steps[k]
	if s == nil {
		s = compose()
		if len(p.steps) < maxParts {
			p.steps[k] = s
		}
	}
	return s
}
