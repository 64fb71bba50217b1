package cluster

import "time"

// Clock tells how much time has passed since some moment that does not change while the process runs. It also goes on
// while the machine sleeps, and nobody sets it. Only differences count, and only those of one process's clock.
type Clock func() time.Duration

// driftMargin is the part of a lease that its holder takes off, and that whoever waits adds: so the clock of one may
// run an eighth faster than that of the other.
const driftMargin = 16

var started = time.Now()

// elapsed is by the monotonic clock.
func elapsed() time.Duration { return time.Since(started) }
