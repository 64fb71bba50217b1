package diff_test

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/diff"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/store/pebble"
)

var subjects = flag.Int("subjects", 20_000, "how many stored subjects BenchmarkSubjects compares")

// BenchmarkSubjects compares all stored subjects of a store on disk: four consents and a profile each, of the
// controller example. It reports subjects per second and the largest heap that was seen.
func BenchmarkSubjects(b *testing.B) {
	store, err := pebble.Open(b.TempDir(), pebble.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	fill(b, store, *subjects)
	candidate := files(b, edits...)
	active := load(b, files(b))
	d, err := diff.New(diff.Config{Active: func() *policy.Set { return active }, Kept: kept(active), Store: store})
	if err != nil {
		b.Fatal(err)
	}
	var peak uint64
	request := diff.Request{Files: candidate, AllSubjects: true, Examples: 3, Progress: func(diff.Over, uint64, uint64) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}}
	runtime.GC()
	b.ResetTimer()
	for b.Loop() {
		result, err := d.Compare(b.Context(), request)
		if err != nil || result.Totals[0].Subjects != uint64(*subjects) {
			b.Fatal(result.Totals, err)
		}
	}
	b.ReportMetric(float64(*subjects)*float64(b.N)/b.Elapsed().Seconds(), "subjects/s")
	b.ReportMetric(float64(peak)/(1<<20), "heap-MiB")
}

// fill records the subjects by many writers at once.
func fill(b *testing.B, store *pebble.Store, n int) {
	b.Helper()
	var next atomic.Int64
	var writers sync.WaitGroup
	start := consent.InstantOf(time.Now().Add(-time.Hour))
	for range 256 {
		writers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				place := []string{"DE", "US-CA", "JP"}[i%3]
				facts := []consent.Fact{consent.Profile{Jurisdiction: &place}}
				for j, purpose := range []string{"marketing_email", "ai_training", "content_personalization", "affiliate_sharing"} {
					status := []consent.Status{consent.Given, consent.Withdrawn}[(i>>j)&1]
					facts = append(facts, consent.Consent{Purpose: purpose, Status: status, NoticeVersion: 3})
				}
				if i%10 == 0 {
					facts = append(facts, consent.Objection{Purposes: []string{"marketing_email"}})
				}
				batch := consent.Batch{Subject: consent.Subject{Controller: "example", ID: fmt.Sprintf("user-%d", i)}, RecordedAt: start}
				for j, f := range facts {
					batch.Events = append(batch.Events, consent.Event{
						ID: fmt.Sprintf("%d-%d", i, j), OccurredAt: start + consent.Instant(j), Source: "support", Fact: f,
					})
				}
				if _, err := store.Record(b.Context(), batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
}
