package cache_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
)

// Writers and readers on the same subjects: no read that starts after an acknowledged write returns an older state.
func TestNoStaleRead(t *testing.T) {
	for name, config := range map[string]cache.Config{"tiny": {MaxBytes: 4 << 10}, "off": {Disabled: true}} {
		t.Run(name, func(t *testing.T) { raceReadsAndWrites(t, config) })
	}
	t.Run("huge", func(t *testing.T) {
		if s := raceReadsAndWrites(t, cache.Config{MaxBytes: 64 << 20}); s.Hits == 0 || s.Invalid == 0 {
			t.Errorf("stats are %+v: without hits and invalid entries the race means nothing", s)
		}
	})
}

const racedSubjects, raceWrites, raceReaders = 8, 15_000, 4

func raceReadsAndWrites(t *testing.T, config cache.Config) cache.Stats {
	c, f := open(t, config)
	f.pause = func(context.Context, consent.Subject) error { runtime.Gosched(); return nil }
	var acknowledged [racedSubjects]atomic.Uint64
	var done atomic.Bool
	var readers, writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range raceWrites {
				k := 2*(i%(racedSubjects/2)) + w // each writer has its own subjects
				r := record(t, c, subject(k), strconv.Itoa(i))
				acknowledged[k].Store(uint64(r))
				runtime.Gosched()
			}
		})
	}
	for range raceReaders {
		readers.Go(func() {
			for i := 0; !done.Load(); i++ {
				k := i % racedSubjects
				want := consent.Revision(acknowledged[k].Load())
				s, err := c.Read(context.Background(), subject(k))
				if err != nil || s.Changed < want || s.AsOf < want {
					t.Errorf("read gave revision %d as of %d, %v; want at least %d", s.Changed, s.AsOf, err, want)
					return
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	return c.Stats()
}
