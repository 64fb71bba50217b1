package app

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// steadyClock shows the system's time, and never an earlier one than it has shown (to the millisecond): where somebody
// sets the system's clock back, it goes on by the machine's monotonic clock, ahead of the system's. A consent that has
// expired stays expired, and what is recorded later counts from later. A clock that is set forth is followed at once.
//
// It stays ahead until the system's clock has caught up, or the process is started again: which of the two was wrong
// nobody here can know. To stand still until then was rejected: what happens meanwhile would be refused as of the
// future, withdrawals too.
//
// Reading it costs an atomic load beside the system's clock; it is safe for concurrent use.
type steadyClock struct {
	wall func() time.Time
	log  *slog.Logger
	// start is a reading of the monotonic clock.
	start time.Time
	// offset is the greatest seen of the system's time less the monotonic one, in nanoseconds.
	offset atomic.Int64
	// setBack says that the log tells of it.
	setBack atomic.Bool
}

const (
	// clockNoise is less than a difference that counts: the two clocks are not read at one instant.
	clockNoise = time.Millisecond
	// clockTold is a difference that somebody has made.
	clockTold = time.Second
)

func newSteadyClock(wall func() time.Time, log *slog.Logger) *steadyClock {
	c := &steadyClock{wall: wall, log: log, start: time.Now()}
	c.offset.Store(wall().UnixNano() - int64(time.Since(c.start)))
	return c
}

func (c *steadyClock) now() consent.Instant {
	monotonic := int64(time.Since(c.start))
	offset, greatest := c.wall().UnixNano()-monotonic, c.offset.Load()
	switch ahead := greatest - offset; {
	case ahead < -int64(clockNoise):
		c.offset.CompareAndSwap(greatest, offset) // who comes second has another try soon
		if c.setBack.Swap(false) {
			c.log.Info("the system's clock has caught up")
		}
	case ahead > int64(clockTold):
		if !c.setBack.Swap(true) {
			c.log.Warn("the system's clock was set back: time goes on from what it showed; start again once it is right",
				"ahead", time.Duration(ahead))
		}
	}
	return consent.Instant(monotonic + max(offset, greatest))
}
