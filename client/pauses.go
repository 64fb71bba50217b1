package client

import (
	"sync/atomic"
	"time"
)

// For how long checks are calls of their own where streams do not work: at first for a short time, lest it was only a
// moment, then for twice as long each time.
const (
	firstPause   = 2 * time.Second
	longestPause = time.Minute
)

// pauses says when a client's streams are not used. It is safe for concurrent use.
type pauses struct{ current atomic.Pointer[streamPause] }

// streamPause is immutable.
type streamPause struct {
	until time.Time
	long  time.Duration
}

// pause begins a pause of at least that length.
func (p *pauses) pause(atLeast time.Duration) {
	long := max(atLeast, firstPause)
	if before := p.current.Load(); before != nil {
		long = max(long, min(2*before.long, longestPause))
	}
	p.current.Store(&streamPause{time.Now().Add(long), long})
}

// paused reports whether streams are not to be used now.
func (p *pauses) paused() bool {
	now := p.current.Load()
	return now != nil && time.Now().Before(now.until)
}

// work forgets the pauses: a stream has answered.
func (p *pauses) work() {
	if now := p.current.Load(); now != nil && !time.Now().Before(now.until) {
		p.current.CompareAndSwap(now, nil)
	}
}
