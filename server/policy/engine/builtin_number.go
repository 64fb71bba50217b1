package engine

import (
	"math"
	"math/bits"
)

// ints returns two operands that are both ints.
func ints(a, b Value) (x, y int64, ok bool) {
	n, ok1 := a.(*Num)
	o, ok2 := b.(*Num)
	if !ok1 || !ok2 || n.lit != nil || o.lit != nil {
		return 0, 0, false
	}
	return n.i, o.i, true
}

func plus(m *vm, a, b Value) Value {
	x, y, ok := ints(a, b)
	s := x + y
	if !ok || (s > x) != (y > 0) && y != 0 {
		return delegate
	}
	return m.arena.newNum(s)
}

func minus(m *vm, a, b Value) Value {
	if s, ok := a.(*Set); ok {
		if t, ok := b.(*Set); ok {
			return difference(m, s, t)
		}
		return delegate
	}
	x, y, ok := ints(a, b)
	d := x - y
	if !ok || (d < x) != (y > 0) && y != 0 {
		return delegate
	}
	return m.arena.newNum(d)
}

func multiply(m *vm, a, b Value) Value {
	x, y, ok := ints(a, b)
	if !ok || x == math.MinInt64 || y == math.MinInt64 {
		return delegate
	}
	hi, lo := bits.Mul64(uint64(max(x, -x)), uint64(max(y, -y)))
	if hi != 0 || lo > math.MaxInt64 {
		return delegate
	}
	return m.arena.newNum(x * y)
}

// small32 is the window in which topdown divides ints exactly; beyond it the
// quotient is rounded to a float.
func small32(x int64) bool { return math.MinInt32 <= x && x <= math.MaxInt32 }

func divide(m *vm, a, b Value) Value {
	x, y, ok := ints(a, b)
	if !ok || !small32(x) || !small32(y) || y == 0 || x == 0 || x%y != 0 {
		return delegate
	}
	return m.arena.newNum(x / y)
}

func remainder(m *vm, a, b Value) Value {
	x, y, ok := ints(a, b)
	if !ok || y == 0 {
		return delegate
	}
	return m.arena.newNum(x % y)
}

func absolute(m *vm, a Value) Value {
	n, ok := a.(*Num)
	if !ok || n.lit != nil || !small32(n.i) {
		return delegate
	}
	return m.arena.newNum(max(n.i, -n.i))
}

func toNumber(m *vm, a Value) Value {
	switch x := a.(type) {
	case *Null:
		return Int(0)
	case *Bool:
		if x.v {
			return Int(1)
		}
		return Int(0)
	case *Num:
		return x
	case *Str:
		if i, ok := canonicalInt(x.s); ok {
			return m.arena.newNum(i)
		}
	}
	return delegate
}
