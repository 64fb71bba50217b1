package cluster_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
)

const (
	lease     = cluster.DefaultLease
	margin    = lease / 16
	staleness = cluster.DefaultMaxStaleness
	// renewal is how long after one renewal the next begins.
	renewal = lease / 4
)

// held is how long others take a node to be alive.
var held = cluster.Held(lease)

// link is how one node reaches the database. Its hooks stand still the calls that they name, on the way there or back.
type link struct {
	*fake
	cut  atomic.Bool
	mu   sync.Mutex
	held map[string]chan struct{}
	hint chan struct{}
	// ended is closed when the test has ended, and nothing is held any more.
	ended chan struct{}
}

func newLink(db *fake) *link {
	return &link{fake: db, held: map[string]chan struct{}{}, hint: make(chan struct{}, 1), ended: make(chan struct{})}
}

// hold stands still calls, "poll" say, or "poll back": these are done, and their answers travel. free lets them go.
func (l *link) hold(calls ...string) (free func()) {
	gate := make(chan struct{})
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, call := range calls {
		l.held[call] = gate
	}
	return sync.OnceFunc(func() {
		l.mu.Lock()
		for _, call := range calls {
			delete(l.held, call)
		}
		l.mu.Unlock()
		close(gate)
	})
}

// freeze stands still all that the node does.
func (l *link) freeze() (thaw func()) {
	var all []string
	for _, call := range []string{"poll", "renew", "report", "demand", "nodes", "remove"} {
		all = append(all, call, call+" back")
	}
	return l.hold(all...)
}

func (l *link) pass(call string) error {
	l.mu.Lock()
	gate := l.held[call]
	l.mu.Unlock()
	if gate != nil {
		select { // a node that stands still heeds no deadline
		case <-gate:
		case <-l.ended:
		}
	}
	if l.cut.Load() {
		return fmt.Errorf("%w: cut off", consent.ErrUnavailable)
	}
	return nil
}

func through[T any](l *link, call string, do func() (T, error)) (T, error) {
	var none T
	if err := l.pass(call); err != nil {
		return none, err
	}
	v, err := do()
	if lost := l.pass(call + " back"); lost != nil {
		return none, lost
	}
	return v, err
}

func (l *link) Poll(ctx context.Context, id cluster.NodeID, after consent.Revision, limit int) (cluster.Page, error) {
	return through(l, "poll", func() (cluster.Page, error) { return l.fake.Poll(ctx, id, after, limit) })
}

func (l *link) Renew(ctx context.Context, n cluster.Node) (string, error) {
	return through(l, "renew", func() (string, error) { return l.fake.Renew(ctx, n) })
}

func (l *link) Nodes(ctx context.Context) (cluster.Nodes, error) {
	return through(l, "nodes", func() (cluster.Nodes, error) { return l.fake.Nodes(ctx) })
}

func (l *link) Report(ctx context.Context, id cluster.NodeID, at cluster.Place) error {
	_, err := through(l, "report", func() (any, error) { return nil, l.fake.Report(ctx, id, at) })
	return err
}

func (l *link) Demand(ctx context.Context, r consent.Revision) error {
	_, err := through(l, "demand", func() (any, error) { return nil, l.fake.Demand(ctx, r) })
	return err
}

func (l *link) Hints() <-chan struct{} { return l.hint }

// machine is a node's clock: that of the bubble, but for when it slept, and for how fast it goes.
type machine struct {
	began time.Time
	// rate is in thousandths of the bubble's.
	rate  int64
	slept atomic.Int64
}

func (m *machine) now() time.Duration {
	return time.Hour + time.Since(m.began)*time.Duration(m.rate)/1000 + time.Duration(m.slept.Load())
}

// peer is a node of a cluster, with what is behind it.
type peer struct {
	*cluster.Member
	t       *testing.T
	link    *link
	machine *machine
	// confirm is where a fence of the caches behind waits; nil: they confirm at once.
	confirm atomic.Pointer[chan struct{}]
	policy  atomic.Uint64
}

// join starts a node. With sets what of its configuration is not the default.
func join(t *testing.T, db *fake, with ...func(*peer, *cluster.Config)) *peer {
	t.Helper()
	p := prepare(t, db, with...)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func prepare(t *testing.T, db *fake, with ...func(*peer, *cluster.Config)) *peer {
	t.Helper()
	p := &peer{t: t, link: newLink(db), machine: &machine{began: time.Now(), rate: 1000}}
	config := cluster.Config{
		Database: p.link, Clock: p.machine.now, Watchers: watchers{p}, Policy: p.policy.Load, Logger: quiet,
	}
	for _, set := range with {
		set(p, &config)
	}
	var err error
	if p.Member, err = cluster.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(p.link.ended)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.Close(ctx) // nobody is told
	})
	return p
}

// watchers are the caches behind a peer, whose own Fence is the member's.
type watchers struct{ *peer }

// Fence implements cluster.Watchers.
func (w watchers) Fence(ctx context.Context, _ consent.Revision) error {
	if gate := w.confirm.Load(); gate != nil {
		select {
		case <-*gate:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", consent.ErrUnfenced, ctx.Err())
		}
	}
	return nil
}

// write commits a change and applies it here, as Record of a store does.
func (p *peer) write(id string) consent.Revision {
	p.t.Helper()
	at := p.link.commit(id)
	if err := p.Feed().Committed(p.t.Context(), at.Revision, at.Chain); err != nil {
		p.t.Fatal(err)
	}
	return at.Revision
}

// fencing fences a change of its own and tells how it ended.
func (p *peer) fencing(id string) <-chan error {
	p.t.Helper()
	r, done := p.write(id), make(chan error, 1)
	go func() { done <- p.Fence(p.t.Context(), r) }()
	return done
}

// fence returns how long a fence takes.
func (p *peer) fence(id string) time.Duration {
	p.t.Helper()
	began := time.Now()
	if err := <-p.fencing(id); err != nil {
		p.t.Errorf("Fence = %v", err)
	}
	return time.Since(began)
}

func (p *peer) stands() bool { return p.Until() != 0 }

// pending fails the test where a fence has ended.
func pending(t *testing.T, done <-chan error, when string) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		t.Fatalf("the fence ended %s: %v", when, err)
	default:
	}
}

// bubble runs test with a database in a bubble.
func bubble(t *testing.T, test func(t *testing.T, db *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db := newFake()
		db.commit("x", "y", "z")
		test(t, db)
	})
}

// settled starts nodes and lets the leases run out of those that a new node must take to be there.
func settled(t *testing.T, db *fake, n int) []*peer {
	t.Helper()
	var all []*peer
	for range n {
		all = append(all, join(t, db))
	}
	pass(held + renewal)
	return all
}
