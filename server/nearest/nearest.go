// Package nearest finds the name that was meant where one was misspelt.
package nearest

import (
	"iter"
	"math"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Name returns which of names differs least from name, the first of those that differ as little; empty where more than
// a third of it differs and neither is a part of the other.
func Name(name string, names iter.Seq[string]) (nearest string) {
	least := math.MaxInt
	for other := range names {
		distance := levenshtein.ComputeDistance(name, other)
		near := distance <= len(name)/3 || strings.Contains(other, name) || strings.Contains(name, other)
		if near && distance < least {
			nearest, least = other, distance
		}
	}
	return nearest
}
