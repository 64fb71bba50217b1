package cache_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// fakeStore is a store whose states are only told apart by the id of their newest event.
type fakeStore struct {
	observer store.Observer
	// pause, if set, runs within each Read, after the state was taken and before it is returned.
	pause func(ctx context.Context, subject consent.Subject) error

	// latest counts calls of ReadLatest.
	latest atomic.Int64

	mu struct {
		sync.Mutex
		snapshots map[consent.Subject]consent.Snapshot
		applied   consent.Revision
		closed    bool
	}
}

func (f *fakeStore) ID() store.ID { return store.ID{1} }

func (f *fakeStore) Applied() consent.Revision {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.applied
}

func (f *fakeStore) Record(_ context.Context, batch consent.Batch) (consent.Recorded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.closed {
		return consent.Recorded{}, consent.ErrUnavailable
	}
	f.mu.applied++
	state := &consent.State{Recorded: true, Newest: consent.Order{ID: batch.Events[0].ID}}
	f.mu.snapshots[batch.Subject] = consent.Snapshot{State: state, Changed: f.mu.applied}
	if f.observer != nil {
		f.observer.Changed(store.Change{Subject: batch.Subject, Revision: f.mu.applied})
	}
	return consent.Recorded{Revision: f.mu.applied, Applied: 1}, nil
}

func (f *fakeStore) Read(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	s, err := f.take(subject)
	if err == nil && f.pause != nil {
		err = f.pause(ctx, subject)
	}
	return s, err
}

func (f *fakeStore) ReadLatest(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	f.latest.Add(1)
	return f.Read(ctx, subject)
}

func (f *fakeStore) Mark(_ context.Context, r consent.Revision) (store.Mark, bool, error) {
	return store.Mark(r), r <= f.Applied(), nil
}

func (f *fakeStore) Person(_ context.Context, subject consent.Subject) (consent.Person, error) {
	return consent.Person{IDs: []string{subject.ID}}, nil
}

func (f *fakeStore) Scan(context.Context, string, func(consent.Subject, consent.Snapshot) error) error {
	return consent.ErrUnavailable
}

func (f *fakeStore) take(subject consent.Subject) (consent.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.closed {
		return consent.Snapshot{}, consent.ErrUnavailable
	}
	s, ok := f.mu.snapshots[subject]
	if !ok {
		s.State = &consent.State{}
	}
	s.AsOf = f.mu.applied
	return s, nil
}

func (f *fakeStore) Events(context.Context, consent.Subject, consent.Page) (consent.Entries, error) {
	return consent.Entries{Next: "from the store"}, nil
}

func (f *fakeStore) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.closed = true
	return nil
}

// open returns a cache over a fake store that announces its changes to it; both are closed at the end of the test.
func open(t testing.TB, config cache.Config) (*cache.Cache, *fakeStore) {
	t.Helper()
	c, err := cache.New(config)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeStore{observer: c}
	f.mu.snapshots = map[consent.Subject]consent.Snapshot{}
	c.Attach(f)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, f
}

func subject(i int) consent.Subject {
	return consent.Subject{Controller: "example", ID: fmt.Sprintf("user-%d", i)}
}

// record writes an event with the given id.
func record(t testing.TB, s store.Store, subject consent.Subject, id string) consent.Revision {
	t.Helper()
	r, err := s.Record(context.Background(), consent.Batch{Subject: subject, Events: []consent.Event{{ID: id}}})
	if err != nil {
		t.Fatal(err)
	}
	return r.Revision
}

// snapshot reads through the cache, and waits until what was read is cached.
func snapshot(t testing.TB, c *cache.Cache, subject consent.Subject) consent.Snapshot {
	t.Helper()
	s, err := c.Snapshot(context.Background(), subject, consent.MinimizeLatency)
	if err != nil {
		t.Fatal(err)
	}
	c.Settle()
	return s
}

// wantNewest checks which event a snapshot is of; empty: none.
func wantNewest(t testing.TB, s consent.Snapshot, id string) {
	t.Helper()
	if s.State.Newest.ID != id {
		t.Errorf("state is that of event %q, want %q", s.State.Newest.ID, id)
	}
}

// counted is what most tests check: how lookups ended, and how often the store was read.
type counted struct{ Hits, Misses, Invalid, Loads uint64 }

func wantCounts(t testing.TB, c *cache.Cache, want counted) {
	t.Helper()
	s := c.Stats()
	if got := (counted{s.Hits, s.Misses, s.Invalid, s.Loads}); got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
}
