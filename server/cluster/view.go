package cluster

import (
	"time"

	"github.com/consentd/consentd/server/consent"
)

// State is how it stands with a node.
type State uint8

// The states of a node.
const (
	// Alive renews its lease.
	Alive State = 1
	// Dead has not renewed it for as long as it lasts, and a margin: it ended without a word, or is cut off.
	Dead State = 2
	// Left has given its lease up and ended.
	Left State = 3
)

// NodeView is a node as another one sees it.
type NodeView struct {
	Node
	// Self is whether it is the one that looks.
	Self  bool
	State State
	// Lag is how many changes the store has beyond those that it said to have applied.
	Lag uint64
	// LeaseLeft is for how long it may answer from its cache, and caches behind it, at most, if it renews no more.
	LeaseLeft time.Duration
}

// View is what a node has seen of all, itself included. It is for people.
type View struct {
	// Nodes are sorted by their ids.
	Nodes []NodeView
	Head  consent.Revision
	// Server names the process of the primary that was looked at.
	Server string
	// Age is how old the newest look is, a quarter of a lease at most unless the database is away; negative: there was
	// none.
	Age time.Duration
}

// View returns what this node has seen of all nodes. It asks nobody.
func (m *Member) View() View {
	now, fs, own := m.config.Clock(), m.fences, m.feed.Applied()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	v := View{Head: max(fs.mu.roll.head, own), Server: fs.mu.roll.server, Age: now - fs.mu.looked}
	if fs.mu.looked == 0 {
		v.Age = -1
	}
	for _, row := range fs.mu.roll.sorted(NodeID{}) {
		seen := NodeView{Node: row.Node, Self: row.ID == m.config.ID, State: fs.mu.roll.state(row, fs.mu.looked)}
		if seen.Self {
			seen.Applied.Revision = own
		}
		seen.Lag = uint64(v.Head - min(v.Head, seen.Applied.Revision))
		if seen.State == Alive {
			seen.LeaseLeft = max(0, held(row.Lease)-(now-row.since))
		}
		v.Nodes = append(v.Nodes, seen)
	}
	return v
}

func (r *roll) state(of *row, looked time.Duration) State {
	switch {
	case of.Left:
		return Left
	case r.dead(of, looked):
		return Dead
	default:
		return Alive
	}
}

// Stats are counts since the start, but for Standing and LeaseLeft.
type Stats struct {
	Feed FeedStats
	// Standing is whether the node may answer from its cache, LeaseLeft how long its lease lasts yet.
	Standing  bool
	LeaseLeft time.Duration
	// Renewals were tried, RenewalErrors of them failed; so for Reports, and Looks at the other nodes.
	Renewals, RenewalErrors, Reports, ReportErrors, Looks, LookErrors uint64
	// Fences were begun, Unfenced of them gave up; Removed are nodes taken out of those registered.
	Fences, Unfenced, Removed uint64
	// Panics were caught, those of the feed aside.
	Panics uint64
}

// Stats returns a snapshot of the counters, each by itself.
func (m *Member) Stats() Stats {
	n, f := &m.counts, &m.fences.counts
	return Stats{
		Feed: m.feed.Stats(), Standing: m.Until() != 0, LeaseLeft: m.lease.remains(),
		Renewals: n.renewals.Load(), RenewalErrors: n.renewalErrors.Load(),
		Reports: n.reports.Load(), ReportErrors: n.reportErrors.Load(),
		Looks: f.looks.Load(), LookErrors: f.lookErrors.Load(),
		Fences: f.fences.Load(), Unfenced: f.unfenced.Load(), Removed: f.removed.Load(), Panics: n.panics.Load(),
	}
}
