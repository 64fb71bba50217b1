package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/consent"
)

const (
	// fencePause is how long a fence waits between two looks at the nodes while it is young, as almost all are; and
	// slowPause once it is older, when it waits for somebody who is slow or dead.
	fencePause = 3 * time.Millisecond
	slowPause  = 25 * time.Millisecond
	young      = 250 * time.Millisecond
	// removeAfter is how long a node is dead, or gone, before it is taken out of those registered.
	removeAfter = 10 * time.Minute
)

// fence is a Fence, or an AwaitPolicy, under way.
type fence struct {
	// revision and policy are what all nodes must have.
	revision consent.Revision
	policy   uint64
	began    time.Duration
	// done is closed when they do, or when the change may be lost: lost is set before.
	done chan struct{}
	lost bool
	// behind are those that did not at the newest look; guarded by fences.mu.
	behind []string
}

// fences waits for the other nodes on behalf of all who fence a write: one goroutine looks at the nodes, for as many
// of them as there are. While nobody waits it looks with each renewal of the lease, so that nodes which died long ago
// are known to be dead when somebody does.
//
// A look counts for the fences alone that were there before it was sent: their changes were committed by then. A
// fence is complete with a look at which each other node has reported the revision, or has left, or is dead; and at
// which no node can be missing (roll). Then no node answers from a state before the change:
//   - who has reported has applied it, with the caches behind it;
//   - who is dead begins a new run of leases, and that only with what was committed before this look (lease);
//   - who is not registered begins with a head that it reads after it is.
//
// mu guards all. The goroutine works without it while it asks the database.
type fences struct {
	config *Config
	// server returns the process that committed this node's newest renewal. Looks at another one prove nothing: it may
	// be a former primary that still answers.
	server func() string
	// wake has a value where a fence has come; observed where the lease was renewed.
	wake, observed chan struct{}

	mu struct {
		sync.Mutex
		open map[*fence]struct{}
		roll roll
		// looked is when the newest look came; zero: there was none.
		looked time.Duration
		// demanded is the greatest revision that nodes were asked to report, demandedAt when.
		demanded   consent.Revision
		demandedAt time.Duration
	}
	counts struct{ fences, unfenced, looks, lookErrors, removed atomic.Uint64 }
}

func newFences(c *Config, server func() string) *fences {
	f := &fences{config: c, server: server, wake: make(chan struct{}, 1), observed: make(chan struct{}, 1)}
	f.mu.open = map[*fence]struct{}{}
	f.mu.roll.longest = c.Lease + c.Behind
	return f
}

// Fence waits until no node, and no cache behind one, can answer from a state before the change r, which this node
// has committed and applied. Where ctx ends first, or the node ends, the error wraps consent.ErrUnfenced and names
// the nodes that are behind.
func (m *Member) Fence(ctx context.Context, r consent.Revision) error {
	f := m.fences.begin(&fence{revision: r})
	defer m.fences.end(f)
	if applied := m.feed.Applied(); applied < r {
		m.fences.counts.unfenced.Add(1)
		return fmt.Errorf("%w: change %d was not applied, the newest is %d", consent.ErrUnfenced, r, applied)
	}
	if err := m.config.Watchers.Fence(ctx, r); err != nil {
		m.fences.counts.unfenced.Add(1)
		return err
	}
	return m.await(ctx, f)
}

// AwaitPolicy waits until all other nodes, and the caches behind them, decide by an activation of policies or a later
// one. Its error is as that of Fence.
func (m *Member) AwaitPolicy(ctx context.Context, number uint64) error {
	f := m.fences.begin(&fence{policy: number})
	defer m.fences.end(f)
	return m.await(ctx, f)
}

// PolicyChanged says that Config.Policy has another value: the others hear of it at once.
func (m *Member) PolicyChanged() { m.reporter.catchUp() }

func (m *Member) await(ctx context.Context, f *fence) error {
	var cause error
	select {
	case <-f.done:
		if !f.lost {
			return nil
		}
		cause = errors.New("the store lost history, perhaps the change too: repeat it")
	case <-ctx.Done():
		cause = ctx.Err()
	case <-m.ctx.Done():
		cause = errors.New("the server stops")
	}
	m.fences.counts.unfenced.Add(1)
	return fmt.Errorf("waiting for the other nodes: %w: %w", &consent.BehindError{Nodes: m.fences.behind(f)}, cause)
}

func (fs *fences) begin(f *fence) *fence {
	f.began, f.done, f.behind = fs.config.Clock(), make(chan struct{}), []string{"nodes that could not be asked for"}
	fs.counts.fences.Add(1)
	fs.mu.Lock()
	fs.mu.open[f] = struct{}{}
	fs.mu.Unlock()
	signal(fs.wake)
	return f
}

func (fs *fences) end(f *fence) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.mu.open, f)
}

func (fs *fences) behind(f *fence) []string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.Clone(f.behind)
}

// fail ends all fences.
func (fs *fences) fail() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for f := range fs.mu.open {
		f.lost = true
		fs.close(f)
	}
}

// close ends a fence that is open. mu is held.
func (fs *fences) close(f *fence) {
	if _, waits := fs.mu.open[f]; waits {
		delete(fs.mu.open, f)
		close(f.done)
	}
}

// observe has the nodes looked at once.
func (fs *fences) observe() { signal(fs.observed) }

// look looks at the nodes until this one ends.
func (m *Member) look() {
	for m.ctx.Err() == nil {
		var pause <-chan time.Time
		if waiting, age := m.fences.waiting(); waiting {
			pause = time.After(pauseAt(age))
		}
		select {
		case <-pause:
		case <-m.fences.wake:
		case <-m.fences.observed:
		case <-m.ctx.Done():
			return
		}
		_ = m.tryLook(m.ctx) // it is counted
	}
}

func pauseAt(age time.Duration) time.Duration {
	if age < young {
		return fencePause
	}
	return slowPause
}

// waiting reports whether a fence waits, and how long the youngest has.
func (fs *fences) waiting() (waiting bool, age time.Duration) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	now := fs.config.Clock()
	age = young
	for f := range fs.mu.open {
		waiting, age = true, min(age, now-f.began)
	}
	return waiting, age
}

// tryLook looks at the nodes once, for the fences that are there before.
func (m *Member) tryLook(ctx context.Context) (err error) {
	defer m.guard("looking at the nodes", &err)
	fs := m.fences
	ctx, cancel := context.WithTimeout(ctx, m.config.Lease/2)
	defer cancel()
	open := fs.list()
	m.demand(ctx, open)
	at := look{sent: m.config.Clock()}
	fs.counts.looks.Add(1)
	nodes, err := m.config.Database.Nodes(ctx)
	if err != nil {
		fs.counts.lookErrors.Add(1)
		return err
	}
	at.came = m.config.Clock()
	for _, gone := range fs.take(&nodes, at, open) {
		if m.config.Database.Remove(ctx, gone.ID, gone.Renewal) == nil {
			fs.counts.removed.Add(1)
		}
	}
	return nil
}

func (fs *fences) list() []*fence {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	all := make([]*fence, 0, len(fs.mu.open))
	for f := range fs.mu.open {
		all = append(all, f)
	}
	return all
}

// demand asks the other nodes, if any are known, to report the greatest revision that is waited for; again after a
// while, because the database may have lost it.
func (m *Member) demand(ctx context.Context, open []*fence) {
	var wanted consent.Revision
	for _, f := range open {
		wanted = max(wanted, f.revision)
	}
	if m.fences.toDemand(wanted) && m.config.Database.Demand(ctx, wanted) == nil {
		m.fences.demanded(wanted)
	}
}

func (fs *fences) toDemand(r consent.Revision) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	alone := len(fs.mu.roll.sorted(fs.config.ID)) == 0
	again := fs.config.Clock()-fs.mu.demandedAt >= fs.config.Lease/renewalsPerLease
	return r != 0 && !alone && (r > fs.mu.demanded || again)
}

func (fs *fences) demanded(r consent.Revision) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.mu.demanded, fs.mu.demandedAt = r, fs.config.Clock()
}

// take takes a look for the fences that were there before it. It returns the nodes that have been gone for long.
func (fs *fences) take(n *Nodes, at look, open []*fence) (gone []Node) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.mu.roll.take(n, at)
	fs.mu.looked = at.came
	if fs.config.flaws.judgesOldLooks {
		at.sent = at.came
	}
	others := fs.mu.roll.sorted(fs.config.ID)
	for _, f := range open {
		if f.behind = fs.judge(f, others, at.sent); len(f.behind) == 0 {
			fs.close(f)
		}
	}
	for _, row := range others {
		if at.sent-row.since >= removeAfter+held(row.Lease) {
			gone = append(gone, row.Node)
		}
	}
	return gone
}

// judge returns who of the others is behind a fence by the newest look, which was sent at a time. mu is held.
func (fs *fences) judge(f *fence, others []*row, sent time.Duration) (behind []string) {
	roll := &fs.mu.roll
	for _, row := range others {
		has := row.Applied.Revision >= f.revision && row.Policy >= f.policy
		if !has && !row.Left && !roll.dead(row, sent) {
			behind = append(behind, fmt.Sprintf("%v, which has applied %d and decides by policies %d",
				row.ID, row.Applied.Revision, row.Policy))
		}
	}
	switch {
	case fs.config.flaws.ignoresServer:
	case roll.server != fs.server():
		behind = append(behind, "all that the primary knows which renewed this node's lease: another one answers")
	case sent < roll.settled:
		behind = append(behind, "perhaps nodes that a new primary, or this new node, does not know of: their leases have not ended")
	}
	return behind
}
