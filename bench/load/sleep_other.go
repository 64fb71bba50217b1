//go:build !linux

package load

import "time"

// sleepUntil waits until t, as exactly as the Go runtime can.
func sleepUntil(t time.Time) { time.Sleep(time.Until(t)) }

func preciseTimer() (restore func()) { return func() {} }
