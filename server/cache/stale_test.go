package cache_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// marked is a cache with a watermark and a clock that the test sets.
func marked(t *testing.T) (c *cache.Cache, f *fakeStore, watermark, clock *time.Duration) {
	watermark, clock = new(time.Duration), new(time.Duration)
	c, f = open(t, cache.Config{
		Watermark: func() time.Duration { return *watermark }, Clock: func() time.Duration { return *clock },
	})
	*watermark, *clock = 10*time.Second, 10*time.Second
	return c, f, watermark, clock
}

// TestStaleGivesWhatIsKept, with an age that goes on.
func TestStaleGivesWhatIsKept(t *testing.T) {
	c, f, _, clock := marked(t)
	record(t, c, subject(1), "a")
	if s, _, ok := c.Stale(subject(1)); ok {
		t.Errorf("what nobody read is kept: %+v", s)
	}
	snapshot(t, c, subject(1))
	record(t, c, subject(2), "b") // another subject's change makes the state that is kept no older
	f.pause = func(context.Context, consent.Subject) error { return consent.ErrUnavailable }
	s, age, ok := c.Stale(subject(1))
	if !ok || s.AsOf != 2 {
		t.Fatalf("%+v, %v, want the state as of 2", s, ok)
	}
	wantNewest(t, s, "a")
	for _, want := range []time.Duration{0, 7 * time.Second} {
		*clock = 10*time.Second + want
		if got := age(); got != want {
			t.Errorf("age is %v, want %v", got, want)
		}
	}
	if _, _, ok := c.Stale(subject(2)); ok {
		t.Error("a subject that was never read has a state")
	}
}

// TestStaleIsNeverBelowItsFloor: what this node heard of is final, whether or not it can be read.
func TestStaleIsNeverBelowItsFloor(t *testing.T) {
	c, f, _, _ := marked(t)
	record(t, c, subject(1), "a")
	snapshot(t, c, subject(1))
	f.pause = func(context.Context, consent.Subject) error { return consent.ErrUnavailable }
	c.Changed(store.Change{Subject: subject(1), Revision: 2})
	if s, _, ok := c.Stale(subject(1)); ok {
		t.Errorf("a state from before a change that the node heard of: %+v", s)
	}
}

// TestStaleNeedsAWatermark: without one, and before the node first knew itself caught up, nothing is stale.
func TestStaleNeedsAWatermark(t *testing.T) {
	c, _ := open(t, cache.Config{})
	record(t, c, subject(1), "a")
	snapshot(t, c, subject(1))
	if _, _, ok := c.Stale(subject(1)); ok {
		t.Error("a store of one node has a stale state")
	}
	c, _, watermark, _ := marked(t)
	record(t, c, subject(1), "a")
	snapshot(t, c, subject(1))
	*watermark = 0
	if _, _, ok := c.Stale(subject(1)); ok {
		t.Error("a node that never was caught up has a stale state")
	}
	off, _ := open(t, cache.Config{
		Disabled: true, Watermark: func() time.Duration { return 1 }, Clock: func() time.Duration { return 1 },
	})
	if _, _, ok := off.Stale(subject(1)); ok {
		t.Error("a cache that is off has a stale state")
	}
}

// TestStaleReadsTheWatermarkFirst: a look at the store that ends while the entry is looked for makes it no younger.
func TestStaleReadsTheWatermarkFirst(t *testing.T) {
	clock, watermark := 20*time.Second, 10*time.Second
	c, _ := open(t, cache.Config{
		Watermark: func() time.Duration {
			was := watermark
			watermark = clock
			return was
		},
		Clock: func() time.Duration { return clock },
	})
	record(t, c, subject(1), "a")
	snapshot(t, c, subject(1))
	watermark = 10 * time.Second
	if _, age, ok := c.Stale(subject(1)); !ok || age() != 10*time.Second {
		t.Errorf("the age is %v, want that of the watermark from before the look-up", age())
	}
}

func TestWatermarkNeedsAClock(t *testing.T) {
	_, err := cache.New(cache.Config{Watermark: func() time.Duration { return 0 }})
	if err == nil || !strings.Contains(err.Error(), "give the clock") {
		t.Errorf("New: %v", err)
	}
}

// TestStaleAfterClose has nothing.
func TestStaleAfterClose(t *testing.T) {
	c, _, _, _ := marked(t)
	record(t, c, subject(1), "a")
	snapshot(t, c, subject(1))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := c.Stale(subject(1)); ok {
		t.Error("a closed cache has a state")
	}
}
