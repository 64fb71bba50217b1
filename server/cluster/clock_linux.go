package cluster

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// awakeFor is how long after CLOCK_BOOTTIME was read the monotonic clock will do: to suspend and resume a machine
	// takes ten times that of the monotonic clock at least, besides the sleep.
	awakeFor = 100 * time.Microsecond
	// readWithin is how long a reading may take that is kept: what is between the clocks is known as well as that.
	readWithin = 5 * time.Microsecond
)

// reading is one of CLOCK_BOOTTIME: at, by the monotonic clock, it was ahead of that by so much. The two are stored as
// one: an old difference beside a new time would hide a sleep.
type reading struct{ at, ahead time.Duration }

// kept is the newest reading; nil: there was none.
var kept atomic.Pointer[reading]

// Boottime is the clock of leases: CLOCK_BOOTTIME. The monotonic clock that package time reads stands still while the
// machine sleeps, in which others take this node for dead. It is right to readWithin, and may go back by that. It may
// be called concurrently.
//
// To read CLOCK_BOOTTIME is a system call, of 1 to 2 µs here, and a check from memory needs the time twice: with this
// it is 0.1 µs.
func Boottime() time.Duration {
	now := elapsed()
	if k := kept.Load(); k != nil && now-k.at < awakeFor {
		return now + k.ahead
	}
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return now // Linux has it since 2.6.39: not reached
	}
	read := time.Duration(t.Nano())
	if after := elapsed(); after-now < readWithin {
		kept.Store(&reading{now, read - after})
	}
	return read
}
