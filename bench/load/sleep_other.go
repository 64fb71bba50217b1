//go:build !linux

package load

import "time"

// SleepUntil waits until t, as exactly as the Go runtime can.
func SleepUntil(t time.Time) { time.Sleep(time.Until(t)) }

func preciseTimer() (restore func()) { return func() {} }
