package client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/server/watch"
)

func batchOf(subjects ...string) *consentv1.BatchCheckRequest {
	batch := &consentv1.BatchCheckRequest{}
	for _, subject := range subjects {
		batch.Requests = append(batch.Requests, NewCheck("example", subject, "p"))
	}
	return batch
}

// expectBatch checks a batch, and says for how many of its requests the server was asked.
func (w *world) expectBatch(c *Client, batch *consentv1.BatchCheckRequest, allowed []bool, remote int) {
	w.t.Helper()
	before, stats := w.asked(), c.NearCacheStats()
	results, err := c.BatchCheck(w.t.Context(), batch)
	if err != nil {
		w.t.Errorf("BatchCheck = %v", err)
	}
	got := make([]bool, len(results))
	for i, r := range results {
		got[i] = r.Decision.Allowed
	}
	if diff := cmp.Diff(allowed, got); diff != "" || w.asked()-before != remote {
		w.t.Errorf("the server was asked %d times, want %d; allowed: %s", w.asked()-before, remote, diff)
	}
	hits, misses := c.NearCacheStats().Hits-stats.Hits, c.NearCacheStats().Misses-stats.Misses
	if hits != uint64(len(allowed)-remote) || misses != uint64(remote) {
		w.t.Errorf("%d hits and %d misses were counted, want %d and %d", hits, misses, len(allowed)-remote, remote)
	}
}

func TestBatchIsAnsweredWholeOrNotAtAll(t *testing.T) {
	inBubble(t, func(w *world, c, writer *Client) {
		w.mustWrite(writer, nearGiven, true)
		w.expectBatch(c, batchOf("u", "v"), []bool{true, false}, 2)
		w.expectBatch(c, batchOf("u", "v"), []bool{true, false}, 0)
		w.expectBatch(c, batchOf("v", "u", "v"), []bool{false, true, false}, 0)
		w.expect(c, true, false) // a batch fills the cache for Check, and the reverse
		w.expectBatch(c, batchOf("u", "x", "v"), []bool{true, false, false}, 3)
		w.mustWrite(writer, nearWithdrawn, true)
		w.expectBatch(c, batchOf("v"), []bool{false}, 0)
		w.expectBatch(c, batchOf("v", "u"), []bool{false, false}, 2)
		w.expectBatch(c, batchOf("v", "u"), []bool{false, false}, 0)
		w.activate("p2")
		time.Sleep(time.Second) // they are told, and a lease is granted
		w.expectBatch(c, batchOf("v", "u"), []bool{false, false}, 2)
	})
}

func TestBatchNeedsTheLease(t *testing.T) {
	inBubble(t, func(w *world, c, writer *Client) {
		w.mustWrite(writer, nearGiven, true)
		w.expectBatch(c, batchOf("u"), []bool{true}, 1)
		w.stepped.Store(int64(time.Hour))
		time.Sleep(awakeFor)
		w.expectBatch(c, batchOf("u"), []bool{true}, 1)
		time.Sleep(watch.DefaultLease)
		w.expectBatch(c, batchOf("u"), []bool{true}, 0)
		w.stop()
		synctest.Wait()
		if _, err := c.BatchCheck(w.t.Context(), batchOf("u")); status.Code(err) != codes.Unavailable {
			w.t.Errorf("BatchCheck without a stream = %v", err)
		}
		w.start()
	})
}

// A batch is worth as much as the decision in it that ends first.
func TestBatchEndsWithItsFirstDecision(t *testing.T) {
	inBubble(t, func(w *world, c, writer *Client) {
		for _, validFor := range []time.Duration{time.Hour, time.Minute, 0} {
			w.mu.Lock()
			w.validFor = validFor
			w.mu.Unlock()
			w.expectBatch(c, batchOf(validFor.String()), []bool{false}, 1)
		}
		all := batchOf("1h0m0s", "1m0s", "0s")
		w.expectBatch(c, all, []bool{false, false, false}, 0)
		time.Sleep(time.Minute)
		w.expectBatch(c, all, []bool{false, false, false}, 3)
	})
}

func TestBatchesThatAreTheServers(t *testing.T) {
	inBubble(t, func(w *world, c, writer *Client) {
		w.cached(c)
		strict := batchOf("u")
		strict.Consistency = FullyConsistent()
		w.expectBatch(c, strict, []bool{true}, 1)
		own := batchOf("u")
		own.Requests[0].Consistency = FullyConsistent()
		if results, err := c.BatchCheck(w.t.Context(), own); err != nil || status.Code(results[0].Err) != codes.InvalidArgument {
			w.t.Errorf("a request with a consistency of its own: %v, %v; want the server's refusal", results, err)
		}
		if _, err := c.BatchCheck(w.t.Context(), batchOf()); status.Code(err) != codes.InvalidArgument {
			w.t.Errorf("an empty batch: %v, want the server's refusal", err)
		}
	})
}

// Decisions that were read at different revisions make a batch only if no change that is not told yet can lie between
// them.
func TestBatchRestsOnOneState(t *testing.T) {
	for name, row := range map[string]struct {
		newer   uint64 // the revision of one of the two decisions; the other's is 70
		told    uint64 // up to this all changes were told
		changed bool   // the first decision's subject did
		atLeast uint64
		want    bool
	}{
		"read at one":              {newer: 70, told: 70, want: true},
		"read at one, told more":   {newer: 70, told: 75, want: true},
		"a change may lie between": {newer: 71, told: 70, want: false},
		"none lies between":        {newer: 71, told: 71, want: true},
		"one lies between":         {newer: 71, told: 71, changed: true, want: false},
		"as fresh as demanded":     {newer: 70, told: 72, atLeast: 72, want: true},
		"less fresh":               {newer: 70, told: 71, atLeast: 72, want: false},
	} {
		s := testSession(t)
		s.floors.Announce(row.told)
		if row.changed {
			s.floors.Raise(1, row.told)
		}
		entry := func(slot uint32, revision uint64) *nearEntry {
			return &nearEntry{terms: remembered.Terms{Floors: s.floors, Slot: slot, Revision: revision, Policy: "p1"}}
		}
		both := []*nearEntry{entry(1, 70), entry(2, row.newer)}
		if got := s.atOnce(both, &grant{policy: "p1"}, row.atLeast); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}
