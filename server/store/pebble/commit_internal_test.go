package pebble

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// syncsWAL reports whether op syncs the write-ahead log.
func syncsWAL(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		return strings.HasSuffix(op.Path, ".log")
	}
	return false
}

// gatedFS counts the syncs of the log and holds them while the gate is shut.
type gatedFS struct {
	vfs.FS
	syncs atomic.Int64
	gate  sync.RWMutex
}

func newGatedFS(files vfs.FS) *gatedFS {
	g := &gatedFS{}
	g.FS = errorfs.Wrap(files, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if syncsWAL(op) {
			g.syncs.Add(1)
			g.gate.RLock()
			defer g.gate.RUnlock()
		}
		return nil
	}))
	return g
}

// waitUntil yields until the condition holds.
func waitUntil(condition func() bool) {
	for !condition() {
		runtime.Gosched()
	}
}

// result is what a Record under way returns.
type result struct {
	consent.Recorded
	err error
}

func start(s *Store, batch consent.Batch) <-chan result {
	done := make(chan result, 1)
	go func() {
		r, err := s.Record(context.Background(), batch)
		done <- result{r, err}
	}()
	return done
}

// Batches that wait while the disk syncs share the next fsync. Each has its own revision, sees those before it, and
// fails alone.
func TestGroupCommit(t *testing.T) {
	files := newGatedFS(vfs.NewMem())
	observer, ahead := &changes{}, &changes{}
	s := mustOpen(t, files, observer)
	s.observers.Ahead = ahead
	files.gate.Lock()
	before := files.syncs.Load()
	first := start(s, grantOf(subject(1), "first"))
	waitUntil(func() bool { return files.syncs.Load() > before })

	queued := []struct {
		batch consent.Batch
		want  result
	}{
		{grantOf(subject(2), "a"), result{Recorded: consent.Recorded{Revision: 2, Applied: 1}}},
		{grantOf(subject(2), "a"), result{Recorded: consent.Recorded{Revision: 2, Duplicates: 1}}},
		{grantOf(subject(3), "a"), result{err: consent.ErrEventConflict}},
		{batchOf(subject(2), "b", consent.Erasure{Stage: consent.ErasureRequested}),
			result{Recorded: consent.Recorded{Revision: 3, Applied: 1}}},
		{grantOf(subject(2), "c"), result{err: consent.ErrErasureStands}},
		{grantOf(subject(1), "first"), result{Recorded: consent.Recorded{Revision: 3, Duplicates: 1}}},
		{grantOf(subject(3), "c"), result{Recorded: consent.Recorded{Revision: 4, Applied: 1}}},
	}
	var waiting []<-chan result
	for i, q := range queued {
		waiting = append(waiting, start(s, q.batch))
		waitUntil(func() bool { return len(s.queue) == i+1 })
	}
	if s.Applied() != 0 || observer.count() != 0 || ahead.count() != 1 {
		t.Errorf("applied %d, observed %d, told %d before the disk synced", s.Applied(), observer.count(), ahead.count())
	}
	if got, _ := s.Read(t.Context(), subject(1)); got.State.Known() {
		t.Error("a change is visible before the disk synced")
	}
	files.gate.Unlock()

	if r := <-first; r.err != nil || r.Revision != 1 {
		t.Errorf("first: %+v", r)
	}
	for i, q := range queued {
		r := <-waiting[i]
		r.Outcomes = nil
		if diff := cmp.Diff(q.want.Recorded, r.Recorded); diff != "" || !errors.Is(r.err, q.want.err) {
			t.Errorf("queued %d: error %v, want %v (-want +got):\n%s", i, r.err, q.want.err, diff)
		}
	}
	if got := files.syncs.Load() - before; got != 2 {
		t.Errorf("%d syncs, want 2", got)
	}
	if s.Applied() != 4 || observer.count() != 4 {
		t.Errorf("applied %d, observed %d", s.Applied(), observer.count())
	}
	if !reflect.DeepEqual(ahead.seen, observer.seen) {
		t.Errorf("told %v ahead, and then %v", ahead.seen, observer.seen)
	}
	audit(t, s, []consent.Subject{subject(1), subject(2), subject(3)})
}

// Every acknowledged change has been synced.
func TestEveryRecordSyncs(t *testing.T) {
	files := newGatedFS(vfs.NewMem())
	s := mustOpen(t, files, nil)
	for i := range 20 {
		before := files.syncs.Load()
		mustRecord(t, s, grantOf(subject(i), subject(i).ID))
		if files.syncs.Load() == before {
			t.Fatalf("record %d was acknowledged without a sync", i)
		}
	}
	before := files.syncs.Load()
	mustRecord(t, s, grantOf(subject(0), subject(0).ID))
	if files.syncs.Load() != before {
		t.Error("a duplicate was synced")
	}
}

// A call whose context ends while the disk syncs returns at once; its change is recorded and observed all the same.
func TestCancelledWhileSyncing(t *testing.T) {
	files := newGatedFS(vfs.NewMem())
	observer := &changes{}
	s := mustOpen(t, files, observer)
	files.gate.Lock()
	before := files.syncs.Load()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := s.Record(ctx, grantOf(subject(1), "1"))
		done <- err
	}()
	waitUntil(func() bool { return files.syncs.Load() > before })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	files.gate.Unlock()
	mustRecord(t, s, grantOf(subject(2), "2"))
	if observer.count() != 2 || s.Applied() != 2 {
		t.Errorf("observed %d, applied %d", observer.count(), s.Applied())
	}
}

// Whenever the machine loses its power, what was acknowledged until then is there, whole, and nothing is half there.
func TestPowerLoss(t *testing.T) {
	files := vfs.NewCrashableMem()
	s := mustOpen(t, files, nil)
	subjects := []consent.Subject{subject(0), subject(1), subject(2)}
	var mu sync.Mutex
	var acknowledged []string
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			for i := range 60 {
				id := string(rune('a'+worker)) + string(rune('A'+i))
				batch := grantOf(subjects[(worker+i)%3], id)
				batch.Events = append(batch.Events, batch.Events[0])
				batch.Events[1].ID = id + "-second"
				if _, err := s.Record(context.Background(), batch); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, id, id+"-second")
				mu.Unlock()
			}
		})
	}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 30 {
		mu.Lock()
		want := acknowledged[:len(acknowledged):len(acknowledged)]
		mu.Unlock()
		crashed := files.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: i % 3 * 40, RNG: r})
		after := mustOpen(t, crashed, nil)
		found := audit(t, after, subjects)
		for _, id := range want {
			if !found[id] {
				t.Fatalf("event %s was acknowledged and is lost", id)
			}
		}
		for id := range found {
			if !found[strings.TrimSuffix(id, "-second")] || !found[strings.TrimSuffix(id, "-second")+"-second"] {
				t.Fatalf("the batch of event %s is half there", id)
			}
		}
		mustClose(t, after)
	}
	wg.Wait()
}
