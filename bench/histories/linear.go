package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// window is what happened to a subject since the last moment at which its state was known for sure.
type window struct {
	operations []porcupine.Operation
	// state is the number of the write that it began with; known: it is known.
	state int
	lost  bool
	// top is the highest number of a write that began before the last time of loss was over: it may be there, or not.
	top int
	// since is when the last time of loss ended that it knows of.
	since int64
}

// said is the input of an operation: a write by its number, or a check; seen what a check showed: the write of its
// consent, or denied.
type (
	said int
	seen int
)

const (
	check  said = 0
	denied seen = -1
)

// states is a subject as one after the other would have it: the highest number that was written decides.
var states = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		at, n := state.(int), input.(said)
		if n == check {
			shown := output.(seen)
			return int(shown) == at || shown == denied && at%2 == 0, at
		}
		return true, max(at, int(n))
	},
}

// linearTimeout bounds the search of one window, which takes microseconds.
const linearTimeout = 10 * time.Second

// leastWindow is how many operations a window has at least, while the run goes on.
const leastWindow = 48

func (w *window) addWrite(r *record) {
	returned := r.End
	if !r.ok() {
		returned = never // it may count at any time, or never
	}
	w.operations = append(w.operations, porcupine.Operation{
		ClientId: int(r.Client), Input: said(r.N), Call: r.Start, Return: returned,
	})
}

// addCheck takes a fully consistent check that tells which write it shows.
func (w *window) addCheck(c *record) {
	if c.Mode != fullyConsistent || c.is(allowed) && c.N == 0 {
		return
	}
	shown := denied
	if c.is(allowed) {
		shown = seen(c.N)
	}
	w.operations = append(w.operations, porcupine.Operation{
		ClientId: int(c.Client), Input: check, Output: shown, Call: c.Start, Return: c.End,
	})
}

// judgeLinear looks whether what happened up to the last moment before the horizon at which the state was known is
// linearizable, and forgets it.
func (k *checker) judgeLinear(s *subject, horizon int64) {
	w := &s.linear
	if n := len(k.epochs); n > 0 && w.since != k.epochs[n-1].to {
		w.since, w.lost = k.epochs[n-1].to, true
		w.operations = slices.DeleteFunc(w.operations, func(o porcupine.Operation) bool {
			before := o.Call < w.since
			if before {
				w.top = max(w.top, int(o.Input.(said)))
			}
			return before
		})
	}
	if len(w.operations) < leastWindow && horizon != never || len(w.operations) == 0 {
		return
	}
	for i := range s.pending { // what is under way is not among the operations yet
		horizon = min(horizon, s.pending[i].Start-1)
	}
	slices.SortStableFunc(w.operations, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	until, state := w.cut(horizon)
	if horizon == never {
		until = len(w.operations)
	}
	k.requireLinear(s, w.operations[:until])
	if until > 0 && state >= 0 {
		w.state, w.lost = state, false
	}
	w.operations = slices.Clone(w.operations[until:])
}

// cut returns how many operations had ended at the last moment at which none was under way and the newest write was
// acknowledged, and the state then; -1: it is not known.
func (w *window) cut(horizon int64) (until, state int) {
	ended, newest, acked := int64(0), w.state, !w.lost
	if w.lost {
		newest = w.top - 1
	}
	for i, o := range w.operations {
		if o.Call > horizon {
			return until, state
		}
		if acked && o.Call > ended {
			until, state = i, newest
		}
		if n := int(o.Input.(said)); n > 0 && n >= newest {
			acked = acked && n == newest || o.Return != never
			newest = n
		}
		if o.Return != never {
			ended = max(ended, o.Return)
		}
	}
	if acked && ended <= horizon {
		return len(w.operations), newest
	}
	return until, state
}

func (k *checker) requireLinear(s *subject, operations []porcupine.Operation) {
	if s.linear.lost || len(operations) == 0 {
		return
	}
	model := states
	from := s.linear.state
	model.Init = func() any { return from }
	k.counts.windows++
	k.counts.linear += len(operations)
	if porcupine.CheckOperationsTimeout(model, operations, linearTimeout) == porcupine.Illegal {
		k.note(ruleLinear, "%s", linearExcerpt(from, operations))
	}
}

func linearExcerpt(from int, operations []porcupine.Operation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "from the state after write %d:\n", from)
	for _, o := range operations {
		returned := clock(o.Return)
		if o.Return == never {
			returned = "not known"
		}
		fmt.Fprintf(&b, "  %s – %s client %d: ", clock(o.Call), returned, o.ClientId)
		if n := o.Input.(said); n != check {
			fmt.Fprintf(&b, "write %d\n", n)
		} else {
			fmt.Fprintf(&b, "check shows %d\n", o.Output)
		}
	}
	return b.String()
}
