package pebble

import (
	"errors"
	"fmt"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

// reader reads what is kept for whoever plans a change. From the batch of a group a change sees those before it in the
// group.
type reader struct{ engine.Reader }

var _ change.Reader = reader{}

// Find implements change.Reader.
func (r reader) Find(subject consent.Subject) (change.Row, error) { return find(r, subject, true) }

// Recorded implements change.Reader.
func (r reader) Recorded(controller, id string) (_ *consent.Event, subject string, err error) {
	value, closer, err := r.Get(idKey(controller, id))
	if errors.Is(err, engine.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	at, subject, err := change.ParsePlace(value)
	if err := errors.Join(err, closer.Close()); err != nil {
		return nil, "", err
	}
	value, closer, err = r.Get(at.Append(eventPrefix(consent.Subject{Controller: controller, ID: subject})))
	if err != nil {
		return nil, "", fmt.Errorf("ledger entry of event %s: %w", id, err)
	}
	entry, err := change.ParseEntry(value, at.Revision)
	return &entry.Event, subject, errors.Join(err, closer.Close())
}

// Ledger implements change.Reader.
func (r reader) Ledger(subject consent.Subject) ([]consent.Entry, error) { return ledger(r, subject) }

// plan plans a batch as the change of a revision.
func plan(from engine.Reader, batch *change.Batch, revision consent.Revision) (_ *change.Change, err error) {
	defer recovered(recording, &err)
	return change.Plan(reader{from}, batch, revision)
}

// writeChange puts a change into the group's batch. An error is that of the whole group.
func writeChange(b *engine.Batch, c *change.Change) error {
	for i := range c.Entries {
		if err := writeEntry(b, c.Subject.Controller, &c.Entries[i]); err != nil {
			return err
		}
	}
	return writeRows(b, c)
}

func writeEntry(b *engine.Batch, controller string, e *change.Entry) error {
	key := e.At.Append(eventPrefix(consent.Subject{Controller: controller, ID: e.ID}))
	if err := b.Set(append(key, e.Said...), e.Append(nil), nil); err != nil || e.Said != "" {
		return err
	}
	return b.Set(idKey(controller, e.Event.ID), change.AppendPlace(nil, e.At, e.ID), nil)
}

func writeRows(b *engine.Batch, c *change.Change) error {
	controller := c.Subject.Controller
	for _, key := range c.Gone {
		if err := b.Delete(personKey(controller, key), nil); err != nil {
			return err
		}
	}
	for id, r := range c.States {
		if err := b.Set(stateKey(consent.Subject{Controller: controller, ID: id}), r.Append(nil), nil); err != nil {
			return err
		}
	}
	for key, r := range c.People {
		if err := b.Set(personKey(controller, key), r.Append(nil), nil); err != nil {
			return err
		}
	}
	return nil
}

// find returns what is kept of a subject: one point lookup for an id that stands alone or is shared, two for one of a
// person. Who the person is, which reading a state need not know, is read with whole alone.
func find(from engine.Reader, subject consent.Subject, whole bool) (r change.Row, err error) {
	value, closer, err := from.Get(stateKey(subject))
	if errors.Is(err, engine.ErrNotFound) {
		return change.Unknown(), nil
	}
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	return rowOf(from, subject.Controller, value, whole)
}

// rowOf reads the value of tableStates, and where that is an alias the person.
func rowOf(from engine.Reader, controller string, value []byte, whole bool) (change.Row, error) {
	r, err := change.ParseRow(value, whole)
	if err != nil || !r.Alias() {
		return r, err
	}
	return findPerson(from, controller, r.Key, whole)
}

// findPerson returns the person of a key, of whom there must be one.
func findPerson(from engine.Reader, controller string, key consent.PersonKey, whole bool) (r change.Row, err error) {
	value, closer, err := from.Get(personKey(controller, key))
	if errors.Is(err, engine.ErrNotFound) {
		return r, change.ErrPersonMissing
	}
	if err != nil {
		return r, err
	}
	r, err = change.ParsePerson(value, key, whole)
	return r, errors.Join(err, closer.Close())
}
