package cluster_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// write is one change of the simulation: that a subject gives its consent, or withdraws it.
type write struct {
	// id counts all writes in the order of their commits, over all histories.
	id      int
	subject string
	allow   bool
	place   cluster.Place
	// committed is by the bubble's clock.
	committed time.Time
	// lostAt is the tick at which its history was lost, at the time lost; zero: it was not.
	lostAt int
	lost   time.Time
	// acked is whether Record has returned without an error.
	acked bool
}

// operation is an entry of the write-ahead log.
type operation struct {
	durable bool
	do      func(*history)
}

// server is one process of the database: the primary, or one that was.
type server struct {
	name  string
	log   []operation
	state history
}

func (s *server) apply(o operation) {
	s.log = append(s.log, o)
	o.do(&s.state)
}

// upTo is a server that has the log up to a place.
func (s *server) upTo(name string, n int) *server {
	next := &server{name: name, state: history{nodes: map[cluster.NodeID]cluster.Node{}}}
	for _, o := range s.log[:n] {
		next.apply(o)
	}
	return next
}

// durable is how much of the log a crash leaves at least.
func (s *server) durable() int {
	for n := len(s.log); n > 0; n-- {
		if s.log[n-1].durable {
			return n
		}
	}
	return 0
}

// world is what all nodes share: the database, and who has seen what. Its mu guards all that changes.
type world struct {
	seed    uint64
	weather weather
	faults  faults

	mu      sync.Mutex
	rng     *rand.Rand
	primary *server
	// former is the primary before the last fail-over; it answers reads yet.
	former *server
	// stopped is until when the database answers nobody.
	stopped time.Time
	servers int
	writes  []*write
	byChain map[store.Chain]*write
	// hidden are revisions that are committed and not visible yet: in a database without a sequencer alone.
	hidden map[consent.Revision]time.Time
	ticks  int
	nodes  []*simNode
	fenced []fencedWrite
	faulty []string
	counts simCounts
	events []string
}

type simCounts struct{ checks, cached, latest, writes, fences, unfenced, losses, refused int }

// weather is what a seed's world is like.
type weather struct {
	nodes int
	// synchronous says that a fail-over loses no durable commit.
	synchronous bool
	// slow and drop are how many of a thousand messages are slow or lost.
	slow, drop int
	// mood are the kinds of calls of which most are slow: a way takes up to sluggish.
	mood     []string
	sluggish time.Duration
	// staleness is the nodes' MaxStaleness: less than a lease, or more.
	staleness time.Duration
	// strikes are the pieces of trouble that there are, by their numbers in world.strike; nil: all.
	strikes []int
	// directed says that the first place is paused alone, and the second has all other trouble alone.
	directed bool
	// pace is how many milliseconds pass between two writes of a node at most.
	pace     int
	hints    bool
	replicas bool
	backups  bool
}

// faults are planted; the zero value has none.
type faults struct {
	// config plants one in a node.
	config func(*cluster.Config)
	// weather is that in which a fault matters, where it rarely does.
	weather func(*weather)
	// floors: one change in four does not reach the cache. lateCommits: the database has no sequencer.
	// replicaByPrimary: what a replica shows is said to be as of the primary's head. byRevision: the database takes
	// reports by their revision. onceLooked: nobody looks at the deadline again after evaluating. aheadOfFeed: reads
	// are kept that the feed has not caught up with. replicasAlways: a node that does not stand reads replicas.
	// noToken: nobody compares the mark of a token.
	floors, lateCommits, replicaByPrimary, byRevision, onceLooked, aheadOfFeed, replicasAlways, noToken bool
}

const (
	simLease     = time.Second
	simStaleness = 300 * time.Millisecond
	simPoll      = 60 * time.Millisecond
)

var simMoods = [][]string{
	nil, nil, {"renew"}, {"renew", "report"}, {"renew", "nodes"}, {"poll"}, {"poll", "read", "latest"}, {"write"},
}

func newWorld(seed uint64, f faults) *world {
	w := &world{
		seed: seed, faults: f, rng: rand.New(rand.NewPCG(seed, 1)), byChain: map[store.Chain]*write{},
		hidden: map[consent.Revision]time.Time{},
	}
	w.weather = weather{
		nodes: 2 + w.rng.IntN(2), synchronous: w.rng.IntN(2) == 0, slow: w.rng.IntN(80), drop: w.rng.IntN(40),
		hints: w.rng.IntN(2) == 0, replicas: w.rng.IntN(2) == 0, backups: w.rng.IntN(4) == 0,
		mood: simMoods[w.rng.IntN(len(simMoods))], staleness: simStaleness,
		sluggish: simLease * 4 / 10, pace: []int{200, 1500}[w.rng.IntN(2)],
	}
	if w.rng.IntN(2) == 0 {
		w.weather.staleness = 3 * simLease
	}
	if f.weather != nil {
		f.weather(&w.weather)
	}
	w.primary = (&server{}).upTo("s0", 0)
	return w
}

// tick returns the next moment of the world. mu is held.
func (w *world) tick() int {
	w.ticks++
	return w.ticks
}

// note notes what happened, for whoever replays a seed. mu is held.
func (w *world) note(format string, args ...any) {
	if *simVerbose {
		w.events = append(w.events, fmt.Sprintf("%12v %5d ", time.Since(simEpoch), w.ticks)+fmt.Sprintf(format, args...))
	}
}

// simEpoch is when each bubble begins.
var simEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// fail notes that a rule does not hold.
func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faulty = append(w.faulty, fmt.Sprintf("tick %d, %v: ", w.ticks, time.Since(simEpoch))+fmt.Sprintf(format, args...))
	w.note("RULE BROKEN: "+format, args...)
}

// commit commits a write at the primary. mu is held.
func (w *world) commit(subject string, allow bool) *write {
	at := w.primary.state.head()
	next := &write{id: len(w.writes) + 1, subject: subject, allow: allow, committed: time.Now()}
	digest := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(next.id)))
	next.place = cluster.Place{Revision: at.Revision + 1, Chain: at.Chain.Next(at.Revision+1, digest)}
	entry := cluster.Entry{
		Change: store.Change{Subject: consent.Subject{Controller: "c", ID: subject}, Revision: next.place.Revision},
		Chain:  next.place.Chain,
	}
	w.primary.apply(operation{true, func(h *history) { h.entries = append(h.entries, entry) }})
	w.writes, w.byChain[next.place.Chain] = append(w.writes, next), next
	if w.faults.lateCommits && w.rng.IntN(3) == 0 {
		w.hidden[next.place.Revision] = time.Now().Add(time.Duration(w.rng.IntN(200)) * time.Millisecond)
	}
	w.note("committed %d (%s, allow %v) at %d, by %s", next.id, subject, allow, next.place.Revision, w.primary.name)
	return next
}

// replace has another process be the primary, with the log up to a place. mu is held.
func (w *world) replace(n int) {
	w.servers++
	w.former = w.primary
	w.primary = w.former.upTo(fmt.Sprintf("s%d", w.servers), n)
	at, lost := w.tick(), 0
	for _, wr := range w.writes {
		if wr.lostAt == 0 && !w.primary.state.holds(wr.place) {
			wr.lostAt, wr.lost = at, time.Now()
			lost++
		}
	}
	if lost > 0 {
		w.counts.losses++
	}
	w.note("%s has taken over from %s at %d, %d writes are lost",
		w.primary.name, w.former.name, w.primary.state.head().Revision, lost)
}

// head is the newest place that a server shows. mu is held.
func (w *world) head(s *server) cluster.Place {
	r := s.state.head().Revision
	for ; r > 0 && time.Now().Before(w.hidden[r]); r-- {
	}
	return s.state.at(r)
}

// hide takes off a page what is not visible yet. mu is held.
func (w *world) hide(s *server, p *cluster.Page) {
	if len(w.hidden) == 0 {
		return
	}
	head := w.head(s)
	p.Head, p.HeadChain = head.Revision, head.Chain
	p.Changes = slices.DeleteFunc(p.Changes, func(e cluster.Entry) bool { return time.Now().Before(w.hidden[e.Revision]) })
}

// newest is the newest write of a subject that a history shows up to a revision; nil: there is none.
func (w *world) newest(h *history, subject string, upTo consent.Revision) *write {
	for r := upTo; r > 0; r-- {
		if e := &h.entries[r-1]; e.Subject.ID == subject {
			if until, hides := w.hidden[r]; hides && time.Now().Before(until) {
				continue
			}
			return w.byChain[e.Chain]
		}
	}
	return nil
}

var errLink = errors.New("the network")

// route is how a node reaches the database.
type route struct {
	node *simNode
	mu   sync.Mutex
	rngs map[string]*rand.Rand
	// cut is until when calls of a kind do not pass, "" for all; old until when looks go to the former primary, which
	// world.mu guards.
	cut  map[string]time.Time
	old  time.Time
	hint chan struct{}
}

// draw returns how long a call's request and its answer travel, and whether they arrive. Each kind of call of each
// node has its own chance, so that one more call of one kind changes nothing of the others.
func (r *route) draw(call string) (there, back time.Duration, arrives, answers bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.rngs[call]
	if g == nil {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", r.node.world.seed, r.node.number, call))
		g = rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
		r.rngs[call] = g
	}
	weather := &r.node.world.weather
	if time.Since(simEpoch) > simBusy+simCalm/4 {
		return time.Duration(g.Int64N(int64(2 * time.Millisecond))), 0, true, true
	}
	moody := slices.Contains(weather.mood, call)
	travel := func() time.Duration {
		if moody && g.IntN(3) > 0 {
			return time.Duration(g.Int64N(int64(weather.sluggish)))
		}
		if g.IntN(1000) < weather.slow {
			return time.Duration(g.Int64N(int64(2 * simLease)))
		}
		return 50*time.Microsecond + time.Duration(g.Int64N(int64(2*time.Millisecond)))
	}
	return travel(), travel(), g.IntN(1000) >= weather.drop, g.IntN(1000) >= weather.drop
}

// call does one call at the primary, or at the former one where looks go there.
func (r *route) call(ctx context.Context, name string, do func(*server) error) error {
	w := r.node.world
	r.node.gate()
	there, back, arrives, answers := r.draw(name)
	arrives, answers = arrives && r.passes(name), answers && r.passes(name)
	if err := r.travel(ctx, there, arrives); err != nil {
		return err
	}
	for {
		w.mu.Lock()
		wait := time.Until(w.stopped)
		w.mu.Unlock()
		if wait <= 0 {
			break
		}
		if err := r.travel(ctx, wait, true); err != nil {
			return err
		}
	}
	w.mu.Lock()
	at := w.primary
	if looks := name == "poll" || name == "nodes"; looks && w.former != nil && time.Now().Before(r.old) {
		at = w.former
	}
	err := do(at)
	w.mu.Unlock()
	if lost := r.travel(ctx, back, answers); lost != nil {
		return lost
	}
	r.node.gate() // what came while the node stood still is there when it goes on
	if err != nil {
		return fmt.Errorf("%w: %w", consent.ErrUnavailable, err)
	}
	return nil
}

// block has calls of some kinds, or all, not pass for a while.
func (r *route) block(d time.Duration, calls ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(calls) == 0 {
		calls = []string{""}
	}
	for _, call := range calls {
		r.cut[call] = time.Now().Add(d)
	}
}

func (r *route) passes(call string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !time.Now().Before(r.cut[call]) && !time.Now().Before(r.cut[""])
}

// travel takes a message's time; one that does not arrive takes its sender's.
func (r *route) travel(ctx context.Context, d time.Duration, arrives bool) error {
	if !arrives {
		d = time.Hour
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.node.crashed:
	case <-ctx.Done():
	}
	return fmt.Errorf("%w: %w", consent.ErrUnavailable, errLink)
}

// Poll implements cluster.Database.
func (r *route) Poll(ctx context.Context, _ cluster.NodeID, after consent.Revision, limit int) (p cluster.Page, err error) {
	err = r.call(ctx, "poll", func(s *server) error {
		p = s.state.page(after, limit)
		p.Server = s.name
		r.node.world.hide(s, &p)
		return nil
	})
	return p, err
}

// Renew implements cluster.Database.
func (r *route) Renew(ctx context.Context, node cluster.Node) (by string, err error) {
	err = r.call(ctx, "renew", func(s *server) error {
		if node.Renewal <= s.state.nodes[node.ID].Renewal {
			return fmt.Errorf("renewal %d is late", node.Renewal)
		}
		if !r.node.world.takes(s, node.Applied) {
			node.Applied = cluster.Place{}
		}
		s.apply(operation{true, func(h *history) {
			n := node
			if old := h.nodes[node.ID]; old.Applied.Revision > n.Applied.Revision {
				n.Applied = old.Applied
			}
			h.nodes[node.ID] = n
		}})
		by = s.name
		return nil
	})
	return by, err
}

// takes reports whether the database takes a report. mu is held.
func (w *world) takes(s *server, at cluster.Place) bool {
	return w.faults.byRevision || s.state.holds(at)
}

// Report implements cluster.Database.
func (r *route) Report(ctx context.Context, id cluster.NodeID, at cluster.Place) error {
	return r.call(ctx, "report", func(s *server) error {
		if !r.node.world.takes(s, at) {
			return nil
		}
		s.apply(operation{false, func(h *history) {
			if n, known := h.nodes[id]; known && at.Revision > n.Applied.Revision {
				n.Applied = at
				h.nodes[id] = n
			}
		}})
		return nil
	})
}

// Demand implements cluster.Database.
func (r *route) Demand(ctx context.Context, applied consent.Revision) error {
	err := r.call(ctx, "demand", func(s *server) error {
		s.apply(operation{false, func(h *history) { h.wanted = max(h.wanted, applied) }})
		return nil
	})
	r.node.world.hintAll()
	return err
}

// Nodes implements cluster.Database.
func (r *route) Nodes(ctx context.Context) (n cluster.Nodes, err error) {
	err = r.call(ctx, "nodes", func(s *server) error {
		n = cluster.Nodes{Server: s.name, Head: s.state.head().Revision}
		for _, node := range s.state.nodes {
			n.Nodes = append(n.Nodes, node)
		}
		return nil
	})
	return n, err
}

// Remove implements cluster.Database.
func (r *route) Remove(context.Context, cluster.NodeID, uint64) error { return nil }

// Hints implements cluster.Database.
func (r *route) Hints() <-chan struct{} { return r.hint }

// hintAll hints to all nodes, if this world has hints.
func (w *world) hintAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.nodes {
		if w.weather.hints {
			select {
			case n.route.hint <- struct{}{}:
			default:
			}
		}
	}
}
