package cache

import "sync/atomic"

// Stats counts since the cache was made.
type Stats struct {
	// Hits were answered from memory; Misses had no entry; Invalid had one that was older than its floor.
	Hits, Misses, Invalid uint64
	// Evictions are entries that made room, Rejections those that were not taken in, or too late.
	Evictions, Rejections uint64
	// Loads are reads of the store on behalf of callers, LoadErrors those that failed.
	Loads, LoadErrors uint64
	// Bytes is the cost of all entries now.
	Bytes int64
}

// Stats returns a snapshot of the counters, each by itself.
func (c *Cache) Stats() Stats {
	n := &c.counts
	s := Stats{
		Evictions: n.evictions.Load(), Rejections: n.rejections.Load(),
		Loads: n.loads.Load(), LoadErrors: n.loadErrors.Load(),
	}
	for i := range n.stripes {
		stripe := &n.stripes[i]
		s.Hits += stripe.hits.Load()
		s.Misses += stripe.misses.Load()
		s.Invalid += stripe.invalid.Load()
	}
	if c.entries != nil {
		s.Bytes = c.entries.MaxCost() - c.entries.RemainingCost()
	}
	return s
}

// counts is the counters: those of the hit path striped by the subject's hash, so that cores do not share cache lines.
type counts struct {
	stripes [64]stripe

	evictions, rejections, loads, loadErrors atomic.Uint64
}

type stripe struct {
	lookups, hits, misses, invalid atomic.Uint64
	_                              [96]byte // two cache lines: adjacent ones are fetched together
}

func (n *counts) stripe(hash uint64) *stripe { return &n.stripes[hash%uint64(len(n.stripes))] }

// busy reports whether a lookup may be under way. The outcomes are read before the lookups: if they are equal
// nonetheless, nobody was between the two at that moment.
func (n *counts) busy() bool {
	for i := range n.stripes {
		s := &n.stripes[i]
		if ended := s.hits.Load() + s.misses.Load() + s.invalid.Load(); ended != s.lookups.Load() {
			return true
		}
	}
	return false
}
