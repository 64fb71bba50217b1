package model

// maybe is a history, or none: zero.
type maybe uint8

func some(h history) maybe { return maybe(h) + 1 }

func (m maybe) get() history { return history(m - 1) }

// What a node is.
const (
	down uint8 = iota
	joining
	up
	// early, of HeadFirst: it follows the feed, and is not registered.
	early
)

// Where a renewal is.
const (
	idle uint8 = iota
	sent
	committed
	// waiting: it was answered after the former lease had lapsed, and waits for a poll.
	waiting
)

// node is what one process knows. All of it is gone after a crash.
type node struct {
	phase   uint8
	applied history
	// floor is that of the subject's slot, or the base where that is higher.
	floor uint8
	// entry is what the cache holds, by the history that it is as of; allow is what that state answers.
	entry maybe
	allow bool
	// lease is how many ticks it lasts yet, by the slowest clock.
	lease   uint8
	renewal uint8
	// left is how many ticks the lease that a renewal asks for would last from now on.
	left uint8
	// page is the answer of a poll under way; after says that this began after the waiting renewal's answer.
	page  maybe
	after bool
	// report is under way.
	report maybe
	// mark is how many ticks the watermark counts yet, pageMark how many that of the page would.
	mark, pageMark uint8
}

// row is a node as the database has it, and what the fencer knows of it.
type row struct {
	present bool
	applied maybe
	// changed says that the fencer has not seen the newest renewal, age for how many ticks it has seen none.
	changed bool
	age     uint8
}

// Where the client's check is.
const (
	none uint8 = iota
	// looked: the node had standing when the check began.
	looked
	// hit: it has an answer from the cache, which has not left.
	hit
	// filling: it is answered; what was read is not in the cache yet.
	filling
)

type check struct {
	phase uint8
	node  uint8
	// token is what the answer must not be older than.
	token maybe
	// fenced says that the fenced withdrawal had returned before the check began.
	fenced bool
	// read is what was read, allow what it answers.
	read  maybe
	allow bool
	// lost says that the node noticed a loss since.
	lost bool
	// left is how many ticks the deadline is ahead that the first look saw.
	left uint8
}

// Where the fenced withdrawal is.
const (
	unsaid uint8 = iota
	pending
	returned
	// void: it was lost, or its node crashed.
	void
)

// state is all of the model. It is compared as a whole; each field has few values.
type state struct {
	// primary is the history of the store, former what it was before the newest fail-over.
	primary history
	former  maybe
	nodes   [2]node
	rows    [2]row
	fence   uint8
	// server says that the fencer has not seen the newest fail-over, serverAge for how many ticks it has seen none.
	server             bool
	serverAge          uint8
	crashes, failOvers uint8
	check              check
	// since is how many ticks ago the withdrawal was committed.
	since  uint8
	broken Property
}

// start has a grant applied, cached and answered for by leases; the fencer has just started.
func start(c *Config) state {
	var s state
	for n, checked := range c.Checked {
		if checked {
			s.nodes[n] = node{
				phase: up, floor: 1, entry: some(granted), allow: true, lease: c.Lease, mark: c.Stale,
			}
			s.rows[n] = row{present: true, applied: some(granted), changed: true}
		}
	}
	return s
}

// tick lets time go on. Whatever has its time used up saturates, so that it may go on for ever.
func (s *state) tick(c *Config) {
	for n := range s.nodes {
		s.nodes[n].tick()
		s.rows[n].tick(c)
	}
	if !s.server {
		s.serverAge = min(s.serverAge+1, c.Lease)
	}
	s.check.left = less(s.check.left)
	if c.Stale > 0 && s.primary.stop() > 0 {
		s.since = min(s.since+1, c.Stale+1)
	}
}

func (n *node) tick() {
	n.lease, n.left, n.mark, n.pageMark = less(n.lease), less(n.left), less(n.mark), less(n.pageMark)
	if n.renewal == waiting && n.left == 0 {
		n.renewal, n.after = idle, false
	}
}

func (r *row) tick(c *Config) {
	if r.present && (!r.changed || c.has(LateJudgement)) {
		r.age = min(r.age+1, c.Lease)
	}
}

// renewed notes a committed renewal.
func (r *row) renewed(c *Config) {
	r.present, r.changed = true, true
	if !c.has(LateJudgement) {
		r.age = 0
	}
}

func less(v uint8) uint8 { return max(v, 1) - 1 }
