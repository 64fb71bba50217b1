// Package acts is the audit of acts: who recorded what, who read, exported or had explained whom, who put which
// policies in force, and who was kept from it. It is an append-only file of JSON Lines.
//
// A line is on disk before Write returns, and so before the act is answered; acts that wait share an fsync. Each line
// has the SHA-256 of the line before, so that Verify sees a line that was changed, removed or put in between. The chain
// has no key: who may write the file can write all of it anew. Against that, lines must leave the machine as they come,
// or the last hash must be noted elsewhere.
//
// The file grows to a size and is then numbered; numbered files are never touched again, nor removed: how long they are
// kept is the operator's to decide. What a crash left of a line is cut off at the next start.
//
// Failure: an act that cannot be audited fails with consent.ErrUnaudited, for as long as the disk does not take it.
// What was recorded is no such act: the ledger names who recorded it, and a withdrawal is not to be refused because of
// an audit. It is noted: written before the answer, and synced within a second. What could not be noted is counted, and
// the first line after says how many are missing.
package acts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// Act is one thing that a caller did, or was kept from doing. What does not apply is zero.
type Act struct {
	// At is when it ended, or began where Begun is set; zero means now.
	At time.Time
	// Method is the name of the call, without its service.
	Method string
	// By is who did it; zero is nobody who was recognised.
	By consent.Identity
	// RequestID is what the caller calls the request.
	RequestID string
	// Controller and Subject are whom it was about, Also another id of the subject's person.
	Controller, Subject, Also string
	Purpose                   string
	// Past says that it was about what was known or in force in the past.
	Past bool
	// Events are those that were to be recorded. Their content is in the ledger.
	Events []Event
	// Policies is the revision of the policies that it was about, Files how many files they have.
	Policies string
	Files    int
	// Begun says that it is under way: another line follows when it ends.
	Begun bool
	// Denied says that the caller may not do it, or was not recognised, or that it could not be asked, because the request
	// cannot be decoded.
	Denied bool
	// Outcome is the gRPC code with which it was answered, as OK.
	Outcome string
}

// Event is one of those that an act recorded.
type Event struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
}

const (
	// DefaultRotate is some 200,000 lines.
	DefaultRotate = 64 << 20
	// minRotate is below what one act takes at most.
	minRotate = 1 << 20
	// maxWaiting bounds the acts that wait for the disk; those that come after them are refused, or missing if they are
	// noted.
	maxWaiting = 4096
	// noteSync is after what time what was only noted is synced.
	noteSync = time.Second
	// noteWait is how long Note waits for a disk that hangs.
	noteWait = 2 * time.Second
)

// Config says where the audit is written. The zero value is DATA_DIR/audit/acts.jsonl.
type Config struct {
	// File is the file that is written to. Empty means Default, which who opens it sets. Its directory is made if it is
	// not there.
	File string
	// Rotate is the size at which a file is numbered and another begun, at least 1 MiB. Zero means DefaultRotate.
	Rotate int64
	// Logger is told when the audit begins to fail, and when it goes on. Nil means that nobody is.
	Logger *slog.Logger
	// Now dates lines. Nil means the system's clock.
	Now func() time.Time
	// open opens the file; nil means openFile. Tests have it fail.
	open func(path string) (file, error)
}

// Validate returns all faults of c, each with the flag's name first.
func (c Config) Validate() error {
	if c.Rotate != 0 && c.Rotate < minRotate {
		return fmt.Errorf("audit-rotate: %d bytes is too small: at least 1MiB is needed", c.Rotate)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Rotate == 0 {
		c.Rotate = DefaultRotate
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.open == nil {
		c.open = openFile
	}
	return c
}

// Log is an audit that is open. All methods may be called concurrently, Close once and last.
type Log struct {
	config  Config
	wake    chan struct{}
	stopped chan struct{}
	denials denials
	// failing is set while the disk does not take lines.
	failing atomic.Bool
	stats   struct{ lines, syncs, missed, suppressed atomic.Uint64 }

	mu struct {
		sync.Mutex
		queue []*waiting
		// closed says that nothing is queued any more.
		closed bool
		// missed counts the acts that were noted and are not in the file, since the last line that told of it.
		missed uint64
	}
	// writer is the goroutine's that writes.
	writer writer
}

// waiting is an act that waits for the disk.
type waiting struct {
	act Act
	// noted is set where nobody fails if it is missing.
	noted bool
	// err is readable once done is closed.
	err  error
	done chan struct{}
}

// Open opens the audit and goes on with its chain of hashes. It refuses a file that another process writes.
func Open(c Config) (*Log, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	l := &Log{config: c.withDefaults(), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	l.denials.counts = map[consent.Identity]*denied{}
	l.writer = writer{config: l.config}
	if err := l.writer.start(); err != nil {
		return nil, fmt.Errorf("audit-file: %s %w", c.File, err)
	}
	go l.run()
	return l, nil
}

// Write writes an act and returns when it is on disk. Its error is consent.ErrUnaudited, wrapped, or the context's.
// Acts that were denied are written up to a rate for each caller; those beyond it are counted.
func (l *Log) Write(ctx context.Context, act Act) error {
	if act.Denied && !l.denials.admit(act.By, l.config.Now()) {
		l.stats.suppressed.Add(1)
		return nil
	}
	w := &waiting{act: act, done: make(chan struct{})}
	if err := l.enqueue(w); err != nil {
		return err
	}
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Note writes an act that is not to fail because of it. It returns when the act is in the file, which is synced within
// a second, or when that takes too long. An fsync for each took a third of the throughput of recording.
func (l *Log) Note(act Act) {
	w := &waiting{act: act, noted: true, done: make(chan struct{})}
	if err := l.enqueue(w); err != nil {
		l.miss(1)
		return
	}
	if l.failing.Load() {
		return
	}
	timer := time.NewTimer(noteWait)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
		l.fail(errors.New("the disk does not answer"))
	}
}

func (l *Log) enqueue(w *waiting) error {
	if w.act.At.IsZero() {
		w.act.At = l.config.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.mu.closed:
		return fmt.Errorf("%w: it is closed", consent.ErrUnaudited)
	case len(l.mu.queue) >= maxWaiting:
		return fmt.Errorf("%w: too many acts wait for the disk", consent.ErrUnaudited)
	}
	l.mu.queue = append(l.mu.queue, w)
	select {
	case l.wake <- struct{}{}:
	default: // it is awake
	}
	return nil
}

// run writes what is queued, group by group, until Close.
func (l *Log) run() {
	defer close(l.stopped)
	var syncing <-chan time.Time
	for {
		select {
		case _, open := <-l.wake:
			l.flush()
			if !open {
				return
			}
			if syncing == nil && l.writer.unsynced > 0 {
				syncing = time.After(noteSync)
			}
		case <-syncing:
			syncing = nil
			l.lose(l.writer.sync())
		}
	}
}

func (l *Log) flush() {
	for {
		group, missed := l.take()
		if len(group) == 0 {
			return
		}
		lines := l.denials.summaries(l.config.Now())
		if missed > 0 {
			lines = append(lines, line{At: l.config.Now(), Outcome: outcomeMissed, Missed: missed})
		}
		waited := l.failing.Load() // only a whole round says that the disk is well again
		for _, w := range group {
			lines = append(lines, lineOf(&w.act))
			waited = waited || !w.noted
		}
		lost, err := l.writer.write(lines)
		if err == nil && waited {
			l.stats.syncs.Add(1)
			// Of what it loses, the group is told of by itself.
			if lost, err = l.writer.sync(); err != nil {
				lost -= uint64(len(lines))
			}
		}
		l.told(err, group)
		if err != nil {
			l.lose(lost, err)
			l.miss(missed)
			l.denials.restore(lines)
		} else {
			l.stats.lines.Add(uint64(len(lines)))
		}
		for _, w := range group {
			close(w.done)
		}
	}
}

// lose counts noted lines that were written and did not reach the disk.
func (l *Log) lose(lines uint64, err error) {
	if err == nil {
		return
	}
	l.fail(err)
	l.stats.missed.Add(lines)
	l.miss(lines)
}

// take empties the queue.
func (l *Log) take() (group []*waiting, missed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if group = l.mu.queue; len(group) > 0 {
		l.mu.queue, missed, l.mu.missed = nil, l.mu.missed, 0
	}
	return group, missed
}

// told says what became of a group, and counts what is missing.
func (l *Log) told(err error, group []*waiting) {
	if err == nil {
		if l.failing.CompareAndSwap(true, false) {
			l.config.Logger.Info("the audit of acts is written again", "file", l.config.File)
		}
		return
	}
	l.fail(err)
	for _, w := range group {
		w.err = fmt.Errorf("%w: %w", consent.ErrUnaudited, err)
		if w.noted {
			l.stats.missed.Add(1)
			l.miss(1)
		}
	}
}

// fail says once that the audit fails.
func (l *Log) fail(err error) {
	if l.failing.CompareAndSwap(false, true) {
		l.config.Logger.Error("the audit of acts cannot be written: reading, explaining and changing policies is refused until it "+
			"can, recording goes on; free space or mend the disk", "file", l.config.File, "error", err)
	}
}

func (l *Log) miss(n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.missed += n
}

// Close writes what is queued, and how many denials were not written, and closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	l.mu.closed = true
	l.mu.Unlock()
	close(l.wake)
	<-l.stopped
	var err error
	if lines := l.denials.all(l.config.Now()); len(lines) > 0 {
		_, err = l.writer.write(lines)
	}
	return errors.Join(err, l.writer.close())
}

// Stats are counts since the start.
type Stats struct {
	// Lines were written, by Syncs fsyncs.
	Lines, Syncs uint64
	// Missed acts were noted and are not in the file, Suppressed denials counted and not written each.
	Missed, Suppressed uint64
	// Failing is whether lines cannot be written.
	Failing bool
}

// Stats returns the counts.
func (l *Log) Stats() Stats {
	return Stats{
		Lines: l.stats.lines.Load(), Syncs: l.stats.syncs.Load(), Missed: l.stats.missed.Load(),
		Suppressed: l.stats.suppressed.Load(), Failing: l.failing.Load(),
	}
}
