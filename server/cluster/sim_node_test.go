package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// simNode is a process: a member, a cache over a store that reads the simulated database, and the path of a check.
type simNode struct {
	world  *world
	number int
	route  *route
	// began and rate are its machine's clock.
	began   time.Time
	rate    int64
	member  *cluster.Member
	cache   *cache.Cache
	marks   *store.Marks
	crashed chan struct{}
	done    sync.WaitGroup
	// rng is for what the node's checks do.
	rng *rand.Rand

	mu struct {
		sync.Mutex
		// paused is closed when the node goes on; nil: it does.
		paused chan struct{}
		// told is the newest revision that observers were told.
		told consent.Revision
		up   bool
	}
}

func (n *simNode) clock() time.Duration {
	return time.Hour + time.Since(n.began)*time.Duration(n.rate)/1000
}

// gate stands still while the node does.
func (n *simNode) gate() {
	for {
		n.mu.Lock()
		gate := n.mu.paused
		n.mu.Unlock()
		if gate == nil {
			return
		}
		select {
		case <-gate:
		case <-n.crashed:
			return
		}
	}
}

// pause stands the node still, as SIGSTOP does, or a machine that sleeps: clocks go on.
func (n *simNode) pause() (resume func()) {
	gate := make(chan struct{})
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.paused != nil {
		return func() {}
	}
	n.mu.paused = gate
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.mu.paused = nil
		close(gate)
	}
}

// boot makes the process number of the world.
func (w *world) boot(number int) (*simNode, error) {
	n := &simNode{
		world: w, number: number, began: time.Now(), crashed: make(chan struct{}), marks: new(store.Marks),
		rng: rand.New(rand.NewPCG(w.seed, uint64(100+number))),
	}
	n.rate = 970 + n.rng.Int64N(61)
	n.route = &route{node: n, rngs: map[string]*rand.Rand{}, cut: map[string]time.Time{}, hint: make(chan struct{}, 1)}
	var err error
	if n.cache, err = cache.New(cache.Config{MaxBytes: 1 << 20}); err != nil {
		return nil, err
	}
	n.cache.Attach(&simStore{node: n})
	config := cluster.Config{
		Database: n.route, Marks: n.marks, Clock: n.clock, Lease: simLease, MaxStaleness: w.weather.staleness, Poll: simPoll,
		PollTimeout: simStaleness, Logger: quiet, ID: cluster.NodeID{byte(number >> 8), byte(number)},
		Observers: store.Observers{After: observed{n}, Lost: n.lost},
	}
	if w.faults.config != nil {
		w.faults.config(&config)
	}
	if n.member, err = cluster.New(config); err != nil {
		return nil, err
	}
	return n, nil
}

// start has the process begin. One that cannot is left as it is: a process that cannot start ends.
func (n *simNode) start() {
	ctx, cancel := context.WithTimeout(context.Background(), simLease)
	defer cancel()
	if err := n.member.Start(ctx); err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.up = true
}

func (n *simNode) up() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.up
}

// crash ends the process without a word.
func (n *simNode) crash() {
	n.mu.Lock()
	n.mu.up = false
	n.mu.Unlock()
	close(n.crashed)
}

// bury waits for what a crashed process has under way.
func (n *simNode) bury() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = n.member.Close(ctx) // nobody is told
	n.done.Wait()
	_ = n.cache.Close()
}

func (n *simNode) lost(since consent.Revision) {
	n.mu.Lock()
	n.mu.told = since
	n.mu.Unlock()
	n.cache.Begin(since)
}

// observed is the cache as an observer, and what the rules say of observers.
type observed struct{ *simNode }

// Changed implements store.Observer.
func (o observed) Changed(c store.Change) {
	o.mu.Lock()
	if c.Revision != o.mu.told+1 && !o.world.faults.lateCommits {
		o.world.fail("node %d was told %d after %d", o.number, c.Revision, o.mu.told)
	}
	o.mu.told = c.Revision
	o.mu.Unlock()
	if o.world.faults.floors && c.Revision%4 == 0 {
		return
	}
	o.cache.Changed(c)
}

// simStore reads the simulated database as the PostgreSQL store does.
type simStore struct {
	store.Store
	node *simNode
}

func (s *simStore) ID() store.ID              { return store.ID{1} }
func (s *simStore) Applied() consent.Revision { return s.node.member.Feed().Applied() }
func (s *simStore) Close() error              { return nil }
func stateOf(id int) *consent.State {
	return &consent.State{Recorded: true, Newest: consent.Order{ID: strconv.Itoa(id)}}
}

// shown is what one snapshot of a server shows of a subject.
type shown struct {
	at     cluster.Place
	newest *write
}

func (s *shown) snapshot() consent.Snapshot {
	snapshot := consent.Snapshot{State: &consent.State{}, AsOf: s.at.Revision}
	if s.newest != nil {
		snapshot.State, snapshot.Changed = stateOf(s.newest.id), s.newest.place.Revision
	}
	return snapshot
}

// Read implements store.Store: of a replica where it is as fresh as the node, else of the primary. It returns what the
// feed has caught up with, in the same history.
func (s *simStore) Read(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	floor := s.Applied()
	n := s.node
	if n.world.weather.replicas {
		if shown, err := s.replica(ctx, subject.ID); err == nil && shown.at.Revision >= floor && s.caughtUp(ctx, shown.at) == nil {
			return shown.snapshot(), nil
		}
	}
	shown, err := s.look(ctx, "read", subject.ID)
	if err == nil && shown.at.Revision < floor {
		n.member.Feed().Kick()
		err = fmt.Errorf("%w: history moved", consent.ErrUnavailable)
	}
	if err == nil {
		err = s.caughtUp(ctx, shown.at)
	}
	if err != nil {
		return consent.Snapshot{}, err
	}
	return shown.snapshot(), nil
}

func (s *simStore) caughtUp(ctx context.Context, at cluster.Place) error {
	if s.node.world.faults.aheadOfFeed {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, simStaleness)
	defer cancel()
	return s.node.member.Feed().Committed(ctx, at.Revision, at.Chain)
}

// ReadLatest implements store.Store.
func (s *simStore) ReadLatest(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	if s.node.world.faults.replicasAlways {
		if shown, err := s.replica(ctx, subject.ID); err == nil && shown.at.Revision >= s.Applied() {
			return shown.snapshot(), nil
		}
	}
	shown, err := s.look(ctx, "latest", subject.ID)
	if err != nil {
		return consent.Snapshot{}, err
	}
	return shown.snapshot(), nil
}

func (s *simStore) look(ctx context.Context, call, subject string) (v shown, err error) {
	w := s.node.world
	err = s.node.route.call(ctx, call, func(at *server) error {
		v.at = w.head(at)
		v.newest = w.newest(&at.state, subject, v.at.Revision)
		return nil
	})
	return v, err
}

// replica reads a standby that lags, or follows the former primary yet.
func (s *simStore) replica(ctx context.Context, subject string) (v shown, err error) {
	w := s.node.world
	err = s.node.route.call(ctx, "replica", func(at *server) error {
		from := at
		if w.former != nil && w.rng.IntN(2) == 0 {
			from = w.former
		}
		head := from.state.head().Revision
		v.at = from.state.at(head - min(head, consent.Revision(w.rng.IntN(4))))
		v.newest = w.newest(&from.state, subject, v.at.Revision)
		if w.faults.replicaByPrimary {
			v.at = at.state.head()
		}
		return nil
	})
	return v, err
}

// answer is what a check got.
type answer struct {
	// id is that of the write that decided it, zero: there was none.
	id     int
	cached bool
}

// check is the path of a check, as package authz has it: the deadline, the state, the evaluation, the deadline.
func (n *simNode) check(ctx context.Context, subject string, token *cluster.Place) (answer, error) {
	n.gate()
	if until := n.member.Until(); until != 0 {
		n.dawdle()
		snapshot, err := n.cache.Snapshot(ctx, consent.Subject{Controller: "c", ID: subject}, consent.MinimizeLatency)
		n.dawdle()
		if err == nil && n.satisfies(token, snapshot.AsOf) && (n.world.faults.onceLooked || n.member.Holds(until)) {
			return answered(snapshot, true), nil
		}
	}
	return n.latest(ctx, subject, token)
}

// satisfies reports whether a state that was cached as of a revision reflects a token, looked at after the state.
func (n *simNode) satisfies(token *cluster.Place, asOf consent.Revision) bool {
	if token == nil {
		return true
	}
	mark, known := n.marks.Get(token.Revision)
	return asOf >= token.Revision && (known && mark == token.Chain.Mark() || n.world.faults.noToken)
}

var errLost = errors.New("the token is of a lost history")

func (n *simNode) latest(ctx context.Context, subject string, token *cluster.Place) (answer, error) {
	var v shown
	var refused bool
	if n.world.faults.replicasAlways {
		snapshot, err := (&simStore{node: n}).ReadLatest(ctx, consent.Subject{Controller: "c", ID: subject})
		return answered(snapshot, false), err
	}
	err := n.route.call(ctx, "latest", func(at *server) error {
		v.at = n.world.head(at)
		v.newest = n.world.newest(&at.state, subject, v.at.Revision)
		refused = token != nil && !at.state.holds(*token) && !n.world.faults.noToken
		return nil
	})
	switch {
	case err != nil:
		return answer{}, err
	case refused:
		return answer{}, errLost
	}
	n.dawdle()
	return answered(v.snapshot(), false), nil
}

func answered(s consent.Snapshot, cached bool) answer {
	if s.State == nil {
		return answer{}
	}
	id, _ := strconv.Atoi(s.State.Newest.ID)
	return answer{id: id, cached: cached}
}

// dawdle takes the time that a step takes: none, as a rule, or a while; and stands still while the node does.
func (n *simNode) dawdle() {
	n.mu.Lock()
	long := n.rng.IntN(200) == 0
	d := time.Duration(n.rng.IntN(50)) * time.Microsecond
	if long {
		d = time.Duration(n.rng.Int64N(int64(3 * simLease)))
	}
	n.mu.Unlock()
	time.Sleep(d)
	n.gate()
}
