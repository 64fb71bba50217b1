package pebble

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// stalling is a store whose disk can be made to have no room, and what it tells.
type stalling struct {
	*Store
	t              *testing.T
	disk           *vfs.MemFS
	files          *failingFS
	told           *outcomes
	ahead, changes *changes
}

func newStalling(t *testing.T, err error, fails func(errorfs.Op, string) bool) *stalling {
	t.Helper()
	disk := vfs.NewCrashableMem()
	s := &stalling{
		t: t, disk: disk, files: newFailingFS(disk, err, fails), told: &outcomes{}, ahead: &changes{}, changes: &changes{},
	}
	var opening error
	s.Store, opening = Open(dir, Options{
		memTable: smallTable, FS: s.files, Writes: s.told.tell, Observers: store.Observers{Ahead: s.ahead, After: s.changes},
	})
	if opening != nil {
		t.Fatal(opening)
	}
	t.Cleanup(func() {
		s.files.on.Store(false)
		mustClose(t, s.Store)
	})
	return s
}

// awaitTold polls until so many outcomes were told.
func (s *stalling) awaitTold(n int) {
	s.t.Helper()
	poll(s.t, fmt.Sprintf("%d outcomes are told", n), func() bool { return s.told.count() >= n })
}

func (o *outcomes) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.told)
}

func (o *outcomes) seen() []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]error(nil), o.told...)
}

// poll waits until the condition holds.
func poll(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in 20 s it did not come to this: %s", what)
		}
	}
}

func onTable(_ errorfs.Op, name string) bool { return strings.HasSuffix(name, ".sst") }

func onManifest(_ errorfs.Op, name string) bool {
	return strings.HasPrefix(name, "MANIFEST-") || strings.HasPrefix(name, "marker.")
}

func begins(op errorfs.Op) bool {
	return op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpReuseForWrite
}

func writesLog(op errorfs.Op, name string) bool { return onLog(op, name) && !synced(op) }

// synced reports whether an operation syncs: no room there is a failure, as any other error.
func synced(op errorfs.Op) bool {
	return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
}

// A full disk, a quota, a limit, or no descriptors: writes are refused while it lasts, checks read what is durable, and
// once there is room the store writes on without being opened again. What was refused may be there by then, whole, and
// whoever was told of it ahead is told after; a repetition is its duplicate.
func TestWritesGoOnOnceThereIsRoom(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		batch consent.Batch
		fails func(errorfs.Op, string) bool
	}{
		{"full disk", syscall.ENOSPC, grantOf(subject(2), "2"),
			writesLog},
		{"quota", syscall.EDQUOT, grantOf(subject(2), "2"), writesLog},
		{"limit of files", syscall.EFBIG, grantOf(subject(2), "2"),
			writesLog},
		{"full disk while a log is begun", syscall.ENOSPC, large(subject(2), "2"),
			func(op errorfs.Op, name string) bool { return onLog(op, name) && begins(op) }},
		{"no descriptors while a log is begun", syscall.EMFILE, large(subject(2), "2"),
			func(op errorfs.Op, name string) bool { return onLog(op, name) && begins(op) }},
		{"read-only directory", syscall.EROFS, large(subject(2), "2"), func(op errorfs.Op, _ string) bool { return begins(op) }},
		{"full disk under the tables", syscall.ENOSPC, large(subject(2), "2"),
			func(op errorfs.Op, name string) bool { return onTable(op, name) && !synced(op) }},
		{"full disk while a table is synced", syscall.ENOSPC, large(subject(2), "2"), onTable},
		{"full disk under the manifest", syscall.ENOSPC, large(subject(2), "2"),
			func(op errorfs.Op, name string) bool { return onManifest(op, name) && !synced(op) }},
		{"full disk", syscall.ENOSPC, large(subject(2), "2"), func(op errorfs.Op, _ string) bool { return !synced(op) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStalling(t, tt.err, tt.fails)
			mustRecord(t, s.Store, grantOf(subject(1), "1"))
			s.files.on.Store(true)
			// It may be recorded: what has no room may be a table that is written in the background.
			_, first := s.Record(t.Context(), tt.batch)
			s.awaitTold(1)
			wantUnwritable(t, s.Store, grantOf(subject(3), "3"), tt.err)
			if first != nil && !errors.Is(first, tt.err) {
				t.Errorf("the first write: %v, want %v", first, tt.err)
			}
			s.crashesWell("1")

			s.files.on.Store(false)
			s.awaitTold(2)
			again := mustRecord(t, s.Store, tt.batch)
			if again.Revision != 2 || s.Err() != nil {
				t.Errorf("the repetition: %+v, Err %v", again, s.Err())
			}
			if r := mustRecord(t, s.Store, grantOf(subject(3), "3")); r.Revision != 3 || r.Applied != 1 {
				t.Errorf("the next change: %+v, want revision 3", r)
			}
			if diff := cmp.Diff(s.ahead.seen, s.changes.seen); diff != "" || s.changes.count() != 3 {
				t.Errorf("told ahead and told after (-ahead +after):\n%s", diff)
			}
			audit(t, s.Store, []consent.Subject{subject(1), subject(2), subject(3)})
			s.crashesWell("1", "2", "3")
			if got := s.told.seen(); len(got) != 2 || got[1] != nil {
				t.Errorf("told %v, want the fault and its end", got)
			}
		})
	}
}

// crashesWell fails unless these events are there after a crash at this moment.
func (s *stalling) crashesWell(want ...string) {
	s.t.Helper()
	after := mustOpen(s.t, s.disk.CrashClone(vfs.CrashCloneCfg{}), nil)
	found := audit(s.t, after, []consent.Subject{subject(1), subject(2), subject(3)})
	for _, id := range want {
		if !found[id] {
			s.t.Errorf("event %s was acknowledged and is lost by a crash", id)
		}
	}
	mustClose(s.t, after)
}

// smallTable is a size of memtables of which large fills more than half, so that a new log and a table are written.
const smallTable = 256 << 10

func large(who consent.Subject, id string) consent.Batch {
	b := grantOf(who, id)
	b.Events[0].Evidence = strings.Repeat("x", 150<<10)
	return b
}

// nthFS fails every operation that writes, from the nth on, until it is mended; what it lets through is counted.
type nthFS struct {
	vfs.FS
	from, seen atomic.Int64
}

func newNthFS(files vfs.FS, err error) *nthFS {
	f := &nthFS{}
	f.from.Store(1 << 62)
	f.FS = errorfs.Wrap(files, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpFileClose || synced(op) {
			return nil
		}
		if f.seen.Add(1) > f.from.Load() {
			return &os.PathError{Op: "write", Path: op.Path, Err: err}
		}
		return nil
	}))
	return f
}

var stallStep = flag.Int64("stall.step", 5, "at each how manieth write TestNoRoomFromEachWriteOn has the disk full; 1: at each")

// TestNoRoomFromEachWriteOn has the disk fill up at each write of a few changes, large ones among them, in turn, and
// after each gives it room again: everything is recorded, once, and a crash then loses nothing.
func TestNoRoomFromEachWriteOn(t *testing.T) {
	subjects := []consent.Subject{subject(0), subject(1), subject(2), subject(3)}
	const changes = 15
	stalls := 0
	for n := int64(0); ; n += *stallStep {
		disk := vfs.NewCrashableMem()
		files, told := newNthFS(disk, syscall.ENOSPC), &outcomes{}
		s, err := Open(dir, Options{memTable: smallTable, FS: files, Writes: told.tell})
		if err != nil {
			t.Fatal(err)
		}
		files.from.Store(files.seen.Load() + n)
		recorded := false
		for i := range changes {
			batch := grantOf(subject(i%4), fmt.Sprint(i))
			if i%3 == 2 {
				batch = large(subject(i%4), fmt.Sprint(i))
			}
			if _, err = s.Record(t.Context(), batch); err != nil {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("full from write %d on: change %d: %v", n, i, err)
				}
				recorded = true
				files.from.Store(1 << 62)
				poll(t, "there is no stall", func() bool { return s.Err() == nil })
				if _, err := s.Record(t.Context(), batch); err != nil {
					t.Fatalf("full from write %d on, and mended: %v", n, err)
				}
			}
		}
		if found := audit(t, s, subjects); len(found) != changes || s.Applied() != changes {
			t.Fatalf("full from write %d on: %d events, applied %d", n, len(found), s.Applied())
		}
		files.from.Store(1 << 62)
		after := mustOpen(t, disk.CrashClone(vfs.CrashCloneCfg{}), nil)
		if found := audit(t, after, subjects); len(found) != changes {
			t.Fatalf("full from write %d on: %d of %d events after a crash", n, len(found), changes)
		}
		mustClose(t, after)
		mustClose(t, s)
		if !recorded && files.seen.Load() < files.from.Load() && told.count() == 0 {
			t.Logf("%d writes; the disk was full under %d of them", n, stalls)
			return
		}
		stalls++
	}
}

// TestDiskFailsFromEachWriteOn has the disk break at each write of a few changes, in turn, syncs among them. What a
// process that is started again finds, with and without what was not synced, has all that was acknowledged, and every
// other change whole or not at all, and it goes on from there.
func TestDiskFailsFromEachWriteOn(t *testing.T) {
	subjects := []consent.Subject{subject(0), subject(1), subject(2), subject(3)}
	broken := 0
	for n := int64(0); ; n += *stallStep {
		disk := vfs.NewCrashableMem()
		var from, seen atomic.Int64
		from.Store(1 << 62)
		s := mustOpenFailing(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && seen.Add(1) > from.Load() {
				return syscall.EIO
			}
			return nil
		})))
		from.Store(seen.Load() + n)
		acknowledged, failed := 0, false
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		for i := range 15 {
			batch := grantOf(subject(i%4), fmt.Sprint(i))
			if i%3 == 2 {
				batch = large(subject(i%4), fmt.Sprint(i))
			}
			_, err := s.Record(ctx, batch)
			if err == nil && failed {
				t.Fatalf("broken from write %d on: change %d is recorded after one that failed", n, i)
			}
			if failed = err != nil; !failed {
				acknowledged++
			}
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Fatalf("broken from write %d on: a write waits in vain", n)
		}
		cancel()
		for _, unsynced := range []int{0, 100} {
			after := mustOpen(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rand.New(rand.NewPCG(1, 1))}), nil)
			found := audit(t, after, subjects)
			for i := range acknowledged {
				if !found[fmt.Sprint(i)] {
					t.Fatalf("broken from write %d on: event %d was acknowledged and is lost", n, i)
				}
			}
			if len(found) > acknowledged+1 {
				t.Fatalf("broken from write %d on: %v, of which %d are acknowledged", n, found, acknowledged)
			}
			mustRecord(t, after, grantOf(subject(1), "after"))
			mustClose(t, after)
		}
		if s.Err() == nil {
			t.Logf("the disk broke under %d writes", broken)
			return
		}
		broken++
	}
}

// mustOpenFailing opens a store that need not close.
func mustOpenFailing(t *testing.T, files vfs.FS) *Store {
	t.Helper()
	s, err := Open(dir, Options{memTable: smallTable, FS: files})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A disk that does not answer is told of, refuses nobody, keeps no reader waiting, and is told again when it answers.
func TestASlowDiskIsTold(t *testing.T) {
	files, told := newGatedFS(vfs.NewMem()), &outcomes{}
	s, err := Open(dir, Options{FS: files, Writes: told.tell})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	mustRecord(t, s, grantOf(subject(1), "1"))
	s.log.stalls.slowAfter = 5 * time.Millisecond
	files.gate.Lock()
	first := start(s, grantOf(subject(2), "2"))
	poll(t, "the slow write is told", func() bool { return told.count() == 1 })
	second := start(s, grantOf(subject(3), "3"))
	if got, err := s.Read(t.Context(), subject(1)); err != nil || !got.State.Known() || s.Err() != nil {
		t.Errorf("read %v, %v; Err %v", got, err, s.Err())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := s.Record(ctx, grantOf(subject(4), "4")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a write whose deadline passes: %v", err)
	}
	files.gate.Unlock()
	for _, r := range []result{<-first, <-second} {
		if r.err != nil {
			t.Errorf("a write that waited: %v", r.err)
		}
	}
	poll(t, "the end is told", func() bool { got := told.seen(); return len(got) >= 2 && got[len(got)-1] == nil })
	if got := told.seen(); got[0] != errSlow {
		t.Errorf("told %v", got)
	}
}

// A store whose writes wait for room can be closed: it does not wait with them. What waits is not lost where it was
// acknowledged.
func TestCloseDoesNotWaitForRoom(t *testing.T) {
	disk := vfs.NewCrashableMem()
	files := newFailingFS(disk, syscall.ENOSPC, writesLog)
	s, err := Open(dir, Options{FS: files})
	if err != nil {
		t.Fatal(err)
	}
	mustRecord(t, s, grantOf(subject(1), "1"))
	files.on.Store(true)
	wantUnwritable(t, s, grantOf(subject(2), "2"), syscall.ENOSPC)
	wantHalted(t, s, disk)
	after := mustOpen(t, disk.CrashClone(vfs.CrashCloneCfg{}), nil)
	if found := audit(t, after, []consent.Subject{subject(1), subject(2)}); !found["1"] {
		t.Error("an acknowledged event is lost")
	}
}

// shortFS writes at most so many bytes at a time to logs, and says so or not.
type shortFS struct {
	vfs.FS
	most int
	err  error
}

func (f shortFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	if err != nil || !isLog(name) {
		return file, err
	}
	return shortFile{file, f}, nil
}

type shortFile struct {
	vfs.File
	shortFS
}

func (f shortFile) Write(b []byte) (int, error) {
	if len(b) <= f.most {
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:f.most])
	if err == nil {
		err = f.err
	}
	return n, err
}

// A write that ends in the middle goes on where it ended.
func TestShortWritesGoOn(t *testing.T) {
	for name, err := range map[string]error{"without an error": nil, "no room for the rest": syscall.ENOSPC} {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewCrashableMem()
			s := mustOpen(t, shortFS{disk, 300, err}, nil)
			s.log.stalls.longest = time.Millisecond
			batch := grantOf(subject(1), "1")
			batch.Events[0].Evidence = strings.Repeat("x", 2000)
			poll(t, "it is recorded", func() bool {
				_, err := s.Record(t.Context(), batch)
				return err == nil
			})
			after := mustOpen(t, disk.CrashClone(vfs.CrashCloneCfg{}), nil)
			if found := audit(t, after, []consent.Subject{subject(1)}); !found["1"] {
				t.Error("an acknowledged event is lost")
			}
		})
	}
}

// A store that cannot be opened for lack of descriptors is not called damaged, and is not.
func TestOpenWithoutDescriptorsSaysSo(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpOpen, errorfs.OpCreate, errorfs.OpOpenDir, errorfs.OpLock} {
		disk := vfs.NewCrashableMem()
		s := mustOpen(t, disk, nil)
		mustRecord(t, s, grantOf(subject(1), "1"))
		mustClose(t, s)
		left := disk.CrashClone(vfs.CrashCloneCfg{})
		_, err := Open(dir, Options{FS: errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == kind {
				return syscall.EMFILE
			}
			return nil
		}))})
		oneUsefulLine(t, err, "raise the process's limit of open files")
		if strings.Contains(err.Error(), "backup") {
			t.Errorf("%v speaks of a backup", err)
		}
		audit(t, mustOpen(t, left, nil), []consent.Subject{subject(1)})
	}
}
