package cache

import (
	"context"
	"time"

	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// history is one of the store: what was read of another counts for nothing. Entries and reads carry theirs, compared by
// its address, so that a read that began in one that was lost since leaves nothing that counts, whenever it ends.
type history struct {
	// number counts them.
	number uint64
	floors *remembered.Floors
}

// slotBits: 2^16 slots take 512 KiB. With n changes since an entry was read, a fraction n/65536 of all others misses
// once for nothing; an exact table would grow with the subjects written, and so need eviction, which is what it exists
// to do without.
const slotBits = 16

func newHistory(number uint64, since consent.Revision) *history {
	return &history{number: number, floors: remembered.NewFloors(1<<slotBits, uint64(since))}
}

func slotOf(hash uint64) uint32 { return uint32(hash >> (64 - slotBits)) }

// of returns the watermark of announced changes, and the floor of the slot of a hash.
func (h *history) of(hash uint64) (announced, floor consent.Revision) {
	a, f := h.floors.Of(slotOf(hash))
	return consent.Revision(a), consent.Revision(f)
}

// Floors are those of the history of the store as it is known now. Who remembers what was decided takes them before the
// state is read; answers of other floors never count.
func (c *Cache) Floors() *remembered.Floors { return c.history.Load().floors }

// Slot is that of a subject's changes in Floors.
func (c *Cache) Slot(subject consent.Subject) uint32 { return slotOf(c.hash(subject)) }

// Until is until when what is remembered counts, as of a Snapshot: zero where there is no bound. false: it does not
// count now. It is asked before Floors, and again, by Config.Standing, when the answer is there.
func (c *Cache) Until() (until int64, ok bool) {
	switch {
	case c.entries == nil:
		return 0, false
	case c.config.Standing == nil:
		return 0, true
	}
	until = c.config.Standing.Until()
	return until, until != 0
}

// Begin says that nothing counts that was read before, because the store has lost a part of its history or its changes
// were not followed for a while: what is asked from now on is read anew. The changes after since are told by Changed,
// those up to it are not; a state from before since does not count either. It is the Lost of store.Observers, called as
// it is, and before the first change by a store that others wrote before.
//
// The rejected alternative, emptying ristretto, would leave what is on its way into it.
func (c *Cache) Begin(since consent.Revision) {
	next := newHistory(0, since)
	for {
		old := c.history.Load()
		next.number = old.number + 1
		if c.history.CompareAndSwap(old, next) {
			return
		}
	}
}

// Mark returns the store's.
func (c *Cache) Mark(ctx context.Context, revision consent.Revision) (store.Mark, bool, error) {
	return c.store.Mark(ctx, revision)
}

// Standing says until when what is cached counts, in a store that others write too. Both must be quick.
type Standing interface {
	// Until is asked before anything is looked up; zero: it does not count now.
	Until() int64
	// Holds reports whether a time that Until returned has not come.
	Holds(until int64) bool
}

// maxAwait is how long Await waits.
const maxAwait = 50 * time.Millisecond

// awaiter is a store that learns of changes that others make.
type awaiter interface {
	Await(ctx context.Context, revision consent.Revision) error
}

// Await waits until all changes up to a revision have been told here, for a moment at most: a state that is as fresh
// can then come from the cache. It returns at once where the store does not wait.
func (c *Cache) Await(ctx context.Context, revision consent.Revision) {
	s, ok := c.store.(awaiter)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, maxAwait)
	defer cancel()
	// An error says that it was not told: whoever asked looks at what it reads.
	_ = s.Await(ctx, revision)
}
