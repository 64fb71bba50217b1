package model

// Bug is a set of faults that are planted in the protocol.
type Bug uint32

// The planted bugs. Those from FillAhead on are what the protocol would be if a rule of it were left out that is easily
// overlooked: each was found with this model, or for it.
const (
	// FloorNotRaised: the feed applies a change, and raises no floor in the cache.
	FloorNotRaised Bug = 1 << iota
	// LateCommit: revisions come from a sequence, so that one can be visible before a lower one; there is no chain then.
	LateCommit
	// LeaseIgnored: a node answers from its cache without a lease.
	LeaseIgnored
	// LeaseFromAnswer: a lease is counted from the answer of its renewal.
	LeaseFromAnswer
	// HintTrusted: a node takes what a hint says for all that happened.
	HintTrusted
	// ChainIgnored: the feed compares histories by their revisions alone.
	ChainIgnored
	// ReplicaFreshness: a state that was read on a replica is taken to be as of the primary's head.
	ReplicaFreshness
	// LapsedAtOnce: a lease that had lapsed takes effect with the renewal's answer.
	LapsedAtOnce
	// AnyPoll: a lease that had lapsed takes effect with a poll that began before the renewal's answer.
	AnyPoll
	// NoServerWait: a fence waits no lease after a fail-over, or its node's start.
	NoServerWait
	// HeadFirst: a node that joins reads the head before it registers.
	HeadFirst
	// HeadFirstAtOnce: HeadFirst, and the first lease takes effect with the registration's answer.
	HeadFirstAtOnce
	// NoMargin: the clocks may drift, and nobody allows for it.
	NoMargin
	// NoSecondLook: an answer from the cache leaves without another look at the standing.
	NoSecondLook
	// FillAhead: a state that was read ahead of the feed is kept.
	FillAhead
	// ReplicaByNumber: what a replica shows is compared with what the node has applied by revision, not by chain.
	ReplicaByNumber
	// LapsedReadsReplica: a node without standing reads a replica too.
	LapsedReadsReplica
	// TokenOnce: a token's mark is compared before the state is read, and not again.
	TokenOnce
	// NewestDeadline: the second look is at the newest deadline, not at the one that the first look saw.
	NewestDeadline
	// LateJudgement: a fence judges an old look at the nodes by the time of the judgement.
	LateJudgement
	// ReportByNumber: the database notes what a node reports without a look at the chain.
	ReportByNumber
	// TwoPrimaries: after a fail-over the former primary still answers reads. It breaks an assumption, not a rule.
	TwoPrimaries
)

// Config says which part of the protocol is explored, and how far.
type Config struct {
	// Checked says which nodes answer checks. The cache and the feed of one that does not are left out.
	Checked [2]bool
	// Fencer is the node that the withdrawal comes to.
	Fencer uint8
	// Lease is how many ticks a lease lasts, margin and all: the holder's clock may end it a tick earlier, the waiter's
	// may wait longer. At least 2.
	Lease uint8
	// Crashes is how many crashes of nodes there may be, FailOvers how many of the database.
	Crashes, FailOvers uint8
	// Synchronous says that a fail-over loses no commit, only reports; if not, it may lose any newest ones.
	Synchronous bool
	// Stale is how many ticks a watermark counts, which is then a part of the standing. Zero: it is left out, so that
	// what holds does not rest on it.
	Stale uint8
	// Bugs are planted.
	Bugs Bug
	// Only, if not zero, is the one property that is looked at. Ends is looked at in this way alone, and without
	// checks; Final without tokens then.
	Only Property
}

func (c *Config) has(b Bug) bool { return c.Bugs&b != 0 }

// chained says whether histories are told apart by their chains.
func (c *Config) chained() bool { return !c.has(LateCommit) }

// follows says whether h counts as a continuation of p.
func (c *Config) follows(p, h history) bool {
	if c.chained() {
		return h.holds(p)
	}
	return p.revision() <= h.revision()
}

// Property is one of those that the protocol must have.
type Property uint8

// The properties. What each says stands in the package comment.
const (
	Final Property = iota + 1
	Fresh
	Gapless
	Noticed
	Ends
	Bounded
)

func (p Property) String() string {
	return [...]string{"none", "P1 final", "P2 fresh", "P3 gapless", "P4 noticed", "P5 ends", "P6 bounded"}[p]
}
