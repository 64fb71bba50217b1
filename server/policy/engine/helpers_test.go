package engine_test

import (
	"encoding/json"
	"maps"
	"slices"
)

func jsonNumber(s string) json.Number { return json.Number(s) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
