package engine_test

import (
	"slices"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/engine"
)

// sample are terms of all kinds, many of them close to each other.
var sample = []string{
	`null`, `true`, `false`, `0`, `-0`, `1`, `1.0`, `1e0`, `-1`, `10`, `1e3`, `1000`, `0.1`, `1023`, `1024`, `9007199254740993`,
	`9007199254740993.0`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `1e400`,
	`""`, `"a"`, `"b"`, `"ab"`, `"é"`, `[]`, `[1]`, `[1.0]`, `[1, 2]`, `[2]`, `{}`, `{"a": 1}`, `{"a": 1.0}`, `{"a": 2}`,
	`{"b": 1}`, `{"a": 1, "b": 2}`, `{1: "x"}`, `{[1]: {2}}`, `set()`, `{1}`, `{1.0}`, `{1, 2}`, `{"a"}`, `{{1}, [1]}`,
	`{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}`, `{1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}`,
}

func convert(t testing.TB, sym *engine.Symbols, terms ...string) (vals []engine.Value, asts []ast.Value) {
	t.Helper()
	for _, s := range terms {
		a := ast.MustParseTerm(s).Value
		v, err := engine.FromAST(sym, a)
		if err != nil {
			t.Fatal(err)
		}
		vals, asts = append(vals, v), append(asts, a)
	}
	return vals, asts
}

func sign(i int) int { return min(max(i, -1), 1) }

func TestCompareAsOPA(t *testing.T) {
	sym := engine.NewSymbols()
	sym.Intern("a", "b")
	vals, asts := convert(t, sym, sample...)
	for i, a := range vals {
		for j, b := range vals {
			want := sign(ast.Compare(asts[i], asts[j]))
			if got := sign(engine.Compare(a, b)); got != want {
				t.Errorf("Compare(%s, %s) = %d, want %d", sample[i], sample[j], got, want)
			}
			if got := engine.Equal(a, b); got != (want == 0) {
				t.Errorf("Equal(%s, %s) = %t", sample[i], sample[j], got)
			}
			if want == 0 && engine.Hash(a) != engine.Hash(b) {
				t.Errorf("%s and %s are equal and hash differently", sample[i], sample[j])
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	vals, asts := convert(t, engine.NewSymbols(), sample...)
	for i, v := range vals {
		if got := engine.ToAST(v).String(); got != asts[i].String() {
			t.Errorf("%s comes back as %s", sample[i], got)
		}
	}
	if engine.ToAST(nil) != nil || !engine.Equal(nil, nil) || engine.Equal(nil, engine.NullValue) {
		t.Error("undefined is not itself")
	}
}

func TestFromASTRefusesVariables(t *testing.T) {
	if _, err := engine.FromAST(engine.NewSymbols(), ast.MustParseTerm(`[x]`).Value); err == nil {
		t.Error("a variable was converted")
	}
}

// TestStringsOfDifferentTables: interning is an optimization, never a condition.
func TestStringsOfDifferentTables(t *testing.T) {
	a, b := engine.NewSymbols(), engine.NewSymbols()
	x, y := a.Intern("k")[0], b.Intern("k")[0]
	loose := engine.NewHeap(engine.NewSymbols()).String("k")
	for _, v := range []engine.Value{x, y, loose} {
		for _, w := range []engine.Value{x, y, loose} {
			if !engine.Equal(v, w) {
				t.Error("equal strings differ")
			}
		}
	}
	if engine.Equal(x, b.Intern("other")[0]) || engine.Equal(x, a.Intern("other")[0]) {
		t.Error("different strings are equal")
	}
	record := engine.NewHeap(a).Record(engine.NewShape(a, "k", "l"), []engine.Value{engine.Int(1), nil}).(*engine.Object)
	for _, k := range []engine.Value{x, y, loose} {
		if record.Lookup(k) == nil {
			t.Error("a key of another table is not found")
		}
	}
	if record.Get("k") == nil || record.Get("l") != nil || record.Len() != 1 {
		t.Error("the fields of the record are not the ones set")
	}
}

func TestShapeKeepsOrderAndPresence(t *testing.T) {
	sym := engine.NewSymbols()
	var keys []string
	for _, c := range "qwertyuiopasdfghjkl" { // enough for an index
		keys = append(keys, string(c))
	}
	shape := engine.NewShape(sym, keys...)
	for _, b := range []*engine.Builder{engine.NewHeap(sym), engine.NewBuilder(sym)} {
		for skip := range keys {
			vals := make([]engine.Value, len(keys))
			want := ast.NewObject()
			for i, k := range keys {
				if i != skip {
					vals[i] = b.Int(int64(i))
					want.Insert(ast.StringTerm(k), ast.InternedTerm(i))
				}
			}
			o := b.Record(shape, vals).(*engine.Object)
			if got := engine.ToAST(o); got.Compare(want) != 0 {
				t.Fatalf("record = %v, want %v", got, want)
			}
			if o.Get(keys[skip]) != nil || o.Get("zz") != nil {
				t.Error("an absent field is found")
			}
			var order []string
			for i := range o.Len() {
				k, _ := o.At(i)
				s, _ := engine.AsString(k)
				order = append(order, s)
			}
			if !slices.IsSorted(order) {
				t.Errorf("keys are in order %v", order)
			}
		}
	}
}

func TestBuilderReuse(t *testing.T) {
	sym := engine.NewSymbols()
	shape := engine.NewShape(sym, "purpose", "now", "list", "free")
	b := engine.NewBuilder(sym)
	frozen := engine.NewHeap(sym).Object(engine.Field{Key: "x", Value: engine.Int(1)})
	list := []string{"a", "b"}
	build := func() engine.Value {
		b.Reset()
		fields := [2]engine.Field{{Key: "z", Value: engine.True}, {Key: "a", Value: b.Int(5000)}}
		vals := [4]engine.Value{b.String("unknown"), b.Int(1_700_000_000_000), b.Strings(list), b.Object(fields[:]...)}
		return b.Record(shape, vals[:])
	}
	want := `{"free": {"a": 5000, "z": true}, "list": ["a", "b"], "now": 1700000000000, "purpose": "unknown"}`
	if got := engine.ToAST(build()).String(); got != want {
		t.Errorf("record = %s, want %s", got, want)
	}
	if n := testing.AllocsPerRun(100, func() { build() }); n != 0 {
		t.Errorf("building again costs %v allocations", n)
	}
	if engine.Size(frozen) <= 0 || engine.Size(sym.Intern("x")[0]) != 0 {
		t.Error("size counts what is shared, or nothing")
	}
}

func TestSetsDropDuplicates(t *testing.T) {
	b := engine.NewHeap(engine.NewSymbols())
	s := b.Set(engine.Int(1), b.Number("1.0"), b.String("a"), b.String("a")).(*engine.Set)
	if s.Len() != 2 || !s.Contains(b.Number("1e0")) {
		t.Errorf("set = %v", engine.ToAST(s))
	}
}
