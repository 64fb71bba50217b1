package limit

import "sync/atomic"

// pool bounds the calls under way, which hold a goroutine and their memory for as long as clients like. Each connection
// has a few of its own, so that nobody can keep another from being answered; what is beyond them comes from one pool,
// of which a connection gets no more than is left over (the dynamic thresholds of Choudhury and Hahne, 1998): one that
// takes all it can gets half, two a third each.
type pool struct {
	size int64
	used atomic.Int64
}

const (
	// ownCalls is how many calls each connection has of its own: two streams, and two calls.
	ownCalls = 4
	// reserveShare is the part of the pool that is kept for what is protected, on top.
	reserveShare = 10
)

// free is how many calls of a class there may be more.
func (p *pool) free(class Class) int64 {
	free := p.size - p.used.Load()
	if class.stays() {
		free += p.size / reserveShare
	}
	return free
}

// take counts a call in, unless there are too many.
func (p *pool) take(h *Held) bool {
	calls := h.over.add(1, h.streams)
	if h.pooled = h.over == nil || calls > ownCalls; !h.pooled {
		return true
	}
	p.used.Add(1)
	if free := p.free(h.class); free < 0 || h.over != nil && calls-ownCalls > free+1 {
		p.give(*h)
		return false
	}
	return true
}

// give counts a call out.
func (p *pool) give(h Held) {
	h.over.add(-1, -h.streams)
	if h.pooled {
		p.used.Add(-1)
	}
}
