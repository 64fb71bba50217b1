package change

import (
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// planLinks plans a batch after which other ids may be one person. It gathers who is who before and after, and folds
// all states that differ or may anew: links are rare.
func (p *planner) planLinks() error {
	if err := p.admitLinks(); err != nil {
		return err
	}
	old, err := consent.Gather(p.ends(), p.ledger)
	if err != nil {
		return unavailable(err)
	}
	if err := p.admitOn(old); err != nil {
		return err
	}
	next, err := consent.Gather(p.ends(), p.after(len(p.fresh)))
	if err != nil {
		return unavailable(err)
	}
	if err := next.Validate(); err != nil {
		return p.refused(slices.Index(p.relinks, true), err)
	}
	ids := p.touched(old, next)
	if next, err = consent.Gather(ids, p.after(len(p.fresh))); err != nil {
		return unavailable(err)
	}
	return p.rewrite(ids, next)
}

// ends are the ids in whose ledgers the new events stand.
func (p *planner) ends() []string {
	ids := slices.Concat(p.mirrors...)
	slices.Sort(ids)
	return append([]string{p.Subject.ID}, slices.Compact(ids)...)
}

// after returns the ledgers as they are with the first n of the new events.
func (p *planner) after(n int) func(string) ([]consent.Entry, error) {
	return func(id string) ([]consent.Entry, error) {
		entries, err := p.ledger(id)
		entries = slices.Clip(entries)
		for i := range p.fresh[:n] {
			switch {
			case id == p.Subject.ID:
				entries = append(entries, p.fresh[i])
			case slices.Contains(p.mirrors[i], id):
				entries = append(entries, p.fresh[i].Mirrored(id))
			}
		}
		return entries, err
	}
}

// admitLinks refuses what the events before do not allow, those of the batch among them: links and their annulment
// while an erasure stands on any side, and the parting of what is not linked.
func (p *planner) admitLinks() error {
	for i := range p.fresh {
		if !p.relinks[i] {
			continue
		}
		sides := append([]string{p.Subject.ID}, p.mirrors[i]...)
		g, err := consent.Gather(sides, p.after(i))
		if err != nil {
			return unavailable(err)
		}
		if _, unlink := p.fresh[i].Event.Fact.(consent.Unlink); unlink && !g.Linked(sides[0], sides[1]) {
			return p.refused(i, consent.ErrNotLinked)
		}
		if slices.ContainsFunc(sides, g.ErasureStands) {
			return p.refused(i, consent.ErrErasureStands)
		}
	}
	return nil
}

// admitOn applies the rules for all events, by the people before.
func (p *planner) admitOn(old *consent.Graph) error {
	id := p.Subject.ID
	if old.Shared(id) {
		return p.admit(old.State(id), func() ([]consent.Entry, error) { return old.Own(id), nil })
	}
	return p.admit(old.State(id), func() ([]consent.Entry, error) { return old.Entries(id), nil })
}

// touched are the ids whose states may differ: all that depend on an end of a link, but of an end that is shared
// before and after, where nothing else was said, the people at its other links.
func (p *planner) touched(old, next *consent.Graph) (ids []string) {
	for _, id := range p.ends() {
		if old.Shared(id) && next.Shared(id) && !p.speaksOf(id) {
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
func (p *planner) speaksOf(id string) bool {
	for i := range p.fresh {
		if p.fresh[i].Event.LinkedWith() == "" && (id == p.Subject.ID || slices.Contains(p.mirrors[i], id)) {
			return true
		}
	}
	return false
}

// rewrite replaces what is kept of the ids by what next says.
func (p *planner) rewrite(ids []string, next *consent.Graph) error {
	people := uint32(0)
	done := map[string]bool{}
	for _, id := range ids {
		r, err := p.Find(p.subject(id))
		if err != nil {
			return unavailable(err)
		}
		p.rows.leave(r.Key)
		if done[id] {
			continue
		}
		r = Row{Changed: p.revision, State: next.State(id)}
		if !next.Alone(id) {
			person := next.Person(id)
			r.Person = &person
		}
		if r.Person != nil && !next.Shared(id) {
			r.Key = consent.PersonKey{Revision: p.revision, Index: people}
			people++
			for _, id := range r.Person.IDs {
				done[id] = true
				p.rows.states[id] = Row{Key: r.Key}
			}
		}
		p.rows.put(id, r)
	}
	return p.tellOf(next)
}

// tellOf finds what became of the new events.
func (p *planner) tellOf(next *consent.Graph) error {
	var old, fresh []consent.Entry
	for _, e := range next.Entries(p.Subject.ID) {
		if e.Revision < p.revision {
			old = append(old, e)
		}
	}
	fresh = p.fresh
	if next.Shared(p.Subject.ID) {
		fresh = marked(p.fresh, false)
	}
	return p.tell(step{
		Row: Row{State: next.State(p.Subject.ID)}, fresh: fresh,
		recorded: func() ([]consent.Entry, error) { return old, nil },
	})
}
