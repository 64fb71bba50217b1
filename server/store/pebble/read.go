package pebble

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync/atomic"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
)

// view is the store as of a revision: all that is durable, nothing that is not. It is immutable but for refs.
type view struct {
	store    *Store
	snapshot *engine.Snapshot
	revision consent.Revision
	// refs counts the readers, and the store while the view is its newest. At zero the snapshot is closed, for good.
	refs atomic.Int64
}

// show makes what is in pebble visible, as of revision.
func (s *Store) show(revision consent.Revision) {
	next := &view{store: s, snapshot: s.db.NewSnapshot(), revision: revision}
	next.refs.Store(1)
	s.views.Add(1)
	if old := s.view.Swap(next); old != nil {
		old.release()
	}
}

// current returns the newest view, which the caller releases, or nil once the store is closed.
func (s *Store) current() *view {
	for !s.ended.Load() {
		if v := s.view.Load(); v.retain() {
			return v
		}
	}
	return nil
}

func (v *view) retain() bool {
	for {
		n := v.refs.Load()
		if n == 0 {
			return false
		}
		if v.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives the view back. Closing its snapshot needs pebble's lock, which a halted store holds for ever: no reader
// may wait for it.
func (v *view) release() {
	if v.refs.Add(-1) > 0 {
		return
	}
	go func() {
		defer v.store.views.Done()
		// The error is always nil, and it panics only where it was closed before: refs sees to that.
		_ = v.snapshot.Close()
	}()
}

const (
	readingState  = "reading a subject's state"
	readingEvents = "reading a subject's events"
)

// Read returns the subject's state as of a revision that Applied had when Read began, or later: one point lookup.
func (s *Store) Read(ctx context.Context, subject consent.Subject) (_ consent.Snapshot, err error) {
	if err := ctx.Err(); err != nil {
		return consent.Snapshot{}, err
	}
	v := s.current()
	if v == nil {
		return consent.Snapshot{}, unavailable(readingState, errClosed)
	}
	defer v.release()
	defer recovered(readingState, &err)
	changed, state, err := lookup(v.snapshot, subject)
	if err != nil {
		return consent.Snapshot{}, unavailable(readingState, err)
	}
	return consent.Snapshot{State: state, Changed: changed, AsOf: v.revision}, nil
}

// lookup returns the subject's state and the revision of its newest change; both are zero for an unknown subject.
func lookup(from engine.Reader, subject consent.Subject) (consent.Revision, *consent.State, error) {
	value, closer, err := from.Get(stateKey(subject))
	if errors.Is(err, engine.ErrNotFound) {
		return 0, new(consent.State), nil
	}
	if err != nil {
		return 0, nil, err
	}
	changed, state, err := stateOf(value)
	return changed, state, errors.Join(err, closer.Close())
}

// maxPageBytes ends a page early, whatever its limit: entries are to fit into one message.
const maxPageBytes = 1 << 20

// Events returns a page of the subject's ledger: at least one entry if there is one, at most page.Limit and about 1
// MiB.
func (s *Store) Events(ctx context.Context, subject consent.Subject, page consent.Page) (_ consent.Entries, err error) {
	if err := ctx.Err(); err != nil {
		return consent.Entries{}, err
	}
	v := s.current()
	if v == nil {
		return consent.Entries{}, unavailable(readingEvents, errClosed)
	}
	defer v.release()
	defer recovered(readingEvents, &err)
	from := position{}
	if page.After != "" {
		var ok bool
		if from, ok = s.parsePage(subject, page.After); !ok {
			return consent.Entries{}, consent.ErrBadPageToken
		}
	}
	entries, err := s.page(v, subject, from, page.Limit)
	if err != nil {
		return consent.Entries{}, unavailable(readingEvents, err)
	}
	return entries, nil
}

// page reads entries from the given position on.
func (s *Store) page(v *view, subject consent.Subject, from position, limit int) (page consent.Entries, err error) {
	size := 0
	err = scan(v.snapshot, subject, from, func(at position, value []byte) (bool, error) {
		if n := len(page.Entries); n > 0 && (n >= limit || size >= maxPageBytes) {
			page.Next = s.pageToken(subject, at)
			return false, nil
		}
		entry, err := entryOf(value, at.revision)
		page.Entries = append(page.Entries, entry)
		size += len(value)
		return true, err
	})
	return page, err
}

// scan calls f with the subject's ledger entries from a position on, in their order, until f returns false or an error.
// The value is valid during the call.
func scan(r engine.Reader, subject consent.Subject, from position, f func(position, []byte) (bool, error)) (err error) {
	prefix := eventPrefix(subject)
	iter, err := r.NewIter(&engine.IterOptions{LowerBound: from.append(bytes.Clone(prefix)), UpperBound: successor(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	for valid := iter.First(); valid; valid = iter.Next() {
		at, ok := positionOf(iter.Key()[len(prefix):])
		if !ok {
			return errors.New("malformed key of an entry")
		}
		value, err := iter.ValueAndErr()
		if err != nil {
			return err
		}
		if more, err := f(at, value); err != nil || !more {
			return err
		}
	}
	return iter.Error()
}

// ledger returns all of the subject's entries.
func ledger(r engine.Reader, subject consent.Subject) (entries []consent.Entry, err error) {
	err = scan(r, subject, position{}, func(at position, value []byte) (bool, error) {
		entry, err := entryOf(value, at.revision)
		entries = append(entries, entry)
		return true, err
	})
	return entries, err
}

// A page token is the position at which the page begins and a checksum of it, the subject and the store: garbage and
// the tokens of others do not pass. It is no secret; a forged one shows nothing but another part of the same ledger.
const checkBytes = 8

func (s *Store) pageToken(subject consent.Subject, at position) string {
	b := at.append(nil)
	return base64.RawURLEncoding.EncodeToString(append(b, s.check(subject, b)...))
}

func (s *Store) parsePage(subject consent.Subject, token string) (position, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != positionBytes+checkBytes {
		return position{}, false
	}
	at, _ := positionOf(b[:positionBytes])
	// The decoder passes over line breaks, so it is the token that is compared.
	return at, s.pageToken(subject, at) == token
}

func (s *Store) check(subject consent.Subject, at []byte) []byte {
	b := append(eventPrefix(subject), s.id[:]...)
	sum := sha256.Sum256(append(b, at...))
	return sum[:checkBytes]
}
