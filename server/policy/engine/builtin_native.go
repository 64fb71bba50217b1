package engine

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// natives are the built-ins that run on the engine's own values. Each decides
// only for operands of the types that it expects and delegates the rest, so
// that errors, and what is undefined, are topdown's.
var natives = map[string]nativeFunc{
	ast.Equal.Name:         {test: func(_ *vm, a, b Value) verdict { return truth(Equal(a, b)) }},
	ast.NotEqual.Name:      {test: func(_ *vm, a, b Value) verdict { return truth(!Equal(a, b)) }},
	ast.LessThan.Name:      {test: func(_ *vm, a, b Value) verdict { return truth(order(a, b) < 0) }},
	ast.LessThanEq.Name:    {test: func(_ *vm, a, b Value) verdict { return truth(order(a, b) <= 0) }},
	ast.GreaterThan.Name:   {test: func(_ *vm, a, b Value) verdict { return truth(order(a, b) > 0) }},
	ast.GreaterThanEq.Name: {test: func(_ *vm, a, b Value) verdict { return truth(order(a, b) >= 0) }},
	ast.Member.Name:        {test: member},
	ast.MemberWithKey.Name: {f3: memberWithKey},

	ast.StartsWith.Name:     {test: onStrings(strings.HasPrefix)},
	ast.EndsWith.Name:       {test: onStrings(strings.HasSuffix)},
	ast.Contains.Name:       {test: onStrings(strings.Contains)},
	ast.AnyPrefixMatch.Name: {test: anyPrefixMatch},

	ast.IsNumber.Name:  {test: isKind(KindNumber)},
	ast.IsString.Name:  {test: isKind(KindString)},
	ast.IsBoolean.Name: {test: isKind(KindBool)},
	ast.IsArray.Name:   {test: isKind(KindArray)},
	ast.IsObject.Name:  {test: isKind(KindObject)},
	ast.IsSet.Name:     {test: isKind(KindSet)},
	ast.IsNull.Name:    {test: isKind(KindNull)},

	ast.Plus.Name:     {f2: plus},
	ast.Minus.Name:    {f2: minus},
	ast.Multiply.Name: {f2: multiply},
	ast.Divide.Name:   {f2: divide},
	ast.Rem.Name:      {f2: remainder},
	ast.Abs.Name:      {f1: absolute},
	ast.ToNumber.Name: {f1: toNumber},

	ast.Count.Name: {f1: count},
	ast.Sum.Name:   {f1: sum},
	ast.Max.Name:   {f1: largest},
	ast.Min.Name:   {f1: smallest},
	ast.Sort.Name:  {f1: sorted},

	ast.And.Name: {f2: intersection},
	ast.Or.Name:  {f2: union},

	ast.Lower.Name:      {f1: lower},
	ast.Upper.Name:      {f1: upper},
	ast.Concat.Name:     {f2: concat},
	ast.Split.Name:      {f2: split},
	ast.Substring.Name:  {f3: substring},
	ast.TrimPrefix.Name: {f2: trimPrefix},
	ast.TrimSuffix.Name: {f2: trimSuffix},

	ast.ParseRFC3339Nanos.Name: {f1: parseRFC3339},
	ast.AddDate.Name:           {fn: addDate},

	ast.ArrayConcat.Name: {f2: arrayConcat},
	ast.ArraySlice.Name:  {f3: arraySlice},
	ast.ObjectGet.Name:   {f3: objectGet},
	ast.ObjectKeys.Name:  {f1: objectKeys},
	ast.ObjectUnion.Name: {f2: objectUnion},

	ast.WalkBuiltin.Name: {f1: walkAll},
}

func truth(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// order is Compare with a short way for ints, the common case.
func order(a, b Value) int {
	x, ok := a.(*Num)
	y, ok2 := b.(*Num)
	if ok && ok2 {
		return x.compare(y)
	}
	return Compare(a, b)
}

func isKind(k Kind) func(*vm, Value, Value) verdict {
	return func(_ *vm, a, _ Value) verdict { return truth(a.Kind() == k) }
}

func onStrings(f func(s, part string) bool) func(*vm, Value, Value) verdict {
	return func(_ *vm, a, b Value) verdict {
		s, ok := a.(*Str)
		part, ok2 := b.(*Str)
		if !ok || !ok2 {
			return notMine
		}
		return truth(f(s.s, part.s))
	}
}

func member(m *vm, v, in Value) verdict {
	switch c := in.(type) {
	case *Set:
		return truth(c.indexOf(v) >= 0)
	case *Array:
		m.tick(len(c.elems) / 8)
		return truth(indexIn(c.elems, v) >= 0)
	case *Object:
		m.tick(len(c.vals) / 8)
		return truth(indexIn(c.vals, v) >= 0)
	}
	return no
}

func memberWithKey(_ *vm, key, v, in Value) Value {
	switch c := in.(type) {
	case *Set:
		return Boolean(c.indexOf(key) >= 0 && Equal(key, v))
	case *Array, *Object:
		got := lookup(in, key)
		return Boolean(got != nil && Equal(got, v))
	}
	return False
}

func count(m *vm, a Value) Value {
	if a.Kind() < KindString {
		return delegate
	}
	return m.arena.newNum(int64(length(a)))
}

// elements returns what an aggregate ranges over.
func elements(a Value) ([]Value, bool) {
	switch x := a.(type) {
	case *Array:
		return x.elems, true
	case *Set:
		return x.elems, true
	}
	return nil, false
}

func sum(m *vm, a Value) Value {
	elems, ok := elements(a)
	if !ok {
		return delegate
	}
	m.tick(len(elems) / 8)
	total := int64(0)
	for _, e := range elems {
		n, ok := e.(*Num)
		if !ok || n.lit != nil {
			return delegate
		}
		s := total + n.i
		if (s > total) != (n.i > 0) && n.i != 0 {
			return delegate
		}
		total = s
	}
	return m.arena.newNum(total)
}

// largest returns the last of the largest, as topdown does: equal numbers may
// be written differently.
func largest(m *vm, a Value) Value { return extreme(m, a, 1) }

func smallest(m *vm, a Value) Value { return extreme(m, a, -1) }

func extreme(m *vm, a Value, sign int) Value {
	elems, ok := elements(a)
	if !ok {
		return delegate
	}
	m.tick(len(elems) / 8)
	var best Value
	for _, e := range elems {
		if best == nil || sign*order(best, e) <= 0 {
			best = e
		}
	}
	return best
}

func sorted(m *vm, a Value) Value {
	elems, ok := elements(a)
	if !ok {
		return delegate
	}
	m.tick(len(elems))
	out := m.arena.newArray(len(elems))
	out.elems = append(out.elems, elems...)
	if len(elems) > insertionMax {
		slices.SortFunc(out.elems, Compare)
		return out
	}
	for i := 1; i < len(out.elems); i++ {
		for j := i; j > 0 && Compare(out.elems[j], out.elems[j-1]) < 0; j-- {
			out.elems[j], out.elems[j-1] = out.elems[j-1], out.elems[j]
		}
	}
	return out
}

func intersection(m *vm, a, b Value) Value {
	x, ok := a.(*Set)
	y, ok2 := b.(*Set)
	if !ok || !ok2 {
		return delegate
	}
	m.tick(len(x.elems))
	out := m.arena.newSet()
	for _, e := range x.elems {
		if y.indexOf(e) >= 0 {
			m.arena.addTo(out, e)
		}
	}
	return out
}

func union(m *vm, a, b Value) Value {
	x, ok := a.(*Set)
	y, ok2 := b.(*Set)
	if !ok || !ok2 {
		return delegate
	}
	switch { // values that are complete do not change: they may be shared
	case len(x.elems) == 0:
		return y
	case len(y.elems) == 0:
		return x
	}
	m.tick(len(x.elems) + len(y.elems))
	out := m.arena.newSet()
	for _, e := range x.elems {
		m.arena.addTo(out, e)
	}
	for _, e := range y.elems {
		m.arena.addTo(out, e)
	}
	return out
}

func difference(m *vm, x, y *Set) Value {
	m.tick(len(x.elems))
	out := m.arena.newSet()
	for _, e := range x.elems {
		if y.indexOf(e) < 0 {
			m.arena.addTo(out, e)
		}
	}
	return out
}
