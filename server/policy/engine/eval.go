package engine

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown/print"
)

// Request is what one evaluation is given.
type Request struct {
	// Input is the input document; nil is undefined. It must not change while
	// the evaluation runs.
	Input Value
	// Now is what delegated time built-ins see. Zero means the time at which
	// the first of them is called.
	Now time.Time
	// Print receives the output of print statements; nil drops it.
	Print print.Hook
}

// Result is the outcome of an evaluation, readable in place while the callback
// that received it runs. Nothing of it may be kept: copy what is needed.
type Result struct {
	// Value is the document, nil if it is undefined.
	Value Value
	vm    *vm
}

// Rules calls f for each rule of which some body succeeded. It needs
// Options.TrackRules. Documents that were folded at compile time, and rules
// that an early exit skipped, are not among them.
func (r *Result) Rules(f func(rule int)) {
	for i, word := range r.vm.fired {
		for b := 0; word != 0; b, word = b+1, word>>1 {
			if word&1 != 0 {
				f(i*64 + b)
			}
		}
	}
}

// Eval evaluates the entrypoint and calls use with the outcome. An undefined
// document is a Result with a nil Value, not an error.
//
// Errors: an *Error for what the policy did wrong, with OPA's code; ErrBudget,
// ErrDepth; an error that wraps the cause if ctx ends; a *PanicError for a
// fault of the engine; what use returned. After any error but the last the
// caller may evaluate with topdown.
//
// In steady state Eval does not allocate, unless a built-in is delegated.
func (e *Entrypoint) Eval(ctx context.Context, req Request, use func(Result) error) error {
	m := e.prog.acquire()
	m.prepare(ctx, req, e.caseOf(req.Input))
	v, err := m.evaluate(e.fn)
	if err != nil {
		e.prog.recycle(m, err)
		return err
	}
	err = use(Result{Value: v, vm: m})
	e.prog.recycle(m, nil)
	return err
}

func (p *Program) acquire() *vm {
	if m, ok := p.pool.Get().(*vm); ok {
		return m
	}
	return p.newVM()
}

func (p *Program) newVM() *vm {
	m := &vm{prog: p, slots: make([]memo, len(p.slots)), applied: make([]application, p.memos)}
	if p.opts.TrackRules {
		m.fired = make([]uint64, (len(p.rules)+63)/64)
	}
	return m
}

// recycle returns an evaluation to the pool. After a panic it is dropped: its
// state is unknown.
func (p *Program) recycle(m *vm, err error) {
	if _, ok := err.(*PanicError); ok {
		return
	}
	if m.used() > quantum { // few steps cannot have grown it much: do not look
		m.arena.reset(p.opts.MaxRetained)
	} else {
		m.arena.rewind()
	}
	m.release()
	p.pool.Put(m)
}

// release lets go of what belongs to an evaluation that is over.
func (m *vm) release() {
	if m.stop != nil {
		m.stop()
	}
	m.ctx, m.input, m.req, m.bctx, m.stop, m.results = nil, nil, Request{}, nil, nil, nil
}

// evaluate runs what was prepared.
func (m *vm) evaluate(fn *function) (v Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	switch {
	case fn.query:
		m.results = m.arena.newSet()
		m.call(fn)
		v = m.results
	case fn.folded:
		v = fn.constant
	default:
		v = m.slot(fn.slot)
	}
	if m.err != nil {
		return nil, m.err
	}
	if m.bierr != nil && m.prog.opts.StrictBuiltinErrors {
		return nil, m.bierr
	}
	return v, nil
}

func (m *vm) prepare(ctx context.Context, req Request, t *table) {
	m.ctx, m.req = ctx, req
	m.input, m.data = req.Input, m.prog.data
	m.gens++
	m.gen, m.table = m.gens, t
	for i, id := range t.known {
		m.slots[id] = memo{gen: m.gen, val: t.vals[i]}
	}
	m.depth, m.err, m.bierr = -1, nil, nil
	m.left, m.budget = 0, m.prog.opts.stepBudget()
	clear(m.fired)
}

// stepBudget is the budget of an evaluation.
func (o *Options) stepBudget() int64 {
	if o.MaxSteps < 0 {
		return math.MaxInt64 / 2
	}
	return o.MaxSteps
}

// used is how many steps the evaluation took; after a failure, the whole budget.
func (m *vm) used() int64 { return m.prog.opts.stepBudget() - m.budget - m.left }

// PanicError is a panic of the engine or of a built-in. It is a fault to be
// reported; the policy may still be evaluated by topdown.
type PanicError struct {
	Value any
	Stack []byte
}

// Error gives the panic's value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("evaluating a policy: panic: %v", e.Value) }
