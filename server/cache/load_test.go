package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

func changeOf(s consent.Subject, r consent.Revision) store.Change {
	return store.Change{Subject: s, Revision: r}
}

type result struct {
	snapshot consent.Snapshot
	err      error
}

// start begins n reads of a subject and returns where their results come.
func start(ctx context.Context, c *cache.Cache, s consent.Subject, n int) <-chan result {
	results := make(chan result, n)
	for range n {
		go func() {
			snapshot, err := c.Snapshot(ctx, s, consent.MinimizeLatency)
			results <- result{snapshot, err}
		}()
	}
	return results
}

// hold makes every Read of the store wait for a value, or for the read's context.
func (f *fakeStore) hold() chan<- struct{} {
	release := make(chan struct{})
	f.pause = func(ctx context.Context, _ consent.Subject) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return release
}

func TestStampedeReadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{})
		record(t, c, subject(1), "a")
		release := f.hold()
		results := start(context.Background(), c, subject(1), 100)
		synctest.Wait()
		wantCounts(t, c, counted{Misses: 100, Loads: 1})
		release <- struct{}{}
		for range 100 {
			r := <-results
			if r.err != nil {
				t.Fatal(r.err)
			}
			wantNewest(t, r.snapshot, "a")
		}
		c.Settle()
		snapshot(t, c, subject(1))
		wantCounts(t, c, counted{Hits: 1, Misses: 100, Loads: 1})
	})
}

func TestSubjectsAreReadApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{})
		release := f.hold()
		one := start(context.Background(), c, subject(1), 10)
		two := start(context.Background(), c, subject(2), 10)
		synctest.Wait()
		wantCounts(t, c, counted{Misses: 20, Loads: 2})
		close(release)
		for range 10 {
			if a, b := <-one, <-two; a.err != nil || b.err != nil {
				t.Error(a.err, b.err)
			}
		}
	})
}

// A check that starts after an acknowledged write does not join a read that started before it, and the old read's entry
// never counts, though it comes last.
func TestReadFromBeforeAWriteIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{})
		record(t, c, subject(1), "old")
		release := f.hold()
		before := start(context.Background(), c, subject(1), 3)
		synctest.Wait()
		f.pause = nil // the waiting read is past it
		record(t, c, subject(1), "new")
		wantNewest(t, snapshot(t, c, subject(1)), "new")
		wantCounts(t, c, counted{Misses: 4, Loads: 2})

		close(release)
		for range 3 {
			if r := <-before; r.err != nil {
				t.Error(r.err)
			}
		}
		synctest.Wait()
		wantNewest(t, snapshot(t, c, subject(1)), "new")
		wantCounts(t, c, counted{Hits: 1, Misses: 4, Loads: 2})
	})
}

func TestOldReadAloneIsInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{})
		record(t, c, subject(1), "old")
		release := f.hold()
		before := start(context.Background(), c, subject(1), 1)
		synctest.Wait()
		f.pause = nil
		record(t, c, subject(1), "new")
		close(release)
		wantNewest(t, (<-before).snapshot, "old")
		c.Settle()
		wantNewest(t, snapshot(t, c, subject(1)), "new")
		wantCounts(t, c, counted{Misses: 1, Invalid: 1, Loads: 2})
	})
}

func TestCallerThatLeavesDoesNotEndTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{})
		record(t, c, subject(1), "a")
		release := f.hold()
		ctx, cancel := context.WithCancel(context.Background())
		leaving := start(ctx, c, subject(1), 1)
		staying := start(context.Background(), c, subject(1), 1)
		synctest.Wait()
		cancel()
		if r := <-leaving; !errors.Is(r.err, context.Canceled) {
			t.Errorf("error is %v, want the caller's", r.err)
		}
		close(release)
		r := <-staying
		if r.err != nil {
			t.Fatal(r.err)
		}
		wantNewest(t, r.snapshot, "a")
		c.Settle()
		snapshot(t, c, subject(1))
		wantCounts(t, c, counted{Hits: 1, Misses: 2, Loads: 1})
	})
}

func TestCallersDeadlineIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{LoadTimeout: time.Second})
		f.hold()
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if r := <-start(ctx, c, subject(1), 1); !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("error is %v, want that of the caller's deadline", r.err)
		}
	})
}

func TestReadHasItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{LoadTimeout: time.Second})
		f.hold()
		began := time.Now()
		r := <-start(context.Background(), c, subject(1), 1)
		if !errors.Is(r.err, consent.ErrUnavailable) || errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("error is %v, want ErrUnavailable and not the caller's deadline", r.err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v, want 1s", took)
		}
		synctest.Wait()
		f.pause = nil
		snapshot(t, c, subject(1))
		if s := c.Stats(); s.Loads != 2 || s.LoadErrors != 1 || s.Hits != 0 {
			t.Errorf("stats are %+v, want a failed load and a good one", s)
		}
	})
}

// A store that does not heed its context neither pins callers nor fills the cache after the deadline.
func TestStoreThatIgnoresTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{LoadTimeout: time.Second})
		release := make(chan struct{})
		f.pause = func(context.Context, consent.Subject) error { <-release; return nil }
		if r := <-start(context.Background(), c, subject(1), 1); !errors.Is(r.err, consent.ErrUnavailable) {
			t.Errorf("error is %v, want ErrUnavailable", r.err)
		}
		second := start(context.Background(), c, subject(1), 1)
		synctest.Wait()
		wantCounts(t, c, counted{Misses: 2, Loads: 2})
		close(release)
		if r := <-second; r.err != nil {
			t.Error(r.err)
		}
		synctest.Wait()
		if s := c.Stats(); s.LoadErrors != 1 || s.Bytes == 0 {
			t.Errorf("stats are %+v, want one load too late and one cached", s)
		}
	})
}

func TestStateReadUnderAnEndedContextIsNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{LoadTimeout: time.Second})
		f.pause = func(ctx context.Context, _ consent.Subject) error { <-ctx.Done(); return nil }
		if r := <-start(context.Background(), c, subject(1), 1); !errors.Is(r.err, consent.ErrUnavailable) {
			t.Errorf("error is %v, want ErrUnavailable", r.err)
		}
		synctest.Wait()
		if s := c.Stats(); s.Bytes != 0 {
			t.Errorf("stats are %+v, want nothing cached", s)
		}
	})
}

func TestErrorsAreNotCached(t *testing.T) {
	c, f := open(t, cache.Config{})
	broken := errors.New("disk on fire")
	for _, cause := range []error{broken, consent.ErrUnavailable, context.DeadlineExceeded} {
		f.pause = func(context.Context, consent.Subject) error { return cause }
		_, err := c.Read(context.Background(), subject(1))
		if !errors.Is(err, consent.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v became %v, want ErrUnavailable", cause, err)
		}
	}
	f.pause = nil
	snapshot(t, c, subject(1))
	if s := c.Stats(); s.Loads != 4 || s.LoadErrors != 3 {
		t.Errorf("stats are %+v, want 3 of 4 loads failed", s)
	}
}

func TestPanicOfAReadFailsTheCall(t *testing.T) {
	c, f := open(t, cache.Config{})
	f.pause = func(context.Context, consent.Subject) error { panic("boom") }
	if _, err := c.Read(context.Background(), subject(1)); err == nil {
		t.Error("no error")
	}
	f.pause = nil
	snapshot(t, c, subject(1))
}

// A state that is older than an announced change is refused, even from the store.
func TestStoreBehindItsAnnouncements(t *testing.T) {
	c, _ := open(t, cache.Config{})
	c.Changed(changeOf(subject(1), 7))
	if _, err := c.Read(context.Background(), subject(1)); !errors.Is(err, consent.ErrUnavailable) {
		t.Errorf("error is %v, want ErrUnavailable", err)
	}
}

func TestCloseWhileReading(t *testing.T) {
	for range 20 {
		c, _ := open(t, cache.Config{})
		var readers sync.WaitGroup
		for i := range 4 {
			readers.Go(func() {
				for {
					_, err := c.Read(context.Background(), subject(i%2))
					if err != nil {
						if !errors.Is(err, consent.ErrUnavailable) {
							t.Errorf("error is %v, want ErrUnavailable", err)
						}
						return
					}
				}
			})
		}
		if err := errors.Join(c.Close(), c.Close()); err != nil {
			t.Error(err)
		}
		readers.Wait()
		_, err := c.Snapshot(context.Background(), subject(0), consent.FullyConsistent)
		if !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("after Close: %v, want ErrUnavailable", err)
		}
	}
}

func TestCloseWaitsForReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open(t, cache.Config{})
		release := f.hold()
		results := start(context.Background(), c, subject(1), 1)
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- c.Close() }()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("Close did not wait")
		default:
		}
		close(release)
		if r := <-results; r.err != nil {
			t.Error(r.err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}
