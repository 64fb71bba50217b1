package pebble

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFS is a file system on which the write-ahead log and the directory never fail: where an operation on them
// does, the store halts and the call does not return.
//
// Pebble answers some failures of these, those while it begins a new log or manifest, with a panic in a goroutine of
// its own or under a lock that it has given up: both end the process and cannot be recovered from. From outside they
// cannot be told from the others. A halted store still reads, and a failed log could not have been written on anyway.
//
// What must hold: pebble never sees an error of a log, or of the directory's sync, before it is being closed
// (ending); then it only passes them on. Edits that look right and are not:
//   - to try a failed sync again: the system may have dropped the pages that it could not write, and say yes the second
//     time, and an acknowledged change is lost;
//   - to return the error after halting, from another goroutine: pebble sees it, and panics;
//   - to guard tables and manifests too: a failed flush is tried again by pebble itself, and goes well once there is
//     room; where it must not be, backgroundError and Fatalf halt;
//   - to leave out Stat or Close of a log: pebble asks for both while it begins the next.
type guardFS struct {
	vfs.FS
	*monitor
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

// Create implements vfs.FS.
func (g guardFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.Create(name, category)
	if !isLog(name) {
		return f, err
	}
	return g.file(f, err)
}

// ReuseForWrite implements vfs.FS; pebble uses it for logs only.
func (g guardFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.file(g.FS.ReuseForWrite(old, name, category))
}

// OpenDir implements vfs.FS. The directory is synced when a log or a manifest is begun.
func (g guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
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
	n, err := f.File.Write(b)
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
