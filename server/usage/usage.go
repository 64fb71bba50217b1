// Package usage counts what callers ask for in fact: decisions by controller, purpose, caller, recipient kind and data
// category, for each day by UTC. It is what a record of processing activities (GDPR Art. 30) is made of, and it names
// no subject.
//
// The counts of a day are a file, written anew every minute or so, and at Close: a crash loses what was counted since.
// A file that is damaged is told of in the log and moved aside, and its day begins anew; it never keeps a server from
// starting. Days, the kinds that are told apart on one, and what a file may have are bounded; what is beyond is counted
// as overflowed. Where the disk takes no file, counts are kept in memory and written later.
//
// The counts are of this node alone: of several, each has its own.
package usage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// Day counts the days since 1 January 1970, by UTC.
type Day int32

const nanosecondsADay = consent.Instant(24 * time.Hour)

// DayOf is the day of an instant.
func DayOf(at consent.Instant) Day {
	day := at / nanosecondsADay
	if at%nanosecondsADay < 0 {
		day--
	}
	return Day(day)
}

// Start is the day's first instant.
func (d Day) Start() consent.Instant { return consent.Instant(d) * nanosecondsADay }

// String is the date, as 2026-11-30.
func (d Day) String() string { return time.Unix(int64(d)*24*60*60, 0).UTC().Format(time.DateOnly) }

// Kind is what decisions are counted by. It is comparable.
type Kind struct {
	Controller, Purpose string
	// Caller asked; zero where authentication is off.
	Caller consent.Identity
	// Recipient is zero where none was named.
	Recipient consent.RecipientKind
	// Category is one of those that were asked about; empty where none was named.
	Category string
}

// Counts are how many decisions allowed and denied.
type Counts struct{ Allowed, Denied uint64 }

func (c *Counts) add(o Counts) {
	c.Allowed, c.Denied = sumOf(c.Allowed, o.Allowed), sumOf(c.Denied, o.Denied)
}

// sumOf stops at the largest number: what clients report may be any, and must not make a count smaller.
func sumOf(a, b uint64) uint64 {
	if sum, over := bits.Add64(a, b, 0); over == 0 {
		return sum
	}
	return math.MaxUint64
}

const (
	// DefaultKeepDays is a year and a month: a yearly review finds all of it.
	DefaultKeepDays = 400
	maxKeepDays     = 3660
	// DefaultInterval is how much a crash may lose.
	DefaultInterval = time.Minute
	// maxKinds bounds the kinds of a day, and maxKindsACaller those of one caller: who invents categories must not keep
	// others out of the record. A file of so many is 2 MB, or 13 MB where all names are as long as they may be.
	maxKinds, maxKindsACaller = 10_000, 5_000
	// maxShardKinds bounds the kinds of a shard until they are gathered.
	maxShardKinds = 2048
)

// Config says where counts are kept.
type Config struct {
	// Dir is made if it is not there. Empty means DATA_DIR/usage, which who opens it sets.
	Dir string
	// KeepDays is how many days are kept, the newest on which anything was asked; 1 to 3660. Zero means
	// DefaultKeepDays.
	KeepDays int
	// Interval is how often counts are written. Zero means DefaultInterval.
	Interval time.Duration
	// Logger is told of damage, and when writing begins to fail and goes on. Nil means that nobody is.
	Logger *slog.Logger
	// Now is the clock of queries; decisions bring their own. Nil means the system's.
	Now func() consent.Instant
}

// Validate returns all faults of c, each with the flag's name first.
func (c Config) Validate() error {
	if c.KeepDays < 0 || c.KeepDays > maxKeepDays {
		return fmt.Errorf("usage-keep: %d: give a number of days from 1 to %d", c.KeepDays, maxKeepDays)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.KeepDays == 0 {
		c.KeepDays = DefaultKeepDays
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = func() consent.Instant { return consent.InstantOf(time.Now()) }
	}
	return c
}

// Recorder counts. All methods may be called concurrently, Close once and last.
//
// A decision is counted in one of several shards, each a map under a mutex of its own. A goroutine tries them from a
// random one on and takes the first that is free, so that it waits for none that another holds: one that is preempted
// with a mutex in hand delays nobody. Atomic counters that all cores share were the alternative; a hot one is a cache
// line that moves with each decision.
type Recorder struct {
	config Config
	shards []shard
	// full has the shards gathered early.
	full    chan struct{}
	stop    chan struct{}
	stopped chan struct{}
	// overflowed counts since the start.
	overflowed atomic.Uint64

	// book is guarded by mu, which is held while files are read and written.
	mu   sync.Mutex
	book book
}

// shard counts a part of the decisions since it was gathered.
type shard struct {
	mu     sync.Mutex
	counts map[asking]*Counts
	// overflowed are the decisions that found no room, by day.
	overflowed map[Day]uint64
	_          [64]byte // the next shard's mutex is on another cache line
}

// asking is a kind on a day, as it is found fastest: the caller by its address, so that its names are not hashed. A
// caller that has several addresses is one again when shards are gathered.
type asking struct {
	controller, purpose, category string
	caller                        *caller.Caller
	day                           Day
	recipient                     consent.RecipientKind
}

// clone copies what may lie in memory that is used again.
func (a asking) clone() asking {
	for _, text := range []*string{&a.controller, &a.purpose, &a.category} {
		*text = strings.Clone(*text)
	}
	return a
}

func (a *asking) kind() Kind {
	return Kind{
		Controller: a.controller, Purpose: a.purpose, Caller: a.caller.Identity(), Recipient: a.recipient, Category: a.category,
	}
}

// Open begins to count, and goes on with what is in the directory.
func Open(c Config) (*Recorder, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	r := &Recorder{
		config: c, full: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
		shards: make([]shard, 4<<bits.Len(uint(runtime.GOMAXPROCS(0)-1))), book: book{config: c, pages: map[Day]*page{}},
	}
	for i := range r.shards {
		r.shards[i].empty()
	}
	if err := r.book.open(); err != nil {
		return nil, fmt.Errorf("opening the record of processing: %w", err)
	}
	go r.run()
	return r, nil
}

func (s *shard) empty() { s.counts, s.overflowed = map[asking]*Counts{}, nil }

// Decided counts a decision that was given out. It implements authz.Observer.
func (r *Recorder) Decided(ctx context.Context, d *authz.Decided) {
	r.count(askingOf(ctx, d.Request, d.Now), asked{d.Request.DataCategories, countsOf(d.Decision.Effect, 1)})
}

// Reported counts the decisions that a client's cache answered, as of now. It implements authz.Reporter.
func (r *Recorder) Reported(ctx context.Context, d *authz.Reported) {
	r.count(askingOf(ctx, &d.Request, r.config.Now()), asked{d.Request.DataCategories, countsOf(d.Decision.Effect, d.Count)})
}

func askingOf(ctx context.Context, q *consent.Request, at consent.Instant) asking {
	return asking{
		controller: q.Subject.Controller, purpose: q.Purpose, caller: caller.From(ctx), recipient: q.Recipient.Kind, day: DayOf(at),
	}
}

func countsOf(e consent.Effect, n uint64) Counts {
	if e == consent.Allow {
		return Counts{Allowed: n}
	}
	return Counts{Denied: n}
}

// asked is how often something was asked, and about which categories.
type asked struct {
	categories []string
	counts     Counts
}

// count counts under each of the categories, or under none.
func (r *Recorder) count(k asking, a asked) {
	s := r.lock()
	defer s.mu.Unlock()
	if len(a.categories) == 0 {
		r.add(s, k, a.counts)
	}
	for _, category := range a.categories {
		k.category = category
		r.add(s, k, a.counts)
	}
}

// lock returns a shard that nobody else holds.
func (r *Recorder) lock() *shard {
	at := rand.Uint32()
	for i := range uint32(len(r.shards)) {
		if s := &r.shards[(at+i)%uint32(len(r.shards))]; s.mu.TryLock() {
			return s
		}
	}
	s := &r.shards[at%uint32(len(r.shards))]
	s.mu.Lock()
	return s
}

func (r *Recorder) add(s *shard, k asking, n Counts) {
	if known := s.counts[k]; known != nil {
		known.add(n)
		return
	}
	r.addNew(s, k, n)
}

// addNew is apart from add, which does not allocate.
func (r *Recorder) addNew(s *shard, k asking, n Counts) {
	if len(s.counts) >= maxShardKinds {
		if s.overflowed == nil {
			s.overflowed = map[Day]uint64{}
		}
		s.overflowed[k.day] = sumOf(s.overflowed[k.day], sumOf(n.Allowed, n.Denied))
		select {
		case r.full <- struct{}{}:
		default: // it is about to be gathered
		}
		return
	}
	s.counts[k.clone()] = &n
}

// run writes now and then, until Close.
func (r *Recorder) run() {
	defer close(r.stopped)
	ticker := time.NewTicker(r.config.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.flush()
		case <-r.full:
			r.mu.Lock()
			r.gather()
			r.mu.Unlock()
		case <-r.stop:
			return
		}
	}
}

// flush gathers and writes.
func (r *Recorder) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gather()
	r.book.save()
}

// gather moves what the shards have counted into the book. Its caller holds mu.
func (r *Recorder) gather() {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		counts, overflowed := s.counts, s.overflowed
		s.empty()
		s.mu.Unlock()
		for k, n := range counts {
			r.overflowed.Add(r.book.page(k.day).add(k.kind(), *n))
		}
		for day, n := range overflowed {
			r.overflowed.Add(n)
			r.book.page(day).overflow(n)
		}
	}
}

// Close writes what was counted.
func (r *Recorder) Close() error {
	close(r.stop)
	<-r.stopped
	r.flush()
	if r.book.failing {
		return errors.New("the record of processing of today could not be written: see the log")
	}
	return nil
}

// Stats are what metrics show.
type Stats struct {
	// Overflowed decisions are counted under no kind, since the start.
	Overflowed uint64
	// Failing is whether counts cannot be written.
	Failing bool
}

// Stats returns them.
func (r *Recorder) Stats() Stats {
	return Stats{Overflowed: r.overflowed.Load(), Failing: r.book.fails.Load()}
}
