package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

func jsonNumber(s string) json.Number { return json.Number(s) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func slicesSorted(s []string) string {
	slices.Sort(s)
	return fmt.Sprint(s)
}
