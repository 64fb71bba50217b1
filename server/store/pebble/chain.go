package pebble

import (
	"context"
	"encoding/binary"
	"errors"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/change"
)

// head is the newest change: its revision, and the chain of the history up to it.
type head struct {
	revision consent.Revision
	chain    store.Chain
}

// after is the head once a change was made, which has a revision of its own.
func (h head) after(c *change.Change) head {
	next := c.Recorded.Revision
	return head{next, h.chain.Next(next, c.Digest())}
}

const readingHistory = "reading the store's history"

// Mark returns the mark of a revision: that of the newest from memory, of others by one point lookup. Changes that were
// recorded before format 5 have none.
func (s *Store) Mark(ctx context.Context, revision consent.Revision) (_ store.Mark, found bool, err error) {
	if err := ctx.Err(); err != nil {
		return 0, false, err
	}
	v := s.current()
	if v == nil {
		return 0, false, unavailable(readingHistory, errClosed)
	}
	defer v.release()
	if mark, ok := s.marks.Get(revision); ok || revision > v.revision {
		return mark, ok, nil
	}
	defer recovered(readingHistory, &err)
	mark, found, err := markOf(v.snapshot, revision)
	if err != nil {
		return 0, false, unavailable(readingHistory, err)
	}
	return mark, found, nil
}

// markOf reads the mark of a revision.
func markOf(from engine.Reader, revision consent.Revision) (store.Mark, bool, error) {
	value, closer, err := from.Get(markKey(revision))
	if errors.Is(err, engine.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	mark, err := parseMark(value)
	return mark, err == nil, errors.Join(err, closer.Close())
}

func parseMark(value []byte) (store.Mark, error) {
	if len(value) != 4 {
		return 0, errors.New("malformed mark of a revision")
	}
	return store.Mark(binary.BigEndian.Uint32(value)), nil
}

// setHead writes the store's revision and chain.
func setHead(b *engine.Batch, h head) error {
	return errors.Join(b.Set(revisionKey, binary.BigEndian.AppendUint64(nil, uint64(h.revision)), nil),
		b.Set(chainKey, h.chain[:], nil))
}

// setMark writes the mark of a change.
func setMark(b *engine.Batch, h head) error {
	return b.Set(markKey(h.revision), binary.BigEndian.AppendUint32(nil, uint32(h.chain.Mark())), nil)
}

// readHead reads the newest change. A store of a format without chains begins its own there.
func (s *Store) readHead() error {
	var err error
	if s.head.revision, err = s.readRevision(); err != nil {
		return damaged(err)
	}
	value, err := s.get(s.db, chainKey)
	switch {
	case err != nil:
		return damaged(err)
	case value == nil:
		return s.beginChain()
	case len(value) != len(s.head.chain):
		return damaged(errors.New("malformed chain"))
	}
	s.head.chain = store.Chain(value)
	return s.readMarks()
}

func (s *Store) readRevision() (consent.Revision, error) {
	value, err := s.get(s.db, revisionKey)
	if err == nil && len(value) != 8 {
		err = errors.New("malformed revision")
	}
	if err != nil {
		return 0, err
	}
	return consent.Revision(binary.BigEndian.Uint64(value)), nil
}

func (s *Store) beginChain() error {
	s.head.chain = store.Begin(s.id, s.head.revision)
	if err := s.write(func(b *engine.Batch) error {
		return errors.Join(setHead(b, s.head), setMark(b, s.head))
	}); err != nil {
		return unwritable(err)
	}
	s.marks.Put(s.head.revision, s.head.chain.Mark())
	return nil
}

// readMarks fills the memory of the newest marks: some ten milliseconds where there are as many as it holds.
func (s *Store) readMarks() (err error) {
	first := s.head.revision - min(s.head.revision, store.MarksKept-1)
	err = eachMark(s.db, first, func(r consent.Revision, mark store.Mark) { s.marks.Put(r, mark) })
	if err != nil {
		return damaged(err)
	}
	return nil
}

// eachMark calls f with the marks from a revision on, in their order.
func eachMark(from engine.Reader, first consent.Revision, f func(consent.Revision, store.Mark)) (err error) {
	iter, err := from.NewIter(&engine.IterOptions{LowerBound: markKey(first), UpperBound: successor([]byte{tableMarks})})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	for valid := iter.First(); valid; valid = iter.Next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return err
		}
		mark, err := parseMark(value)
		if key := iter.Key(); err != nil || len(key) != 9 {
			return errors.Join(err, errors.New("malformed marks of revisions"))
		}
		f(consent.Revision(binary.BigEndian.Uint64(iter.Key()[1:])), mark)
	}
	return iter.Error()
}
