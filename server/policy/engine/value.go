package engine

// Kind orders values by type, in the order in which Rego compares them.
type Kind uint8

// The kinds, in Rego's order.
const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
	KindSet
)

// Value is a Rego value: *Null, *Bool, *Num, *Str, *Array, *Object or *Set.
// A nil Value is undefined. Values that are shared between evaluations are
// frozen and safe for concurrent use; values of an evaluation belong to it.
type Value interface {
	// Kind returns the type of the value.
	Kind() Kind
}

// Null is the null value; there is one, NullValue.
type Null struct{ _ byte }

// Bool is a boolean; there are two, True and False.
type Bool struct{ v bool }

// The singletons. Identity decides between them.
var (
	NullValue = &Null{}
	True      = &Bool{v: true}
	False     = &Bool{}
)

// Array is a sequence of values.
type Array struct{ elems []Value }

// Kind returns KindNull.
func (*Null) Kind() Kind { return KindNull }

// Kind returns KindBool.
func (*Bool) Kind() Kind { return KindBool }

// Kind returns KindNumber.
func (*Num) Kind() Kind { return KindNumber }

// Kind returns KindString.
func (*Str) Kind() Kind { return KindString }

// Kind returns KindArray.
func (*Array) Kind() Kind { return KindArray }

// Kind returns KindObject.
func (*Object) Kind() Kind { return KindObject }

// Kind returns KindSet.
func (*Set) Kind() Kind { return KindSet }

// Bool returns the boolean.
func (b *Bool) Bool() bool { return b.v }

// Len returns the number of elements.
func (a *Array) Len() int { return len(a.elems) }

// At returns element i.
func (a *Array) At(i int) Value { return a.elems[i] }

// Boolean returns the value of a Go bool.
func Boolean(b bool) *Bool {
	if b {
		return True
	}
	return False
}

// AsString returns the text of a string value.
func AsString(v Value) (string, bool) {
	s, ok := v.(*Str)
	if !ok {
		return "", false
	}
	return s.s, true
}

// AsBool returns the value of a boolean.
func AsBool(v Value) (value, ok bool) {
	b, ok := v.(*Bool)
	return ok && b.v, ok
}

// AsInt returns a number that is an integer and fits an int64.
func AsInt(v Value) (int64, bool) {
	n, ok := v.(*Num)
	if !ok {
		return 0, false
	}
	return n.Int()
}

// lookup is the value of src[key], or nil. It is the meaning of a reference on
// a value that does not come straight from data (see lookupData).
func lookup(src, key Value) Value {
	switch s := src.(type) {
	case *Object:
		return s.Lookup(key)
	case *Array:
		if n, ok := key.(*Num); ok {
			return s.elementAt(n)
		}
	case *Set:
		return s.find(key)
	}
	return nil
}

// lookupData is lookup for a step of a reference that starts at data. A number
// also finds the string key of the same text, and the reverse for arrays, as
// in a path of OPA's storage.
func lookupData(src, key Value) Value {
	if v := lookup(src, key); v != nil {
		return v
	}
	switch x := src.(type) {
	case *Object:
		if n, ok := key.(*Num); ok {
			return x.Lookup(&Str{s: n.String()})
		}
	case *Array:
		if s, ok := key.(*Str); ok {
			if i, ok := canonicalInt(s.s); ok && i >= 0 && i < int64(len(x.elems)) {
				return x.elems[i]
			}
		}
	}
	return nil
}

func (a *Array) elementAt(n *Num) Value {
	i, ok := n.asIndex()
	if !ok || i < 0 || i >= int64(len(a.elems)) {
		return nil
	}
	return a.elems[i]
}

// length is the meaning of the plan's length statement.
func length(v Value) int {
	switch x := v.(type) {
	case *Array:
		return len(x.elems)
	case *Object:
		return len(x.keys)
	case *Set:
		return len(x.elems)
	case *Str:
		return len([]rune(x.s))
	}
	return 0
}
