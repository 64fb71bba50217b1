package cache

import (
	"context"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// history is one of the store: what was read of another counts for nothing. Entries and reads carry theirs, compared by
// its address, so that a read that began in one that was lost since leaves nothing that counts, whenever it ends.
type history struct {
	// number counts them.
	number uint64
	floors floors
}

// Begin says that nothing counts that was read before, because the store has lost a part of its history or its changes
// were not followed for a while: what is asked from now on is read anew. The changes after since are told by Changed,
// those up to it are not; a state from before since does not count either. It is the Lost of store.Observers, called as
// it is, and before the first change by a store that others wrote before.
//
// The rejected alternative, emptying ristretto, would leave what is on its way into it.
func (c *Cache) Begin(since consent.Revision) {
	next := &history{}
	next.floors.begin(since)
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
