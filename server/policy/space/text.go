package space

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/consentd/consentd/server/consent"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func itoa(i int) string { return strconv.Itoa(i) }

func join(list []string) string { return strings.Join(list, ", ") }

// under reports whether a category is below another.
func under(category, parent string) bool { return strings.HasPrefix(category, parent+".") }

// parents are the categories above one.
func parents(category string) []string {
	var out []string
	for i := strings.LastIndexByte(category, '.'); i > 0; i = strings.LastIndexByte(category[:i], '.') {
		out = append(out, category[:i])
	}
	return out
}

// offsetText is a time from now in words.
func offsetText(o consent.Instant) string {
	switch {
	case o == 0:
		return "exactly now"
	case o%day == 0 && o < 0:
		return itoa(int(-o/day)) + " days ago"
	case o < 0:
		return "just less than " + itoa(int((-o+day-1)/day)) + " days ago"
	}
	return "a nanosecond from now"
}

const day = consent.Instant(24 * time.Hour)

func parseInstant(s string) (consent.Instant, error) {
	t, err := time.Parse(time.RFC3339, s)
	return consent.InstantOf(t), err
}
