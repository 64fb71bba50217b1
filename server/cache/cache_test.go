package cache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
)

func TestSecondReadHits(t *testing.T) {
	c, f := open(t, cache.Config{})
	r := record(t, c, subject(1), "a")
	for range 3 {
		s := snapshot(t, c, subject(1))
		wantNewest(t, s, "a")
		if s.Changed != r || s.AsOf != r || s.Prepared != nil {
			t.Errorf("snapshot is %+v, want revision %d", s, r)
		}
	}
	wantCounts(t, c, counted{Hits: 2, Misses: 1, Loads: 1})
	if got, want := c.Applied(), f.Applied(); got != want {
		t.Errorf("Applied is %d, want the store's %d", got, want)
	}
}

func TestUnknownSubjectIsCached(t *testing.T) {
	c, _ := open(t, cache.Config{})
	for range 3 {
		if s := snapshot(t, c, subject(1)); s.State.Known() {
			t.Error("an unknown subject is known")
		}
	}
	wantCounts(t, c, counted{Hits: 2, Misses: 1, Loads: 1})
	record(t, c, subject(1), "a")
	wantNewest(t, snapshot(t, c, subject(1)), "a")
	wantCounts(t, c, counted{Hits: 2, Misses: 1, Invalid: 1, Loads: 2})
}

func TestWriteInvalidates(t *testing.T) {
	c, f := open(t, cache.Config{})
	record(t, c, subject(1), "a")
	snapshot(t, c, subject(1))
	record(t, f, subject(1), "b") // by another writer of the store
	wantNewest(t, snapshot(t, c, subject(1)), "b")
	wantNewest(t, snapshot(t, c, subject(1)), "b")
	wantCounts(t, c, counted{Hits: 1, Misses: 1, Invalid: 1, Loads: 2})
}

func TestWriteOfAnotherSubjectDoesNot(t *testing.T) {
	c, _ := open(t, cache.Config{})
	other := 2
	for c.Slot(subject(other)) == c.Slot(subject(1)) {
		other++
	}
	record(t, c, subject(1), "a")
	snapshot(t, c, subject(1))
	r := record(t, c, subject(other), "b")
	s := snapshot(t, c, subject(1))
	wantNewest(t, s, "a")
	wantCounts(t, c, counted{Hits: 1, Misses: 1, Loads: 1})
	if s.AsOf != r || s.Changed != r-1 {
		t.Errorf("as of %d, changed %d; want the last announced change, %d, and %d", s.AsOf, s.Changed, r, r-1)
	}
}

func TestSlotCollisionCostsAMiss(t *testing.T) {
	c, _ := open(t, cache.Config{})
	other := 2
	for c.Slot(subject(other)) != c.Slot(subject(1)) {
		other++
	}
	record(t, c, subject(1), "a")
	snapshot(t, c, subject(1))
	record(t, c, subject(other), "b")
	wantNewest(t, snapshot(t, c, subject(1)), "a")
	wantNewest(t, snapshot(t, c, subject(other)), "b")
	wantCounts(t, c, counted{Misses: 2, Invalid: 1, Loads: 3})
}

func TestHashCollisionNeverShowsAnother(t *testing.T) {
	c, _ := open(t, cache.Config{})
	another := consent.Snapshot{State: &consent.State{Recorded: true, Newest: consent.Order{ID: "another's"}}, AsOf: 1 << 40}
	for _, whose := range []consent.Subject{
		subject(2), {Controller: "other", ID: subject(1).ID}, {Controller: "exampleuser-", ID: "1"}, {},
	} {
		c.Plant(subject(1), whose, another)
		wantNewest(t, snapshot(t, c, subject(1)), "")
	}
	if s := c.Stats(); s.Hits != 0 || s.Misses != 4 {
		t.Errorf("stats are %+v, want 4 misses", s)
	}
}

func TestControllersDoNotShareSubjects(t *testing.T) {
	c, _ := open(t, cache.Config{})
	one, two := consent.Subject{Controller: "one", ID: "x"}, consent.Subject{Controller: "two", ID: "x"}
	record(t, c, one, "a")
	record(t, c, two, "b")
	for range 2 {
		wantNewest(t, snapshot(t, c, one), "a")
		wantNewest(t, snapshot(t, c, two), "b")
	}
}

func TestFullyConsistentReadsTheStore(t *testing.T) {
	c, f := open(t, cache.Config{})
	snapshot(t, c, subject(1))
	f.observer = nil // as if the announcement were still on its way
	record(t, f, subject(1), "a")
	wantNewest(t, snapshot(t, c, subject(1)), "")
	s, err := c.Snapshot(context.Background(), subject(1), consent.FullyConsistent)
	if err != nil {
		t.Fatal(err)
	}
	wantNewest(t, s, "a")
	wantCounts(t, c, counted{Hits: 1, Misses: 1, Loads: 1})
}

func TestRecordDoesNotRelyOnTheObserver(t *testing.T) {
	c, f := open(t, cache.Config{})
	f.observer = nil
	snapshot(t, c, subject(1))
	record(t, c, subject(1), "a")
	wantNewest(t, snapshot(t, c, subject(1)), "a")
}

func TestDisabledReadsTheStore(t *testing.T) {
	c, _ := open(t, cache.Config{Disabled: true})
	for _, id := range []string{"a", "b"} {
		record(t, c, subject(1), id)
		wantNewest(t, snapshot(t, c, subject(1)), id)
	}
	if s := c.Stats(); s != (cache.Stats{}) {
		t.Errorf("stats of a disabled cache are %+v", s)
	}
}

func TestFloorsOnlyRise(t *testing.T) {
	c, f := open(t, cache.Config{})
	record(t, c, subject(1), "a")
	record(t, c, subject(1), "b")
	for _, r := range []consent.Revision{1, 0, 2, 1} {
		c.Changed(changeOf(subject(1), r))
		if got := c.Floor(subject(1)); got != f.Applied() {
			t.Errorf("after change %d the floor is %d, want %d", r, got, f.Applied())
		}
	}
}

func TestTinyCacheEvicts(t *testing.T) {
	const budget = 64 << 10
	c, _ := open(t, cache.Config{MaxBytes: budget})
	for i := range 2000 {
		snapshot(t, c, subject(i))
	}
	s := c.Stats()
	if s.Evictions+s.Rejections < 1000 || s.Bytes > budget || s.Bytes < budget/2 {
		t.Errorf("stats are %+v: want most of 2000 entries evicted or rejected, and at most %d bytes", s, budget)
	}
	if s.Evictions == 0 {
		t.Error("nothing was evicted")
	}
}

func TestEntryGreaterThanTheCacheIsServed(t *testing.T) {
	c, _ := open(t, cache.Config{MaxBytes: 1})
	record(t, c, subject(1), "a")
	for range 2 {
		wantNewest(t, snapshot(t, c, subject(1)), "a")
	}
	if s := c.Stats(); s.Loads != 2 || s.Rejections != 2 || s.Bytes != 0 {
		t.Errorf("stats are %+v, want two loads and two rejections", s)
	}
}

func TestPreparedIsKeptAndCounted(t *testing.T) {
	prepare := func(s *consent.State) (any, int) { return "for " + s.Newest.ID, 5000 }
	c, _ := open(t, cache.Config{Prepare: prepare})
	record(t, c, subject(1), "a")
	for range 2 {
		if s := snapshot(t, c, subject(1)); s.Prepared != "for a" {
			t.Errorf("prepared is %v", s.Prepared)
		}
	}
	if s := c.Stats(); s.Hits != 1 || s.Bytes < 5000 {
		t.Errorf("stats are %+v, want a hit and at least 5000 bytes", s)
	}
}

func TestCostCountsAllParts(t *testing.T) {
	c, _ := open(t, cache.Config{})
	snapshot(t, c, subject(1))
	small := c.Stats().Bytes
	long := consent.Subject{Controller: "example", ID: strings.Repeat("x", 256)}
	snapshot(t, c, long)
	if got, want := c.Stats().Bytes-2*small, int64(256-len(subject(1).ID)); got != want {
		t.Errorf("a longer id costs %d bytes more, want %d", got, want)
	}
}

func TestPassesThrough(t *testing.T) {
	c, f := open(t, cache.Config{})
	if c.ID() != f.ID() {
		t.Error("ID is not the store's")
	}
	if e, err := c.Events(context.Background(), subject(1), consent.Page{}); err != nil || e.Next != "from the store" {
		t.Errorf("Events gave %v, %v", e, err)
	}
}

func TestCancelledReadFails(t *testing.T) {
	c, _ := open(t, cache.Config{})
	snapshot(t, c, subject(1))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Read(ctx, subject(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Read of a cached subject gave %v", err)
	}
	if _, err := c.Snapshot(ctx, subject(2), consent.MinimizeLatency); !errors.Is(err, context.Canceled) {
		t.Errorf("Snapshot of another gave %v", err)
	}
	wantCounts(t, c, counted{Misses: 2, Loads: 1})
}

func TestConfigReportsAllFaults(t *testing.T) {
	_, err := cache.New(cache.Config{MaxBytes: -7, LoadTimeout: -3 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "-7") || !strings.Contains(err.Error(), "-3s") {
		t.Errorf("error is %v, want both values", err)
	}
}

func TestHitAllocatesNothing(t *testing.T) {
	c, _ := open(t, cache.Config{})
	record(t, c, subject(1), "a")
	ctx, s := context.Background(), subject(1)
	snapshot(t, c, s)
	allocations := testing.AllocsPerRun(1000, func() {
		if _, err := c.Snapshot(ctx, s, consent.MinimizeLatency); err != nil {
			t.Fatal(err)
		}
	})
	if n := c.Stats().Hits; allocations != 0 || n < 1000 {
		t.Errorf("%v allocations per hit, %d hits", allocations, n)
	}
}
