package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/engine"
)

func jsonNumber(s string) json.Number { return json.Number(s) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func slicesSorted(s []string) string {
	slices.Sort(s)
	return fmt.Sprint(s)
}

// shapes are those of records so far, by their keys.
type shapes map[string]*engine.Shape

// records makes of objects with string keys what the service makes of requests and states: records of fixed shapes.
func records(sym *engine.Symbols, shapes shapes, v ast.Value) engine.Value {
	b := engine.NewHeap(sym)
	switch x := v.(type) {
	case ast.Object:
		var keys []string
		var vals []engine.Value
		x.Foreach(func(k, v *ast.Term) {
			if s, ok := k.Value.(ast.String); ok {
				keys, vals = append(keys, string(s)), append(vals, records(sym, shapes, v.Value))
			}
		})
		if len(keys) < x.Len() || len(keys) == 0 || len(keys) > 64 {
			break
		}
		id := fmt.Sprintf("%q", keys)
		if shapes[id] == nil {
			shapes[id] = engine.NewShape(sym, keys...)
		}
		return b.Record(shapes[id], vals)
	case *ast.Array:
		var vals []engine.Value
		x.Foreach(func(t *ast.Term) { vals = append(vals, records(sym, shapes, t.Value)) })
		return b.Array(vals...)
	}
	out, err := engine.FromAST(sym, v)
	if err != nil {
		panic(err)
	}
	return out
}
