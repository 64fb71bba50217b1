package pebble

import (
	"errors"
	"io"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFS is a file system on which the write-ahead log, the manifest and the directory never fail: what finds no room
// there waits for it (stalls), and where an operation on the log or the directory fails, the store halts and the call
// does not return.
//
// Pebble answers some failures of these, those while it begins a new log or manifest, with a panic in a goroutine of
// its own or under a lock that it has given up: both end the process and cannot be recovered from. From outside they
// cannot be told from the others. A halted store still reads, and a failed log could not have been written on anyway.
//
// What must hold: pebble never sees an error of a log, or of the directory's sync, before it is being closed
// (ending); then it only passes them on. Edits that look right and are not:
//   - to try a failed sync again: the system may have dropped the pages that it could not write, and say yes the second
//     time, and an acknowledged change is lost;
//   - to go on after a write that failed because the file system has become read-only: for the same reason;
//   - to return the error after halting, from another goroutine: pebble sees it, and panics;
//   - to have tables wait for room too: a flush or a compaction that fails removes what it has written, which is room,
//     and pebble tries again; where it must not, backgroundError and Fatalf halt;
//   - to leave out Stat or Close of a log: pebble asks for both while it begins the next.
type guardFS struct {
	vfs.FS
	*monitor
	// dir is the store's directory: what is in others, such as a checkpoint, may fail.
	dir string
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// check returns err, or halts if it is one that pebble does not survive.
func (m *monitor) check(err error) error {
	if err != nil && !m.ending.Load() {
		m.halt(err)
	}
	return err
}

// file guards f, unless opening it failed.
func (g guardFS) file(f vfs.File, err error) (vfs.File, error) {
	if g.check(err) != nil {
		return nil, err
	}
	return guardFile{f, g.monitor}, nil
}

// waitsForRoom reports whether a file is one that pebble cannot do without: a log, a manifest, or the mark of which
// manifest counts.
func (g guardFS) waitsForRoom(name string) bool {
	base := g.PathBase(name)
	return g.PathDir(name) == g.dir && (isLog(base) || strings.HasPrefix(base, "MANIFEST-") || strings.HasPrefix(base, "marker."))
}

// Create implements vfs.FS.
func (g guardFS) Create(name string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	if !g.waitsForRoom(name) {
		return g.FS.Create(name, category)
	}
	err = g.persist(notYet, func() error {
		f, err = g.FS.Create(name, category)
		return err
	})
	switch {
	case isLog(name):
		return g.file(f, err)
	case err != nil:
		return nil, err
	}
	return waitingFile{f, g.monitor}, nil
}

// ReuseForWrite implements vfs.FS; pebble uses it for logs only. A log that was renamed and could not be opened is
// opened later.
func (g guardFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = g.persist(notYet, func() error {
		if _, missing := g.Stat(old); errors.Is(missing, fs.ErrNotExist) {
			f, err = g.OpenReadWrite(name, category)
		} else {
			f, err = g.FS.ReuseForWrite(old, name, category)
		}
		return err
	})
	return g.file(f, err)
}

// OpenDir implements vfs.FS. The directory is synced when a log or a manifest is begun.
func (g guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil || name != g.dir {
		return f, err
	}
	return guardFile{f, g.monitor}, nil
}

// Unwrap implements vfs.FS.
func (g guardFS) Unwrap() vfs.FS { return g.FS }

// guardFile is a log, or the directory that it is in.
type guardFile struct {
	vfs.File
	*monitor
}

// Write implements vfs.File.
func (f guardFile) Write(b []byte) (int, error) {
	n, err := waitingFile(f).Write(b)
	return n, f.check(err)
}

// Sync implements vfs.File.
func (f guardFile) Sync() error { return f.check(f.File.Sync()) }

// SyncData implements vfs.File.
func (f guardFile) SyncData() error { return f.check(f.File.SyncData()) }

// SyncTo implements vfs.File.
func (f guardFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.check(err)
}

// Stat implements vfs.File.
func (f guardFile) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	return info, f.check(err)
}

// Close implements vfs.File.
func (f guardFile) Close() error { return f.check(f.File.Close()) }

// waitingFile is a file whose writes wait for room.
type waitingFile struct {
	vfs.File
	*monitor
}

// Write implements vfs.File. It goes on where a write without room has ended.
func (f waitingFile) Write(b []byte) (n int, err error) {
	err = f.persist(noRoom, func() error {
		written, err := f.File.Write(b[n:])
		if n += written; err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		return err
	})
	return n, err
}
