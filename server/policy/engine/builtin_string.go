package engine

import "strings"

// internedOrNew makes a string of an evaluation: the interned one if there is one.
func (m *vm) internedOrNew(s string) Value {
	if e := m.prog.sym.Find(s); e != nil {
		return e
	}
	m.tick(len(s) / 64)
	return m.arena.newStr(s)
}

func lower(m *vm, a Value) Value { return mapped(m, a, strings.ToLower) }

func upper(m *vm, a Value) Value { return mapped(m, a, strings.ToUpper) }

func mapped(m *vm, a Value, f func(string) string) Value {
	s, ok := a.(*Str)
	if !ok {
		return delegate
	}
	out := f(s.s)
	if out == s.s {
		return s
	}
	return m.internedOrNew(out)
}

func trimPrefix(m *vm, a, b Value) Value { return trimmed(m, a, b, strings.TrimPrefix) }

func trimSuffix(m *vm, a, b Value) Value { return trimmed(m, a, b, strings.TrimSuffix) }

func trimmed(m *vm, a, b Value, f func(s, part string) string) Value {
	s, ok := a.(*Str)
	part, ok2 := b.(*Str)
	if !ok || !ok2 {
		return delegate
	}
	return m.internedOrNew(f(s.s, part.s))
}

// anyPrefixMatch reports whether any of the strings begins with any of the prefixes; either may be a single string.
func anyPrefixMatch(m *vm, a, b Value) verdict {
	var one [2]Value
	strs, ok := texts(a, one[:1])
	prefixes, ok2 := texts(b, one[1:])
	if !ok || !ok2 {
		return notMine
	}
	m.tick(len(strs) * len(prefixes) / 8)
	for _, s := range strs {
		for _, p := range prefixes {
			if strings.HasPrefix(s.(*Str).s, p.(*Str).s) {
				return yes
			}
		}
	}
	return no
}

// texts returns the strings of an array or set of strings, or a string as the only one, in one.
func texts(v Value, one []Value) ([]Value, bool) {
	list, ok := elements(v)
	if !ok {
		one[0] = v
		list = one
	}
	for _, e := range list {
		if _, ok := e.(*Str); !ok {
			return nil, false
		}
	}
	return list, true
}

// concat joins in a buffer that the evaluation keeps: a result that is interned
// costs no allocation.
func concat(m *vm, a, b Value) Value {
	sep, ok := a.(*Str)
	if set, isSet := b.(*Set); isSet {
		set.sort()
	}
	elems, ok2 := elements(b)
	if !ok || !ok2 {
		return delegate
	}
	buf := m.buf[:0]
	for i, e := range elems {
		s, ok := e.(*Str)
		if !ok {
			return delegate
		}
		if i > 0 {
			buf = append(buf, sep.s...)
		}
		buf = append(buf, s.s...)
		if len(buf) > maxConcat {
			return delegate
		}
	}
	m.buf = buf
	m.tick(len(elems) + len(buf)/64)
	if e := (*m.prog.sym.read.Load())[string(buf)]; e != nil {
		return e
	}
	return m.arena.newStr(string(buf))
}

// maxConcat bounds the buffer that an evaluation keeps; topdown joins what is
// longer.
const maxConcat = 1 << 16

func split(m *vm, a, b Value) Value {
	s, ok := a.(*Str)
	sep, ok2 := b.(*Str)
	if !ok || !ok2 || sep.s == "" {
		return delegate
	}
	out := m.arena.newArray(0)
	rest := s.s
	for {
		part, tail, found := strings.Cut(rest, sep.s)
		out.elems = append(out.elems, m.internedOrNew(part))
		m.tick(1)
		if !found {
			return out
		}
		rest = tail
	}
}

// substring is for ASCII, where runes are bytes.
func substring(m *vm, a, from, n Value) Value {
	s, ok := a.(*Str)
	start, length, ok2 := ints(from, n)
	if !ok || !ok2 || start < 0 || !isASCII(s.s) {
		return delegate
	}
	if start >= int64(len(s.s)) {
		return m.internedOrNew("")
	}
	rest := s.s[start:]
	if length >= 0 && length < int64(len(rest)) {
		rest = rest[:length]
	}
	return m.internedOrNew(rest)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
