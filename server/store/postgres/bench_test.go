package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/postgres"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

// durable is the URL of a database with the schema on a server of its own, which syncs to disk as it does in
// production.
func durable(b testing.TB) string {
	b.Helper()
	s := pgtest.New(b, pgtest.Options{Settings: map[string]string{"shared_buffers": "1GB", "max_wal_size": "4GB"}})
	url := s.URL("postgres")
	migrate(b, url)
	return url
}

func subject(i int) consent.Subject {
	return consent.Subject{Controller: "example", ID: fmt.Sprintf("subject-%d", i)}
}

func grant(who consent.Subject, id string) consent.Batch {
	return consent.Batch{Subject: who, RecordedAt: 1_800_000_000_000_000_000, Events: []consent.Event{{
		ID: id, OccurredAt: 1_790_000_000_000_000_000, Source: "cookie_banner",
		Fact: consent.Consent{Purpose: "analytics", Status: consent.Given, NoticeVersion: 1},
	}}}
}

// BenchmarkRecord has 64 writers record one event each, over and over, durably, for subjects that are new.
func BenchmarkRecord(b *testing.B) {
	for _, nodes := range []int{1, 2} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			url := durable(b)
			var stores []*node
			for range nodes {
				stores = append(stores, open(b, postgres.Config{URL: url}, store.Observers{}))
			}
			record(b, stores, 64)
		})
	}
}

func record(b *testing.B, stores []*node, writers int) {
	var next atomic.Int64
	latencies := make([][]time.Duration, writers)
	var wg sync.WaitGroup
	self, servers := used()
	b.ResetTimer()
	for w := range writers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				start := time.Now()
				batch := grant(subject(int(i)), fmt.Sprintf("event-%d", i))
				if _, err := stores[w%len(stores)].Record(context.Background(), batch); err != nil {
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
	selfAfter, serversAfter := used()
	b.ReportMetric(float64((selfAfter-self).Microseconds())/float64(b.N), "node-µs/op")
	b.ReportMetric(float64((serversAfter-servers).Microseconds())/float64(b.N), "server-µs/op")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkRead reads random ones of 100,000 subjects, which the server has in memory.
func BenchmarkRead(b *testing.B) {
	const subjects = 100_000
	s := open(b, postgres.Config{URL: durable(b)}, store.Observers{})
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 256 {
		wg.Go(func() {
			for i := next.Add(1); i <= subjects; i = next.Add(1) {
				if _, err := s.Record(context.Background(), grant(subject(int(i)), fmt.Sprintf("event-%d", i))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, readers := range []int{1, 16} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) { read(b, s, readers, subjects) })
	}
}

func read(b *testing.B, s *node, readers, subjects int) {
	var next atomic.Int64
	latencies := make([][]time.Duration, readers)
	var wg sync.WaitGroup
	b.ResetTimer()
	for r := range readers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(r)))
			for next.Add(1) <= int64(b.N) {
				start := time.Now()
				got, err := s.Read(context.Background(), subject(1+random.IntN(subjects)))
				if err != nil || !got.State.Known() {
					b.Errorf("read %v, %v", got, err)
					return
				}
				latencies[r] = append(latencies[r], time.Since(start))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(latencies...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}

// used is the processor's time that this process and all PostgreSQL servers of the machine have used, where it can be
// known: busy machines say little by elapsed time.
func used() (self, servers time.Duration) {
	const tick = 10 * time.Millisecond
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, _ := os.ReadFile(path)
		end := bytes.LastIndexByte(b, ')')
		fields := strings.Fields(string(b[end+1:]))
		if len(fields) < 13 {
			continue
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		switch took := time.Duration(user+system) * tick; {
		case path == fmt.Sprintf("/proc/%d/stat", os.Getpid()):
			self += took
		case bytes.Contains(b[:end+1], []byte("(postgres)")):
			servers += took
		}
	}
	return self, servers
}
