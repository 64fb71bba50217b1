package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// Feed is what follows the store's changes on this node: cluster.Feed is one.
type Feed interface {
	// Applied is the revision up to which observers were told everything.
	Applied() consent.Revision
	// Kick has it look at once.
	Kick()
	// Await waits until a revision is applied.
	Await(ctx context.Context, r consent.Revision) error
	// Committed kicks it and waits until a change is applied, the very one of that chain.
	Committed(ctx context.Context, r consent.Revision, chain store.Chain) error
}

// querier is a connection, a pool of them, or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Store implements store.Store, and what nodes share: cluster.Database.
type Store struct {
	config Config
	id     store.ID
	// own is for this node's writes, its feed and its lease, primary for everything else: no number of slow calls keeps
	// the node from following.
	own, primary *servers
	replicas     []*servers
	// turn is the replica that was asked last.
	turn   atomic.Uint64
	bridge bridge
	// scans has a place for each scan that may be under way.
	scans chan struct{}
	// feed is nil before Follow.
	feed    atomic.Pointer[Feed]
	visible visible
	health  health
	hints   *hints

	// queue hands batches to the committer. A send happens under gate's read lock, closing under its write lock.
	queue chan *pending
	gate  sync.RWMutex
	// closed and calls, those under way, are guarded by gate.
	closed bool
	calls  sync.WaitGroup
	// closing is closed as soon as Close is called.
	closing chan struct{}
	// ctx ends when all calls have: it is for what runs in the background, which background counts.
	ctx        context.Context
	end        context.CancelFunc
	background sync.WaitGroup
}

var (
	_ store.Store      = (*Store)(nil)
	_ cluster.Database = (*Store)(nil)
)

// Open connects to the primary and returns the store, which records and reads once it is followed. It refuses, with
// what to do: faults of config, a database that cannot be reached, and one whose schema this program does not go with.
func Open(ctx context.Context, c Config) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("the store on PostgreSQL is not configured right: %w", err)
	}
	s := &Store{config: c.withDefaults(), queue: make(chan *pending, maxGroup), closing: make(chan struct{})}
	s.ctx, s.end = context.WithCancel(context.Background())
	if err := s.open(ctx); err != nil {
		s.release()
		return nil, fmt.Errorf("opening the store on PostgreSQL: %w", err)
	}
	s.hints = newHints(s)
	s.background.Go(s.commitAll)
	s.background.Go(s.hints.send)
	if s.config.listens() {
		s.background.Go(s.hints.listen)
	}
	if s.config.PruneInterval > 0 {
		s.background.Go(s.pruneAll)
	}
	return s, nil
}

// ownConns are for the committer, the feed, the lease, a fence, hints and pruning.
const ownConns = 6

func (s *Store) open(ctx context.Context) (err error) {
	own := s.config
	own.MaxConns = ownConns
	if s.own, err = own.connect(ctx, s.config.URL); err != nil {
		return err
	}
	if s.primary, err = s.config.connect(ctx, s.config.URL); err != nil {
		return err
	}
	for _, url := range s.config.ReadReplicas {
		replica, err := s.config.connect(ctx, url)
		if err != nil {
			return err
		}
		s.replicas = append(s.replicas, replica)
	}
	s.scans = make(chan struct{}, max(s.config.MaxConns/2, 1))
	return s.identify(ctx)
}

// identify reads what the store says of itself.
func (s *Store) identify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.DialTimeout+s.config.AcquireTimeout)
	defer cancel()
	at, err := readVersion(ctx, s.own.pool.Load())
	if err != nil {
		return fmt.Errorf("the database does not answer: see that its URL is right and that it runs: %w", err)
	}
	if err := at.judge(); err != nil {
		return err
	}
	var id []byte
	var rules int
	row := s.own.pool.Load().QueryRow(ctx, "SELECT store_id, folding FROM consentd.head")
	if err := row.Scan(&id, &rules); err != nil {
		return fmt.Errorf("reading the store's identity: %w: %w", errDamaged, err)
	}
	s.id = store.ID(id)
	return judgeRules(rules)
}

// Follow has the store's feed of changes, which must have been started: from now on it records and reads. It is called
// once.
func (s *Store) Follow(f Feed) { s.feed.Store(&f) }

// follower is the feed; nil: the store is not followed yet.
func (s *Store) follower() Feed {
	if f := s.feed.Load(); f != nil {
		return *f
	}
	return nil
}

// ID identifies the store for as long as it exists: also a standby that was promoted has it, and a backup.
func (s *Store) ID() store.ID { return s.id }

// Queued is how many batches wait for the next group.
func (s *Store) Queued() int { return len(s.queue) }

// Err returns why writes fail, as of the newest one or the newest renewal of the node's lease; nil: they go well. It
// asks nobody.
func (s *Store) Err() error { return s.health.err() }

// Close waits for calls under way and ends all connections. Calling it again does nothing. The feed may go on
// meanwhile, and must: calls wait for it. It cannot look at the database any more.
func (s *Store) Close() error {
	s.gate.Lock()
	if s.closed {
		s.gate.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	close(s.closing)
	s.gate.Unlock()
	s.calls.Wait()
	s.release()
	return nil
}

// release ends what runs in the background, and all connections.
func (s *Store) release() {
	s.end()
	s.background.Wait()
	for _, p := range append([]*servers{s.own, s.primary}, s.replicas...) {
		if p != nil {
			p.close()
		}
	}
}

// enter counts a call, which ends by leave; it fails where the store is closed, not followed or ctx has ended.
func (s *Store) enter(ctx context.Context, activity string) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.follower() == nil {
		return nil, unavailable(ctx, activity, errNotFollowed)
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return nil, unavailable(ctx, activity, errClosed)
	}
	s.calls.Add(1)
	return s.calls.Done, nil
}

// health is how writes go.
type health struct {
	failed atomic.Pointer[error]
	// telling is held while writes is told, so that it hears things in their order.
	telling sync.Mutex
}

func (h *health) err() error {
	if err := h.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// wrote notes how a write went. An error that is the store's own says nothing of the database.
func (s *Store) wrote(err error) {
	h := &s.health
	if err == nil && h.failed.Load() == nil || errors.Is(err, errClosed) {
		return
	}
	h.telling.Lock()
	defer h.telling.Unlock()
	before := h.failed.Load()
	switch {
	case err != nil:
		h.failed.Store(&err)
	default:
		h.failed.Store(nil)
	}
	if tell := s.config.Writes; tell != nil && (before == nil) != (err == nil) {
		tell(err)
	}
}

// bounded bounds a call in the background.
func (s *Store) bounded(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, limit)
}
