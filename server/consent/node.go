package consent

import "time"

// NodeState is how it stands with a node.
type NodeState uint8

// The states of a node, with the numbers that the API gives them.
const (
	// NodeAlive renews its lease.
	NodeAlive NodeState = 1
	// NodeSilent has not renewed its lease for longer than it lasts: it ended without a word, or is cut off.
	NodeSilent NodeState = 2
	// NodeLeft has given its lease up and ended.
	NodeLeft NodeState = 3
)

// Node is what is known of a node of the store, as the node that was asked sees it.
type Node struct {
	// ID names the process: 32 hexadecimal digits, drawn when it starts.
	ID string
	// Name and Address are for people: what the node is called, and where its gRPC listens; empty: it does not say.
	Name, Address string
	// Asked is whether it is the node that was asked.
	Asked bool
	State NodeState
	// Applied is the revision up to which it, and the caches behind it, said that they have applied all changes, Lag how
	// many changes the store has beyond that. Others than the one that was asked say it with each renewal.
	Applied Revision
	Lag     uint64
	// LeaseLeft is for how long it may answer from its cache, at most, if it is not renewed; zero: it has no lease, or
	// needs none.
	LeaseLeft time.Duration
	// PolicyRevision is what it decides by, PolicyNumber the activation of that, zero where it decides by policies of its
	// own, and PolicyError why it does not decide by the store's newest; empty: it does, or has not said.
	PolicyRevision string
	PolicyNumber   uint64
	PolicyError    string
	// Version is that of the server.
	Version string
	// StartedAt is by its own clock, RenewedAt by the database's; zero: not known.
	StartedAt, RenewedAt Instant
}

// Nodes are the nodes of a store, as of one look.
type Nodes struct {
	// Nodes are sorted by name, then by id.
	Nodes []Node
	// Head is the store's newest revision, PolicyNumber its newest activation of policies; zero: there is none.
	Head         Revision
	PolicyNumber uint64
}
