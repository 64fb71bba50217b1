package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
)

// change is what one batch does to the store. Its Batch is that of the group, through which it sees the changes before
// it.
type change struct {
	*engine.Batch
	*pending
	// revision is the one that it takes if it adds something.
	revision consent.Revision

	// added are the positions in the batch of the events that are new, fresh these events as entries.
	added []int
	fresh []consent.Entry
	// mirrors are the other ids in whose ledgers each of fresh stands too.
	mirrors [][]string
	// relinks are those of fresh after which other ids may be one person.
	relinks []bool
	// ledgers are those that were read, as they are before the change, by their ids: the states of a shared id and of all
	// people beside it may be folded anew from the same.
	ledgers map[string][]consent.Entry
	// rows are what is kept after the change.
	rows *rows
	// outcomes are those of all events of the batch.
	outcomes []consent.Outcome
}

// plan checks the batch and computes what is kept after it; it writes nothing.
func (c *change) plan() (err error) {
	defer recovered(recording, &err)
	c.outcomes = slices.Repeat([]consent.Outcome{{Effect: consent.Duplicate}}, len(c.batch.Events))
	c.rows, c.ledgers = newRows(c.batch.Subject.Controller), map[string][]consent.Entry{}
	if err := c.sift(); err != nil || len(c.added) == 0 {
		return err
	}
	if err := c.mirror(); err != nil {
		return err
	}
	if slices.Contains(c.relinks, true) {
		return c.planLinks()
	}
	return c.planEvents()
}

// sift tells the events that are new from duplicates, and refuses conflicts.
func (c *change) sift() error {
	seen := make(map[string]int, len(c.forms))
	for i, form := range c.forms {
		event := &c.batch.Events[i]
		earlier, found := []byte(nil), false
		if j, ok := seen[event.ID]; ok {
			earlier, found = c.forms[j], true
		} else {
			var err error
			if earlier, found, err = c.recordedForm(event.ID); err != nil {
				return unavailable(recording, err)
			}
			seen[event.ID] = i
		}
		switch {
		case !found:
			c.added = append(c.added, i)
			c.fresh = append(c.fresh, consent.Entry{
				Event: *event, RecordedAt: c.batch.RecordedAt, Revision: c.revision, By: c.batch.By, SubjectID: c.batch.Subject.ID,
			})
		case !bytes.Equal(earlier, form):
			return &consent.EventError{Index: i, ID: event.ID, Err: consent.ErrEventConflict}
		}
	}
	return nil
}

// recordedForm returns the binary form of the controller's recorded event of that id, and whether there is one. That of
// another subject's event is nil, which equals no form.
func (c *change) recordedForm(id string) (form []byte, found bool, err error) {
	event, subject, err := c.recorded(id)
	if err != nil || event == nil {
		return nil, false, err
	}
	if subject != c.batch.Subject.ID {
		return nil, true, nil
	}
	// Written anew, in case it was recorded in an older form.
	form, err = event.AppendBinary(nil)
	return form, true, err
}

// recorded returns the controller's event of that id and the id under which it was said; nil: there is none.
func (c *change) recorded(id string) (_ *consent.Event, subject string, err error) {
	value, closer, err := c.Get(idKey(c.batch.Subject.Controller, id))
	if errors.Is(err, engine.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	at, subject, err := placeOf(value)
	if err := errors.Join(err, closer.Close()); err != nil {
		return nil, "", err
	}
	value, closer, err = c.Get(at.append(eventPrefix(c.subject(subject))))
	if err != nil {
		return nil, "", fmt.Errorf("ledger entry of event %s: %w", id, err)
	}
	entry, err := entryOf(value, at.revision)
	return &entry.Event, subject, errors.Join(err, closer.Close())
}

func (c *change) subject(id string) consent.Subject {
	return consent.Subject{Controller: c.batch.Subject.Controller, ID: id}
}

// mirror finds the other ids in whose ledgers the new events stand too, and which events may change who is who.
func (c *change) mirror() error {
	c.mirrors, c.relinks = make([][]string, len(c.fresh)), make([]bool, len(c.fresh))
	for i := range c.fresh {
		e := &c.fresh[i].Event
		var err error
		switch f := e.Fact.(type) {
		case consent.Annulment:
			err = c.mirrorAnnulment(i, f)
		case consent.Erasure:
			if e.CompletesErasure() {
				err = c.mirrorCompletion(i)
			}
		default:
			if e.LinkedWith() == c.batch.Subject.ID {
				return c.refused(i, errSelf)
			}
			c.mirrorTo(i, e, c.batch.Subject.ID)
		}
		if err != nil {
			return unavailable(recording, err)
		}
	}
	return c.completesApart()
}

// completesApart refuses the completion of an erasure beside what may change who is who: whose consents it ends for
// good, also after a parting, must be known before.
func (c *change) completesApart() error {
	if !slices.Contains(c.relinks, true) {
		return nil
	}
	for i := range c.fresh {
		if c.fresh[i].Event.CompletesErasure() {
			return c.refused(i, consent.ErrCompletionApart)
		}
	}
	return nil
}

// mirrorTo has a new event stand where another does that was said under an id, or is the same.
func (c *change) mirrorTo(i int, as *consent.Event, under string) {
	c.relinks[i] = as.LinkKind()
	for _, id := range []string{under, as.LinkedWith()} {
		if id != "" && id != c.batch.Subject.ID {
			c.mirrors[i] = append(c.mirrors[i], id)
		}
	}
}

// mirrorAnnulment puts an annulment into the ledgers that hold what it annuls, if one of them is the person's: what
// strangers said is not for the person to annul, and admit refuses it.
func (c *change) mirrorAnnulment(i int, f consent.Annulment) error {
	target, holder, err := c.target(f.EventID)
	if err != nil || target == nil {
		return err
	}
	own, err := c.own()
	if slices.Contains(own, holder) || slices.Contains(own, target.LinkedWith()) {
		c.mirrorTo(i, target, holder)
	}
	return err
}

// own are the ids of the subject's person before the change, the subject's among them; of a shared id that alone.
func (c *change) own() ([]string, error) {
	r, err := find(c, c.batch.Subject, true)
	if err != nil || r.person == nil || r.shared() {
		return []string{c.batch.Subject.ID}, err
	}
	return r.person.IDs, nil
}

// mirrorCompletion puts the completion of an erasure into the ledgers of all ids of the person: what it ended under
// them stays ended after a parting.
func (c *change) mirrorCompletion(i int) error {
	own, err := c.own()
	c.mirrors[i] = slices.DeleteFunc(slices.Clone(own), func(id string) bool { return id == c.batch.Subject.ID })
	return err
}

var errSelf = &consent.InvalidError{Violations: []consent.Violation{
	{Field: "linked_id", Description: "is the subject itself: name another id of the person"},
}}

// target returns what an annulment names, in the batch or on record, and the id under which it was said; nil: there is
// none.
func (c *change) target(id string) (*consent.Event, string, error) {
	for i := range c.fresh {
		if c.fresh[i].Event.ID == id {
			return &c.fresh[i].Event, c.batch.Subject.ID, nil
		}
	}
	return c.recorded(id)
}

// planEvents plans a batch that leaves all people as they are.
func (c *change) planEvents() error {
	r, err := find(c, c.batch.Subject, true)
	if err != nil {
		return unavailable(recording, err)
	}
	next := step{row: r, fresh: c.fresh, recorded: sync.OnceValues(func() ([]consent.Entry, error) {
		return c.entries(c.batch.Subject.ID)
	})}
	if r.shared() {
		// By its own history alone: what is said of one of the people beside it says nothing of what may be said here.
		err = c.admit(r.state, func() ([]consent.Entry, error) { return c.ledger(c.batch.Subject.ID) })
		next.fresh = marked(c.fresh, false)
	} else {
		err = c.admit(r.state, next.recorded)
	}
	if err != nil {
		return err
	}
	if err := c.advance(c.batch.Subject.ID, &next); err != nil {
		return err
	}
	if err := c.tell(next); err != nil {
		return err
	}
	return c.advanceNeighbors(r)
}

// step is the state of a subject before fresh entries.
type step struct {
	row
	fresh    []consent.Entry
	recorded consent.Ledger
}

// marked returns entries as a subject has them who shares the id under which they were said, or has borrowed them from
// there.
func marked(entries []consent.Entry, borrowed bool) []consent.Entry {
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i].Shared, entries[i].Borrowed = true, borrowed
	}
	return entries
}

// ledger returns all entries of an id before the change, which are read once.
func (c *change) ledger(id string) ([]consent.Entry, error) {
	if entries, ok := c.ledgers[id]; ok {
		return entries, nil
	}
	entries, err := ledger(c, c.subject(id))
	if err == nil {
		c.ledgers[id] = entries
	}
	return entries, err
}

// entries returns what the state of an id folds.
func (c *change) entries(id string) ([]consent.Entry, error) {
	g, err := consent.Gather([]string{id}, c.ledger)
	if err != nil {
		return nil, err
	}
	return g.Entries(id), nil
}

// advance takes a step: the row of an id, or of the person that it names.
func (c *change) advance(id string, s *step) (err error) {
	if s.state, err = consent.Advance(s.state, s.fresh, s.recorded); err != nil {
		return unavailable(recording, err)
	}
	s.changed = c.revision
	c.rows.put(id, s.row)
	return nil
}

// advanceNeighbors lets those borrow the new entries who share an id with the row: of a person the shared ids, of a
// shared id the people.
func (c *change) advanceNeighbors(r row) error {
	if r.person == nil {
		return nil
	}
	neighbors := r.person.Shared
	if r.shared() {
		neighbors = r.person.IDs
	}
	borrowed, done := marked(c.fresh, true), map[consent.PersonKey]bool{}
	for _, id := range neighbors {
		r, err := find(c, c.subject(id), true)
		if err != nil {
			return unavailable(recording, err)
		}
		if !r.shared() && done[r.key] {
			continue
		}
		done[r.key] = true
		s := step{row: r, fresh: borrowed, recorded: func() ([]consent.Entry, error) { return c.entries(id) }}
		if err := c.advance(id, &s); err != nil {
			return err
		}
	}
	return nil
}

// tell finds what became of the new events.
func (c *change) tell(s step) error {
	outcomes, err := consent.Outcomes(s.state, s.fresh, s.recorded)
	if err != nil {
		return unavailable(recording, err)
	}
	for n, i := range c.added {
		c.outcomes[i] = outcomes[n]
	}
	return nil
}

// admit applies the rules of erasure and annulment to what is new. Its error names the event by its position in the
// batch.
func (c *change) admit(state *consent.State, recorded consent.Ledger) error {
	err := consent.Admit(state, c.fresh, recorded)
	if about, ok := errors.AsType[*consent.EventError](err); ok {
		return c.refused(about.Index, about.Err)
	}
	if err != nil {
		return unavailable(recording, err)
	}
	return nil
}

// refused says that the new event of that index cannot be recorded.
func (c *change) refused(fresh int, err error) error {
	return &consent.EventError{Index: c.added[fresh], ID: c.fresh[fresh].Event.ID, Err: err}
}

// write puts the change into the group's batch. An error is that of the whole group.
func (c *change) write() error {
	for n, i := range c.added {
		at := position{c.revision, uint32(n)}
		entry := appendEntry(nil, writing{c.batch.RecordedAt, c.batch.By}, c.forms[i])
		if err := c.Set(at.append(eventPrefix(c.batch.Subject)), entry, nil); err != nil {
			return err
		}
		place := appendPlace(nil, at, c.batch.Subject.ID)
		if err := c.Set(idKey(c.batch.Subject.Controller, c.batch.Events[i].ID), place, nil); err != nil {
			return err
		}
		for _, id := range c.mirrors[n] {
			if err := c.writeMirror(id, at, &c.fresh[n]); err != nil {
				return err
			}
		}
	}
	return c.rows.write(c.Batch)
}

func (c *change) writeMirror(id string, at position, e *consent.Entry) error {
	m := e.Mirrored(id)
	form, err := m.Event.AppendBinary(nil)
	if err != nil {
		return err
	}
	key := appendPlace(eventPrefix(c.subject(id)), at, c.batch.Subject.ID)
	return c.Set(key, appendEntry(nil, writing{m.RecordedAt, m.By}, form), nil)
}
