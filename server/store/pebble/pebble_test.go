package pebble_test

import (
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/store/storetest"
)

func open(t testing.TB, dir string, o pebble.Options) *pebble.Store {
	t.Helper()
	s, err := pebble.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB, observers store.Observers) storetest.Instance {
		disk := newDisk(t)
		options := pebble.Options{Observers: observers, FS: disk}
		return storetest.Instance{
			Store:  open(t, disk.dir, options),
			Reopen: func(t testing.TB) store.Store { return open(t, disk.left(t), options) },
			Break:  disk.fail,
		}
	})
}

// disk is a file system whose log can be made to fail, and the store's directory on it.
type disk struct {
	vfs.FS
	dir     string
	failing atomic.Bool
	// failed says that it failed once.
	failed atomic.Bool
}

func newDisk(t testing.TB) *disk {
	d := &disk{dir: t.TempDir()}
	d.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if d.failing.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".log") {
			return syscall.EIO
		}
		return nil
	}))
	return d
}

// fail has the disk fail until mend is called.
func (d *disk) fail() (mend func()) {
	d.failing.Store(true)
	d.failed.Store(true)
	return func() { d.failing.Store(false) }
}

// left is the directory as a new process finds it. A store whose disk failed keeps its lock until the process ends:
// what it has left is copied.
func (d *disk) left(t testing.TB) string {
	t.Helper()
	if !d.failed.Load() {
		return d.dir
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(d.dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}
