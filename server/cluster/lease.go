package cluster

import (
	"sync"
	"sync/atomic"
	"time"
)

// The defaults of Config.
const (
	// DefaultLease is how long a node that died holds up fenced writes, but for the margin and what caches behind it
	// hold; and how long the database may be away before nodes answer nothing from their caches any more.
	DefaultLease = 2 * time.Second
	// DefaultMaxStaleness bounds how old a state can be that an unfenced read gets.
	DefaultMaxStaleness = 500 * time.Millisecond
)

// renewalsPerLease is how often a lease is renewed, so that a lost renewal or a pause costs nothing; and
// retriesPerLease how often where it fails, or where the primary is another process now.
const (
	renewalsPerLease = 4
	retriesPerLease  = 16
)

// held is how long others must take a node to be alive that says that its lease is so long.
func held(lease time.Duration) time.Duration { return lease + lease/driftMargin }

// lease says until when a node may answer from its cache.
//
// It holds while two things do: the node has a lease, by a renewal that the database has committed for good; and it
// has applied everything that was committed until not long ago. Others take a node for dead once they have seen its
// newest renewal for as long as its lease lasts and a margin, each by its own clock. So the lease is counted from
// before the renewal was sent, and less a margin: it has ended, whatever time the answer took, before anybody can say
// so.
//
// Whoever waits for all nodes looks at their renewals after its change was committed. Where it finds this node dead,
// this node must know of the change before it answers again. It does: a renewal whose answer comes while the lease
// before it holds was committed before anybody could find the node dead, or was seen by whoever looked; it takes
// effect at once. Any other begins a new run of leases, and that takes effect only with a look at the database that
// began after the answer: it shows what was committed when the node was found dead.
//
// A look must be at the process that committed the newest renewal. Otherwise a node whose connections lead to two
// primaries would hold its lease from the new one and believe the old one that nothing has changed.
//
// All of mu is guarded by it; whoever changes it stores deadline before it lets go. Readers load deadline alone, keep
// it, and compare their clock with what they kept, last (Member.Holds).
//
// Edits that look right and are not:
//   - to count from the answer: it may have travelled for longer than others wait;
//   - to let every renewal take effect at once: one that was sent before a pause and answered after it would have a
//     node that was given up answer from before the change;
//   - to take the time before the answer has come and compare it with the end of the lease;
//   - to look at the newest deadline again after evaluating: where the check alone was held up it has moved on,
//     however old the state is by then.
type lease struct {
	clock             Clock
	length, staleness time.Duration
	flaws             flaws
	// hurry has a value where the lease should be renewed at once.
	hurry chan struct{}
	// deadline is until when the node stands, in nanoseconds of its clock; zero: it does not.
	deadline atomic.Int64

	mu struct {
		sync.Mutex
		// end is that of the newest lease, since when the answer came with which its run began, server who committed
		// it.
		end, since time.Duration
		server     string
		// reached is the newest look that showed nothing that is not applied.
		reached Reached
		// left says that the node answers nothing from its cache any more.
		left bool
	}
}

func newLease(c *Config) *lease {
	return &lease{
		clock: c.Clock, length: c.Lease, staleness: c.MaxStaleness, flaws: c.flaws, hurry: make(chan struct{}, 1),
	}
}

// renewed takes a renewal that was about to be sent at a time and is committed by a server; it is called after the
// answer has come. It reports whether a new run of leases has begun.
func (l *lease) renewed(sent time.Duration, server string) (anew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	if l.flaws.countsFromAnswer {
		sent = now
	}
	if anew = now >= l.mu.end; anew && !l.flaws.extendsAlways {
		l.mu.since = now
	}
	l.mu.end = max(l.mu.end, sent+l.length-l.length/driftMargin)
	l.mu.server = server
	l.settle()
	return anew
}

// reached takes a look that showed nothing that is not applied, once it is applied.
func (l *lease) reached(r Reached) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.reached = r
	l.settle()
	if r.Server != l.mu.server {
		signal(l.hurry)
	}
}

// leave ends the standing for good. It returns by when those have answered who kept a deadline from before.
func (l *lease) leave() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.left = true
	last := min(l.mu.end, l.mu.reached.Began+l.staleness)
	l.settle()
	return last
}

// settle stores the deadline that follows from mu, which is held.
func (l *lease) settle() {
	s := &l.mu
	until := min(s.end, s.reached.Began+l.staleness)
	if s.left || s.reached.Server != s.server || s.reached.Began <= s.since {
		until = 0
	}
	l.deadline.Store(int64(until))
}

// server returns who committed the newest renewal.
func (l *lease) server() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.server
}

// remains returns how much of the lease remains, whether the node stands or not.
func (l *lease) remains() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, l.mu.end-l.clock())
}
