package cluster

import (
	"time"

	"golang.org/x/sys/unix"
)

// Boottime is the clock of leases: CLOCK_BOOTTIME. The monotonic clock that package time reads stands still while the
// machine sleeps, in which others take this node for dead.
func Boottime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return elapsed() // Linux has it since 2.6.39: not reached
	}
	return time.Duration(t.Nano())
}
