package client

import (
	"math/bits"
	"sync/atomic"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// nearEntry is a decision that is kept; immutable but for used and answers.
type nearEntry struct {
	hash uint64
	// request is the key: a copy without consistency.
	request  *consentv1.CheckRequest
	decision Decision
	// revision is that of the state behind the decision, slot that of its subject.
	revision uint64
	slot     uint32
	// validUntil is in nanoseconds since the epoch; 0: no end.
	validUntil int64
	// used says that the entry was of use since put last looked for room.
	used atomic.Bool
	// answers counts the checks that it answered since they were last reported.
	answers atomic.Uint64
}

// nearTable keeps entries in buckets of a fixed size, each a second-chance queue without order. Its size is fixed, so
// its memory is; a lookup reads eight pointers at most and takes no lock, and nothing in it needs to be right: an entry
// that is lost or there twice costs a miss. (Processor time of a lookup by two goroutines: 6 ns; in a map under 64
// read-write locks 17 ns, in ristretto 50 ns, and a dependency for all users of this package.)
type nearTable struct {
	slots []atomic.Pointer[nearEntry]
	mask  uint64
}

const nearWays = 8

func newNearTable(maxEntries int) nearTable {
	size := max(nearWays, 1<<bits.Len(uint(maxEntries-1)))
	return nearTable{slots: make([]atomic.Pointer[nearEntry], size), mask: uint64(size/nearWays - 1)}
}

func (t *nearTable) bucket(hash uint64) []atomic.Pointer[nearEntry] {
	i := hash >> 8 & t.mask * nearWays
	return t.slots[i : i+nearWays]
}

// put makes room for e: in the place of the same request's entry, an empty one, one that is no longer current, or one
// that was of no use since the last time; failing that, in any. It returns what was there.
func (t *nearTable) put(e *nearEntry, current func(*nearEntry) bool) *nearEntry {
	bucket := t.bucket(e.hash)
	victim, worth := 0, 4
	for i := range bucket {
		// Which of the useful ones goes is as good as random: it depends on the hash of who comes.
		at := (i + int(e.hash)) & (nearWays - 1)
		old := bucket[at].Load()
		w := 3
		switch {
		case old != nil && old.hash == e.hash && sameRequest(old.request, e.request):
			return bucket[at].Swap(e)
		case old == nil:
			w = 0
		case !current(old):
			w = 1
		case !old.used.Swap(false):
			w = 2
		}
		if w < worth {
			victim, worth = at, w
		}
	}
	return bucket[victim].Swap(e)
}
