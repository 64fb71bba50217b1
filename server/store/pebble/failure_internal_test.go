package pebble

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// failingFS fails writes to files with the given suffix or prefix, with err, while it is on.
type failingFS struct {
	vfs.FS
	on atomic.Bool
}

func newFailingFS(files vfs.FS, err error, fails func(op errorfs.Op, name string) bool) *failingFS {
	f := &failingFS{}
	f.FS = errorfs.Wrap(files, errorfs.InjectorFunc(func(op errorfs.Op) error {
		name := files.PathBase(op.Path)
		if f.on.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && fails(op, name) {
			return &vfsError{op.Path, err}
		}
		return nil
	}))
	return f
}

type vfsError struct {
	path string
	err  error
}

func (e *vfsError) Error() string { return e.path + ": " + e.err.Error() }
func (e *vfsError) Unwrap() error { return e.err }

func onLog(_ errorfs.Op, name string) bool { return strings.HasSuffix(name, ".log") }

// A disk that fails under the log fails the write, and every later one; reads show what was durable. After the
// process is started again, the store goes on from a change that is there whole or not at all.
func TestDiskFailsUnderTheLog(t *testing.T) {
	rotates := func(_ errorfs.Op, name string) bool { return strings.HasSuffix(name, ".log") || name == dir }
	for _, tt := range []struct {
		name  string
		err   error
		batch consent.Batch
		fails func(errorfs.Op, string) bool
	}{
		{"broken disk", syscall.EIO, grantOf(subject(2), "2"), onLog},
		{"failing sync", syscall.EIO, grantOf(subject(2), "2"), func(op errorfs.Op, name string) bool { return syncsWAL(op) }},
		{"everything fails", syscall.EIO, grantOf(subject(2), "2"), func(errorfs.Op, string) bool { return true }},
		{"while a log is ended", syscall.EIO, larger(subject(2), "2"), rotates},
		{"a file system that has become read-only", syscall.EROFS, grantOf(subject(2), "2"), onLog},
		{"no room while syncing", syscall.ENOSPC, grantOf(subject(2), "2"),
			func(op errorfs.Op, name string) bool { return syncsWAL(op) }},
		{"while a log is begun", syscall.EIO, larger(subject(2), "2"), func(op errorfs.Op, name string) bool {
			return rotates(op, name) && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpReuseForWrite)
		}},
		{"while a log's directory is synced", syscall.EIO, larger(subject(2), "2"),
			func(_ errorfs.Op, name string) bool { return name == dir }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			disk := vfs.NewCrashableMem()
			files := newFailingFS(disk, tt.err, tt.fails)
			observer, ahead := &changes{}, &changes{}
			s, err := Open(dir, Options{FS: files, Observers: store.Observers{Ahead: ahead, After: observer}})
			if err != nil {
				t.Fatal(err)
			}
			mustRecord(t, s, grantOf(subject(1), "1"))

			files.on.Store(true)
			wantUnwritable(t, s, tt.batch, tt.err)
			files.on.Store(false)
			wantUnwritable(t, s, tt.batch, tt.err)
			if s.Applied() != 1 || observer.count() != 1 {
				t.Errorf("applied %d, observed %d", s.Applied(), observer.count())
			}
			if ahead.count() != 2 {
				t.Errorf("told %d ahead, want the one that failed and none after it", ahead.count())
			}
			audit(t, s, []consent.Subject{subject(1), subject(2)})
			wantHalted(t, s, disk)

			after := mustOpen(t, disk.CrashClone(vfs.CrashCloneCfg{}), nil)
			audit(t, after, []consent.Subject{subject(1), subject(2)})
			mustRecord(t, after, tt.batch)
			audit(t, after, []consent.Subject{subject(1), subject(2)})
		})
	}
}

// wantHalted fails unless the store cannot be closed, and holds its lock so that no second one writes beside its
// remains.
func wantHalted(t *testing.T, s *Store, disk vfs.FS) {
	t.Helper()
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "restart the process") {
		t.Errorf("closing: %v", err)
	}
	if _, err := s.Read(t.Context(), subject(1)); !errors.Is(err, consent.ErrUnavailable) {
		t.Errorf("reading once closed: %v", err)
	}
	_, err := Open(dir, Options{FS: disk})
	oneUsefulLine(t, err, "in use")
}

// wantUnwritable fails unless a new event is refused because of cause, and a known subject can still be read.
func wantUnwritable(t *testing.T, s *Store, batch consent.Batch, cause error) {
	t.Helper()
	_, err := s.Record(t.Context(), batch)
	if !errors.Is(err, consent.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	if !strings.Contains(err.Error(), cause.Error()) || s.Err() == nil {
		t.Errorf("error %q does not tell the cause %q; Err is %v", err, cause, s.Err())
	}
	if got, err := s.Read(t.Context(), subject(1)); err != nil || !got.State.Known() {
		t.Errorf("reading: %v, %v", got, err)
	}
}

// larger is a batch that does not fit into pebble's memtable, so that a table is written.
func larger(who consent.Subject, id string) consent.Batch {
	b := grantOf(who, id)
	b.Events[0].Evidence = strings.Repeat("x", 9<<20)
	return b
}

// Where the manifest cannot be written pebble must not go on, nor be opened again beside its remains: the store
// refuses writes, reads on, and keeps its lock.
func TestDiskFailsUnderTheManifest(t *testing.T) {
	disk := vfs.NewMem()
	files := newFailingFS(disk, syscall.EIO, func(_ errorfs.Op, name string) bool { return strings.HasPrefix(name, "MANIFEST-") })
	s, err := Open(dir, Options{FS: files})
	if err != nil {
		t.Fatal(err)
	}
	files.on.Store(true)
	// The flush that this starts fails; the write itself may be acknowledged or not.
	_, _ = s.Record(t.Context(), larger(subject(1), "1"))
	<-s.log.halted
	if _, err := s.Record(t.Context(), grantOf(subject(2), "2")); !errors.Is(err, consent.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if _, err := s.Read(t.Context(), subject(1)); err != nil {
		t.Errorf("reading: %v", err)
	}
	wantHalted(t, s, disk)
}

// A disk that fails while the store is closed loses nothing: the data are in the log.
func TestDiskFailsWhileClosing(t *testing.T) {
	for name, fails := range map[string]func(errorfs.Op, string) bool{
		"log":    onLog,
		"tables": func(_ errorfs.Op, name string) bool { return strings.HasSuffix(name, ".sst") },
		"all":    func(errorfs.Op, string) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewCrashableMem()
			files := newFailingFS(disk, syscall.EIO, fails)
			s, err := Open(dir, Options{FS: files})
			if err != nil {
				t.Fatal(err)
			}
			mustRecord(t, s, grantOf(subject(1), "1"))
			files.on.Store(true)
			_ = s.Close()
			after := mustOpen(t, disk.CrashClone(vfs.CrashCloneCfg{}), nil)
			if found := audit(t, after, []consent.Subject{subject(1)}); !found["1"] {
				t.Error("an acknowledged event is lost")
			}
		})
	}
}
