package pebble

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/change"
)

// Report is what Verify found in a store.
type Report struct {
	ID       store.ID
	Format   int
	Revision consent.Revision
	// IDs counts the ids of which something is kept, People those that are several ids, Shared the shared ids, Events
	// what was recorded.
	IDs, People, Shared, Events int
	// Outdated counts the states of older rules: they are folded anew when the store is opened.
	Outdated int
	// Faults are the first that were found, More is how many others there are.
	Faults []string
	More   int
}

// maxFaults is as many as a person reads.
const maxFaults = 20

func (r *Report) fault(format string, args ...any) {
	if len(r.Faults) == maxFaults {
		r.More++
		return
	}
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// Verify reads a whole store that no process has open, and changes nothing in its directory: every event is where its
// id says and in each ledger that it belongs to, no revision is missing, the chain of the history is theirs, links
// stand on both sides, and every state is what its ledgers fold to. What is wrong with the store is in the report; an
// error is what kept it from being read.
func Verify(dir string) (*Report, error) {
	dir = filepath.Clean(dir)
	lock, err := lockToRead(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	log := newMonitor(Options{})
	type outcome struct {
		report *Report
		err    error
	}
	verified := make(chan outcome, 1)
	go func() {
		report, err := verify(dir, log)
		verified <- outcome{report, err}
	}()
	select {
	case o := <-verified:
		return o.report, o.err
	case <-log.halted:
		return nil, fmt.Errorf("data directory %s %w", dir, engineError(log.failure()))
	}
}

// lockToRead locks a directory that a server may open; a backup has no lock.
func lockToRead(dir string) (io.Closer, error) {
	if _, err := vfs.Default.Stat(filepath.Join(dir, "LOCK")); errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(nil), nil
	}
	lock, err := engine.LockDirectory(dir, vfs.Default)
	if err != nil {
		return nil, lockError(dir, err)
	}
	return lock, nil
}

func verify(dir string, log *monitor) (report *Report, err error) {
	defer recovered("verifying the store", &err)
	options := engineOptions(Options{}, log)
	options.FS, options.ReadOnly, options.ErrorIfNotExists = readFS{vfs.Default}, true, true
	options.WithFSDefaults()
	db, err := engine.Open(dir, options)
	if err != nil {
		return nil, fmt.Errorf("data directory %s %w", dir, engineError(err))
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s := &Store{db: db, log: log}
	v := verification{Report: &Report{}, db: db}
	if v.Format, err = v.identity(s); err != nil {
		return nil, fmt.Errorf("data directory %s %w", dir, err)
	}
	v.ID, v.Revision = s.id, s.head.revision
	v.seen = make([]bool, s.head.revision+1)
	for _, pass := range []struct {
		table byte
		see   func(key, value []byte) error
	}{{tableEvents, v.event}, {tableMarks, v.mark}, {tableIDs, v.id}, {tableStates, v.state}, {tablePeople, v.person}} {
		if err := v.pass(pass.table, pass.see); err != nil {
			v.fault("the store's files are damaged: %v", flattened(err))
			return v.Report, nil // what is missing then says nothing
		}
	}
	v.revisions()
	v.chained(s)
	return v.Report, nil
}

// verification is a store that is being verified.
type verification struct {
	*Report
	db engine.Reader
	// outdated says that states are folded by older rules, and are not compared.
	outdated bool
	// seen are the revisions that have events; ids counts the events that can be found by their ids.
	seen []bool
	ids  int
	chaining
}

// identity reads what the store says of itself, and changes nothing where it is of an older format.
func (v *verification) identity(s *Store) (int, error) {
	value, err := s.get(s.db, identityKey)
	if err != nil {
		return 0, damaged(err)
	}
	if len(value) != 1+len(s.id) {
		return 0, errors.New("is no store, or is damaged: its identity is missing")
	}
	if value[0] > format {
		return 0, fmt.Errorf("has the newer format %d, this version knows %d: use the version that wrote it", value[0], format)
	}
	copy(s.id[:], value[1:])
	rules, err := s.get(s.db, foldingKey)
	if err != nil {
		return 0, damaged(err)
	}
	n, _ := binary.Uvarint(rules)
	v.outdated = n < consent.FoldingRules
	if s.head.revision, err = s.readRevision(); err != nil {
		return 0, damaged(err)
	}
	return int(value[0]), nil
}

// pass shows all of a table. What see returns is an error of reading: faults go into the report.
func (v *verification) pass(table byte, see func(key, value []byte) error) error {
	prefix := []byte{table}
	iter, err := v.db.NewIter(&engine.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return err
	}
	for valid := iter.First(); valid; valid = iter.Next() {
		value, err := iter.ValueAndErr()
		if err == nil {
			err = see(iter.Key()[1:], value)
		}
		if err != nil {
			return errors.Join(err, iter.Close())
		}
	}
	return errors.Join(iter.Error(), iter.Close())
}

// event looks at an entry of a ledger.
func (v *verification) event(key, value []byte) error {
	controller, rest, ok := change.CutText(key)
	id, place, ok2 := change.CutText(rest)
	at, under, err := change.ParsePlace(place)
	if !ok || !ok2 || err != nil {
		v.fault("an entry has a malformed key %x", key)
		return nil
	}
	entry, err := change.ParseEntry(value, at.Revision)
	if err != nil {
		v.fault("%s of %s: the entry at revision %d cannot be read: %v", id, controller, at.Revision, err)
		return nil
	}
	if at.Revision == 0 || at.Revision > v.Revision {
		v.fault("%s of %s: event %s has revision %d, the store's newest is %d", id, controller, entry.Event.ID, at.Revision, v.Revision)
		return nil
	}
	if under != "" {
		return v.mirror(consent.Subject{Controller: controller, ID: id}, under, at, &entry)
	}
	v.Events++
	v.seen[at.Revision] = true
	v.entry(consent.Subject{Controller: controller, ID: id}, at, value)
	return v.linked(consent.Subject{Controller: controller, ID: id}, at, &entry)
}

// mirror compares an entry with the one in the ledger under which it was said.
func (v *verification) mirror(s consent.Subject, under string, at change.Position, entry *consent.Entry) error {
	said := consent.Subject{Controller: s.Controller, ID: under}
	found, original, err := v.at(said, at, "")
	if err != nil {
		return err
	}
	if original.SubjectID = under; !found {
		v.fault("%s of %s: event %s was said under %s, whose ledger has it not", s.ID, s.Controller, entry.Event.ID, under)
		return nil
	}
	mirrored := original.Mirrored(s.ID)
	want, _ := mirrored.Event.AppendBinary(nil)
	if got, _ := entry.Event.AppendBinary(nil); !bytes.Equal(got, want) || entry.RecordedAt != original.RecordedAt {
		v.fault("%s of %s: event %s is another than in the ledger of %s", s.ID, s.Controller, entry.Event.ID, under)
	}
	return nil
}

// linked looks for the other side of a link.
func (v *verification) linked(s consent.Subject, at change.Position, entry *consent.Entry) error {
	with := entry.Event.LinkedWith()
	if with == "" {
		return nil
	}
	found, _, err := v.at(consent.Subject{Controller: s.Controller, ID: with}, at, s.ID)
	if err == nil && !found {
		v.fault("%s of %s: the link %s is missing in the ledger of %s", s.ID, s.Controller, entry.Event.ID, with)
	}
	return err
}

// at reads the entry of a ledger at a position, said under another id or, empty, under its own.
func (v *verification) at(s consent.Subject, at change.Position, under string) (found bool, e consent.Entry, err error) {
	value, closer, err := v.db.Get(append(at.Append(eventPrefix(s)), under...))
	if errors.Is(err, engine.ErrNotFound) {
		return false, e, nil
	}
	if err != nil {
		return false, e, err
	}
	// One that cannot be read is a fault of its own, and another entry than any.
	e, _ = change.ParseEntry(value, at.Revision)
	return true, e, closer.Close()
}

// id looks at where an event's id says that it is.
func (v *verification) id(key, value []byte) error {
	v.ids++
	controller, id, ok := change.CutText(key)
	at, subject, err := change.ParsePlace(value)
	if !ok || err != nil {
		v.fault("the place of an event is malformed, at %x", key)
		return nil
	}
	found, entry, err := v.at(consent.Subject{Controller: controller, ID: subject}, at, "")
	if err == nil && (!found || entry.Event.ID != string(id)) {
		v.fault("event %s of %s is not in the ledger of %s at revision %d", id, controller, subject, at.Revision)
	}
	return err
}

// state looks at what is kept of an id.
func (v *verification) state(key, value []byte) error {
	v.IDs++
	subject, ok := subjectOf(key)
	if !ok {
		v.fault("a state has a malformed key %x", key)
		return nil
	}
	if v.outdated {
		v.Outdated++
		return nil
	}
	r, err := rowOf(v.db, subject.Controller, value, true)
	if err != nil {
		v.fault("the state of %s of %s cannot be read: %v", subject.ID, subject.Controller, err)
		return nil
	}
	if r.Shared() {
		v.Shared++
	}
	if r.Changed > v.Revision {
		v.fault("the state of %s of %s has revision %d, the store's newest is %d", subject.ID, subject.Controller, r.Changed, v.Revision)
	}
	v.folded(subject, &r)
	return nil
}

// folded compares what is kept of an id with what its ledgers make of it.
func (v *verification) folded(s consent.Subject, r *change.Row) {
	graph, err := consent.Gather([]string{s.ID}, func(id string) ([]consent.Entry, error) {
		return ledger(v.db, consent.Subject{Controller: s.Controller, ID: id})
	})
	if err != nil {
		v.fault("the ledger of %s of %s cannot be read: %v", s.ID, s.Controller, err)
		return
	}
	person, whole := r.Who(s.ID), graph.Person(s.ID)
	if !slices.Equal(person.IDs, whole.IDs) || !slices.Equal(person.Shared, whole.Shared) {
		v.fault("%s of %s is kept as %v, by the ledgers it is %v", s.ID, s.Controller, person, whole)
		return
	}
	want, _ := graph.State(s.ID).AppendBinary(nil)
	if got, _ := r.State.AppendBinary(nil); !bytes.Equal(got, want) {
		v.fault("the state of %s of %s is not what its ledger folds to", s.ID, s.Controller)
	}
}

// person looks whether the ids of a person name it.
func (v *verification) person(key, value []byte) error {
	v.People++
	controller, rest, ok := change.CutText(key)
	if v.outdated {
		return nil
	}
	at, ok2 := change.ParsePosition(rest)
	r, err := change.ParsePerson(value, consent.PersonKey{}, true)
	if !ok || !ok2 || err != nil {
		v.fault("a person is malformed, at %x", key)
		return nil
	}
	want := consent.PersonKey{Revision: at.Revision, Index: at.Index}
	for _, id := range r.Person.IDs {
		// An id that cannot be read is a fault of its own.
		named, err := find(v.db, consent.Subject{Controller: controller, ID: id}, false)
		if err == nil && named.Key != want {
			v.fault("%s of %s is listed by a person that it does not name", id, controller)
		}
	}
	return nil
}

// revisions looks for gaps.
func (v *verification) revisions() {
	for r := consent.Revision(1); r <= v.Revision; r++ {
		if !v.seen[r] {
			v.fault("revision %d of %d has no event", r, v.Revision)
		}
	}
	if v.ids != v.Events {
		v.fault("%d events are in ledgers, %d can be found by their ids", v.Events, v.ids)
	}
}

// readFS is a file system that is only read. Pebble locks what it opens; who verifies has done so.
type readFS struct{ vfs.FS }

// Lock implements vfs.FS.
func (readFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Create implements vfs.FS.
func (readFS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, notWritten("create", name)
}

// Remove implements vfs.FS.
func (readFS) Remove(name string) error { return notWritten("remove", name) }

// RemoveAll implements vfs.FS.
func (readFS) RemoveAll(name string) error { return notWritten("remove", name) }

// Rename implements vfs.FS.
func (readFS) Rename(name, _ string) error { return notWritten("rename", name) }

// Link implements vfs.FS.
func (readFS) Link(name, _ string) error { return notWritten("link", name) }

// MkdirAll implements vfs.FS.
func (readFS) MkdirAll(name string, _ fs.FileMode) error { return notWritten("mkdir", name) }

func notWritten(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: syscall.EROFS} }
