package engine

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// ToAST converts a value for OPA; undefined becomes nil. It is used for
// delegated built-ins, in tests and where topdown evaluates the same input.
func ToAST(v Value) ast.Value {
	if v == nil {
		return nil
	}
	return term(v).Value
}

func term(v Value) *ast.Term {
	switch x := v.(type) {
	case *Str:
		return ast.StringTerm(x.s)
	case *Bool:
		return ast.InternedTerm(x.v)
	case *Num:
		return numberTerm(x)
	case *Null:
		return ast.NullTerm()
	case *Array:
		return ast.ArrayTerm(terms(x.elems)...)
	case *Set:
		x.sort()
		return ast.SetTerm(terms(x.elems)...)
	case *Object:
		return objectTerm(x)
	}
	panic(fmt.Sprintf("engine: no term for %T", v))
}

func numberTerm(n *Num) *ast.Term {
	if n.isSmall() {
		return ast.InternedTerm(int(n.i))
	}
	return ast.NewTerm(ast.Number(n.String()))
}

func terms(vals []Value) []*ast.Term {
	out := make([]*ast.Term, len(vals))
	for i, v := range vals {
		out[i] = term(v)
	}
	return out
}

func objectTerm(o *Object) *ast.Term {
	obj := ast.NewObjectWithCapacity(len(o.keys))
	for i, k := range o.keys {
		obj.Insert(term(k), term(o.vals[i]))
	}
	return ast.NewTerm(obj)
}

// FromAST converts a ground OPA value into a frozen one, whose strings are
// those of sym where it knows them. Only data and tests come this way: inputs
// are built with a Builder.
func FromAST(sym *Symbols, v ast.Value) (Value, error) {
	b := NewHeap(sym)
	c := converter{sym: sym, arena: &b.arena}
	out := c.convert(v)
	return out, c.err
}

// converter makes values in an arena.
type converter struct {
	sym   *Symbols
	arena *arena
	nodes int // values made, and what their strings weigh
	err   error
}

func (c *converter) convert(v ast.Value) Value {
	c.nodes++
	switch x := v.(type) {
	case ast.Null:
		return NullValue
	case ast.Boolean:
		return Boolean(bool(x))
	case ast.Number:
		return c.fromNumber(x)
	case ast.String:
		return c.fromString(string(x))
	case *ast.Array:
		return c.fromArray(x)
	case ast.Object:
		return c.fromObject(x)
	case ast.Set:
		return c.fromSet(x)
	}
	c.err = fmt.Errorf("converting a value: %T is not ground", v)
	return NullValue
}

func (c *converter) fromString(s string) Value {
	c.nodes += len(s) / 64
	if e := c.sym.Find(s); e != nil {
		return e
	}
	return c.arena.newStr(s)
}

func (c *converter) fromNumber(n ast.Number) Value {
	if i, ok := canonicalInt(string(n)); ok {
		return c.arena.newNum(i)
	}
	return numberOf(string(n))
}

func (c *converter) fromArray(x *ast.Array) Value {
	out := c.arena.newArray(x.Len())
	x.Foreach(func(t *ast.Term) { out.elems = append(out.elems, c.convert(t.Value)) })
	return out
}

func (c *converter) fromSet(x ast.Set) Value {
	out := c.arena.newSet()
	x.Foreach(func(t *ast.Term) { c.arena.addTo(out, c.convert(t.Value)) })
	out.sort()
	return out
}

func (c *converter) fromObject(x ast.Object) Value {
	out := c.arena.newObject()
	x.Foreach(func(k, v *ast.Term) { c.arena.insertInto(out, c.convert(k.Value), c.convert(v.Value)) })
	out.sort()
	return out
}

// freeze returns a value like v that does not live in an arena, with its
// strings interned: constants and data are frozen.
func freeze(sym *Symbols, v Value) Value {
	switch x := v.(type) {
	case *Str:
		return sym.intern(x.s)
	case *Num:
		if x.lit == nil {
			return Int(x.i)
		}
		return numberOf(*x.lit)
	case *Array:
		return &Array{elems: freezeAll(sym, x.elems)}
	case *Set:
		s := &Set{elems: freezeAll(sym, x.elems)}
		s.sort()
		s.index = newIndex(s.elems)
		return s
	case *Object:
		o := &Object{keys: freezeAll(sym, x.keys), vals: freezeAll(sym, x.vals)}
		o.sort()
		o.index = newIndex(o.keys)
		o.uniform = allStrings(o.keys)
		return o
	}
	return v
}

func allStrings(keys []Value) bool {
	for _, k := range keys {
		if _, ok := k.(*Str); !ok {
			return false
		}
	}
	return true
}

func freezeAll(sym *Symbols, vals []Value) []Value {
	out := make([]Value, len(vals))
	for i, v := range vals {
		out[i] = freeze(sym, v)
	}
	return out
}
