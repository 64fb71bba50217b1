package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ir"
)

// compiler holds what one Compile needs.
type compiler struct {
	opts      Options
	sym       *Symbols
	policy    *ir.Policy
	agreed    map[string]bool // see Plan
	prog      *Program
	strings   []Value
	slots     map[slotKey]int32
	builtins  map[string]*builtin
	fixedData bool // no plan replaces data: it is a constant
	folder    *vm  // evaluates at compile time
	places    map[Rule]int
	withArgs  *trie // functions with arguments: a dynamic call passes none
}

// noResult is the return local of a query, which has none.
const noResult ir.Local = -2

func (c *compiler) fuse() bool { return !c.opts.NoFuse }

// Compile makes a program of a plan and its base documents. data is copied and
// may be nil. A function that cannot be compiled does not fail the program, but
// the entrypoints that need it (see Program.Entrypoint).
func Compile(plan *Plan, data Value, opts Options) (*Program, error) {
	if plan == nil || plan.policy == nil {
		return nil, errors.New("compiling a policy: there is no plan")
	}
	c := newCompiler(plan, data, opts.withDefaults())
	if err := c.compileAll(); err != nil {
		return nil, fmt.Errorf("compiling a policy: %w", err)
	}
	return c.prog, nil
}

func (o Options) withDefaults() Options {
	if o.Symbols == nil {
		o.Symbols = NewSymbols()
	}
	if o.MaxSteps == 0 {
		o.MaxSteps = DefaultMaxSteps
	}
	if o.MaxDepth == 0 {
		o.MaxDepth = defaultDepth
	}
	if o.MaxRetained == 0 {
		o.MaxRetained = defaultRetained
	}
	return o
}

func newCompiler(plan *Plan, data Value, opts Options) *compiler {
	if data == nil {
		data = &Object{sorted: true}
	}
	c := &compiler{
		opts: opts, sym: opts.Symbols, policy: plan.policy, agreed: plan.agreed,
		prog: &Program{
			opts: opts, sym: opts.Symbols, data: freeze(opts.Symbols, data),
			funcs: map[string]*function{}, plans: map[string]*function{}, dyn: newTrie(),
			refused: plan.refused,
		},
		slots:     map[slotKey]int32{},
		builtins:  map[string]*builtin{},
		fixedData: !replacesData(plan.policy),
		places:    map[Rule]int{},
		withArgs:  newTrie(),
	}
	for _, s := range plan.policy.Static.Strings {
		c.strings = append(c.strings, c.sym.intern(s.Value))
	}
	return c
}

func (c *compiler) compileAll() error {
	for _, f := range c.policy.Funcs.Funcs {
		if err := c.declare(f); err != nil {
			return err
		}
	}
	c.prog.whole = table{spans: make([]span, len(c.prog.order)+len(c.policy.Plans.Plans))}
	for _, f := range c.policy.Funcs.Funcs { // callees come before their callers
		c.compileFunction(f)
	}
	for _, p := range c.policy.Plans.Plans {
		fn := &function{name: p.Name, id: len(c.prog.order), slot: -1, memo: -1, query: true}
		c.prog.plans[p.Name] = fn
		c.prog.order = append(c.prog.order, fn)
		c.compileBody(fn, &ir.Func{Name: p.Name, Return: noResult, Blocks: p.Blocks})
	}
	c.prog.stats.Slots = len(c.prog.slots)
	c.prog.cases = c.newCases()
	c.sym.publish()
	return nil
}

func (c *compiler) declare(f *ir.Func) error {
	if !takesDocuments(f) {
		return fmt.Errorf("function %s does not take input and data", f.Name)
	}
	arity := len(f.Params) - documentParams
	fn := &function{name: f.Name, id: len(c.prog.order), slot: -1, memo: -1, params: make([]int, arity)}
	c.prog.order = append(c.prog.order, fn)
	if arity == 0 {
		fn.slot = c.newSlot(slotDef{fn: fn})
		c.prog.dyn.addPath(f.Path, fn)
	} else {
		c.withArgs.addPath(f.Path, fn)
	}
	c.prog.funcs[f.Name] = fn
	return nil
}

func (c *compiler) compileFunction(f *ir.Func) {
	fn := c.prog.funcs[f.Name]
	c.prog.stats.Functions++
	c.compileBody(fn, f)
	if fn.unsupported == "" && fn.closed && fn.slot >= 0 && !c.opts.NoFold && c.fuse() {
		c.foldFunction(fn)
	}
}

// compileBody compiles the blocks of a function, or notes why it cannot.
func (c *compiler) compileBody(fn *function, f *ir.Func) {
	defer func() {
		if r := recover(); r != nil {
			cause, ok := r.(unsupported)
			if !ok {
				panic(r)
			}
			fn.unsupported = string(cause)
			c.prog.stats.Unsupported++
		}
	}()
	us := units(f.Blocks)
	shared := sharedLocals(us)
	shared[f.Return] = true
	for _, p := range f.Params {
		shared[p] = true
	}
	nodes := c.lowerAll(fn, us, shared)
	if c.fuse() {
		nodes = mergeEnds(nodes, f.Return)
	}
	c.settle(fn, f, nodes)
	c.emitFunction(fn, f, compiled{items: c.regroup(f, nodes), shared: shared})
}

func (c *compiler) lowerAll(fn *function, us []*ir.Block, shared map[ir.Local]bool) [][]*node {
	var out [][]*node
	for _, u := range us {
		w := &lowering{c: c, fn: fn, shared: shared}
		out = append(out, c.fuseUnit(w.unit(u), shared))
	}
	return out
}

// compiled is a function before its closures are made.
type compiled struct {
	items  []item
	shared map[ir.Local]bool
}

// emitFunction assigns registers and makes the closures.
func (c *compiler) emitFunction(fn *function, f *ir.Func, done compiled) {
	items := done.items
	e := &emitter{c: c, fn: fn, regs: map[ir.Local]int32{}, shared: done.shared}
	if !fn.query {
		for i, p := range f.Params[documentParams:] {
			fn.params[i] = int(e.register(p))
		}
	}
	fn.ret = int(e.register(f.Return))
	fn.closed = c.isClosed(items)
	if n := fn.arity(); n > 0 && n <= maxMemoArgs && !c.opts.NoSlots && isCostly(items) {
		fn.memo = c.prog.memos
		c.prog.memos++
	}
	fn.parts = e.items(items)
	for _, p := range fn.parts {
		fn.units = append(fn.units, p.run)
	}
	fn.nregs = len(e.regs)
}

// isCostly reports whether a function does more than remembering its last call
// takes: it loops, or calls.
func isCostly(items []item) bool {
	costly := false
	for _, it := range items {
		for _, b := range it.blocks {
			eachNode(b, func(n *node) {
				costly = costly || n.op == opScan || n.op == opCall || n.op == opBuiltin && !n.builtin.native
			})
		}
	}
	return costly
}

// isClosed reports whether nothing but the arguments decides the value.
func (c *compiler) isClosed(items []item) bool {
	closed := true
	for _, it := range items {
		for _, b := range it.blocks {
			eachNode(b, func(n *node) {
				n.operands(func(o *operand) {
					closed = closed && (o.kind == inNone || o.kind == inReg || o.kind == inConst)
				})
				switch n.op {
				case opWith, opDynamic, opResult:
					closed = false
				case opCall:
					closed = closed && n.fn.closed
				case opBuiltin:
					closed = closed && n.builtin.native
				}
			})
		}
	}
	return closed
}

// foldSteps bounds an evaluation at compile time.
const foldSteps = 100_000

// foldFunction evaluates a function that depends on nothing. One that fails is left to
// fail, or not to be called, at run time.
func (c *compiler) foldFunction(fn *function) {
	m := c.foldingVM()
	m.prepare(context.Background(), Request{}, &c.prog.whole)
	m.budget = foldSteps
	v := m.call(fn)
	if m.err != nil || m.bierr != nil {
		return
	}
	fn.folded = true
	if v != nil {
		fn.constant = freeze(c.sym, v)
	}
	c.prog.stats.Folded++
}

// foldingVM is the one that evaluates at compile time, with room for what was
// compiled since. What it remembers is of other generations.
func (c *compiler) foldingVM() *vm {
	if c.folder == nil {
		c.folder = &vm{prog: c.prog}
	}
	m := c.folder
	m.arena.rewind()
	m.slots = append(m.slots, make([]memo, len(c.prog.slots)-len(m.slots))...)
	m.applied = append(m.applied, make([]application, c.prog.memos-len(m.applied))...)
	if c.opts.TrackRules {
		m.fired = append(m.fired, make([]uint64, len(c.prog.rules)/64+1-len(m.fired))...)
	}
	return m
}
