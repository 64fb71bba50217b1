package document

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// numberForm is that of JSON's numbers.
var numberForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// notKept is what is said of a number that is not kept.
const notKept = "%s has more digits than all readers of YAML and JSON keep: quote it where text is meant"

// maxExact is the largest whole number up to which a float keeps all, minExact the smallest fraction that is taken.
const (
	maxExact  = 1 << 53
	minExact  = 1e-9
	maxDigits = 40
)

// kept reports whether readers that take numbers for floats, and write them out again, have the same number as those
// that keep the digits: OPA's tools are of both kinds.
func kept(s string) bool {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f > maxExact || f < -maxExact || len(s) > maxDigits {
		return false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
	if f > -minExact && f < minExact && strings.ContainsAny(mantissa, "123456789") {
		return false // and its digits would take memory below
	}
	exact, ok := new(big.Rat).SetString(s)
	again, okAgain := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	return ok && okAgain && exact.Cmp(again) == 0
}
