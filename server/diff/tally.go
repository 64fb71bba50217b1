package diff

import (
	"cmp"
	"log/slog"
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// tally counts differences. It is for one goroutine.
type tally struct {
	total   Total
	groups  map[Key]*group
	omitted uint64
}

// group is a difference under way.
type group struct {
	count    uint64
	examples []Example
	// first is what the first example asked, with the rules behind it.
	rules []policy.Rule
}

func newTally(over Over) *tally { return &tally{total: Total{Over: over}, groups: map[Key]*group{}} }

// sideOf is a decision, as far as differences are told apart.
func sideOf(d *consent.Decision) Side {
	s := Side{Effect: d.Effect, Basis: d.Basis}
	var codes []byte
	for _, r := range d.Reasons {
		if !slices.Contains(codes, byte(r.Code)) {
			codes = append(codes, byte(r.Code))
		}
	}
	s.codes = string(codes)
	return s
}

// count counts a pair of decisions in the totals, and says whether they differ.
func (t *tally) count(before, after Side) bool {
	t.total.Compared++
	switch {
	case before == after:
		return false
	case before.Effect == after.Effect:
		t.total.Changed++
	case after.Effect == consent.Allow:
		t.total.Allowed++
	default:
		t.total.Denied++
	}
	return true
}

// note keeps a difference. Rules is asked once a group.
func (t *tally) note(k Key, e Example, examples int, rules func() []policy.Rule) {
	g := t.groups[k]
	if g == nil {
		if len(t.groups) >= maxDifferences {
			t.omitted++
			return
		}
		g = &group{rules: rules()}
		t.groups[k] = g
	}
	g.count++
	g.keep(e, examples)
}

// keep keeps the first examples in the order of their ids: the same ones whatever the order in which they come.
func (g *group) keep(e Example, n int) {
	i, _ := slices.BinarySearchFunc(g.examples, e, compareExamples)
	if i >= n {
		return
	}
	g.examples = slices.Insert(g.examples, i, e)
	g.examples = g.examples[:min(n, len(g.examples))]
}

func compareExamples(a, b Example) int {
	return cmp.Or(cmp.Compare(len(a.Description), len(b.Description)), cmp.Compare(a.Description, b.Description),
		cmp.Compare(a.Subject.ID, b.Subject.ID), cmp.Compare(a.At, b.At))
}

// merge adds another tally; its totals stay apart where they are over something else.
func (t *tally) merge(o *tally, examples int) {
	t.omitted += o.omitted
	if t.groups == nil {
		t.groups = map[Key]*group{}
	}
	for k, g := range o.groups {
		have := t.groups[k]
		if have == nil {
			t.groups[k] = g
			continue
		}
		have.count += g.count
		for _, e := range g.examples {
			have.keep(e, examples)
		}
	}
}

// add adds another tally over the same.
func (t *tally) add(o *tally, examples int) {
	t.merge(o, examples)
	a, b := &t.total, &o.total
	a.Subjects += b.Subjects
	a.Compared += b.Compared
	a.Allowed += b.Allowed
	a.Denied += b.Denied
	a.Changed += b.Changed
	a.NotReproduced += b.NotReproduced
}

// sorted are the differences: to ALLOW first, they are the dangerous ones, then to DENY, then others; each by count.
func (t *tally) sorted() []Difference {
	out := make([]Difference, 0, len(t.groups))
	for k, g := range t.groups {
		out = append(out, Difference{Key: k, Count: g.count, Examples: g.examples, Rules: g.rules})
	}
	slices.SortFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(kindOf(a.Key), kindOf(b.Key)), cmp.Compare(a.Over, b.Over), cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.Controller, b.Controller), cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Recipient, b.Recipient),
			cmp.Compare(a.Before.codes, b.Before.codes), cmp.Compare(a.After.codes, b.After.codes),
			cmp.Compare(a.Before.Basis, b.Before.Basis), cmp.Compare(a.After.Basis, b.After.Basis))
	})
	return out
}

func kindOf(k Key) int {
	switch {
	case k.Before.Effect == k.After.Effect:
		return 2
	case k.After.Effect == consent.Allow:
		return 0
	}
	return 1
}
