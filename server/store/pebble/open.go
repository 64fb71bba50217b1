package pebble

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// format is the version of everything that is written here: keys, values, files. A store of a newer one is
// refused, one of an older one is brought to this: since 2, states remember the rules by which they were folded;
// since 3, ids may be of people; since 4, the ledger may name who recorded an event; since 5, the history has a chain.
const format = 5

// Format is the version in which stores are written; older ones are brought to it when they are opened.
const Format = format

// Open opens the store in dir, which it locks; where dir is missing or empty it creates one there.
//
// It refuses, with one line that says what to do: a directory that cannot be written, one that holds other files or
// another program's database, a store that another process has open, a store of a newer format, and a damaged one.
// Where the disk failed while the store was being opened, the directory may stay locked until the process ends.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	dir = o.FS.PathDir(o.FS.PathJoin(dir, "LOCK")) // as pebble names it
	if err := prepare(o.FS, dir); err != nil {
		return nil, err
	}
	lock, err := engine.LockDirectory(dir, o.FS)
	if err != nil {
		return nil, lockError(dir, err)
	}
	s := &Store{
		dir: dir, files: o.FS, observers: o.Observers, synced: o.Synced, log: newMonitor(o), lock: lock,
		queue: make(chan *pending, maxGroup), done: make(chan struct{}), marks: o.Marks,
	}
	if s.marks == nil {
		s.marks = new(store.Marks)
	}
	opened := make(chan error, 1)
	go func() { opened <- s.open(dir, o) }()
	select {
	case err = <-opened:
	case <-s.log.halted:
		err = engineError(s.Err())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s %w", dir, err), lock.Close())
	}
	s.removeCheckpoint() // of a process that ended in the middle of one
	go s.commitAll()
	return s, nil
}

// prepare creates dir if it is missing and refuses it if it holds something else than a store.
func prepare(files vfs.FS, dir string) error {
	if err := create(files, dir); err != nil {
		return fmt.Errorf("data directory %s cannot be created: choose another, free space or correct its parent's permissions: %w",
			dir, err)
	}
	names, err := files.List(dir)
	if err != nil {
		return fmt.Errorf("data directory %s cannot be read: choose another or correct its permissions: %w", dir, err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.manifest.") {
			return nil
		}
	}
	for _, name := range names {
		switch {
		case leftover(name):
		case strings.HasSuffix(name, ".sst"), strings.HasSuffix(name, ".log"):
			return fmt.Errorf("data directory %s is damaged, its manifest is missing: restore it from a backup", dir)
		default:
			return fmt.Errorf("data directory %s holds other files, such as %s, and no store: choose an empty or a new directory", dir, name)
		}
	}
	return nil
}

// create makes dir and its parents where they are missing, durably.
func create(files vfs.FS, dir string) error {
	if _, err := files.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := files.PathDir(dir)
	if parent != dir {
		if err := create(files, parent); err != nil {
			return err
		}
	}
	if err := files.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	opened, err := files.OpenDir(parent)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// leftover reports whether name may be in a directory without a store: a file that creating one begins with, or that
// file systems make themselves.
func leftover(name string) bool {
	for _, prefix := range []string{"MANIFEST-", "OPTIONS-", "marker.format-version.", "temporary."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "LOCK" || name == "lost+found"
}

func lockError(dir string, err error) error {
	if errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("data directory %s is on a file system that is mounted read-only: mount it for writing, or choose another: %w",
			dir, err)
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || vfs.IsNoSpaceError(err) {
		return fmt.Errorf("data directory %s cannot be written: choose another, free space or correct its permissions: %w", dir, err)
	}
	if noDescriptors(err) {
		return fmt.Errorf("data directory %s %w", dir, withoutDescriptors(err))
	}
	if errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process") {
		return fmt.Errorf("data directory %s is in use by another process: stop that one or choose another directory: %w", dir, err)
	}
	return fmt.Errorf("data directory %s cannot be locked: mend what the system reports, or choose another: %w", dir, err)
}

// open opens pebble and reads what the store says of itself.
func (s *Store) open(dir string, o Options) (err error) {
	defer func() {
		if err != nil && s.db != nil {
			_ = s.closeEarly()
		}
	}()
	defer recovered("cannot be opened, restore it from a backup", &err)
	if err := s.openEngine(dir, o); err != nil {
		return err
	}
	created, err := s.identify()
	if err != nil {
		return err
	}
	if created {
		// Pebble begins a database in an old format, whose log cannot tell damage from its end. The next opening
		// begins a new log.
		if err := s.closeEarly(); err != nil {
			return engineError(err)
		}
		if err := s.openEngine(dir, o); err != nil {
			return err
		}
	}
	if err := s.refold(); err != nil {
		return err
	}
	s.log.opened.Store(true)
	s.show(s.head.revision)
	return nil
}

func (s *Store) openEngine(dir string, o Options) (err error) {
	options := engineOptions(o, s.log)
	options.FS = guardFS{o.FS, s.log, dir}
	options.WithFSDefaults()
	options.Lock = s.lock
	if s.db, err = engine.Open(dir, options); err != nil {
		return engineError(err)
	}
	return nil
}

// closeEarly closes pebble before the store is open.
func (s *Store) closeEarly() (err error) {
	defer recovered("closing", &err)
	db := s.db
	s.db = nil
	return db.Close()
}

// engineError says what to do about an error of pebble's Open.
func engineError(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "comparer name"):
		return fmt.Errorf("holds the database of another program: choose an empty or a new directory: %w", flattened(err))
	case strings.Contains(text, "format major version"):
		return fmt.Errorf("was written by a newer version: use that one: %w", flattened(err))
	case noDescriptors(err):
		return withoutDescriptors(err)
	case errors.Is(err, fs.ErrPermission), vfs.IsNoSpaceError(err):
		return fmt.Errorf("cannot be written: free space or correct its permissions: %w", flattened(err))
	}
	return fmt.Errorf("cannot be opened: if its files are damaged, restore them from a backup: %w", flattened(err))
}

// flattened keeps the chain of err and joins the lines of its text.
func flattened(err error) error { return lineError{err} }

type lineError struct{ error }

func (e lineError) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

func (e lineError) Unwrap() error { return e.error }

// identify reads the store's format, id and revision, after writing them into a store that is new.
func (s *Store) identify() (created bool, err error) {
	value, err := s.get(s.db, identityKey)
	if err != nil {
		return false, damaged(err)
	}
	if value == nil {
		if value, err = s.establish(); err != nil {
			return false, err
		}
		created = true
	}
	if err := s.readIdentity(value); err != nil {
		return false, err
	}
	return created, s.readHead()
}

func (s *Store) readIdentity(value []byte) error {
	version, n := binary.Uvarint(value)
	switch {
	case n <= 0:
		return damaged(errors.New("malformed identity"))
	case version > format:
		return fmt.Errorf("has the newer format %d, this version knows %d: use the version that wrote it", version, format)
	case version < 1 || len(value) != n+len(s.id):
		return damaged(errors.New("malformed identity"))
	}
	copy(s.id[:], value[n:])
	if version < format {
		// Before the first value of the new format: the older program must not read on.
		return s.put(identityKey, s.identity())
	}
	return nil
}

func (s *Store) identity() []byte { return append(binary.AppendUvarint(nil, format), s.id[:]...) }

// establish writes a new store's identity, unless there are keys already.
func (s *Store) establish() ([]byte, error) {
	iter, err := s.db.NewIter(nil)
	if err != nil {
		return nil, damaged(err)
	}
	used := iter.First()
	if err := iter.Close(); err != nil {
		return nil, damaged(err)
	}
	if used {
		return nil, errors.New("holds a database that is not a store of this program: choose an empty or a new directory")
	}
	// Reading never fails.
	_, _ = rand.Read(s.id[:])
	value := s.identity()
	if err := s.write(func(b *engine.Batch) error {
		return errors.Join(b.Set(identityKey, value, nil), setHead(b, head{chain: store.Begin(s.id, 0)}),
			b.Set(foldingKey, binary.AppendUvarint(nil, consent.FoldingRules), nil))
	}); err != nil {
		return nil, unwritable(err)
	}
	return value, nil
}

// unwritable says what to do where the store's own facts cannot be written.
func unwritable(err error) error {
	return fmt.Errorf("cannot be written: free space or correct its permissions: %w", flattened(err))
}

func noDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

func withoutDescriptors(err error) error {
	return fmt.Errorf("cannot be opened: raise the process's limit of open files: %w", flattened(err))
}

func damaged(err error) error {
	if noDescriptors(err) {
		return withoutDescriptors(err)
	}
	return fmt.Errorf("is damaged: restore it from a backup: %w", flattened(err))
}

// get returns a copy of the value of key, nil if there is none.
func (s *Store) get(from engine.Reader, key []byte) ([]byte, error) {
	value, closer, err := from.Get(key)
	if errors.Is(err, engine.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(value)), value...), closer.Close()
}
