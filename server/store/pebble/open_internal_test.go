package pebble

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// edit changes the pebble database of a store, which must be closed.
func edit(t *testing.T, files vfs.FS, options engine.Options, key, value []byte) {
	t.Helper()
	options.FS, options.FormatMajorVersion, options.Logger = files, engine.FormatTableFormatV6, newMonitor(Options{})
	db, err := engine.Open(dir, &options)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set(key, value, engine.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, files vfs.FS, name, content string) {
	t.Helper()
	f, err := files.Create(files.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// removeFiles removes the files whose names begin with prefix, or gives them the prefix of to.
func removeFiles(t *testing.T, files vfs.FS, prefix, to string) {
	t.Helper()
	names, err := files.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		path := files.PathJoin(dir, name)
		if to == "" {
			err = files.Remove(path)
		} else {
			err = files.Rename(path, files.PathJoin(dir, to))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	newStore := func(t *testing.T, files vfs.FS) {
		s := mustOpen(t, files, nil)
		mustRecord(t, s, grantOf(subject(1), "1"))
		mustClose(t, s)
	}
	tests := []struct {
		name    string
		prepare func(*testing.T, vfs.FS)
		want    []string
	}{
		{"foreign files", func(t *testing.T, files vfs.FS) {
			writeFile(t, files, "notes.txt", "mine")
		}, []string{"other files", "notes.txt", "empty or a new directory"}},
		{"another program's database", func(t *testing.T, files vfs.FS) {
			edit(t, files, engine.Options{}, []byte("k"), []byte("v"))
		}, []string{"another program", "empty or a new directory"}},
		{"a database of ours that is no store", func(t *testing.T, files vfs.FS) {
			edit(t, files, engine.Options{Comparer: comparer()}, []byte("k"), []byte("v"))
		}, []string{"not a store", "empty or a new directory"}},
		{"a newer format", func(t *testing.T, files vfs.FS) {
			newStore(t, files)
			id := binary.AppendUvarint(nil, format+1)
			edit(t, files, engine.Options{Comparer: comparer()}, identityKey, append(id, "more than sixteen bytes"...))
		}, []string{"newer format 6", "use the version that wrote it"}},
		{"a newer format of pebble", func(t *testing.T, files vfs.FS) {
			newStore(t, files)
			removeFiles(t, files, "marker.format-version.", "marker.format-version.999999.999")
		}, []string{"newer version"}},
		{"a broken identity", func(t *testing.T, files vfs.FS) {
			newStore(t, files)
			edit(t, files, engine.Options{Comparer: comparer()}, identityKey, []byte{format, 1, 2})
		}, []string{"damaged", "backup"}},
		{"a broken revision", func(t *testing.T, files vfs.FS) {
			newStore(t, files)
			edit(t, files, engine.Options{Comparer: comparer()}, revisionKey, nil)
		}, []string{"damaged", "backup"}},
		{"a missing manifest", func(t *testing.T, files vfs.FS) {
			newStore(t, files)
			removeFiles(t, files, "marker.manifest.", "")
		}, []string{"damaged", "manifest", "backup"}},
		{"an empty manifest", func(t *testing.T, files vfs.FS) {
			newStore(t, files)
			removeFiles(t, files, "MANIFEST-", "")
		}, []string{"cannot be opened", "backup"}},
		{"missing tables", func(t *testing.T, files vfs.FS) {
			s := mustOpen(t, files, nil)
			mustRecord(t, s, grantOf(subject(1), "1"))
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
			mustClose(t, s)
			names, _ := files.List(dir)
			for _, name := range names {
				if strings.HasSuffix(name, ".sst") {
					removeFiles(t, files, name, "")
				}
			}
		}, []string{"cannot be opened", "backup"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := vfs.NewMem()
			if err := files.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			tt.prepare(t, files)
			_, err := Open(dir, Options{FS: files})
			oneUsefulLine(t, err, tt.want...)
			// The lock is free again: the same refusal, not another.
			_, err = Open(dir, Options{FS: files})
			oneUsefulLine(t, err, tt.want...)
		})
	}
}

// What is refused as foreign is left as it was.
func TestOpenLeavesForeignFiles(t *testing.T) {
	files := vfs.NewMem()
	_ = files.MkdirAll(dir, 0o700)
	writeFile(t, files, "notes.txt", "mine")
	if _, err := Open(dir, Options{FS: files}); err == nil {
		t.Fatal("a directory with foreign files is accepted")
	}
	if names, _ := files.List(dir); !slices.Equal(names, []string{"notes.txt"}) {
		t.Errorf("the directory now holds %v", names)
	}
}

// A new file system's own directory is not foreign, nor is a stray file beside a store.
func TestOpenAccepts(t *testing.T) {
	files := vfs.NewMem()
	_ = files.MkdirAll(files.PathJoin(dir, "lost+found"), 0o700)
	mustClose(t, mustOpen(t, files, nil))
	writeFile(t, files, "notes.txt", "mine")
	mustClose(t, mustOpen(t, files, nil))
}

func TestOpenWhereNothingCanBeWritten(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		kind errorfs.OpKind
		want string
	}{
		{"the parent", fs.ErrPermission, errorfs.OpMkdirAll, "permissions"},
		{"the lock", fs.ErrPermission, errorfs.OpLock, "permissions"},
		{"the files", fs.ErrPermission, errorfs.OpCreate, "permissions"},
		{"a full disk", syscall.ENOSPC, errorfs.OpFileWrite, "free space"},
		{"a full disk when syncing", syscall.ENOSPC, errorfs.OpFileSync, "free space"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind == tt.kind {
					return &fs.PathError{Op: "write", Path: op.Path, Err: tt.err}
				}
				return nil
			}))
			_, err := Open(dir, Options{FS: files})
			oneUsefulLine(t, err, tt.want)
		})
	}
}

func TestOpenAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, Options{})
	oneUsefulLine(t, err, path)
}

func TestOpenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "data")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(path, Options{})
	oneUsefulLine(t, err, path, "in use", "stop that one")
	mustClose(t, s)
	if s, err = Open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
}

// otherProcess names the directory that the test, run as another process, opens.
const otherProcess = "CONSENTD_TEST_OPEN"

func TestOpenInAnotherProcess(t *testing.T) {
	if path := os.Getenv(otherProcess); path != "" {
		if _, err := Open(path, Options{}); err != nil {
			t.Skip(err)
		}
		t.Skip("opened")
	}
	path := filepath.Join(t.TempDir(), "data")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	cmd := exec.Command(os.Args[0], "-test.run=^TestOpenInAnotherProcess$", "-test.v")
	cmd.Env = append(os.Environ(), otherProcess+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "data directory "+path+" is in use by another process") {
		t.Errorf("the other process: %v\n%s", err, out)
	}
}

// However early the creation of a store is cut off, by an error or a crash, it can be begun again.
func TestOpenAfterInterruptedCreation(t *testing.T) {
	for i := int32(0); ; i++ {
		files := vfs.NewCrashableMem()
		inject := errorfs.OnIndex(i)
		failing := errorfs.Wrap(files, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose {
				return inject.MaybeError(op)
			}
			return nil
		}))
		s, err := Open(dir, Options{FS: failing})
		crashed := files.CrashClone(vfs.CrashCloneCfg{})
		if err == nil {
			err = s.Close()
		}
		mustClose(t, mustOpen(t, crashed, nil))
		if err == nil {
			mustClose(t, mustOpen(t, files, nil))
		}
		if inject.Load() >= 0 {
			t.Logf("%d writes create a store", i)
			return
		}
	}
}
