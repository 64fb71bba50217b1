package load

import (
	"time"

	"golang.org/x/sys/unix"
)

// SleepUntil blocks the thread until t. It is a few microseconds late on an idle machine, where time.Sleep of a process
// that has nothing else to do is up to a millisecond.
func SleepUntil(t time.Time) {
	for {
		left := time.Until(t)
		if left <= 0 {
			return
		}
		ts := unix.NsecToTimespec(int64(left))
		_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, nil) // a signal ends it early: the loop goes on
	}
}

// preciseTimer makes the kernel wake this thread within a microsecond of its timers instead of 50; restore undoes it.
func preciseTimer() (restore func()) {
	const slack = 1000 // nanoseconds
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, slack, 0, 0, 0)
	return func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) } // 0: the default
}
