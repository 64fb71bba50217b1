package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"strings"
	"sync/atomic"
	"time"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// monitor is pebble's logger and event listener, and remembers the failure after which the store may not write.
//
// Pebble calls Fatalf where it cannot go on and expects the process to end. Here the process lives on, so Fatalf decides by
// where it is called: a failed commit is remembered, and the committer fails the group; a failed write of the manifest
// stops its goroutine for good, because pebble would try again and could write a manifest that names missing files.
type monitor struct {
	log *slog.Logger
	// failed is closed once failure is set.
	failed chan struct{}
	first  atomic.Pointer[error]
	// opened is set when the store is open: until then Open returns the failure.
	opened atomic.Bool
	// halted is set when a goroutine of pebble was stopped: it cannot be closed any more.
	halted atomic.Bool
	// errors counts background errors since the last flush that went well.
	errors atomic.Uint64
}

func newMonitor(log *slog.Logger) *monitor {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &monitor{log: log, failed: make(chan struct{})}
}

// failure returns the first failure, or nil.
func (m *monitor) failure() error {
	if err := m.first.Load(); err != nil {
		return *err
	}
	return nil
}

func (m *monitor) stuck() bool { return m.halted.Load() }

// fail remembers err if it is the first failure.
func (m *monitor) fail(err error) {
	if !m.first.CompareAndSwap(nil, &err) {
		return
	}
	close(m.failed)
	if m.opened.Load() {
		m.log.Error("store refuses writes until it is opened again", "error", err)
	}
}

// halt is fail for what leaves pebble in a state in which it must neither write nor be closed.
func (m *monitor) halt(err error) {
	m.halted.Store(true)
	m.fail(err)
}

// commitFailed begins what pebble says where a commit failed, in the goroutine that commits.
const commitFailed = "pebble: fatal commit error"

// Fatalf implements engine.Logger.
func (m *monitor) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if !m.opened.Load() || strings.HasPrefix(format, commitFailed) {
		m.fail(err)
		return
	}
	m.halt(err)
	select {}
}

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
	n := m.errors.Add(1)
	if bits.OnesCount64(n) == 1 {
		m.log.Error("writing the store's tables", "error", err, "times", n)
	}
	if vfs.IsNoSpaceError(err) {
		m.fail(err)
	}
	time.Sleep(time.Millisecond << min(n, 9))
}
