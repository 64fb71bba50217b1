package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// The defaults of FeedConfig.
const (
	DefaultPoll        = 30 * time.Millisecond
	DefaultPollTimeout = time.Second
	// DefaultPage is a third of a second's changes of a store that records 10,000 a second; a page of them takes about
	// 400 KiB.
	DefaultPage = 4096
)

// FeedConfig configures a Feed.
type FeedConfig struct {
	// Database is required.
	Database Database
	// Node is who polls.
	Node NodeID
	// Observers are told of each change that is not this store's past: After in the order of revisions, each once,
	// but for one during which it panicked, which it is told again. Lost is told where the feed begins: by Start,
	// where the store turned out to have another history, and where more happened than can be told. Ahead is never
	// told: other nodes take revisions too.
	Observers store.Observers
	// Marks is where marks of revisions are noted, each before observers are told of its change; nil: in the feed's
	// own.
	Marks *store.Marks
	// Clock is that of leases; nil means Boottime.
	Clock Clock
	// Poll is how long an idle feed waits before it looks again; zero means DefaultPoll. A hint or a Kick ends the
	// wait.
	Poll time.Duration
	// PollTimeout bounds each look; zero means DefaultPollTimeout.
	PollTimeout time.Duration
	// Page is how many changes are read at once; zero means DefaultPage.
	Page int
	// Reached is told of each look that showed nothing that is not applied; nil: nobody is. All of these three are
	// called on the feed's goroutine: they must be quick, and must not call it but for Kick and Applied.
	Reached func(Reached)
	// Wanted is told of the greatest revision that somebody waits for all nodes to report, with each look that shows
	// one; nil: nobody is.
	Wanted func(consent.Revision)
	// Policy is told of the number of the newest activation of policies with each look, once there is one; nil: nobody
	// is.
	Policy func(uint64)
	// Logger is told of lost history and of panics; nil means slog.Default().
	Logger *slog.Logger

	flaws flaws
}

// flaws are faults that tests plant, to see that they are found; the zero value has none.
type flaws struct {
	skipsGaps, ignoresChain, trustsHints          bool
	countsFromAnswer, extendsAlways, standsAlways bool
	judgesOldLooks, ignoresServer                 bool
}

// Reached says that a node has applied all changes that the database showed in one look.
type Reached struct {
	// Began is when the look did, by the node's clock: no change that was committed before is missing.
	Began time.Duration
	// Server names the process that was looked at, as Page has it.
	Server string
}

// Validate reports all faults at once.
func (c FeedConfig) Validate() error {
	var faults []error
	if c.Database == nil {
		faults = append(faults, errors.New("cluster: Database is required"))
	}
	if c.Poll < 0 || c.PollTimeout < 0 || c.Page < 0 {
		faults = append(faults, fmt.Errorf("cluster: poll is %v, its timeout %v, its page %d: must not be negative",
			c.Poll, c.PollTimeout, c.Page))
	}
	return errors.Join(faults...)
}

func (c FeedConfig) withDefaults() FeedConfig {
	defaultTo(&c.Poll, DefaultPoll)
	defaultTo(&c.PollTimeout, DefaultPollTimeout)
	defaultTo(&c.Page, DefaultPage)
	if c.Clock == nil {
		c.Clock = Boottime
	}
	if c.Marks == nil {
		c.Marks = new(store.Marks)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func defaultTo[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Feed applies the changes of a store on one node, whoever made them: strictly in order, without a gap, each after it
// is committed. It looks at the primary again and again; hints only make it look sooner.
//
// What it guarantees: when Applied is r, the observers have been told of all changes up to r of the one history of
// which r's chain is; or of Lost, and nothing kept from before counts. Each look compares the chain at the revision
// applied so far with the database's, in one snapshot with the changes after it, so a change is told only where
// everything before it is as it was told.
//
// One goroutine looks and applies (place is its own); everything else reads what it leaves behind.
// Its order makes that right: first marks, then observers, then applied, then whoever waits, and last Reached with
// the time from before the look. So
//   - who sees applied finds the floors of all changes up to it raised, and their marks;
//   - who learns from Reached that nothing before a time is missing finds them raised too.
//
// Edits that look right and are not:
//   - to take the time after the look: a change committed while the answer travelled is missing and passes for
//     applied;
//   - to count a hint, or a page that was cut off, as a look: it says nothing of what else is committed;
//   - to go on from the first change of a page that is not the next one: what is between was lost, or is not visible
//     yet;
//   - to compare revisions and not chains: after a fail-over the new history may be the longer one;
//   - to raise applied before the observers are told, or where one panicked: a floor that is not raised lets an older
//     state pass as one as of it;
//   - to take a kick away after the look: the change that it was for may have been committed during it.
type Feed struct {
	config FeedConfig
	// kicks has a value when somebody committed something.
	kicks chan struct{}
	// stop ends the goroutine.
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	// place is where the feed is: the goroutine's own.
	place Place

	applied atomic.Uint64
	// watermark is Reached.Began of the newest look that showed nothing new; its unit is a nanosecond.
	watermark atomic.Int64
	// server is who was looked at last.
	server atomic.Pointer[string]
	counts feedCounts

	mu struct {
		sync.Mutex
		// waiting are those for whom a revision is not applied yet.
		waiting map[*waiter]struct{}
		// ended says that nobody will be woken any more.
		ended bool
		// at is place, for others; it is raised after applied.
		at standpoint
	}
}

// NewFeed returns a feed that does nothing before Start. Its error says all that is wrong with config.
func NewFeed(c FeedConfig) (*Feed, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	f := &Feed{config: c.withDefaults(), kicks: make(chan struct{}, 1)}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.mu.waiting = map[*waiter]struct{}{}
	return f, nil
}

// Start begins at the newest revision that the store has now: what was read from the store before this call began must
// not be kept. It is called once. Its error wraps consent.ErrUnavailable, or is that of ctx.
func (f *Feed) Start(ctx context.Context) error {
	began := f.config.Clock()
	page, err := f.config.Database.Poll(ctx, f.config.Node, 0, 0)
	if err != nil {
		return fmt.Errorf("starting the feed of changes: %w", err)
	}
	f.restart(&page)
	f.announce(&page, began)
	f.running.Go(f.run)
	return nil
}

// Close ends the feed and waits for its goroutine. Whoever waits gets an error. It may be called again.
func (f *Feed) Close() {
	f.stop()
	f.running.Wait()
	f.fail(errFeedClosed, true)
}

// Applied is the revision up to which the observers were told everything. Only where history was lost it decreases.
func (f *Feed) Applied() consent.Revision { return consent.Revision(f.applied.Load()) }

// standpoint is a place in the history that a feed is in, or was in.
type standpoint struct {
	Place
	// history counts those that the feed has begun with.
	history uint64
}

// at returns where the feed is.
func (f *Feed) at() standpoint {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.at
}

// Watermark is a time by the node's clock: no change that was committed before is missing. Zero: not known yet.
func (f *Feed) Watermark() time.Duration { return time.Duration(f.watermark.Load()) }

// Server names the process of the primary that was looked at last; empty: none was.
func (f *Feed) Server() string {
	if s := f.server.Load(); s != nil {
		return *s
	}
	return ""
}

// Kick has the feed look at once. The look begins after the call.
func (f *Feed) Kick() { signal(f.kicks) }

// signal leaves a value in a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// slowest bounds how long a feed waits after looks that failed.
const slowest = 8

func (f *Feed) run() {
	timer := time.NewTimer(f.config.Poll)
	defer timer.Stop()
	for failures := 0; f.ctx.Err() == nil; {
		more, err := f.look()
		switch {
		case err != nil:
			failures = min(failures+1, slowest)
		case more:
			failures = 0
			continue
		default:
			failures = 0
		}
		timer.Reset(f.config.Poll * time.Duration(max(failures, 1)))
		f.wait(timer.C, failures > 1)
	}
}

// wait waits for the next look. Who cannot reach the database takes no hint: hints would come as fast as they fail.
func (f *Feed) wait(timer <-chan time.Time, failing bool) {
	hints, kicks := f.config.Database.Hints(), f.kicks
	if failing {
		hints, kicks = nil, nil
	}
	select {
	case <-timer:
	case <-hints:
		f.counts.hints.Add(1)
		if f.config.flaws.trustsHints {
			f.watermark.Store(int64(f.config.Clock()))
			call(f.config.Reached, Reached{Began: f.config.Clock(), Server: f.Server()})
		}
	case <-kicks:
	case <-f.ctx.Done():
	}
}
