package policy

import (
	"maps"
	"slices"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// Hints are what a controller's policy and table name: where to look for a change that would alter a decision.
type Hints struct {
	// Flags are the keys of a request's context that rules read, sorted.
	Flags []string
	// Allowed are the data categories that the purpose is limited to; none: it is not.
	Allowed []string
	// NoticeVersion is that of the purpose's current notice; at least 1.
	NoticeVersion uint32
	// Durations are those that the controller declares, sorted by name.
	Durations []Duration
}

// Duration is one that a controller declares.
type Duration struct {
	Name, Clause string
	Length       time.Duration
}

// Hints returns those of a controller's purpose; the zero Hints where the set has no such controller.
func (s *Set) Hints(controller, purpose string, recipient consent.RecipientKind) Hints {
	c := s.controllers[controller]
	if c == nil {
		return Hints{}
	}
	h := Hints{Flags: s.flags(controller, c.table), NoticeVersion: 1}
	for _, name := range slices.Sorted(maps.Keys(c.table.Durations)) {
		d := c.table.Durations[name]
		h.Durations = append(h.Durations, Duration{name, d.Clause, time.Duration(d.Days) * 24 * time.Hour})
	}
	r := c.table.Purposes[purpose]
	if r == nil {
		return h
	}
	allowed := r.Allowed
	if allowed == nil {
		allowed = r.AllowedFor[tree.RecipientKind(recipient.String())]
	}
	for _, category := range allowed {
		h.Allowed = append(h.Allowed, string(category))
	}
	h.NoticeVersion = max(h.NoticeVersion, c.table.NoticeOf(purpose).Version)
	return h
}

// flags are the keys of the context that rules name: input.context.key, request.flag("key"), and `unless` in tables.
func (s *Set) flags(controller string, t *tree.Table) []string {
	found := map[string]bool{}
	maps.Copy(found, s.book().flags[""])
	maps.Copy(found, s.book().flags[controller])
	for _, r := range t.Purposes {
		for _, f := range r.Forbidden {
			found[f.Unless] = true
		}
	}
	delete(found, "")
	return slices.Sorted(maps.Keys(found))
}
