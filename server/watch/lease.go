package watch

import (
	"time"

	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// DefaultLease bounds how long a cache may answer from an older state after a write without fence, and how long a fence
// waits for a client that died. Heartbeats come four times as often, so that a lost one or a pause of either process
// costs nothing.
//
// A shorter one is safe only once all leases that the earlier process granted have run out: after a restart a hub waits
// for a lease of its own length, and does not know of longer ones. So whoever shortens the lease lets the old one and a
// sixteenth of it pass between the two processes. With a longer one fenced writes take longer, two leases at most: a
// client with a near cache learns it from the hello and allows three, others set a deadline.
const DefaultLease = 2 * time.Second

// MaxLease is the longest lease; the clients refuse longer ones.
const MaxLease = wire.MaxLease

const (
	heartbeatsPerLease = 4
	// driftMargin is the part of a lease that is added here: the client's clock may run that much slower.
	driftMargin = 16
)

// Held is how long a lease must be taken to be held; zero is DefaultLease.
func Held(lease time.Duration) time.Duration {
	if lease == 0 {
		lease = DefaultLease
	}
	return lease + lease/driftMargin
}

// stands reports whether leases may be granted; a heartbeat that came meanwhile is answered with the next one.
func (h *Hub) stands() bool { return h.config.Standing == nil || h.config.Standing() }

// grant answers the newest heartbeat: n, which tells all that was announced so far, carries a lease. The client counts
// it from before it sent the heartbeat, which is earlier than now. hub.mu is held.
func (w *Watcher) grant(n *Notice) error {
	now := time.Now()
	for f := range w.hub.mu.fences {
		if f.blockers[w] && now.Sub(f.began) > w.hub.config.Lease {
			return consent.ErrWatcherSlow
		}
	}
	w.answered, w.lease = w.heard, now.Add(Held(w.hub.config.Lease))
	n.Heartbeat, n.Time = w.heard, w.hub.config.Now()
	n.Policy = w.hub.config.Policy()
	return nil
}
