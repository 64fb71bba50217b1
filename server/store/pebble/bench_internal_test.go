package pebble

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// BenchmarkRecord has 64 writers record one event each, over and over, durably, for subjects that are new.
func BenchmarkRecord(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const writers = 64
	var next atomic.Int64
	latencies := make([][]time.Duration, writers)
	var wg sync.WaitGroup
	b.ResetTimer()
	for w := range writers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				start := time.Now()
				who := consent.Subject{Controller: "example", ID: fmt.Sprintf("subject-%d", i)}
				if _, err := s.Record(context.Background(), grantOf(who, fmt.Sprintf("event-%d", i))); err != nil {
					b.Error(err)
					return
				}
				latencies[w] = append(latencies[w], time.Since(start))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(latencies...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkMillionSubjects opens and reads a store of a million subjects with four consents each, ten thousand with
// -short. The store is larger than pebble's cache; the machine's page cache may hold it.
func BenchmarkMillionSubjects(b *testing.B) {
	subjects := 1_000_000
	if testing.Short() {
		subjects = 10_000
	}
	path := b.TempDir()
	build(b, path, subjects)
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			s, err := Open(path, Options{})
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ReadCold", func(b *testing.B) { readMany(b, path, subjects, 0) })
	b.Run("ReadUnknown", func(b *testing.B) { readMany(b, path, subjects, subjects) })
}

// readMany reads random ones of n subjects, numbered from first.
func readMany(b *testing.B, path string, n, first int) {
	s, err := Open(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	r := rand.New(rand.NewPCG(1, 1))
	var slowest []time.Duration
	for b.Loop() {
		start := time.Now()
		got, err := s.Read(context.Background(), subject(first+r.IntN(n)))
		if err != nil || got.State.Known() != (first == 0) {
			b.Fatalf("read %v, %v", got, err)
		}
		slowest = append(slowest, time.Since(start))
	}
	slices.Sort(slowest)
	b.ReportMetric(float64(slowest[len(slowest)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(slowest[len(slowest)*99/100].Nanoseconds()), "p99-ns")
	b.ReportAllocs()
}

// build writes the subjects in large groups, each with one fsync.
func build(b *testing.B, path string, subjects int) {
	s, err := Open(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	start := time.Now()
	for first := 0; first < subjects; first += maxGroup {
		var wg sync.WaitGroup
		for i := first; i < min(first+maxGroup, subjects); i++ {
			wg.Go(func() {
				if _, err := s.Record(context.Background(), fourConsents(i)); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	b.Logf("%d subjects with four events each in %v", subjects, time.Since(start).Round(time.Second))
}

func fourConsents(i int) consent.Batch {
	batch := consent.Batch{Subject: subject(i), RecordedAt: 1_800_000_000_000_000_000}
	for j, purpose := range []string{"analytics", "marketing_email", "personalization", "third_party_disclosure"} {
		batch.Events = append(batch.Events, consent.Event{
			ID: fmt.Sprintf("event-%d-%d", i, j), OccurredAt: 1_790_000_000_000_000_000, Source: "cookie_banner",
			Fact: consent.Consent{Purpose: purpose, Status: consent.Given, NoticeVersion: 1},
		})
	}
	return batch
}
