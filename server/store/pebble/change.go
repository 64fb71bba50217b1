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

	// added are the positions in the batch of the events that are new, fresh these events.
	added []int
	fresh []consent.Event
	// state is that after the change.
	state *consent.State
	// outcomes are those of all events of the batch.
	outcomes []consent.Outcome
}

// plan checks the batch and computes the new state; it writes nothing.
func (c *change) plan() (err error) {
	defer recovered(recording, &err)
	c.outcomes = slices.Repeat([]consent.Outcome{{Effect: consent.Duplicate}}, len(c.batch.Events))
	if err := c.sift(); err != nil || len(c.added) == 0 {
		return err
	}
	_, state, err := lookup(c, c.batch.Subject)
	if err != nil {
		return unavailable(recording, err)
	}
	fresh := make([]consent.Entry, len(c.fresh))
	for i, e := range c.fresh {
		fresh[i] = consent.Entry{Event: e, RecordedAt: c.batch.RecordedAt, Revision: c.revision}
	}
	recorded := sync.OnceValues(func() ([]consent.Entry, error) { return ledger(c, c.batch.Subject) })
	if err := c.admit(state, fresh, recorded); err != nil {
		return err
	}
	if c.state, err = consent.Advance(state, fresh, recorded); err != nil {
		return unavailable(recording, err)
	}
	outcomes, err := consent.Outcomes(c.state, fresh, recorded)
	if err != nil {
		return unavailable(recording, err)
	}
	for n, i := range c.added {
		c.outcomes[i] = outcomes[n]
	}
	return nil
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
			c.added, c.fresh = append(c.added, i), append(c.fresh, *event)
		case !bytes.Equal(earlier, form):
			return &consent.EventError{Index: i, ID: event.ID, Err: consent.ErrEventConflict}
		}
	}
	return nil
}

// recordedForm returns the binary form of the controller's recorded event of that id, and whether there is one. That of
// another subject's event is nil, which equals no form.
func (c *change) recordedForm(id string) (form []byte, found bool, err error) {
	value, closer, err := c.Get(idKey(c.batch.Subject.Controller, id))
	if errors.Is(err, engine.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	at, subject, err := placeOf(value)
	if err := errors.Join(err, closer.Close()); err != nil {
		return nil, false, err
	}
	if subject != c.batch.Subject.ID {
		return nil, true, nil
	}
	value, closer, err = c.Get(at.append(eventPrefix(c.batch.Subject)))
	if err != nil {
		return nil, false, fmt.Errorf("ledger entry of event %s: %w", id, err)
	}
	// Written anew, in case it was recorded in an older form.
	entry, err := entryOf(value, at.revision)
	if err := errors.Join(err, closer.Close()); err != nil {
		return nil, false, err
	}
	form, err = entry.Event.AppendBinary(nil)
	return form, true, err
}

// admit applies the rules of erasure and annulment to what is new. Its error names the event by its position in the
// batch.
func (c *change) admit(state *consent.State, fresh []consent.Entry, recorded consent.Ledger) error {
	err := consent.Admit(state, fresh, recorded)
	if about, ok := errors.AsType[*consent.EventError](err); ok {
		return &consent.EventError{Index: c.added[about.Index], ID: about.ID, Err: about.Err}
	}
	if err != nil {
		return unavailable(recording, err)
	}
	return nil
}

// write puts the change into the group's batch. An error is that of the whole group.
func (c *change) write() error {
	prefix := eventPrefix(c.batch.Subject)
	for n, i := range c.added {
		at := position{c.revision, uint32(n)}
		entry := appendEntry(nil, c.batch.RecordedAt, c.forms[i])
		if err := c.Set(at.append(bytes.Clone(prefix)), entry, nil); err != nil {
			return err
		}
		place := appendPlace(nil, at, c.batch.Subject.ID)
		if err := c.Set(idKey(c.batch.Subject.Controller, c.batch.Events[i].ID), place, nil); err != nil {
			return err
		}
	}
	return c.Set(stateKey(c.batch.Subject), appendState(nil, c.revision, c.state), nil)
}
