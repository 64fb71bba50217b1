package pebble

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/consentd/consentd/server/consent"
)

// copied opens a copy of a checkpoint.
func copied(t *testing.T, files vfs.FS, from string) *Store {
	t.Helper()
	to := vfs.NewMem()
	if _, err := vfs.Clone(files, to, from, dir, vfs.CloneSync); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, to, nil)
}

// Checkpoints are made while six writers write: each has all that was acknowledged before it was begun, is as of the
// revision that it names, and has every state as its ledger folds to.
func TestCheckpointsWhileWritesGoOn(t *testing.T) {
	files := vfs.NewMem()
	s := mustOpen(t, files, nil)
	subjects := []consent.Subject{subject(0), subject(1), subject(2), subject(3)}
	var acknowledged sync.Map
	var count atomic.Int64
	writing, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 6 {
		writers.Go(func() {
			for i := 0; writing.Err() == nil; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				if _, err := s.Record(context.Background(), grantOf(subjects[(w+i)%4], id)); err != nil {
					t.Error(err)
					return
				}
				acknowledged.Store(id, true)
				count.Add(1)
			}
		})
	}
	for range 5 {
		before, more := map[string]bool{}, count.Load()+20
		poll(t, "more is written", func() bool { return count.Load() >= more })
		acknowledged.Range(func(id, _ any) bool {
			before[id.(string)] = true
			return true
		})
		err := s.Checkpoint(t.Context(), func(from string, revision consent.Revision) error {
			during := count.Load()
			poll(t, "writes go on beside the checkpoint", func() bool { return count.Load() > during })
			copy := copied(t, files, from)
			defer mustClose(t, copy)
			if copy.Applied() != revision || copy.ID() != s.ID() {
				t.Errorf("the copy is at %d, told %d", copy.Applied(), revision)
			}
			found := audit(t, copy, subjects)
			for id := range before {
				if !found[id] {
					t.Errorf("%s was acknowledged before, and is not in the copy", id)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := files.Stat(s.checkpointPath()); err == nil {
			t.Error("the checkpoint is still there")
		}
	}
	stop()
	writers.Wait()
}

func TestOneCheckpointAtATime(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), nil)
	failed := errors.New("failed")
	err := s.Checkpoint(t.Context(), func(string, consent.Revision) error {
		if err := s.Checkpoint(t.Context(), nil); !errors.Is(err, consent.ErrBackupRuns) {
			t.Errorf("another beside it: %v, want ErrBackupRuns", err)
		}
		return failed
	})
	if err != failed {
		t.Errorf("got %v, want the error of the function", err)
	}
	if err := s.Checkpoint(t.Context(), func(string, consent.Revision) error { return nil }); err != nil {
		t.Error(err)
	}
	mustClose(t, s)
	if err := s.Checkpoint(t.Context(), nil); !errors.Is(err, consent.ErrUnavailable) {
		t.Errorf("of a closed store: %v", err)
	}
}

// A checkpoint that fails, at whichever operation, is an error of its caller's: the store goes on, and leaves nothing
// behind.
func TestFailedCheckpointsAreNobodysLoss(t *testing.T) {
	files := vfs.NewMem()
	var from, seen atomic.Int64
	from.Store(1 << 62)
	failing := errorfs.Wrap(files, errorfs.InjectorFunc(func(op errorfs.Op) error {
		below := files.PathBase(files.PathDir(op.Path)) == checkpointDir || files.PathBase(op.Path) == checkpointDir
		if !below || op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpRemoveAll {
			return nil
		}
		if seen.Add(1) > from.Load() {
			return syscall.ENOSPC
		}
		return nil
	}))
	s := mustOpen(t, failing, nil)
	n := int64(0)
	for ; ; n++ {
		mustRecord(t, s, grantOf(subject(1), fmt.Sprint(n)))
		from.Store(seen.Load() + n)
		if err := s.Checkpoint(t.Context(), func(string, consent.Revision) error { return nil }); err == nil {
			break
		} else if !errors.Is(err, consent.ErrUnavailable) {
			t.Fatalf("failing from operation %d on: %v", n, err)
		}
		if _, err := files.Stat(s.checkpointPath()); err == nil {
			t.Fatalf("failing from operation %d on: the checkpoint is still there", n)
		}
		if s.Err() != nil {
			t.Fatalf("failing from operation %d on: %v", n, s.Err())
		}
	}
	if n < 10 {
		t.Errorf("only %d operations failed", n)
	}
}

// What a process left that ended in the middle of a checkpoint is removed.
func TestOpenRemovesALeftCheckpoint(t *testing.T) {
	files := vfs.NewMem()
	s := mustOpen(t, files, nil)
	mustRecord(t, s, grantOf(subject(1), "1"))
	if err := s.db.Checkpoint(s.checkpointPath()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	s = mustOpen(t, files, nil)
	if _, err := files.Stat(s.checkpointPath()); err == nil {
		t.Error("the checkpoint is still there")
	}
	audit(t, s, []consent.Subject{subject(1)})
}
