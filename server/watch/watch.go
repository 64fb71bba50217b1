// Package watch keeps clients' caches of decisions honest: it tells watchers which hash slots changed, grants them
// leases, and holds a fenced write until no cache can answer from the older state.
//
// What it guarantees: Fence returns nil only when each watcher that had a lease at its beginning has confirmed all
// that was announced before, or its lease has run out, by this machine's clock and with a margin for the client's;
// leases that an earlier process of this store granted have run out too. A lease is granted only with a message after
// which the watcher knows everything announced so far. So whoever holds a lease that was granted later needs no
// waiting for.
//
// Failure: a watcher that reads too slowly loses its stream, and so does one that holds up a fence for a lease; either
// can only cost its own cache. A watcher whose stream breaks is waited for until its lease has run out, because it may
// not know yet.
//
// Words: a hub knows all watchers; a watcher is one client's stream; a fence is a write that waits for them. The hub
// speaks of Notices and Reports; how these travel is the edge's.
package watch

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

const (
	// slotCount is that of the cache package, for the same reason: of n changes a cache loses n/65536 of its other
	// entries.
	slotCount = 1 << 16
	// ringSize is how many announcements a watcher may lag behind before it loses its stream. They take 16 bytes each,
	// once for all watchers.
	ringSize = 1 << 16
	// maxWatchers bounds what one server keeps of streams and goroutines.
	maxWatchers = 10_000
	// pace is how much time passes between two waves of messages, per watcher: a wave takes about that much of a core
	// per watcher, here and in the clients, so that a storm of writes makes messages longer, and not more than can be
	// sent.
	pace = 20 * time.Microsecond
)

// Config configures a Hub.
type Config struct {
	// StoreID and Revision are the store's, as it was opened.
	StoreID  store.ID
	Revision consent.Revision
	// Policy returns the digest of the policies in force; required. It must be quick.
	Policy func() string
	// Lease is how long leases last; zero means DefaultLease, which says when a shorter one is safe.
	Lease time.Duration
	// Now is the clock of decisions; nil means the system's.
	Now func() consent.Instant
	// Standing reports whether this node may answer from its own cache: only then is a lease granted, since other nodes
	// take those behind a node whose lease has run out to have none. Nil: always. It must be quick.
	Standing func() bool
	// Settle is how long a watcher that joins after Begin waits for its hello: as long as another node of the store
	// may answer from a history that is lost; zero: there is no other node. Answers that a client asks for with its
	// hello come from a history in which floors are above all that they are as of.
	Settle time.Duration
	// First says that no process before had this store, so that there are no leases of it to wait for.
	First bool
	// Fenced is told of each fence that ended, complete or not, how long it took; nil: nobody is. It must be quick.
	Fenced func(took time.Duration)
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	var faults []error
	if c.Policy == nil {
		faults = append(faults, errors.New("watch: Policy is required"))
	}
	if c.Lease < 0 {
		faults = append(faults, fmt.Errorf("watch: lease is %v: must not be negative", c.Lease))
	}
	if c.Lease > MaxLease {
		faults = append(faults, fmt.Errorf("watch: lease is %v: must be at most %v, the longest that clients accept", c.Lease, MaxLease))
	}
	return errors.Join(faults...)
}

// Hub knows all watchers and what was announced. All methods may be called concurrently.
type Hub struct {
	config Config
	hello  *Hello
	// grace is when the leases of an earlier process have run out.
	grace time.Time
	// changed has a value when there is something to tell.
	changed         chan struct{}
	closing, closed chan struct{}

	mu struct {
		sync.Mutex
		// position counts announcements; ring[p%ringSize] is what the one that led to position p+1 said.
		position uint64
		ring     [ringSize]announcement
		revision consent.Revision
		// begun counts the calls of Begin; settled is when Settle has passed since the last.
		begun   int
		settled time.Time
		// watchers are those with a stream, and those without whose leases may not have run out yet.
		watchers map[*Watcher]struct{}
		fences   map[*fence]struct{}
		counts   Stats
	}
}

var _ store.Observer = (*Hub)(nil)

// announcement is one change of a slot, or of the policies. Of a change of several slots the last has the revision.
type announcement struct {
	revision consent.Revision
	slot     uint32
	policy   bool
}

// Stats are counts since the start, but for Watchers and Leases.
type Stats struct {
	// Watchers is how many hold a stream or a lease, Leases how many of them a lease.
	Watchers, Leases int
	// Dropped is how many streams were ended because the watcher was too slow.
	Dropped uint64
	// Fences is how many writes were fenced, and Unfenced how many of these gave up.
	Fences, Unfenced uint64
}

// New returns a hub. Close it. Its error says all that is wrong with config.
func New(c Config) (*Hub, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Lease == 0 {
		c.Lease = DefaultLease
	}
	if c.Now == nil {
		c.Now = func() consent.Instant { return consent.InstantOf(time.Now()) }
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	h := &Hub{
		config: c,
		hello: &Hello{
			StoreID: c.StoreID, Slots: wire.Slots{Key: key, Count: slotCount},
			Lease: c.Lease, Heartbeat: c.Lease / heartbeatsPerLease,
		},
		grace:   time.Now().Add(Held(c.Lease)),
		changed: make(chan struct{}, 1), closing: make(chan struct{}), closed: make(chan struct{}),
	}
	if c.First {
		h.grace = time.Now()
	}
	h.mu.revision = c.Revision
	h.mu.watchers, h.mu.fences = map[*Watcher]struct{}{}, map[*fence]struct{}{}
	go h.wakeAll()
	return h, nil
}

// Close ends the hub's goroutine and waits for it. Watchers are told nothing more.
func (h *Hub) Close() {
	close(h.closing)
	<-h.closed
}

// Stats returns the counts.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.mu.counts
	s.Watchers = len(h.mu.watchers)
	now := time.Now()
	for w := range h.mu.watchers {
		if now.Before(w.lease) {
			s.Leases++
		}
	}
	return s
}

// Changed announces a change, in the order of revisions. A Fence that begins later waits for it.
//
// It is best called ahead, as store.Observers has it: caches then hear of a change and confirm it while the disk
// syncs. A floor that rises early is safe. Until the change is visible the server answers with the revision before,
// which is below the floor, so nobody keeps it; and what a cache still answers for other subjects is as good at the
// new revision as at the one before. If the change fails, its floor only costs the cache a slot, because no other
// change takes the revision: a cache that was told a revision takes itself to know all changes up to it, and would
// answer a token of the other change from a state before it.
//
// For the same reason the slots of all ids that the change touches are told in one go, and its revision with the last
// of them: a message that ends between them does not tell the revision.
func (h *Hub) Changed(c store.Change) {
	var all []announcement
	c.Subjects(func(s consent.Subject) { all = append(all, announcement{slot: h.hello.Slots.Of(s.Controller, s.ID)}) })
	all[len(all)-1].revision = c.Revision
	h.announce(all...)
}

// PolicyChanged announces that other policies are in force.
func (h *Hub) PolicyChanged() { h.announce(announcement{policy: true}) }

// RightsChanged ends all streams: caches may hold what their callers may not ask for any more, and begin anew. Leases
// are held until they have run out.
func (h *Hub) RightsChanged() {
	h.mu.Lock()
	h.endAll(consent.ErrRightsChanged)
	h.mu.Unlock()
	signal(h.changed)
}

// Begin ends all streams because the store has another history than the one whose changes were announced, or its
// changes were not followed for a while: caches begin anew. Changes after since are announced, those up to it are not.
// Fences that wait fail: the change that they are for may be lost. It is the Lost of store.Observers.
//
// New streams get their hello once no node answers from what is lost (Config.Settle). A cache that began before could
// ask such a node, keep its answer, which is as of a revision of the lost history, and take it to be above the floor
// of a change of the new one.
func (h *Hub) Begin(since consent.Revision) {
	h.mu.Lock()
	h.mu.revision = since
	h.mu.begun++
	h.mu.settled = time.Now().Add(h.config.Settle)
	h.endAll(consent.ErrWatchAnew)
	h.mu.Unlock()
	signal(h.changed)
	if h.config.Settle > 0 {
		time.AfterFunc(h.config.Settle, func() { signal(h.changed) })
	}
}

// endAll has all streams end with an error, so that their caches begin anew. h.mu is held.
func (h *Hub) endAll(because error) {
	for w := range h.mu.watchers {
		w.anew = because
	}
}

func (h *Hub) announce(all ...announcement) {
	h.mu.Lock()
	for _, a := range all {
		h.mu.ring[h.mu.position%ringSize] = a
		h.mu.position++
		h.mu.revision = max(h.mu.revision, a.revision)
	}
	h.mu.Unlock()
	signal(h.changed)
}

// signal leaves a value in a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wakeAll wakes the watchers after each announcement, or after several: the announcer, who holds up all writers, must
// not wait for a thousand wake-ups.
func (h *Hub) wakeAll() {
	defer close(h.closed)
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		select {
		case <-h.changed:
		case <-h.closing:
			return
		}
		watchers := h.watchers()
		for _, w := range watchers {
			signal(w.wake)
		}
		timer.Reset(time.Duration(len(watchers)) * pace)
		select {
		case <-timer.C:
		case <-h.closing:
			return
		}
	}
}

func (h *Hub) watchers() []*Watcher {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*Watcher, 0, len(h.mu.watchers))
	for w := range h.mu.watchers {
		all = append(all, w)
	}
	return all
}
