package engine

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
)

// Compiling goes plan → nodes → closures. A node is a plan statement whose
// operands are resolved: constants are values, paths are slots, copies are
// gone. Nodes are rewritten (fuse.go), then turned into closures (emit.go).

// operand is where a value comes from. A zero operand is absent.
type operand struct {
	kind source
	data bool  // the value was reached from data by references alone
	id   int32 // register's local (nodes) or register (closures), or slot
	val  Value // of a constant; never nil
}

type source uint8

const (
	inNone source = iota
	inReg
	inConst
	inSlot
	inInput
	inData
)

func reg(l ir.Local) operand  { return operand{kind: inReg, id: int32(l)} }
func konst(v Value) operand   { return operand{kind: inConst, val: v} }
func slotted(s int32) operand { return operand{kind: inSlot, id: s} }

func (o operand) isReg(l ir.Local) bool { return o.kind == inReg && o.id == int32(l) }

// opcode is what a node does, in three groups: tests, which at most set their
// target; assignments, which make values and change collections; and the rest.
type opcode uint8

const (
	opNop       opcode = iota
	opDefined          // a is defined; dst = a
	opTruthy           // a is defined and not false
	opUndefined        // a is undefined
	opEqual            // a = b
	opNotEqual         // a != b; an undefined differs from all values
	opTest             // native predicate on a, b
	opKind             // a is of kind n
	opDot              // dst = a[b]
	opLen              // dst = length of a
	opAssign           // dst = a
	opReset            // dst = undefined
	opMake             // dst = new collection of kind n
	opRecord           // dst = object with keys, and args as values
	opMerge            // dst = a merged with b; a wins
	opOnce             // dst = a, a conflict if dst has another value
	opAppend           // array c gets a
	opAdd              // set c gets a
	opInsert           // object c gets a: b
	opOnceIn           // the same, a conflict if a has another value
	opCall             // dst = fn(args)
	opBuiltin          // dst = builtin(args)
	opDynamic          // dst = document at path args
	opBlock            // blocks, one after the other
	opScan             // for a, b in c: body
	opNot              // body is undefined
	opWith             // body, with a for the document n at path keys
	opBreak            // leave n+1 blocks
	opReturn           // return a
	opResult           // a is a result of the query
)

// The ends of the groups.
const (
	lastTest       = opLen
	lastAssignment = opOnceIn
)

// node is a resolved statement.
type node struct {
	op      opcode
	a, b, c operand
	args    []operand
	keys    []Value
	dst     ir.Local // noLocal: none
	n       int
	fn      *function
	builtin *builtin
	blocks  [][]*node
	strict  bool // opEqual: both operands are known to be defined when it is reached
	mark    int  // rule that succeeds here, plus 1
	final   bool // the function's value is settled after this
	at      place
}

const noLocal ir.Local = -1

// body is the block of a node that has one.
func (n *node) body() []*node { return n.blocks[0] }

// operands calls f for every operand of the node itself.
func (n *node) operands(f func(*operand)) {
	f(&n.a)
	f(&n.b)
	f(&n.c)
	for i := range n.args {
		f(&n.args[i])
	}
}

// eachNode calls f for the nodes and all nodes inside them.
func eachNode(nodes []*node, f func(*node)) {
	for _, n := range nodes {
		f(n)
		for _, b := range n.blocks {
			eachNode(b, f)
		}
	}
}

// strictIn reports whether the node is undefined, without an effect, if slot s
// is: then a check before it that s is defined is redundant.
func (n *node) strictIn(c *compiler, s int32) bool {
	switch n.op {
	case opDefined, opTruthy, opTest, opKind, opDot, opOnce, opAppend, opAdd, opBuiltin, opRecord:
	case opEqual:
		if !n.strict && n.a.kind != inConst && n.b.kind != inConst {
			return false
		}
	default:
		return false
	}
	found := false
	n.operands(func(o *operand) {
		if o.kind == inSlot && c.dependsOn(o.id, s) {
			found = true
		}
	})
	return found
}

// pureTest reports that a node has no effect but to be undefined, or to fail.
func (n *node) pureTest() bool {
	return n.op <= lastTest
}

// total are the predicates that decide for operands of all types.
var total = map[string]bool{
	ast.Equal.Name: true, ast.NotEqual.Name: true, ast.LessThan.Name: true, ast.LessThanEq.Name: true,
	ast.GreaterThan.Name: true, ast.GreaterThanEq.Name: true, ast.Member.Name: true,
}

// infallible reports that a node is a test that cannot fail: other tests may be
// moved across it, in either direction.
func (c *compiler) infallible(n *node) bool {
	if !n.pureTest() || n.op == opTest && !(n.builtin.native && total[n.builtin.name]) {
		return false
	}
	ok := true
	n.operands(func(o *operand) { ok = ok && (o.kind != inSlot || !c.calls(o.id)) })
	return ok
}
