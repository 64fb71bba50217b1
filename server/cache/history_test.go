package cache_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// lose has the store go on from an older copy, in which a subject's newest event is another.
func (f *fakeStore) lose(to consent.Revision, who consent.Subject, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.applied = to
	f.mu.snapshots = map[consent.Subject]consent.Snapshot{
		who: {State: &consent.State{Recorded: true, Newest: consent.Order{ID: id}}, Changed: to},
	}
}

// TestLostHistoryLeavesNothing: what was cached of it is not answered, and the lower revisions of the new one count.
func TestLostHistoryLeavesNothing(t *testing.T) {
	c, f := open(t, cache.Config{})
	for _, id := range []string{"a", "b", "c"} {
		record(t, c, subject(1), id)
	}
	wantNewest(t, snapshot(t, c, subject(1)), "c")
	f.lose(1, subject(1), "a")
	c.Begin(1)
	s := snapshot(t, c, subject(1))
	wantNewest(t, s, "a")
	if s.AsOf != 1 {
		t.Errorf("as of %d, want the new history's 1", s.AsOf)
	}
	wantNewest(t, snapshot(t, c, subject(1)), "a")
	wantCounts(t, c, counted{Hits: 1, Misses: 1, Invalid: 1, Loads: 2})
	record(t, c, subject(1), "d") // revision 2 once more
	s = snapshot(t, c, subject(1))
	if wantNewest(t, s, "d"); s.AsOf != 2 {
		t.Errorf("as of %d, want 2", s.AsOf)
	}
}

// TestBaseIsAFloorOfAll: no state from before the revision from which changes are told counts, and answers are as of
// it.
func TestBaseIsAFloorOfAll(t *testing.T) {
	c, f := open(t, cache.Config{})
	record(t, f, subject(1), "a")
	snapshot(t, c, subject(1))
	f.observer = nil // others' changes, that are not told
	record(t, f, subject(1), "b")
	record(t, f, subject(2), "c")
	f.observer = c
	c.Begin(3)
	wantNewest(t, snapshot(t, c, subject(1)), "b")
	if s := snapshot(t, c, subject(1)); s.AsOf != 3 {
		t.Errorf("as of %d, want 3", s.AsOf)
	}
	f.mu.Lock()
	f.mu.applied = 2 // a server that lags
	f.mu.Unlock()
	if _, err := c.Read(t.Context(), subject(3)); err == nil {
		t.Error("a state from before the base is an answer")
	}
}

// TestReadsOfLostHistoryEndNowhere: one that began before the loss and ends after it leaves nothing, is joined by
// nobody who comes later, and is no answer of those who waited.
func TestReadsOfLostHistoryEndNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{})
		record(t, f, subject(1), "lost")
		held, reads := make(chan struct{}), atomic.Int64{}
		f.pause = func(context.Context, consent.Subject) error {
			if reads.Add(1) == 1 {
				<-held
			}
			return nil
		}
		var waiting, later consent.Snapshot
		var wg sync.WaitGroup
		wg.Go(func() { waiting, _ = c.Read(t.Context(), subject(1)) })
		synctest.Wait()
		f.lose(0, subject(1), "a")
		c.Begin(0)
		wg.Go(func() { later, _ = c.Read(t.Context(), subject(1)) })
		synctest.Wait()
		close(held)
		wg.Wait()
		c.Settle()
		wantNewest(t, waiting, "a")
		wantNewest(t, later, "a")
		wantNewest(t, snapshot(t, c, subject(1)), "a")
		if n := reads.Load(); n != 2 {
			t.Errorf("%d reads, want the one that was lost and one", n)
		}
	})
}

// TestRecordsOfLostHistoryRaiseNothing: a floor above what the new history has would keep a subject from being cached,
// and from being read at all.
func TestRecordsOfLostHistoryRaiseNothing(t *testing.T) {
	c, f := open(t, cache.Config{})
	f.observer = observing(func(change store.Change) {
		c.Changed(change)
		if change.Revision == 9 {
			f.mu.applied = 0 // f.mu is held
			c.Begin(0)
		}
	})
	for range 9 {
		record(t, c, subject(1), "a")
	}
	if floor := c.Floor(subject(1)); floor != 0 {
		t.Errorf("floor is %d in a history without changes", floor)
	}
	if _, err := c.Read(t.Context(), subject(1)); err != nil {
		t.Error(err)
	}
}

type observing func(store.Change)

func (f observing) Changed(c store.Change) { f(c) }

// TestHistoriesUnderLoad: losses and reads race; no read that starts after a loss was told shows what was lost.
func TestHistoriesUnderLoad(t *testing.T) {
	c, f := open(t, cache.Config{MaxBytes: 1 << 20})
	var lost atomic.Uint64
	var done atomic.Bool
	var readers sync.WaitGroup
	f.lose(1, subject(1), "0")
	for range 4 {
		readers.Go(func() {
			for !done.Load() {
				before := lost.Load()
				s, err := c.Read(t.Context(), subject(1))
				if err != nil {
					t.Error(err)
					return
				}
				if got := s.State.Newest.ID; len(got) == 0 || got < string(rune('0'+before)) {
					t.Errorf("read %q after loss %d", got, before)
					return
				}
			}
		})
	}
	for i := range uint64(70) {
		f.lose(1, subject(1), string(rune('0'+i)))
		c.Begin(1)
		lost.Store(i)
		c.Settle()
	}
	done.Store(true)
	readers.Wait()
}

// until is a Standing: that many nanoseconds.
type until struct{ atomic.Int64 }

func (u *until) Until() int64 { return u.Load() }

func (u *until) Holds(until int64) bool { return u.Load() == until }

// TestStandingIsAsked: while the cache does not count, the latest is read, and what it holds comes to count again.
func TestStandingIsAsked(t *testing.T) {
	var standing until
	standing.Store(7)
	c, f := open(t, cache.Config{Standing: &standing})
	record(t, f, subject(1), "a")
	if s := snapshot(t, c, subject(1)); s.Until != 7 {
		t.Errorf("it may be acted upon until %d, want 7", s.Until)
	}
	f.observer = nil
	record(t, f, subject(1), "b") // this node is cut off
	wantNewest(t, snapshot(t, c, subject(1)), "a")
	standing.Store(0)
	s := snapshot(t, c, subject(1))
	if wantNewest(t, s, "b"); s.Until != 0 || f.latest.Load() != 1 {
		t.Errorf("until %d after %d reads of the latest: want a read of the latest, which nothing bounds", s.Until, f.latest.Load())
	}
	standing.Store(8)
	wantNewest(t, snapshot(t, c, subject(1)), "a")
	wantCounts(t, c, counted{Hits: 2, Misses: 1, Loads: 1})
	if s, err := c.ReadLatest(t.Context(), subject(1)); err != nil || s.Until != 0 || f.latest.Load() != 2 {
		t.Errorf("the latest is %+v, error %v, of %d reads", s, err, f.latest.Load())
	}
}

// awaited is a store that learns of others' changes.
type awaited struct {
	*fakeStore
	until time.Time
}

// Await implements what cache looks for.
func (a *awaited) Await(ctx context.Context, _ consent.Revision) error {
	a.until, _ = ctx.Deadline()
	<-ctx.Done()
	return ctx.Err()
}

// TestAwaitIsShort: nobody waits longer than it takes to read the store a few times.
func TestAwaitIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{})
		began := time.Now()
		c.Await(t.Context(), 7)
		if took := time.Since(began); took != 0 {
			t.Errorf("a store that does not wait took %v", took)
		}
		c.Attach(&awaited{fakeStore: f})
		c.Await(t.Context(), 7)
		if took := time.Since(began); took != 50*time.Millisecond {
			t.Errorf("it took %v, want 50 ms", took)
		}
	})
}

// TestStoreThatHangsIsUnavailable before the caller has left, where it is reached over a network.
func TestStoreThatHangsIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, stands := range []int64{0, 7} {
			var standing until
			standing.Store(stands)
			c, f := open(t, cache.Config{Standing: &standing, Disabled: true})
			f.pause = func(ctx context.Context, _ consent.Subject) error {
				<-ctx.Done()
				return ctx.Err()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			_, err := c.Snapshot(ctx, subject(1), consent.MinimizeLatency)
			if took := time.Since(began); !errors.Is(err, consent.ErrUnavailable) || took >= time.Second {
				t.Errorf("until %d: after %v: %v, want ErrUnavailable before the second is over", stands, took, err)
			}
			cancel()
		}
	})
}
