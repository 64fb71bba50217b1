package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// Watchers are the caches behind a node; watch.Hub knows them.
type Watchers interface {
	// Fence waits until no cache behind this node can answer from a state before the change r, or by policies from
	// before the call. It is bounded, and by ctx.
	Fence(ctx context.Context, r consent.Revision) error
}

// Config configures a Member.
type Config struct {
	// Database is required.
	Database Database
	// ID names the node; zero: one is drawn. No two processes share one.
	ID NodeID
	// Observers, Marks, Poll, PollTimeout and Page are as in FeedConfig.
	Observers   store.Observers
	Marks       *store.Marks
	Poll        time.Duration
	PollTimeout time.Duration
	Page        int
	// Watchers are the caches behind the node; nil: there are none.
	Watchers Watchers
	// Behind is how long these may answer after the node granted them a lease at the latest, which it must not while
	// it does not stand (Until); zero: not at all.
	Behind time.Duration
	// Idle reports whether none of them holds a lease, so that Close need not wait; nil: nobody knows.
	Idle func() bool
	// Lease is how long the node's lease lasts, from before it is renewed; zero means DefaultLease. Where one is made
	// shorter, the former one and an eighth pass between the end of a node that had it and the start of the first that
	// has it not: a new primary may not know of a node that has a longer one than all it does know of.
	Lease time.Duration
	// MaxStaleness is how old the newest look at the database may be while the node answers from its cache; zero means
	// DefaultMaxStaleness.
	MaxStaleness time.Duration
	// Clock is that of leases; nil means Boottime.
	Clock Clock
	// About is for people: JSON, at most 4 KiB; nil: nothing is said. Policy is the number of the activation that the
	// node decides by, once the caches behind it have been told; nil: zero. Both must be quick.
	About  func() []byte
	Policy func() uint64
	// PolicyHeard is told of the number of the newest activation, each time that the database is looked at; nil:
	// nobody is. It must be quick.
	PolicyHeard func(number uint64)
	// Logger is told of lost history, of panics and of dead nodes; nil means slog.Default().
	Logger *slog.Logger

	flaws flaws
}

// minLease is the shortest lease: a renewal takes a commit, and time to be tried again.
const minLease = 50 * time.Millisecond

// Validate reports all faults at once.
func (c Config) Validate() error {
	faults := []error{c.feed().Validate()}
	if c.Lease != 0 && c.Lease < minLease {
		faults = append(faults, fmt.Errorf("cluster: lease is %v: must be at least %v", c.Lease, minLease))
	}
	if c.MaxStaleness < 0 || c.Behind < 0 {
		faults = append(faults, fmt.Errorf("cluster: max staleness is %v, the lease of caches behind %v: must not be negative",
			c.MaxStaleness, c.Behind))
	}
	if d := c.withDefaults(); d.MaxStaleness <= d.Poll {
		faults = append(faults, fmt.Errorf("cluster: max staleness is %v: must be more than %v, the time between two looks",
			d.MaxStaleness, d.Poll))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	defaultTo(&c.Lease, DefaultLease)
	defaultTo(&c.MaxStaleness, DefaultMaxStaleness)
	defaultTo(&c.Poll, DefaultPoll)
	if c.ID == (NodeID{}) {
		_, _ = rand.Read(c.ID[:]) // never fails
	}
	if c.Clock == nil {
		c.Clock = Boottime
	}
	if c.Watchers == nil {
		c.Watchers = nobody{}
	}
	if c.Idle == nil {
		c.Idle = func() bool { return c.Behind == 0 }
	}
	if c.About == nil {
		c.About = func() []byte { return nil }
	}
	if c.Policy == nil {
		c.Policy = func() uint64 { return 0 }
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (c Config) feed() FeedConfig {
	return FeedConfig{
		Database: c.Database, Node: c.ID, Observers: c.Observers, Marks: c.Marks, Clock: c.Clock,
		Poll: c.Poll, PollTimeout: c.PollTimeout, Page: c.Page, Policy: c.PolicyHeard, Logger: c.Logger, flaws: c.flaws,
	}
}

type nobody struct{}

func (nobody) Fence(context.Context, consent.Revision) error { return nil }

// String is as people see it: hexadecimal.
func (id NodeID) String() string { return hex.EncodeToString(id[:]) }

// Member is this process as a node of a store: it follows the store (Feed), says until when it may answer from its
// cache (Until, Holds), and waits for the other nodes (Fence, AwaitPolicy). Create it by New, and Start it before
// anything is read from the store that is kept. All methods may be called concurrently after that.
//
// Four goroutines work, each on what is its own and through methods that lock: one looks at the changes (Feed), one
// renews the lease (keep), one reports how far the node is (reporter), and one looks at the other nodes (fences). A
// panic in one of them is counted, and it goes on: what it guards is then not renewed, not reported or not seen,
// which holds up fences and costs the cache, and never the truth.
type Member struct {
	config   Config
	feed     *Feed
	lease    *lease
	reporter *reporter
	fences   *fences
	// renewal is the number of the newest renewal.
	renewal atomic.Uint64
	counts  memberCounts

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	closing sync.Once
	closed  error
}

type memberCounts struct{ renewals, renewalErrors, reports, reportErrors, panics atomic.Uint64 }

// New returns a member that does nothing before Start. Its error says all that is wrong with config.
func New(c Config) (*Member, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := &Member{config: c.withDefaults()}
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.lease = newLease(&m.config)
	m.reporter = &reporter{wake: make(chan struct{}, 1)}
	m.fences = newFences(&m.config, m.lease.server)
	f := m.config.feed()
	f.Reached, f.Wanted, f.Observers.Lost = m.lease.reached, m.wanted, m.lost
	var err error
	m.feed, err = NewFeed(f)
	return m, err
}

// Start registers the node and begins to follow the store, in this order: whoever changes something later waits for
// this node, and what was changed before is in what the feed begins with. It is called once. Its error wraps
// consent.ErrUnavailable, or is that of ctx; Close tells the others, if the node was registered.
func (m *Member) Start(ctx context.Context) error {
	if err := m.renew(ctx); err != nil {
		return fmt.Errorf("registering this node: %w", err)
	}
	if err := m.feed.Start(ctx); err != nil {
		return err
	}
	m.running.Go(m.keep)
	m.running.Go(m.report)
	m.running.Go(m.look)
	return nil
}

// lost ends the fences of changes that may be gone, and tells whoever keeps anything.
func (m *Member) lost(since consent.Revision) {
	m.fences.fail()
	call(m.config.Observers.Lost, since)
}

// ID names the node.
func (m *Member) ID() NodeID { return m.config.ID }

// Feed is what follows the store.
func (m *Member) Feed() *Feed { return m.feed }

// Until returns until when the node may answer from its cache, in nanoseconds of its clock; zero: it may not now.
// Whoever answers asks before it looks at the cache, and Holds, with what it was told, last.
func (m *Member) Until() int64 {
	if m.config.flaws.standsAlways {
		return 1<<63 - 1
	}
	until := m.lease.deadline.Load()
	if !m.Holds(until) {
		return 0
	}
	return until
}

// Standing reports whether the node may answer from its cache now. It is for people, and for what grants leases to
// caches behind: whoever answers from a cache keeps what Until returns.
func (m *Member) Standing() bool { return m.Until() != 0 }

// Holds reports whether a time of Until has not come. Zero has.
func (m *Member) Holds(until int64) bool { return int64(m.config.Clock()) < until }

// Close has the node give its lease up and ends it. It waits until nobody can answer from what this node knew, caches
// behind it included, and then tells the others, so that their fences need not wait; where ctx ends first they wait
// for its lease to run out. A second call returns what the first did. Its error is of the telling: nothing is to be
// done.
func (m *Member) Close(ctx context.Context) error {
	m.closing.Do(func() {
		quiet := m.calm(ctx)
		m.stop()
		m.running.Wait()
		m.feed.Close()
		switch {
		case m.renewal.Load() == 0: // it never started
		case quiet:
			m.closed = m.renewAs(ctx, true)
		default:
			m.closed = fmt.Errorf("telling the other nodes that this one leaves: %w", context.Cause(ctx))
		}
	})
	return m.closed
}

// calm ends the standing of the node and waits until nobody answers from before that; false: ctx ended first.
func (m *Member) calm(ctx context.Context) bool {
	last := m.lease.leave()
	began := m.config.Clock()
	step := max(m.config.Lease/retriesPerLease, time.Millisecond)
	for {
		now := m.config.Clock()
		if now >= last && (m.config.Idle() || now-began >= m.config.Behind) {
			return true
		}
		if !sleep(ctx, step, nil) {
			return false
		}
	}
}

// keep renews the lease. Where that fails, or took a lease, the next is tried soon.
func (m *Member) keep() {
	const ok, failed = renewalsPerLease, retriesPerLease
	for pause := m.config.Lease / ok; m.pause(pause); {
		pause = m.config.Lease / ok
		if err := m.renew(m.ctx); err != nil || m.lease.remains() == 0 {
			pause = m.config.Lease / failed
		}
	}
}

// pause waits before the next renewal; not for as long where it hurries. It reports whether the node goes on.
func (m *Member) pause(d time.Duration) bool {
	least := m.config.Lease / retriesPerLease
	return sleep(m.ctx, least, nil) && (d <= least || sleep(m.ctx, d-least, m.lease.hurry))
}

// sleep waits for a while, or until wake has a value. It reports false where ctx has ended.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

func (m *Member) renew(ctx context.Context) error { return m.renewAs(ctx, false) }

// renewAs renews the lease, or gives it up. It is called by one goroutine at a time.
func (m *Member) renewAs(ctx context.Context, left bool) (err error) {
	defer m.guard("renewing the lease", &err)
	ctx, cancel := context.WithTimeout(ctx, m.config.Lease/2)
	defer cancel()
	told := m.reporter.confirmed()
	node := Node{
		ID: m.config.ID, Renewal: m.renewal.Add(1), Applied: told.Place, Policy: told.policy,
		Lease: m.config.Lease + m.config.Behind, About: m.config.About(), Left: left,
	}
	m.counts.renewals.Add(1)
	sent := m.config.Clock() // before it is sent
	server, err := m.config.Database.Renew(ctx, node)
	if err != nil {
		m.counts.renewalErrors.Add(1)
		return err
	}
	if m.lease.renewed(sent, server) {
		m.feed.Kick()
	}
	m.reporter.noted(told)
	m.reporter.catchUp()
	m.fences.observe()
	return nil
}

// guard makes an error of a panic.
func (m *Member) guard(doing string, err *error) {
	if p := recover(); p != nil {
		m.counts.panics.Add(1)
		m.config.Logger.Error(doing+" panicked: it is tried again", "panic", p, "stack", string(debug.Stack()))
		*err = fmt.Errorf("%s: panic: %v", doing, p)
	}
}
