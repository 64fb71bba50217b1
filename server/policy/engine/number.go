package engine

import (
	"cmp"
	"math"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Num is a number: an int64, or for all others the literal, kept as written.
// A literal is an int only if it is the canonical text of that int, so that
// "1.0" and "-0" are printed as they came; both still equal 1 and 0.
type Num struct {
	i   int64
	lit *string // nil: the number is i
}

const (
	minSmall = -128
	maxSmall = 1023
)

// small holds the numbers that need no allocation.
var small = func() (t [maxSmall - minSmall + 1]Num) {
	for i := range t {
		t[i].i = int64(i) + minSmall
	}
	return t
}()

// Int returns the number of an int64.
func Int(i int64) *Num {
	if i >= minSmall && i <= maxSmall {
		return &small[i-minSmall]
	}
	return &Num{i: i}
}

// isSmall reports that a number is one of the shared ones.
func (n *Num) isSmall() bool { return n.lit == nil && n.i >= minSmall && n.i <= maxSmall }

// numberOf returns the number of a literal.
func numberOf(lit string) *Num {
	if i, ok := canonicalInt(lit); ok {
		return Int(i)
	}
	return &Num{lit: &lit}
}

func canonicalInt(lit string) (int64, bool) {
	if lit == "" || len(lit) > 20 || lit[0] == '+' {
		return 0, false
	}
	i, err := strconv.ParseInt(lit, 10, 64)
	if err != nil {
		return 0, false
	}
	digits := lit
	if lit[0] == '-' {
		digits = lit[1:]
	}
	if digits[0] == '0' && lit != "0" { // leading zeros, -0
		return 0, false
	}
	return i, true
}

// Int returns the number if it is an integer written as one that fits an int64.
func (n *Num) Int() (int64, bool) { return n.i, n.lit == nil }

// String returns the literal.
func (n *Num) String() string {
	if n.lit != nil {
		return *n.lit
	}
	return strconv.FormatInt(n.i, 10)
}

// asIndex is the number as an array index; OPA accepts integer literals only.
func (n *Num) asIndex() (int64, bool) {
	if n.lit == nil {
		return n.i, true
	}
	return ast.Number(*n.lit).Int64()
}

func (n *Num) compare(o *Num) int {
	if n.lit == nil && o.lit == nil {
		return cmp.Compare(n.i, o.i)
	}
	return ast.NumberCompare(ast.Number(n.String()), ast.Number(o.String()))
}

// hash goes by the float64, which equal numbers share however they are written.
func (n *Num) hash() uint64 {
	f := float64(n.i)
	if n.lit != nil {
		f, _ = strconv.ParseFloat(*n.lit, 64) // out of range: an infinity, as good as any
	}
	if f == 0 {
		f = 0 // -0
	}
	return mix(math.Float64bits(f))
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
