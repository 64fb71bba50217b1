package pebble

import (
	"errors"
	"io"
	"io/fs"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// stalls are what keeps writes waiting and passes by itself: a disk without room, a process without file descriptors, a
// disk that does not answer. Nothing has failed yet: what waits is written once it can be, in its order, and no
// revision is given away.
//
// Whoever records does not wait with it. While there is no room Record fails at once, and so does a Record under way,
// whose change may still become durable, as when its context ends. A disk that is only slow is told, and waited for.
//
// The rejected alternative, to give pebble up and open it again in the same process, must keep the old one, parts of
// which cannot be stopped, from the files of the new one, and learn which of the changes that were announced have
// become durable. To wait needs neither.
//
// All but current is guarded by monitor.mu.
type stalls struct {
	// waiting counts what waits for room; flush says that the flush of a memtable is among it.
	waiting int
	flush   bool
	// current is the time without room that is there, or the next one.
	current atomic.Pointer[stall]

	// began is when the write under way began, zero: none is. slow says that it was told of.
	began time.Time
	slow  bool
	timer *time.Timer
	// slowAfter is how long a write may take before it is told, longest the longest pause between two tries.
	slowAfter, longest time.Duration
}

// stall is a time without room.
type stall struct {
	// begun is closed once err is set.
	begun chan struct{}
	err   error
}

func newStall() *stall { return &stall{begun: make(chan struct{})} }

const (
	// defaultSlowAfter is less than the deadlines that callers commonly have.
	defaultSlowAfter = 2 * time.Second
	// defaultLongest is how late writes go on after there is room again.
	defaultLongest = time.Second
	firstTry       = 10 * time.Millisecond
)

// errSlow is what is told of a disk that does not answer.
var errSlow = errors.New("the disk has not answered a write in time")

// noRoom reports whether a write may go on where it ended: the disk, a quota or a limit of the process had no room.
func noRoom(err error) bool {
	return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		errors.Is(err, io.ErrShortWrite)
}

// notYet reports whether a file may be begun later: there was no room, no descriptor or no permission.
func notYet(err error) bool {
	return noRoom(err) || noDescriptors(err) || errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}

// persist does something until it goes well, or fails by an error that does not pass, or the store closes.
func (m *monitor) persist(passes func(error) bool, do func() error) error {
	err := do()
	if err == nil || !passes(err) || !m.opened.Load() || m.isClosing() {
		return err
	}
	m.waits(err)
	for pause := firstTry; ; pause = min(2*pause, m.stalls.longest) {
		select {
		case <-m.closing:
			return err
		case <-time.After(pause):
		}
		if err = do(); err == nil || !passes(err) {
			m.goesOn()
			return err
		}
	}
}

// waits says that something waits for room.
func (m *monitor) waits(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stalls.waiting++; m.stalls.waiting > 1 {
		return
	}
	m.log.Error("writes wait and go on by themselves: free space, or mend what the error says", "error", err)
	now := m.stalls.current.Load()
	now.err = err
	close(now.begun)
	m.tell()
}

// goesOn says that one of what waited does not any more.
func (m *monitor) goesOn() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stalls.waiting--; m.stalls.waiting > 0 {
		return
	}
	m.stalls.current.Store(newStall())
	m.log.Info("writes go on")
	m.tell()
}

// flushFound takes how the last flush ended.
func (m *monitor) flushFound(err error) {
	m.mu.Lock()
	was := m.stalls.flush
	m.stalls.flush = err != nil
	m.mu.Unlock()
	switch {
	case err != nil && !was:
		m.waits(err)
	case err == nil && was:
		m.goesOn()
	}
}

// stalled returns why writes wait for room, or nil.
func (m *monitor) stalled() error {
	now := m.stalls.current.Load()
	select {
	case <-now.begun:
		return now.err
	default:
		return nil
	}
}

// writing is called when a write begins; one that takes long is told of, until wrote is called.
func (m *monitor) writing() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stalls.began = time.Now()
	if m.stalls.timer == nil {
		m.stalls.timer = time.AfterFunc(m.stalls.slowAfter, m.tellSlow)
		return
	}
	m.stalls.timer.Reset(m.stalls.slowAfter)
}

func (m *monitor) tellSlow() {
	m.mu.Lock()
	defer m.mu.Unlock()
	// The timer may be that of a write which has just ended.
	if m.stalls.began.IsZero() || time.Since(m.stalls.began) < m.stalls.slowAfter || m.stalled() != nil {
		return
	}
	m.stalls.slow = true
	m.log.Warn("a write waits for the disk", "since", m.stalls.slowAfter)
	m.tell()
}
