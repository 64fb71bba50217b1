package cache_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
)

func BenchmarkHit(b *testing.B) {
	c, _ := open(b, cache.Config{})
	ctx, s := context.Background(), subject(1)
	snapshot(b, c, s)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Snapshot(ctx, s, consent.MinimizeLatency); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHitParallel(b *testing.B) {
	c, _ := open(b, cache.Config{})
	subjects := make([]consent.Subject, 1024)
	for i := range subjects {
		subjects[i] = subject(i)
		snapshot(b, c, subjects[i])
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := c.Snapshot(context.Background(), subjects[i%1024], consent.MinimizeLatency); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkMiss(b *testing.B) {
	c, _ := open(b, cache.Config{MaxBytes: 1}) // nothing fits
	ctx, s := context.Background(), subject(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Snapshot(ctx, s, consent.MinimizeLatency); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory compares what entries of four consents cost by the cache's reckoning with what they take on the heap.
func BenchmarkMemory(b *testing.B) {
	const entries = 100_000
	for b.Loop() {
		c, f := open(b, cache.Config{MaxBytes: 1 << 30})
		before := heap()
		for i := range entries {
			s := subject(i)
			f.mu.snapshots[s] = consent.Snapshot{State: fourConsents(b, s.ID)}
			snapshot(b, c, s)
			delete(f.mu.snapshots, s)
		}
		b.ReportMetric(float64(heap()-before)/entries, "heap-bytes/entry")
		b.ReportMetric(float64(c.Stats().Bytes)/entries, "cost-bytes/entry")
		if s := c.Stats(); s.Evictions+s.Rejections > 0 {
			b.Fatalf("stats are %+v, want all entries kept", s)
		}
		runtime.KeepAlive(f)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// fourConsents is the state of a subject who gave four consents, as a store decodes it.
func fourConsents(tb testing.TB, id string) *consent.State {
	var events []consent.Event
	for i, purpose := range []string{"marketing_email", "analytics", "personalization", "third_party_disclosure"} {
		events = append(events, consent.Event{
			ID: fmt.Sprintf("%s-event-%d", id, i), OccurredAt: consent.Instant(i + 1),
			Fact: consent.Consent{Purpose: purpose, Status: consent.Given, NoticeVersion: 1},
		})
	}
	b, err := consent.Fold(events).AppendBinary(nil)
	if err != nil {
		tb.Fatal(err)
	}
	state := &consent.State{}
	if err := state.UnmarshalBinary(b); err != nil {
		tb.Fatal(err)
	}
	return state
}
