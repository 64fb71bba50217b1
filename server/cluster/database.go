package cluster

import (
	"context"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// Database is what the nodes of a store share, besides the ledger. Each method is one statement or one transaction on
// the primary, and fails with an error that wraps consent.ErrUnavailable where that cannot be reached in time;
// contexts bound them. All may be called concurrently.
type Database interface {
	// Poll returns what one snapshot of the primary shows after a revision, at most limit changes; with limit 0 none,
	// however many there are.
	Poll(ctx context.Context, node NodeID, after consent.Revision, limit int) (Page, error)
	// Renew registers the node, or renews its registration, by a durable commit: when it returns without an error, no
	// crash or fail-over to a synchronous standby takes the renewal back. An error says nothing of whether it was
	// committed. It returns the name of the process that committed it, as Page.Server. A renewal whose number is not
	// above the one that is registered changes nothing, and is an error. Of Applied the same holds as for Report.
	Renew(ctx context.Context, node Node) (server string, err error)
	// Report notes that a node has applied all changes up to a place in the history, and what hears of changes behind
	// it too. It may be lost in a crash. What is noted never decreases, and a place that is not known to be of the
	// primary's own history (its chain there is another, was pruned, or is none yet) changes nothing, and is no error:
	// in the same transaction the chain is compared. So a row never says that its node has applied a revision, where
	// what it applied was of a history that a fail-over lost.
	Report(ctx context.Context, node NodeID, applied Place) error
	// Demand asks all nodes to report once they have applied a revision; Pages show it as Wanted, until a greater one.
	// It may be lost in a crash: who waits asks again.
	Demand(ctx context.Context, applied consent.Revision) error
	// Nodes returns all nodes that are registered.
	Nodes(ctx context.Context) (Nodes, error)
	// Remove takes a node that was dead for long out of those registered, unless its renewal is another than this.
	Remove(ctx context.Context, node NodeID, renewal uint64) error
	// Hints has a value after another node may have changed something. Hints may be lost: polling is the truth.
	Hints() <-chan struct{}
}

// NodeID names one process of a store: 16 random bytes, drawn when it starts.
type NodeID [16]byte

// Place is a place in a history: a revision, and the chain there.
type Place struct {
	Revision consent.Revision
	Chain    store.Chain
}

// Node is what a node says of itself, and when.
type Node struct {
	ID NodeID
	// Renewal counts its renewals, from 1.
	Renewal uint64
	// Applied is where it, and the caches behind it, have applied all changes up to. Nodes need not show its Chain.
	Applied Place
	// Lease is how long others must take it to be alive after a renewal: its lease, and those of the caches behind it.
	Lease time.Duration
	// About is for people: JSON, at most 4 KiB.
	About []byte
	// Policy is the number of the activation whose policies it decides by, zero: those that it came with.
	Policy uint64
	// Left says that the node has given its lease up and ends.
	Left bool
	// RenewedAt is by the database's clock, for people alone: nothing compares it.
	RenewedAt time.Time
}

// Nodes are those registered, as of one snapshot.
type Nodes struct {
	Nodes []Node
	// Server names the process of the primary that answered: it is another after a restart or a fail-over, and after
	// those alone.
	Server string
	// Head is the store's newest revision.
	Head consent.Revision
}

// Entry is one committed change, as the feed has it.
type Entry struct {
	store.Change
	Chain store.Chain
}

// Page is what one snapshot of the primary shows.
type Page struct {
	// Head is the newest revision, HeadChain the chain there.
	Head      consent.Revision
	HeadChain store.Chain
	// Known says whether the chain at the revision asked from is known: not where it was pruned, and not beyond Head.
	// At is that chain. At revision 0 it is known as long as nothing was pruned, and what HeadChain was while the
	// store was empty.
	Known bool
	At    store.Chain
	// Changes are those after the revision asked from, in order, from the next one on; none where some of these were
	// pruned.
	Changes []Entry
	// Pruned is the newest revision of which the change is not kept any more.
	Pruned consent.Revision
	// Wanted is the greatest revision that somebody waits for all nodes to report.
	Wanted consent.Revision
	// Policy is the number of the newest activation of policies, zero: there was none.
	Policy uint64
	// Server is as in Nodes.
	Server string
}
