package pebble

import (
	"context"
	"sync/atomic"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
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

// release gives the view back. Closing its snapshot needs pebble's lock, which a halted store holds for ever: no
// reader may wait for it.
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

// Read returns the subject's state as of a revision that Applied had when Read began, or later: one point lookup, two
// for an id of a person.
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
	r, err := find(v.snapshot, subject, false)
	if err != nil {
		return consent.Snapshot{}, unavailable(readingState, err)
	}
	return r.Snapshot(v.revision), nil
}

// ReadLatest is Read: nobody else writes the store.
func (s *Store) ReadLatest(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	return s.Read(ctx, subject)
}

// Person returns who an id names, as of a revision that Applied had when it began, or later.
func (s *Store) Person(ctx context.Context, subject consent.Subject) (_ consent.Person, err error) {
	if err := ctx.Err(); err != nil {
		return consent.Person{}, err
	}
	v := s.current()
	if v == nil {
		return consent.Person{}, unavailable(readingState, errClosed)
	}
	defer v.release()
	defer recovered(readingState, &err)
	r, err := find(v.snapshot, subject, true)
	if err != nil {
		return consent.Person{}, unavailable(readingState, err)
	}
	return r.Who(subject.ID), nil
}

// maxPageBytes ends a page early, whatever its limit: entries are to fit into one message.
const maxPageBytes = 1 << 20

// Events returns a page of the ledgers of the subject's person: at least one entry if there is one, at most
// page.Limit and about 1 MiB.
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
	from := change.Position{}
	if page.After != "" {
		var ok bool
		if from, ok = s.parsePage(subject, page.After); !ok {
			return consent.Entries{}, consent.ErrBadPageToken
		}
	}
	entries, err := s.page(v, subject, from, page)
	if err != nil {
		return consent.Entries{}, unavailable(readingEvents, err)
	}
	return entries, nil
}

// page reads entries from the given position on.
func (s *Store) page(v *view, subject consent.Subject, from change.Position, page consent.Page) (found consent.Entries, err error) {
	ids, err := v.ledgersOf(subject, page.Alone)
	if err != nil {
		return found, err
	}
	size := 0
	err = scan(v.snapshot, span{subject.Controller, ids, from}, func(at change.Position, entry consent.Entry, bytes int) bool {
		if n := len(found.Entries); n > 0 && (n >= page.Limit || size >= maxPageBytes) {
			found.Next = s.pageToken(subject, at)
			return false
		}
		found.Entries = append(found.Entries, entry)
		size += bytes
		return true
	})
	return found, err
}

// ledgersOf returns the ids whose ledgers are the subject's: those of its person, unless it is asked for alone or
// shared.
func (v *view) ledgersOf(subject consent.Subject, alone bool) ([]string, error) {
	if !alone {
		r, err := find(v.snapshot, subject, true)
		if err != nil {
			return nil, err
		}
		if r.Person != nil && !r.Shared() {
			return r.Person.IDs, nil
		}
	}
	return []string{subject.ID}, nil
}

// pagesOf names the subject's ledger, for tokens of its pages.
func (s *Store) pagesOf(subject consent.Subject) []byte {
	return append(eventPrefix(subject), s.id[:]...)
}

func (s *Store) pageToken(subject consent.Subject, at change.Position) string {
	return change.PageToken(s.pagesOf(subject), at)
}

func (s *Store) parsePage(subject consent.Subject, token string) (change.Position, bool) {
	return change.ParsePageToken(s.pagesOf(subject), token)
}
