package cluster

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// roll is what one node has seen of all that are registered. It judges who is dead by its own clock and by nothing
// that another clock has shown.
//
// A node's lease is counted from before its renewal was sent, so it ends no later than a lease after anybody has seen
// the renewal. Hence since is the time after the answer that first showed it; and a look that was sent a lease and a
// margin later and still shows it proves that the lease has ended, and that no later renewal was committed before the
// look. It is the look that must have been sent late: to hold an old look against the present time would overlook a
// renewal that was committed since.
//
// A primary that is another process than before may not have what the former one had: it may be a copy that lacks the
// last moments, and with them renewals, or nodes. So may the first one that this node sees. Nobody who was alive is
// without a row, or with an older one, for longer than a lease after the former primary has ended.
type roll struct {
	rows map[NodeID]*row
	// server is the process that answered last, settled when all leases have ended that it may not know of.
	server  string
	settled time.Duration
	// longest is the longest that a node was to be taken to be alive.
	longest time.Duration
	head    consent.Revision
}

// row is a node as it was seen last.
type row struct {
	Node
	// since is when the answer came that first showed its renewal.
	since time.Duration
}

// look is when a look at the nodes was about to be sent, and when its answer had come.
type look struct{ sent, came time.Duration }

// take takes what a look showed.
func (r *roll) take(n *Nodes, at look) {
	next := make(map[NodeID]*row, len(n.Nodes))
	for _, node := range n.Nodes {
		now := &row{Node: node, since: at.came}
		if old := r.rows[node.ID]; old != nil && old.Renewal == node.Renewal {
			now.since = old.since
		}
		next[node.ID] = now
		r.longest = max(r.longest, node.Lease)
	}
	if n.Server != r.server {
		r.settled = at.came + held(r.longest)
	}
	r.rows, r.server, r.head = next, n.Server, n.Head
}

// dead reports whether a row's lease had ended when a look was sent that still shows it.
func (r *roll) dead(of *row, sent time.Duration) bool { return sent-of.since >= held(of.Lease) }

// sorted returns all rows but one, by their ids.
func (r *roll) sorted(but NodeID) []*row {
	all := slices.SortedFunc(maps.Values(r.rows), func(a, b *row) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return slices.DeleteFunc(all, func(row *row) bool { return row.ID == but })
}
