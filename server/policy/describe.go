package policy

import (
	"maps"
	"slices"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// describe is what is told of a controller.
func describe(id string, t *tree.Table) consent.Controller {
	c := consent.Controller{ID: id, Name: t.Name}
	for _, name := range slices.Sorted(maps.Keys(t.Purposes)) {
		r := t.Purposes[name]
		n := t.NoticeOf(name)
		declared, _ := consent.ParseBasis(string(r.Basis))
		c.Purposes = append(c.Purposes, consent.Purpose{
			Name: name, Basis: declared, Prohibited: r.Prohibited, Clause: r.Clause,
			NoticeVersion: n.Version, MaterialNoticeVersion: n.Material, Categories: categoriesOf(r),
			Degraded: r.WhenUnavailable(),
		})
	}
	return c
}

// categoriesOf are those of a row's allow-lists.
func categoriesOf(r *tree.Row) (keys []string) {
	for _, list := range append(slices.Collect(maps.Values(r.AllowedFor)), r.Allowed) {
		for _, category := range list {
			keys = append(keys, string(category))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// durations are those that a controller declares.
func durations(t *tree.Table) []consent.Instant {
	var out []consent.Instant
	for _, name := range slices.Sorted(maps.Keys(t.Durations)) {
		out = append(out, consent.Instant(t.Durations[name].Days)*consent.Instant(24*time.Hour))
	}
	return out
}
