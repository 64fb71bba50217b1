package pebble

import (
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// outcomes is what a store tells of its writes.
type outcomes struct {
	mu   sync.Mutex
	told []error // guarded by mu
}

func (o *outcomes) tell(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told = append(o.told, err)
}

func TestFailingWritesAreToldOnce(t *testing.T) {
	files, told := newFailingFS(vfs.NewCrashableMem(), syscall.EIO, onLog), &outcomes{}
	s, err := Open(dir, Options{FS: files, Writes: told.tell})
	if err != nil {
		t.Fatal(err)
	}
	mustRecord(t, s, grantOf(subject(1), "1"))
	if len(told.told) != 0 {
		t.Errorf("writes go well, and it tells %v", told.told)
	}
	files.on.Store(true)
	for range 2 {
		wantUnwritable(t, s, grantOf(subject(2), "2"), syscall.EIO)
	}
	_ = s.Close()
	told.mu.Lock()
	defer told.mu.Unlock()
	if len(told.told) != 1 || !errors.Is(told.told[0], syscall.EIO) {
		t.Errorf("told %v, want the broken disk once", told.told)
	}
}

func TestWritesThatGoWellAgainAreTold(t *testing.T) {
	told := &outcomes{}
	m := newMonitor(Options{Writes: told.tell})
	broken := errors.New("broken")
	for _, err := range []error{nil, broken, broken, nil, nil, broken} {
		m.wrote(err)
	}
	if got := told.told; len(got) != 3 || got[0] != broken || got[1] != nil || got[2] != broken {
		t.Errorf("told %v", got)
	}
}

func TestWhyADirectoryCannotBeLocked(t *testing.T) {
	for says, err := range map[string]error{
		"mounted read-only: mount it": syscall.EROFS,
		"in use by another process":   syscall.EAGAIN,
		"correct its permissions":     syscall.EACCES,
		"limit of open files":         syscall.EMFILE,
		"cannot be locked: mend what": syscall.EIO,
	} {
		if got := lockError(dir, &vfsError{"LOCK", err}).Error(); !strings.Contains(got, says) {
			t.Errorf("%v: %q is not said: %s", err, says, got)
		}
	}
}
