// Package pebble keeps consent in a directory on this machine's disk, in the embedded key-value store pebble.
//
// A change is one atomic write to pebble's log: the ledger entries, the index of event ids, the subject's new
// state, and the store's revision. One goroutine commits; while the disk syncs one group of changes the next one
// gathers, so that many writers share one fsync. Each change in a group still has a revision of its own, sees
// those before it, and fails alone where it conflicts.
//
// Readers read a snapshot of pebble that is replaced after every group, by an atomic pointer. The rejected
// alternative, reading pebble itself, shows changes that are not yet synced and may be lost with the machine's
// power; a snapshot a group costs about a microsecond. A state is one point lookup.
//
// What a change is, and the forms of what is kept, are those of package change: the planner reads the group's batch,
// which shows the changes before it.
//
// Failure: an error of the disk or of pebble is consent.ErrUnavailable. While the disk has no room writes are refused,
// and go on by themselves (stalls). After a failed write the store refuses all others, and reads what was durable
// before, until the process is started again: monitor and guardFS say why. Nothing panics and nothing ends the process.
package pebble

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// Options tune a store. The zero value is good.
type Options struct {
	// Observers are told of every change.
	Observers store.Observers
	// Writes is told when writes begin to fail, with why, and with nil when they go well again; nil: nobody is. It
	// must be quick, and must not call the store.
	Writes func(error)
	// Synced is told of each write that is on disk: of how many batches it was made, and how long it took, fsync
	// included; nil: nobody is. It must be quick.
	Synced func(batches int, took time.Duration)
	// Marks gets the marks of the newest changes, before these are visible; nil: nobody shares them.
	Marks *store.Marks
	// Logger gets what goes wrong in the background; nil: it is not logged.
	Logger *slog.Logger
	// CacheSize is the memory for blocks read from disk, in bytes; zero means 64 MiB. It should hold the index
	// blocks, the filters and the hot part of the states.
	CacheSize int64
	// FS is the file system; nil means that of the machine. Tests have it fail.
	FS FS
	// memTable is the size of a memtable in bytes; zero means 16 MiB. Tests have small ones.
	memTable uint64
}

// FS is a file system.
type FS = vfs.FS

// Memory is a file system in memory, for a store that ends with its process.
func Memory() FS { return vfs.NewMem() }

const defaultCacheSize = 64 << 20

// Store implements store.Store.
type Store struct {
	dir       string
	files     vfs.FS
	id        store.ID
	observers store.Observers
	synced    func(batches int, took time.Duration)
	log       *monitor
	db        *engine.DB
	lock      *engine.Lock

	// view is what readers see, while ended is not set.
	view  atomic.Pointer[view]
	ended atomic.Bool
	// views counts the views whose snapshot is open.
	views sync.WaitGroup

	// committing is held while a group is committed, and while a checkpoint is made.
	committing sync.Mutex
	// head is the newest change, guarded by committing.
	head head
	// marks are those of the newest changes that are durable.
	marks *store.Marks
	// queue hands batches to the committer. A send happens under gate's read lock, closing under its write lock.
	queue chan *pending
	gate  sync.RWMutex
	// closed is guarded by gate.
	closed bool
	// checkpoint is held while there is one, checkpoints counts those under way.
	checkpoint  sync.Mutex
	checkpoints sync.WaitGroup
	// done is closed when the committer has ended.
	done chan struct{}
}

var _ store.Store = (*Store)(nil)

// ID identifies the store for as long as it exists.
func (s *Store) ID() store.ID { return s.id }

// Applied is a revision up to which every change is durable and visible.
func (s *Store) Applied() consent.Revision { return s.view.Load().revision }

// Queued is how many batches wait for the next write.
func (s *Store) Queued() int { return len(s.queue) }

// Err returns why the store refuses writes: the failure after which it must be opened again, or what writes wait for;
// nil: it takes them.
func (s *Store) Err() error {
	if err := s.log.failure(); err != nil {
		return err
	}
	return s.log.stalled()
}

// Close waits for calls under way and releases the directory. Calling it again does nothing.
//
// After a failed write pebble cannot be stopped safely: the directory then stays locked until the process ends,
// and the error says so.
func (s *Store) Close() error {
	s.gate.Lock()
	if s.closed {
		s.gate.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	close(s.log.closing)
	s.gate.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- s.end() }()
	select {
	case err := <-ended:
		return err
	case <-s.log.halted:
		s.ended.Store(true)
		return fmt.Errorf("closing the store: restart the process to free its directory: %w", s.Err())
	}
}

// end waits for the committer and the readers, and stops pebble. It does not return where the disk fails or failed.
//
// It empties the log first: damage to a table is always noticed, at the end of a log it cannot be told from a write
// that was cut off.
func (s *Store) end() (err error) {
	defer recovered("closing the store", &err)
	<-s.done
	s.checkpoints.Wait()
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return err
	}
	<-flushed
	s.ended.Store(true)
	s.view.Load().release()
	s.views.Wait()
	s.log.ending.Store(true)
	return errors.Join(s.db.Close(), s.lock.Close())
}

// engineOptions are pebble's.
//
// Tuned with BenchmarkRecord on two cores, 300,000 events: a memtable of 16 MiB records 18,000 to 25,000 events a
// second, the default of 4 MiB 15,000, and opening after a crash, when it is replayed, takes 0.6 s. Ten filter
// bits a key keep lookups of absent keys (every new event's id) off the disk. Format and comparer are fixed by
// name, so that a newer pebble does not change a store by itself; the WAL's sync chunks tell a torn tail from
// damage. Read compactions are off: they sample under locks on the read path.
func engineOptions(o Options, log *monitor) *engine.Options {
	options := &engine.Options{
		Comparer:                   comparer(),
		FormatMajorVersion:         engine.FormatTableFormatV6,
		CacheSize:                  o.CacheSize,
		MemTableSize:               cmp.Or(o.memTable, 16<<20),
		MaxOpenFiles:               1000,
		L0CompactionThreshold:      2,
		Logger:                     log,
		EventListener:              log.listener(),
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
	}
	if options.CacheSize == 0 {
		options.CacheSize = defaultCacheSize
	}
	options.Experimental.ReadSamplingMultiplier = -1
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return options
}

// comparer orders keys by their bytes. Its name marks the directory as ours: pebble refuses to open one of another
// name before it writes anything.
func comparer() *engine.Comparer {
	c := *engine.DefaultComparer
	c.Name = "consentd"
	return &c
}

// unavailable says that activity failed because of err.
func unavailable(activity string, err error) error {
	return fmt.Errorf("%s: %w: %w", activity, consent.ErrUnavailable, err)
}

// recovered turns a panic of pebble, as damaged files can cause, into an error.
func recovered(activity string, err *error) {
	if r := recover(); r != nil {
		*err = unavailable(activity, errorOf(r))
	}
}

func errorOf(r any) error { return fmt.Errorf("panic: %v", r) }

var errClosed = errors.New("the store is closed")
