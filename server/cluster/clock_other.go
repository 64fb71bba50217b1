//go:build !linux

package cluster

import "time"

// Boottime is the clock of leases. Here it stands still while the machine sleeps: a machine that may sleep is no place
// for a node.
func Boottime() time.Duration { return elapsed() }
