package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/builtins"
)

// builtin is a built-in function as the plan calls it: natively where there is
// an implementation that accepts the operands, else by topdown's.
type builtin struct {
	name     string
	impl     topdown.BuiltinFunc
	relation bool // yields an array of results, which the plan scans
	void     bool // has no result, and is never undefined
	native   bool
	nativeFunc
}

// nativeFunc has at most one of its fields set, besides f2 for a test of two.
type nativeFunc struct {
	test func(m *vm, a, b Value) verdict // one or two operands; b may be nil
	f1   func(m *vm, a Value) Value
	f2   func(m *vm, a, b Value) Value
	f3   func(m *vm, a, b, c Value) Value
	fn   func(m *vm, args []Value) Value // any number; for what is rare
}

// Native is a custom native built-in; ok is false to delegate the call to
// topdown. See Options.Native.
type Native func(args []Value) (v Value, ok bool)

// verdict is the outcome of a predicate.
type verdict uint8

const (
	no verdict = iota
	yes
	notMine // the operands are not of the expected types
)

// delegate is returned by native functions for operands that they leave to
// topdown's implementation, which knows the right error.
var delegate = &Null{1}

// builtin returns a built-in by name.
func (c *compiler) builtin(name string) *builtin {
	if b := c.builtins[name]; b != nil {
		return b
	}
	b := &builtin{name: name, impl: topdown.GetBuiltin(name)}
	if custom := c.opts.Builtins[name]; custom != nil {
		b.impl = custom.Func
		b.void = custom.Decl != nil && custom.Decl.Decl.Result() == nil
	} else if decl := ast.BuiltinMap[name]; decl != nil {
		b.relation, b.void = decl.Relation, decl.Decl.Result() == nil
	}
	if b.impl == nil {
		panic(unsupported("built-in " + name + " is not known"))
	}
	if !c.opts.NoNative {
		b.nativeFunc, b.native = c.native(name)
	}
	c.builtins[name] = b
	return b
}

// native returns the implementation of its own that the engine has of a built-in: the table is in builtin_native.go.
func (c *compiler) native(name string) (nativeFunc, bool) {
	if f, ok := c.opts.Native[name]; ok {
		return adapt(f), f != nil
	}
	f, ok := natives[name]
	return f, ok
}

func adapt(f Native) nativeFunc {
	if f == nil {
		return nativeFunc{}
	}
	call := func(args ...Value) Value {
		v, ok := f(args)
		if !ok {
			return delegate
		}
		return v
	}
	return nativeFunc{
		f1: func(_ *vm, a Value) Value { return call(a) },
		f2: func(_ *vm, a, b Value) Value { return call(a, b) },
		f3: func(_ *vm, a, b, c Value) Value { return call(a, b, c) },
	}
}

// site is one call of a built-in in the policy.
type site struct {
	b      *builtin
	args   []operand
	consts []*ast.Term // terms of the constant arguments
	loc    *ast.Location
	at     place
}

func (e *emitter) site(n *node) *site {
	s := &site{b: n.builtin, args: e.ops(n.args), at: n.at, consts: make([]*ast.Term, len(n.args))}
	s.loc = ast.NewLocation(nil, n.at.file, n.at.row, 0)
	for i, a := range n.args {
		if a.kind == inConst {
			s.consts[i] = term(a.val)
		}
	}
	if n.builtin.native {
		e.c.prog.stats.Native++
	} else {
		e.c.prog.stats.Delegated++
	}
	return s
}

// delegated calls topdown's implementation; nil means undefined.
func (m *vm) delegated(s *site, args ...Value) Value {
	if m.build != nil {
		m.fail(errUnknown)
		return nil
	}
	m.tick(64)
	in := make([]*ast.Term, len(args))
	for i, a := range args {
		if a == nil {
			return nil
		}
		if in[i] = s.consts[i]; in[i] == nil {
			in[i] = term(a)
		}
	}
	bctx := *m.builtinContext()
	bctx.Location = s.loc
	var out []*ast.Term
	err := s.b.impl(bctx, in, func(t *ast.Term) error {
		out = append(out, t)
		return nil
	})
	if err != nil {
		m.builtinFailed(err, s)
		return nil
	}
	return m.received(s.b, out)
}

// builtinFailed notes an error. Only Halt ends the evaluation: otherwise the
// call is undefined, and in strict mode the first error is reported at the end.
func (m *vm) builtinFailed(err error, s *site) {
	var halt topdown.Halt
	if errors.As(err, &halt) {
		m.fail(builtinError(halt.Err, s.at))
		return
	}
	if m.bierr == nil {
		m.bierr = builtinError(err, s.at)
	}
}

// received converts what a built-in yielded.
func (m *vm) received(b *builtin, out []*ast.Term) Value {
	c := converter{sym: m.prog.sym, arena: &m.arena}
	var v Value
	switch {
	case b.relation:
		a := m.arena.newArray(len(out))
		for _, t := range out {
			a.elems = append(a.elems, c.convert(t.Value))
		}
		v = a
	case len(out) > 0:
		v = c.convert(out[0].Value)
	}
	if c.err != nil {
		m.fail(c.err)
		return nil
	}
	m.tick(c.nodes)
	return v
}

// builtinContext is made once per evaluation: the time stays the same in it.
func (m *vm) builtinContext() *topdown.BuiltinContext {
	if m.bctx != nil {
		return m.bctx
	}
	now := m.req.Now
	if now.IsZero() {
		now = time.Now()
	}
	cancel := topdown.NewCancel()
	m.stop = context.AfterFunc(m.ctx, cancel.Cancel)
	m.bctx = &topdown.BuiltinContext{
		Context:   m.ctx,
		Metrics:   metrics.NoOp(),
		Seed:      rand.Reader,
		Time:      ast.NewTerm(ast.Number(Int(now.UnixNano()).String())),
		Cancel:    cancel,
		Cache:     builtins.Cache{},
		PrintHook: m.req.Print,
	}
	return m.bctx
}

// builtinStep makes the step of a call whose result goes into a register.
func (e *emitter) builtinStep(n *node) step {
	s, d := e.site(n), e.dst(n)
	switch {
	case s.b.void:
		return func(f *frame) int {
			f.vm.delegated(s, f.all(s.args)...)
			return abortIf(f.vm)
		}
	case s.b.test != nil && len(s.args) <= 2:
		return e.verdictStep(s, d)
	case s.b.f1 != nil && len(s.args) == 1:
		return native1(s, d)
	case s.b.f2 != nil && len(s.args) == 2:
		return native2(s, d)
	case s.b.f3 != nil && len(s.args) == 3:
		return native3(s, d)
	}
	return func(f *frame) int { return f.storeResult(d, f.vm.general(s, f.all(s.args))) }
}

// general calls a built-in of any number of operands.
func (m *vm) general(s *site, args []Value) Value {
	if s.b.fn != nil && !slices.Contains(args, nil) {
		if v := s.b.fn(m, args); v != Value(delegate) {
			return v
		}
	}
	return m.delegated(s, args...)
}

func abortIf(m *vm) int {
	if m.err != nil {
		return ctlAbort
	}
	return ctlNext
}

func (f *frame) all(args []operand) []Value {
	out := make([]Value, len(args))
	for i := range args {
		out[i] = f.get(&args[i])
	}
	return out
}

// storeResult stores the result of a call.
func (f *frame) storeResult(d int32, v Value) int {
	f.set(d, v)
	if v == nil {
		return f.vm.undefined()
	}
	return ctlNext
}

func native1(s *site, d int32) step {
	a, fn := &s.args[0], s.b.f1
	return func(f *frame) int {
		x := f.get(a)
		if x == nil {
			return f.storeResult(d, nil)
		}
		v := fn(f.vm, x)
		if v == Value(delegate) {
			v = f.vm.delegated(s, x)
		}
		return f.storeResult(d, v)
	}
}

func native2(s *site, d int32) step {
	a, b, fn := &s.args[0], &s.args[1], s.b.f2
	return func(f *frame) int {
		x, y := f.get(a), f.get(b)
		if x == nil || y == nil {
			return f.storeResult(d, nil)
		}
		v := fn(f.vm, x, y)
		if v == Value(delegate) {
			v = f.vm.delegated(s, x, y)
		}
		return f.storeResult(d, v)
	}
}

func native3(s *site, d int32) step {
	a, b, c, fn := &s.args[0], &s.args[1], &s.args[2], s.b.f3
	return func(f *frame) int {
		x, y, z := f.get(a), f.get(b), f.get(c)
		if x == nil || y == nil || z == nil {
			return f.storeResult(d, nil)
		}
		v := fn(f.vm, x, y, z)
		if v == Value(delegate) {
			v = f.vm.delegated(s, x, y, z)
		}
		return f.storeResult(d, v)
	}
}

// verdict runs a predicate; ok is false if it is undefined.
func (f *frame) verdict(s *site) (v, ok bool) {
	a, b := f.get(&s.args[0]), Value(nil)
	if a == nil {
		return false, false
	}
	if len(s.args) == 2 {
		if b = f.get(&s.args[1]); b == nil {
			return false, false
		}
	}
	if r := s.b.test(f.vm, a, b); r != notMine {
		return r == yes, true
	}
	args := []Value{a, b}
	out := f.vm.delegated(s, args[:len(s.args)]...)
	return out != Value(False), out != nil
}

func (e *emitter) verdictStep(s *site, d int32) step {
	return func(f *frame) int {
		v, ok := f.verdict(s)
		if !ok {
			return f.storeResult(d, nil)
		}
		return f.storeResult(d, Boolean(v))
	}
}

// predicateStep makes the step of a predicate that must hold.
func (e *emitter) predicateStep(n *node) step {
	s := e.site(n)
	return func(f *frame) int {
		v, ok := f.verdict(s)
		if v && ok {
			return ctlNext
		}
		return f.vm.undefined()
	}
}
