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
	"github.com/cockroachdb/pebble/v2/vfs"
)

// monitor is pebble's logger and event listener, and remembers the failure after which the store may not write.
//
// Pebble calls Fatalf where it cannot go on and expects the process to end. Here the process lives on and reads on: the
// goroutine that called is stopped for good, because pebble would try again, and could, after a failed write of its
// manifest, write one that names missing files. Pebble can then not be closed any more: the store is halted.
type monitor struct {
	log *slog.Logger
	// failed is closed once failure is set, halted when a goroutine of pebble was stopped.
	failed, halted chan struct{}
	first          atomic.Pointer[error]
	halting        sync.Once
	// opened is set when the store is open: until then a failure is Open's error, and not logged.
	opened atomic.Bool
	// closing is set when the store is being closed: what fails then is not tried again.
	closing atomic.Bool
	// ending is set when pebble itself is being closed: from then on Close returns the failure.
	ending atomic.Bool
	// errors counts background errors since the last flush that went well.
	errors atomic.Uint64
}

func newMonitor(log *slog.Logger) *monitor {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &monitor{log: log, failed: make(chan struct{}), halted: make(chan struct{})}
}

// failure returns the first failure, or nil.
func (m *monitor) failure() error {
	if err := m.first.Load(); err != nil {
		return *err
	}
	return nil
}

func (m *monitor) stuck() bool {
	select {
	case <-m.halted:
		return true
	default:
		return false
	}
}

// fail remembers err if it is the first failure.
func (m *monitor) fail(err error) {
	if !m.first.CompareAndSwap(nil, &err) {
		return
	}
	close(m.failed)
	if m.opened.Load() {
		m.log.Error("the store refuses writes: free space or repair the disk, then start the process again", "error", err)
	}
}

// halt is fail for what leaves pebble in a state in which it must neither write nor be closed. It stops its goroutine for
// good.
func (m *monitor) halt(err error) {
	m.fail(err)
	m.halting.Do(func() { close(m.halted) })
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
			if info.Err == nil {
				m.errors.Store(0)
			}
		},
	}
}

// backgroundError is called where a flush or a compaction failed. Pebble tries again at once, without end: a pause that
// doubles keeps that from taking a whole core, and only every doubling is logged.
func (m *monitor) backgroundError(err error) {
	if errors.Is(err, engine.ErrCancelledCompaction) {
		return
	}
	if !m.opened.Load() {
		// Pebble's Open waits for that end.
		m.halt(err)
	}
	n := m.errors.Add(1)
	if bits.OnesCount64(n) == 1 {
		m.log.Error("writing the store's tables", "error", err, "times", n)
	}
	if vfs.IsNoSpaceError(err) || m.closing.Load() {
		m.fail(err)
	}
	time.Sleep(time.Millisecond << min(n, 9))
}
