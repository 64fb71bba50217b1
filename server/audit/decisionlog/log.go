// Package decisionlog writes each decision that is given out, or some of them, to a log of package line.
//
// The request's path appends a record to a chunk of memory that its processor has for itself most of the time, and does
// nothing else: no JSON, no hash, no rule, no write. One writer makes lines of the chunks, names subjects by their
// HMAC, has the rules leave lines out or take fields off them, and gives the sink whole lines. A line reaches the sink
// within sweepEvery, and a file of zstd has it within a second of its decision: that, or a MiB, is what a kill loses.
//
// Memory is bounded by the chunks. Where the sink takes less than comes, the queue runs full, and Overflow says what
// becomes of the rest: lines are left out and counted (Drop, which never delays a call), the call waits and at last
// fails (Block), or a local file takes them (Spill). A sink that fails is tried again, at most every five seconds,
// until it takes what waits; nothing but stopping gives up a line that is in the queue. Where lines are missing, the
// log has a line that says how many.
//
// Lines of one moment come in no particular order. Which rules fired is not in the log: see package line.
package decisionlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// The measures of the queue.
const (
	// chunkBytes is what a chunk gathers before the writer gets it: some 250 lines.
	chunkBytes = 64 << 10
	// chunkSlack is room for the record that fills a chunk.
	chunkSlack = 8 << 10
	// maxShards bounds the chunks that are filled at once.
	maxShards = 64
	// sweepEvery is how long a record waits in a chunk that does not fill.
	sweepEvery = 200 * time.Millisecond
	// closeWithin bounds how long Close waits for the sink.
	closeWithin = 5 * time.Second
)

// Log is a decision log. Recorded and Reported may be called concurrently, until Close.
type Log struct {
	config   Config
	rate     rate
	purposes purposes
	keys     keyring
	rules    Rules

	shards []shard
	// own has the shards, so that each processor finds the one that it used last.
	own sync.Pool
	// free and full hold chunks, and have room for all: sending never waits.
	free, full chan *chunk
	closed     atomic.Bool

	counts counts
	sink   sink
	spill  *fileSink
	// pressed wakes the one who spills.
	pressed chan struct{}
	// stop ends the writers, abort what they wait for; writers waits for them.
	stop    chan struct{}
	abort   context.CancelFunc
	aborted context.Context
	writers sync.WaitGroup
	// abortAfter is how long Close waits for the sink.
	abortAfter time.Duration
}

// chunk is memory for records, used over and over.
type chunk struct {
	data []byte
	// names are the callers of its records, callers the same by address.
	names   []string
	callers []*caller.Caller
	lines   int
}

// shard is a chunk that is being filled.
type shard struct {
	mu sync.Mutex
	// open is guarded by mu; nil: none.
	open *chunk
	_    [48]byte
}

// Open opens the log that c names, or returns nil where it names none. The error is one fault, or all faults of c.
func Open(c Config) (*Log, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Sink == "" {
		return nil, nil
	}
	return openOver(c, nil)
}

// openOver opens a log over a sink; nil: the one that c names.
func openOver(c Config, to sink) (*Log, error) {
	l := &Log{
		config: c.withDefaults(), sink: to, stop: make(chan struct{}), pressed: make(chan struct{}, 1), abortAfter: closeWithin,
	}
	if err := l.open(); err != nil {
		return nil, err
	}
	l.makeChunks()
	l.aborted, l.abort = context.WithCancel(context.Background())
	l.writers.Go(l.write)
	if l.spill != nil {
		l.writers.Go(l.relieve)
	}
	return l, nil
}

func (l *Log) open() (err error) {
	c := l.config
	l.rate, _ = parseRate(c.Decisions) // Validate has looked at both
	l.purposes, _ = parsePurposes(c.Purposes)
	if err := l.keys.open(c); err != nil {
		return fmt.Errorf("decision-log-subject-key: %w", err)
	}
	if c.Rules != "" {
		if l.rules, err = c.NewRules(c.Rules); err != nil {
			return fmt.Errorf("decision-log-rules: %w", err)
		}
	}
	if c.Overflow == Spill {
		if l.spill, err = newFileSink(c.SpillFile, c); err != nil {
			return fmt.Errorf("decision-log-spill: %w", err)
		}
	}
	if l.sink != nil {
		return nil
	}
	if l.sink, err = c.open(&l.counts.refused); err != nil && l.spill != nil {
		err = errors.Join(err, l.spill.Close())
	}
	return err
}

func (l *Log) makeChunks() {
	chunks := int(l.config.Buffer / chunkBytes)
	l.free, l.full = make(chan *chunk, chunks), make(chan *chunk, chunks)
	for range chunks {
		l.free <- &chunk{}
	}
	l.shards = make([]shard, min(runtime.GOMAXPROCS(0), maxShards, chunks/2))
	l.own.New = func() any { return &l.shards[rand.IntN(len(l.shards))] }
}

// Recorded logs a decision. Its error is consent.ErrNotLogged, with Block alone.
func (l *Log) Recorded(ctx context.Context, d *authz.Decided) error {
	if !l.purposes.of(d.Request, l.rate).takes(d.Decision) {
		return nil
	}
	return l.append(ctx, &entry{at: d.Now, latency: time.Since(d.Began), request: d.Request, decision: d.Decision})
}

// Reported logs what a near cache answered. It does not wait: the checks were answered long ago.
func (l *Log) Reported(ctx context.Context, r *authz.Reported) {
	if !l.purposes.of(&r.Request, l.rate).takes(&r.Decision) {
		return
	}
	e := entry{at: consent.InstantOf(time.Now()), request: &r.Request, decision: &r.Decision, answers: r.Count}
	if !l.add(caller.From(ctx), &e) {
		l.counts.drop(1)
	}
}

// append appends a record, or does what Overflow says.
func (l *Log) append(ctx context.Context, e *entry) error {
	who := caller.From(ctx)
	for {
		switch {
		case l.closed.Load():
			return l.refuse("the log is closed")
		case l.add(who, e):
			return nil
		case l.config.Overflow == Drop:
			l.counts.drop(1)
			return nil
		}
		if err := l.await(ctx); err != nil {
			return err
		}
	}
}

// add appends a record to this processor's chunk; false: there is no room.
func (l *Log) add(who *caller.Caller, e *entry) bool {
	s := l.own.Get().(*shard)
	defer l.own.Put(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		select {
		case s.open = <-l.free:
		default:
			return false
		}
	}
	if s.open.add(who, e); len(s.open.data) >= chunkBytes {
		l.hand(s)
	}
	return true
}

// hand gives a shard's chunk to the writer. s.mu is held.
func (l *Log) hand(s *shard) {
	l.counts.queued.Add(int64(len(s.open.data)))
	l.full <- s.open
	s.open = nil
}

func (c *chunk) add(who *caller.Caller, e *entry) {
	if c.data == nil {
		c.data = make([]byte, 0, chunkBytes+chunkSlack)
	}
	if n := len(c.callers); n == 0 || c.callers[n-1] != who {
		c.callers, c.names = append(c.callers, who), append(c.names, who.String())
	}
	c.data = appendRecord(c.data, e, len(c.callers)-1)
	c.lines++
}

// recycle gives a chunk back, and lets go of the memory of one that was much too large.
func (l *Log) recycle(c *chunk) {
	l.counts.queued.Add(-int64(len(c.data)))
	if cap(c.data) > 2*chunkBytes {
		c.data = nil
	}
	clear(c.callers)
	clear(c.names)
	*c = chunk{data: c.data[:0], callers: c.callers[:0], names: c.names[:0]}
	l.free <- c
}

// await waits for a chunk to become free.
func (l *Log) await(ctx context.Context) error {
	select {
	case l.pressed <- struct{}{}:
	default:
	}
	timer := time.NewTimer(patience(ctx))
	defer timer.Stop()
	select {
	case c := <-l.free:
		l.free <- c
		return nil
	case <-ctx.Done():
		return l.refuse("the call's time is up")
	case <-timer.C:
		return l.refuse("no room for too long")
	case <-l.stop:
		return l.refuse("the log is being closed")
	}
}

// patience is how long a call waits: it needs the last tenth of its time to say that it failed.
func patience(ctx context.Context) time.Duration {
	deadline, has := ctx.Deadline()
	if !has {
		return BlockFor
	}
	return min(BlockFor, time.Until(deadline)*9/10)
}

// refuse gives a line up: with Block the decision is not given out.
func (l *Log) refuse(why string) error {
	l.counts.drop(1)
	if l.config.Overflow != Block {
		return nil
	}
	return fmt.Errorf("%w: %s", consent.ErrNotLogged, why)
}

// Close writes what is in the queue, waits for the sink for a few seconds, and closes it. Nothing may be recorded
// meanwhile, or is lost and counted.
func (l *Log) Close() error {
	if l == nil || l.closed.Swap(true) {
		return nil
	}
	timer := time.AfterFunc(l.abortAfter, l.abort)
	defer timer.Stop()
	close(l.stop)
	l.writers.Wait()
	l.abort()
	if lost := l.counts.lost.Load(); lost > 0 {
		l.config.Logger.Error("the decision log was closed before its sink took all lines", "lost", lost)
	}
	return nil
}

// Stats returns the counts since Open; all are zero of no log.
func (l *Log) Stats() Stats {
	if l == nil {
		return Stats{}
	}
	return l.counts.stats()
}
