//go:build !linux

package postgres

import (
	"syscall"
	"time"
)

// giveUpAfter leaves it to the deadlines of calls to find broken connections.
func giveUpAfter(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }
