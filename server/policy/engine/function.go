package engine

// function is a compiled document, function or query of the plan.
type function struct {
	name   string // "g0.data.a.b"; the generation is that of mocked functions
	id     int    // its place in the program's order
	params []int  // registers of the arguments after input and data
	slot   int32  // where a function without such arguments is memoized, else -1
	memo   int    // where the last call with arguments is remembered, or -1
	nregs  int
	ret    int // register of the result
	units  []step
	parts  []part // the units again, with what cases need
	query  bool   // the planned query: its value is the vm's results

	folded   bool // the value is known
	constant Value

	closed      bool // its value depends on its arguments alone
	calls       []*function
	dynamic     bool // calls what is known only when it runs
	unsupported string
}

func (fn *function) arity() int { return len(fn.params) }

// exec runs the rule blocks in the plan's order. The frame has the arguments.
func (fn *function) exec(f *frame) Value {
	units := fn.units
	if t := f.vm.table; t.spans[fn.id].n > 0 {
		s := t.spans[fn.id]
		units = t.steps[s.from : s.from+s.n-1]
	}
	for _, u := range units {
		if c := u(f); c < 0 {
			if c == ctlReturn {
				break
			}
			return nil
		}
	}
	return f.regs[fn.ret]
}

// trie finds functions by path for CallDynamic statements.
type trie struct {
	children map[string]*trie
	fn       *function
}

func newTrie() *trie { return &trie{children: map[string]*trie{}} }

func (t *trie) addPath(path []string, fn *function) {
	for _, p := range path {
		next := t.children[p]
		if next == nil {
			next = newTrie()
			t.children[p] = next
		}
		t = next
	}
	t.fn = fn
}

// matches reports that a function may be found by a path, whose operands that
// are no constants stand for any key.
func (t *trie) matches(path []operand) bool {
	if len(path) == 0 {
		return t.fn != nil
	}
	if path[0].kind == inConst {
		next := t.child(path[0].val)
		return next != nil && next.matches(path[1:])
	}
	for _, next := range t.children {
		if next.matches(path[1:]) {
			return true
		}
	}
	return false
}

func (t *trie) child(key Value) *trie {
	s, ok := key.(*Str)
	if !ok || t == nil {
		return nil
	}
	return t.children[s.s]
}
