package pebble

import (
	"bytes"
	"errors"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

// span is some ids' ledgers from a position on.
type span struct {
	controller string
	ids        []string
	from       change.Position
}

// scan calls f with the entries of a span, in the order of their positions, and how many bytes they take, until it
// returns false. What stands in several of the ledgers comes once, as that of the id under which it was said has it.
func scan(r engine.Reader, s span, f func(at change.Position, entry consent.Entry, bytes int) bool) (err error) {
	cursors := make([]*cursor, 0, len(s.ids))
	defer func() {
		for _, c := range cursors {
			err = errors.Join(err, c.iter.Close())
		}
	}()
	for _, id := range s.ids {
		c, err := newCursor(r, consent.Subject{Controller: s.controller, ID: id}, s.from)
		if err != nil {
			return err
		}
		cursors = append(cursors, c)
		if err := c.read(c.iter.First()); err != nil {
			return err
		}
	}
	for last := (change.Position{}); ; {
		c := first(cursors)
		if c == nil {
			return nil
		}
		if c.at != last {
			entry, bytes, err := c.entry()
			if err != nil || !f(c.at, entry, bytes) {
				return err
			}
			last = c.at
		}
		if err := c.read(c.iter.Next()); err != nil {
			return err
		}
	}
}

// first returns the cursor whose entry comes first, nil where all are at their ends. The id under which an entry was
// said comes before the others in whose ledgers it stands too.
func first(cursors []*cursor) (best *cursor) {
	for _, c := range cursors {
		if c.ended {
			continue
		}
		if best == nil || c.at.Compare(best.at) < 0 || c.at == best.at && c.said == "" {
			best = c
		}
	}
	return best
}

// cursor stands on an entry of an id's ledger, or is ended.
type cursor struct {
	id     string
	prefix []byte
	iter   *engine.Iterator
	ended  bool
	at     change.Position
	// said is the id under which the entry was said, where that is another.
	said string
}

func newCursor(r engine.Reader, subject consent.Subject, from change.Position) (*cursor, error) {
	prefix := eventPrefix(subject)
	iter, err := r.NewIter(&engine.IterOptions{LowerBound: from.Append(bytes.Clone(prefix)), UpperBound: successor(prefix)})
	return &cursor{id: subject.ID, prefix: prefix, iter: iter}, err
}

// read takes the key on which the iterator stands, if it does.
func (c *cursor) read(valid bool) error {
	if !valid {
		c.ended = true
		return c.iter.Error()
	}
	place := c.iter.Key()[len(c.prefix):]
	var err error
	c.at, c.said, err = change.ParsePlace(place)
	return err
}

func (c *cursor) entry() (e consent.Entry, bytes int, err error) {
	value, err := c.iter.ValueAndErr()
	if err != nil {
		return e, 0, err
	}
	e, err = change.ParseEntry(value, c.at.Revision)
	return change.Stood(e, c.id, c.said), len(value), err
}

// ledger returns all entries of an id.
func ledger(r engine.Reader, subject consent.Subject) (entries []consent.Entry, err error) {
	own := span{controller: subject.Controller, ids: []string{subject.ID}}
	err = scan(r, own, func(_ change.Position, e consent.Entry, _ int) bool {
		entries = append(entries, e)
		return true
	})
	return entries, err
}
