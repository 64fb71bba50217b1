package pebble

import (
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// planLinks plans a batch after which other ids may be one person. It gathers who is who before and after, and folds
// all states that differ or may anew: links are rare.
func (c *change) planLinks() error {
	if err := c.admitLinks(); err != nil {
		return err
	}
	old, err := consent.Gather(c.ends(), c.ledger)
	if err != nil {
		return unavailable(recording, err)
	}
	if err := c.admitOn(old); err != nil {
		return err
	}
	next, err := consent.Gather(c.ends(), c.after(len(c.fresh)))
	if err != nil {
		return unavailable(recording, err)
	}
	if err := next.Validate(); err != nil {
		return c.refused(slices.Index(c.relinks, true), err)
	}
	ids := c.touched(old, next)
	if next, err = consent.Gather(ids, c.after(len(c.fresh))); err != nil {
		return unavailable(recording, err)
	}
	return c.rewrite(ids, next)
}

// ends are the ids in whose ledgers the new events stand.
func (c *change) ends() []string {
	ids := slices.Concat(c.mirrors...)
	slices.Sort(ids)
	return append([]string{c.batch.Subject.ID}, slices.Compact(ids)...)
}

// after returns the ledgers as they are with the first n of the new events.
func (c *change) after(n int) func(string) ([]consent.Entry, error) {
	return func(id string) ([]consent.Entry, error) {
		entries, err := c.ledger(id)
		entries = slices.Clip(entries)
		for i := range c.fresh[:n] {
			switch {
			case id == c.batch.Subject.ID:
				entries = append(entries, c.fresh[i])
			case slices.Contains(c.mirrors[i], id):
				entries = append(entries, c.fresh[i].Mirrored(id))
			}
		}
		return entries, err
	}
}

// admitLinks refuses what the events before do not allow, those of the batch among them: links and their annulment
// while an erasure stands on any side, and the parting of what is not linked.
func (c *change) admitLinks() error {
	for i := range c.fresh {
		if !c.relinks[i] {
			continue
		}
		sides := append([]string{c.batch.Subject.ID}, c.mirrors[i]...)
		g, err := consent.Gather(sides, c.after(i))
		if err != nil {
			return unavailable(recording, err)
		}
		if _, unlink := c.fresh[i].Event.Fact.(consent.Unlink); unlink && !g.Linked(sides[0], sides[1]) {
			return c.refused(i, consent.ErrNotLinked)
		}
		if slices.ContainsFunc(sides, g.ErasureStands) {
			return c.refused(i, consent.ErrErasureStands)
		}
	}
	return nil
}

// admitOn applies the rules for all events, by the people before.
func (c *change) admitOn(old *consent.Graph) error {
	id := c.batch.Subject.ID
	if old.Shared(id) {
		return c.admit(old.State(id), func() ([]consent.Entry, error) { return old.Own(id), nil })
	}
	return c.admit(old.State(id), func() ([]consent.Entry, error) { return old.Entries(id), nil })
}

// touched are the ids whose states may differ: all that depend on an end of a link, but of an end that is shared
// before and after, where nothing else was said, the people at its other links.
func (c *change) touched(old, next *consent.Graph) (ids []string) {
	for _, id := range c.ends() {
		if old.Shared(id) && next.Shared(id) && !c.speaksOf(id) {
			ids = append(ids, id)
			continue
		}
		ids = append(ids, id)
		ids = append(ids, old.Touched(id)...)
		ids = append(ids, next.Touched(id)...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// speaksOf reports whether the batch says anything but links in the ledger of an id.
func (c *change) speaksOf(id string) bool {
	for i := range c.fresh {
		if c.fresh[i].Event.LinkedWith() == "" && (id == c.batch.Subject.ID || slices.Contains(c.mirrors[i], id)) {
			return true
		}
	}
	return false
}

// rewrite replaces what is kept of the ids by what next says.
func (c *change) rewrite(ids []string, next *consent.Graph) error {
	people := uint32(0)
	done := map[string]bool{}
	for _, id := range ids {
		r, err := find(c, c.subject(id), false)
		if err != nil {
			return unavailable(recording, err)
		}
		if r.key != (consent.PersonKey{}) {
			c.rows.gone = append(c.rows.gone, personKey(c.batch.Subject.Controller, r.key))
		}
		if done[id] {
			continue
		}
		r = row{changed: c.revision, state: next.State(id)}
		if !next.Alone(id) {
			person := next.Person(id)
			r.person = &person
		}
		if r.person != nil && !next.Shared(id) {
			r.key = consent.PersonKey{Revision: c.revision, Index: people}
			people++
			for _, id := range r.person.IDs {
				done[id] = true
				c.rows.alias(id, r.key)
			}
		}
		c.rows.put(id, r)
	}
	return c.tellOf(next)
}

// tellOf finds what became of the new events.
func (c *change) tellOf(next *consent.Graph) error {
	var old, fresh []consent.Entry
	for _, e := range next.Entries(c.batch.Subject.ID) {
		if e.Revision < c.revision {
			old = append(old, e)
		}
	}
	fresh = c.fresh
	if next.Shared(c.batch.Subject.ID) {
		fresh = marked(c.fresh, false)
	}
	return c.tell(step{
		row: row{state: next.State(c.batch.Subject.ID)}, fresh: fresh,
		recorded: func() ([]consent.Entry, error) { return old, nil },
	})
}
