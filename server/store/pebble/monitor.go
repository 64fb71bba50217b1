package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	engine "github.com/cockroachdb/pebble/v2"
)

// monitor is pebble's logger and event listener, and remembers the failure after which the store may not write. What
// passes by itself is no failure: see stalls.
//
// Pebble calls Fatalf where it cannot go on and expects the process to end. Here the process lives on and reads
// on. What must hold after the first failure: nothing of pebble runs on from where it failed; no change is
// acknowledged any more; every read answers from what was durable; no second store opens the directory beside the
// remains.
//
// So halt never returns. Its goroutine is stopped for good, with whatever locks of pebble it holds, and all others
// meet the store through what needs none of these: Record and Close wait for halted as well as for their answer,
// and a read takes the view that is there. The price: pebble can not be closed any more, and the directory stays
// locked until the process ends.
//
// Edits that look right and are not:
//   - to return from halt or Fatalf: pebble tries again, and could, after a failed write of its manifest, write one
//     that names missing files;
//   - to panic there, or to call runtime.Goexit: the first ends the process, for it is a goroutine of pebble's; the
//     second runs pebble's deferred calls, which give locks away and report work as done;
//   - to close pebble once it has failed, to give the directory free: closing waits for the goroutine that was stopped;
//   - to make a snapshot for each read, or to close one on the reader's goroutine: both take pebble's lock, which the
//     stopped goroutine may hold (see view);
//   - to set first after halted is closed: who is woken by it reads first for the reason.
type monitor struct {
	log *slog.Logger
	// halted is closed once first, the failure, is set.
	halted chan struct{}
	first  atomic.Pointer[error]
	// opened is set when the store is open: until then a failure is Open's error, and not logged.
	opened atomic.Bool
	// closing is closed when the store is being closed: what fails then is not tried again.
	closing chan struct{}
	// ending is set when pebble itself is being closed: from then on Close returns the failure.
	ending atomic.Bool
	// flushed is the outcome of the last flush. Pebble reports a failure there and, before it gives its lock away, to
	// backgroundError.
	flushed atomic.Pointer[error]
	// writes is told when writes begin to fail and when they go well again; failing is what it was told last, outcome
	// how the last write ended.
	writes func(error)
	// mu guards what follows.
	mu      sync.Mutex
	failing bool
	outcome error
	stalls  stalls
	// errors counts background errors since the last flush that went well.
	errors atomic.Uint64
}

func newMonitor(o Options) *monitor {
	m := &monitor{log: o.Logger, writes: o.Writes, halted: make(chan struct{}), closing: make(chan struct{})}
	m.stalls.slowAfter, m.stalls.longest = defaultSlowAfter, defaultLongest
	m.stalls.current.Store(newStall())
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.writes == nil {
		m.writes = func(error) {}
	}
	return m
}

// wrote takes how a write ended.
func (m *monitor) wrote(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcome, m.stalls.began, m.stalls.slow = err, time.Time{}, false
	if m.stalls.timer != nil {
		m.stalls.timer.Stop()
	}
	m.tell()
}

// tell reports whether writes fail or wait, if that is not what was reported last. A halted store's writes fail. mu is
// held.
func (m *monitor) tell() {
	err := m.outcome
	if m.stalls.slow {
		err = errSlow
	}
	for _, worse := range []error{m.stalled(), m.failure()} {
		if worse != nil {
			err = worse
		}
	}
	if failing := err != nil; failing != m.failing {
		m.failing = failing
		m.writes(err)
	}
}

// failure returns the first failure, or nil.
func (m *monitor) failure() error {
	if err := m.first.Load(); err != nil {
		return *err
	}
	return nil
}

// halt remembers err if it is the first failure, and stops its goroutine for good: pebble must not go on there.
func (m *monitor) halt(err error) {
	if m.first.CompareAndSwap(nil, &err) {
		close(m.halted)
		if m.opened.Load() {
			m.log.Error("the store refuses writes: repair the disk, then start the process again", "error", err)
			m.wrote(err)
		}
	}
	select {}
}

// Fatalf implements engine.Logger.
func (m *monitor) Fatalf(format string, args ...any) {
	err := fatalError{text: fmt.Sprintf(format, args...)}
	for _, arg := range args {
		if cause, ok := arg.(error); ok {
			err.cause = cause
		}
	}
	m.halt(err)
}

// fatalError is what pebble says before it wants to end the process, with the error among its arguments.
type fatalError struct {
	text  string
	cause error
}

func (e fatalError) Error() string { return e.text }

func (e fatalError) Unwrap() error { return e.cause }

// Infof implements engine.Logger.
func (m *monitor) Infof(format string, args ...any) {
	if m.log.Enabled(context.Background(), slog.LevelDebug) {
		m.log.Debug("pebble: " + fmt.Sprintf(format, args...))
	}
}

// Errorf implements engine.Logger.
func (m *monitor) Errorf(format string, args ...any) {
	m.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

func (m *monitor) listener() *engine.EventListener {
	return &engine.EventListener{
		BackgroundError: m.backgroundError,
		DataCorruption: func(info engine.DataCorruptionInfo) {
			m.log.Error("the store's files are damaged: restore them from a backup", "path", info.Path, "error", info.Details)
		},
		DiskSlow: func(info engine.DiskSlowInfo) {
			m.log.Warn("disk is slow", "path", info.Path, "duration", info.Duration)
		},
		WriteStallBegin: func(info engine.WriteStallBeginInfo) {
			m.log.Warn("writes wait for the disk", "reason", info.Reason)
		},
		FlushEnd: func(info engine.FlushInfo) {
			m.flushed.Store(&info.Err)
			if info.Err == nil {
				m.errors.Store(0)
				m.flushFound(nil)
			}
		},
	}
}

// backgroundError is called where a flush or a compaction failed, with pebble's lock held. Pebble tries again at
// once, without end: a pause that doubles keeps that from taking a whole core, and only every doubling is logged.
// A flush that fails has writes refused, before they wait for it in vain, until one goes well. While the store is
// opened or closed it halts the store: Open and Close would wait for it.
func (m *monitor) backgroundError(err error) {
	if errors.Is(err, engine.ErrCancelledCompaction) {
		return
	}
	if flush := m.flushed.Load(); flush != nil && errors.Is(err, *flush) {
		if !m.opened.Load() || m.isClosing() {
			m.halt(err)
		}
		m.flushFound(err)
	}
	n := m.errors.Add(1)
	if bits.OnesCount64(n) == 1 {
		m.log.Error("writing the store's tables", "error", err, "times", n)
	}
	if !m.isClosing() {
		time.Sleep(time.Millisecond << min(n, 9))
	}
}

func (m *monitor) isClosing() bool {
	select {
	case <-m.closing:
		return true
	default:
		return false
	}
}
