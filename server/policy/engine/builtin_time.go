package engine

import (
	"math"
	"time"
)

// parseRFC3339 is time.parse_rfc3339_ns; what does not parse is left to topdown.
func parseRFC3339(m *vm, a Value) Value {
	s, ok := a.(*Str)
	if !ok {
		return delegate
	}
	t, err := time.Parse(time.RFC3339, s.s)
	if err != nil {
		return delegate
	}
	return m.instant(t)
}

// maxDateShift bounds the operands of add_date, so that no sum overflows.
const maxDateShift = 1 << 20

// addDate is time.add_date for an instant in UTC.
func addDate(m *vm, args []Value) Value {
	var n [4]int64
	for i, a := range args {
		v, ok := AsInt(a)
		if !ok || i > 0 && (v > maxDateShift || v < -maxDateShift) {
			return delegate
		}
		n[i] = v
	}
	return m.instant(time.Unix(0, n[0]).UTC().AddDate(int(n[1]), int(n[2]), int(n[3])))
}

// instant is a time in nanoseconds, if it can be one.
func (m *vm) instant(t time.Time) Value {
	if t.Before(time.Unix(0, math.MinInt64)) || t.After(time.Unix(0, math.MaxInt64)) {
		return delegate
	}
	return m.arena.newNum(t.UnixNano())
}
