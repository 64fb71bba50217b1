package usage

import (
	"math"
	"testing"
)

// TestCountsDoNotWrap: a client may report any number.
func TestCountsDoNotWrap(t *testing.T) {
	p, k := newPage(), Kind{Controller: "example", Purpose: "ads"}
	for range 3 {
		p.add(k, Counts{Allowed: math.MaxUint64 - 1, Denied: 1})
		p.overflow(math.MaxUint64 - 1)
	}
	if got := *p.counts[k]; got != (Counts{math.MaxUint64, 3}) || p.overflowed != math.MaxUint64 {
		t.Errorf("%+v, overflowed %d", got, p.overflowed)
	}
}
