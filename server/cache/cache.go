// Package cache keeps subject states in memory, over a store.
//
// What it guarantees: a Snapshot that starts after a write was acknowledged never returns an older state, whatever the
// cache underneath does. ristretto adds and drops entries asynchronously, so deleting from it proves nothing. Instead
// each entry carries the revision as of which it was read, and a fixed table (remembered.Floors) the newest revision
// that touched the entry's slot; an entry counts only if it is not below its floor, and of the store's history as it is
// now (history). An entry also carries its own subject, compared on each hit: a hash collision costs a miss and never
// shows one person's state for another's. The state of a person of several ids is kept once, and found by any of them
// (entry).
//
// Concurrent misses of one subject share one read of the store, which has its own deadline. A check never joins a read
// that started before a write which was acknowledged before the check.
//
// Failure: what the store cannot answer is consent.ErrUnavailable; errors are not cached. Context errors come as they
// are.
package cache

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// The defaults of Config.
const (
	DefaultMaxBytes    = 256 << 20
	DefaultLoadTimeout = 2 * time.Second
)

// Config configures a Cache. Its zero value is ready for use.
type Config struct {
	// MaxBytes bounds the memory of all entries, bookkeeping included; zero means DefaultMaxBytes.
	MaxBytes int64
	// Disabled turns the cache off: every Snapshot reads the store.
	Disabled bool
	// LoadTimeout bounds a read of the store that callers share; zero means DefaultLoadTimeout.
	LoadTimeout time.Duration
	// Waiting is called where a Snapshot waits for the store, with its context, and what it returns when that ended; nil
	// means nothing.
	Waiting func(context.Context) func(error)
	// Standing says until when what is cached counts; while it does not, the latest is read. Nil: always.
	Standing Standing
	// Prepare builds what policies need from a state when the state enters the cache, and says how many bytes it holds.
	// Snapshots hand it out as Prepared. It may be called concurrently and must not change the state; nil means
	// nothing.
	Prepare func(*consent.State) (prepared any, bytes int)
	// Watermark is when, by Clock, this node last knew that it had heard of every change; zero: not since it started, or
	// since the store lost history. Nil: nobody but this node writes, and Stale has nothing.
	Watermark func() time.Duration
	// Clock is one that runs on while the machine sleeps; required with Watermark.
	Clock func() time.Duration
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	var faults []error
	if c.MaxBytes < 0 {
		faults = append(faults, fmt.Errorf("cache size is %d bytes: must not be negative", c.MaxBytes))
	}
	if c.LoadTimeout < 0 {
		faults = append(faults, fmt.Errorf("load timeout is %v: must not be negative", c.LoadTimeout))
	}
	if c.Watermark != nil && c.Clock == nil {
		faults = append(faults, errors.New("watermark without Clock: give the clock that it is by"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.LoadTimeout == 0 {
		c.LoadTimeout = DefaultLoadTimeout
	}
	return c
}

// Cache is a store whose Read is answered from memory where that is as good. Create it by New, give it to the store as
// its observer, then Attach the store. All methods may be called concurrently after that.
type Cache struct {
	config Config
	// seed is that of the hash of subjects, drawn per process: nobody can choose ids that share a slot with another's.
	seed maphash.Seed
	// store is set by Attach.
	store store.Store
	// entries is nil if the cache is disabled.
	entries *ristretto.Cache[uint64, *entry]
	// history is the store's as it is known; it is never nil.
	history atomic.Pointer[history]
	flights flights
	counts  counts
	// unknown is the state of all unknown subjects.
	unknown *consent.State
	closed  atomic.Bool
	close   struct {
		sync.Once
		err error
	}
}

var (
	_ store.Store    = (*Cache)(nil)
	_ store.Observer = (*Cache)(nil)
)

// New returns a cache that still needs a store: see Attach. Its error says all that is wrong with config.
func New(config Config) (*Cache, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	c := &Cache{config: config.withDefaults(), seed: maphash.MakeSeed(), unknown: &consent.State{}}
	c.history.Store(newHistory(0, 0))
	c.flights.mu.open = map[flightKey]*flight{}
	if config.Disabled {
		return c, nil
	}
	var err error
	if c.entries, err = ristretto.NewCache(c.ristrettoConfig()); err != nil {
		return nil, fmt.Errorf("creating the cache: %w", err)
	}
	return c, nil
}

// ristrettoConfig sets nine frequency counters for each entry that fits, at the 1.1 KiB that an entry of four consents
// takes (BenchmarkMemory); ristretto advises ten. They take four bytes each, one part in 32 of the budget, set aside
// here.
func (c *Cache) ristrettoConfig() *ristretto.Config[uint64, *entry] {
	return &ristretto.Config[uint64, *entry]{
		NumCounters:        max(c.config.MaxBytes/128, 1024),
		MaxCost:            max(c.config.MaxBytes-c.config.MaxBytes/32, 1),
		BufferItems:        64,
		IgnoreInternalCost: true, // keep counts it
		KeyToHash:          func(key uint64) (uint64, uint64) { return key, 0 },
		ShouldUpdate:       replaces,
		OnEvict: func(*ristretto.Item[*entry]) {
			if !c.closed.Load() {
				c.counts.evictions.Add(1)
			}
		},
		OnReject: func(*ristretto.Item[*entry]) { c.counts.rejections.Add(1) },
	}
}

// replaces keeps a slow read from displacing a newer entry, and one of an older history any.
func replaces(e, old *entry) bool {
	if e.history != old.history {
		return e.history.number > old.history.number
	}
	return !e.same(old) || e.asOf >= old.asOf
}

// Attach gives the cache its store, whose observer the cache must be. It must be called once, before any method but
// Changed. From then on the cache owns the store: Close closes it.
func (c *Cache) Attach(s store.Store) { c.store = s }

// ID returns the store's.
func (c *Cache) ID() store.ID { return c.store.ID() }

// Applied returns the store's.
func (c *Cache) Applied() consent.Revision { return c.store.Applied() }

// Events reads the store's ledger.
func (c *Cache) Events(ctx context.Context, subject consent.Subject, page consent.Page) (consent.Entries, error) {
	return c.store.Events(ctx, subject, page)
}

// Person reads the store.
func (c *Cache) Person(ctx context.Context, subject consent.Subject) (consent.Person, error) {
	return c.store.Person(ctx, subject)
}

// Scan reads the store, past the cache: who scans would only push out what is asked often.
func (c *Cache) Scan(ctx context.Context, controller string, f func(consent.Subject, consent.Snapshot) error) error {
	return c.store.Scan(ctx, controller, f)
}

// Record writes to the store, which raises the floor by Changed before it returns.
//
// The floor is raised here once more: a store that was opened without its observer must not cost a withdrawal.
func (c *Cache) Record(ctx context.Context, batch consent.Batch) (consent.Recorded, error) {
	h := c.history.Load() // before: the revision is no floor of a history that began since
	recorded, err := c.store.Record(ctx, batch)
	if err == nil {
		c.raise(h, store.Change{Subject: batch.Subject, Also: recorded.Also, Revision: recorded.Revision})
	}
	return recorded, err
}

// Changed raises the floors of the slots of all ids that the change touches. It takes no lock.
func (c *Cache) Changed(change store.Change) {
	h := c.history.Load()
	c.raise(h, change)
	h.floors.Announce(uint64(change.Revision))
}

func (c *Cache) raise(h *history, change store.Change) {
	change.Subjects(func(s consent.Subject) { h.floors.Raise(slotOf(c.hash(s)), uint64(change.Revision)) })
}

// Read returns a state that is as fresh as the newest acknowledged write.
func (c *Cache) Read(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return consent.Snapshot{}, err
	}
	return c.Snapshot(ctx, subject, consent.MinimizeLatency)
}

// ReadLatest reads the store, past the cache.
func (c *Cache) ReadLatest(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	return c.Snapshot(ctx, subject, consent.FullyConsistent)
}

// Snapshot returns the subject's state: with MinimizeLatency from memory if it is there and valid, else from the store.
// A hit takes no lock of this package, allocates nothing and does not look at ctx.
//
// Its AsOf may be newer than the entry: up to the last change announced before, none touched the entry's slot. Whoever
// acts upon it looks whether its Until holds, last: a time that was taken after the lookup would say nothing of what
// came before it.
func (c *Cache) Snapshot(ctx context.Context, subject consent.Subject, freshness consent.Freshness) (consent.Snapshot, error) {
	until := int64(0)
	if c.config.Standing != nil {
		until = c.config.Standing.Until()
	}
	switch {
	case freshness != consent.MinimizeLatency, c.config.Standing != nil && until == 0:
		// A replica may lack what others, who take this node for gone, have acknowledged.
		return c.waited(ctx, func(ctx context.Context) (consent.Snapshot, error) { return c.store.ReadLatest(ctx, subject) })
	case c.entries == nil:
		return c.waited(ctx, func(ctx context.Context) (consent.Snapshot, error) { return c.store.Read(ctx, subject) })
	}
	snapshot, err := c.cached(ctx, subject)
	snapshot.Until = until
	return snapshot, err
}

// cached returns the state from memory, or reads it into memory.
func (c *Cache) cached(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	hash := c.hash(subject)
	for {
		h := c.history.Load()
		announced, floor := h.of(hash)
		if e := c.lookup(hash, subject, wanted{h, floor}); e != nil {
			return e.body.snapshot(e.person, max(e.asOf, announced)), nil
		}
		key := flightKey{subject, wanted{h, floor}}
		snapshot, err := c.waited(ctx, func(ctx context.Context) (consent.Snapshot, error) { return c.load(ctx, key) })
		if c.history.Load() != h {
			continue // what was read may have been lost
		}
		if err != nil {
			return consent.Snapshot{}, err
		}
		snapshot.AsOf = max(snapshot.AsOf, announced)
		return snapshot, nil
	}
}

// wanted is what an entry must be of, and not older than, to count.
type wanted struct {
	history *history
	floor   consent.Revision
}

// waited is read, of which Config.Waiting is told.
func (c *Cache) waited(ctx context.Context, read reading) (consent.Snapshot, error) {
	if c.config.Standing != nil {
		read = read.inTime()
	}
	if c.config.Waiting == nil {
		return read(ctx)
	}
	done := c.config.Waiting(ctx)
	snapshot, err := read(ctx)
	done(err)
	return snapshot, err
}

// reading reads a state from the store.
type reading func(context.Context) (consent.Snapshot, error)

// The part of a caller's deadline that is left for an answer without the store, and its bound.
const (
	sparePart = 8
	maxSpare  = 50 * time.Millisecond
)

// inTime ends a reading a moment before its caller's deadline, by consent.ErrUnavailable: a database that hangs is to
// be told from a caller who has left, who cannot be answered any more.
func (r reading) inTime() reading {
	return func(ctx context.Context) (consent.Snapshot, error) {
		deadline, has := ctx.Deadline()
		if !has {
			return r(ctx)
		}
		earlier, cancel := context.WithDeadline(ctx, deadline.Add(-min(time.Until(deadline)/sparePart, maxSpare)))
		defer cancel()
		snapshot, err := r(earlier)
		if err != nil && ctx.Err() == nil && earlier.Err() != nil && !errors.Is(err, consent.ErrUnavailable) {
			err = fmt.Errorf("reading subject state: %w: no answer in time", consent.ErrUnavailable)
		}
		return snapshot, err
	}
}

func (c *Cache) hash(subject consent.Subject) uint64 { return maphash.Comparable(c.seed, subject) }

// lookup returns the entry with the body that counts for subject, or nil. Each call adds one to lookups first, and one
// to hits, misses or invalid last: Close waits until they are equal, because ristretto panics where Get and Close
// overlap.
func (c *Cache) lookup(hash uint64, subject consent.Subject, want wanted) *entry {
	n := c.counts.stripe(hash)
	n.lookups.Add(1)
	if c.closed.Load() {
		n.misses.Add(1)
		return nil
	}
	e, found := c.entries.Get(hash)
	if found = found && e.names(subject); found && e.body == nil {
		// The alias may be older than the floor, the person may not: see entry.
		alias := e
		e, found = c.entries.Get(c.personHash(alias.controller, alias.person))
		found = found && e.isOf(alias)
	}
	switch {
	case !found:
		n.misses.Add(1)
		return nil
	case e.history != want.history || e.asOf < want.floor:
		n.invalid.Add(1)
		return nil
	}
	n.hits.Add(1)
	return e
}

func (c *Cache) personHash(controller unique.Handle[string], person consent.PersonKey) uint64 {
	return maphash.Comparable(c.seed, personID{controller, person})
}

// personID is what a person is cached under.
type personID struct {
	controller unique.Handle[string]
	key        consent.PersonKey
}

// Close closes the cache and its store. It waits for calls under way; later calls fail with consent.ErrUnavailable. A
// second call returns what the first did. It may be called without a store, when none could be opened.
func (c *Cache) Close() error {
	c.close.Do(func() {
		c.closed.Store(true)
		c.flights.close()
		if c.entries != nil {
			for c.counts.busy() {
				runtime.Gosched() // a lookup takes nanoseconds
			}
			c.entries.Close()
		}
		if c.store != nil {
			c.close.err = c.store.Close()
		}
	})
	return c.close.err
}
