package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// fence is a Fence under way. All but began and target is guarded by the hub's mu.
type fence struct {
	// target is the position that all must have confirmed.
	target uint64
	began  time.Time
	// begun is the hub's, when it began.
	begun int
	// blockers are the watchers that are waited for.
	blockers map[*Watcher]bool
	// clear has a value when there are none left.
	clear chan struct{}
}

// release takes w from the blockers. The hub's mu is held.
func (f *fence) release(w *Watcher) {
	if !f.blockers[w] {
		return
	}
	delete(f.blockers, w)
	if len(f.blockers) == 0 {
		signal(f.clear)
	}
}

// Fence waits until no cache can answer from a state, or by policies, older than what was announced before. It takes as
// long as the slowest watcher takes to confirm, and at most two leases. When ctx ends first the error wraps
// consent.ErrUnfenced, as where the change of revision r, which the fence is for, was not announced, or may be
// lost; zero: it is for none.
func (h *Hub) Fence(ctx context.Context, r consent.Revision) error {
	f, announced := h.open()
	defer h.drop(f)
	if announced < r {
		return fmt.Errorf("%w: change %d was not announced, the newest was %d", consent.ErrUnfenced, r, announced)
	}
	if h.config.Fenced != nil {
		defer func() { h.config.Fenced(time.Since(f.began)) }()
	}
	for {
		wait := h.wait(f)
		if wait <= 0 {
			return h.complete(f)
		}
		timer := time.NewTimer(wait)
		select {
		case <-f.clear:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return h.unfenced(f, ctx.Err())
		}
		timer.Stop()
	}
}

// open begins a fence: it blocks on whoever holds a lease and has not confirmed what was announced, up to the revision
// that is returned.
//
// Who holds no lease now is not waited for. If it gets one while this fence is open it has been told everything before.
func (h *Hub) open() (*fence, consent.Revision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := &fence{
		target: h.mu.position, began: time.Now(), begun: h.mu.begun, blockers: map[*Watcher]bool{}, clear: make(chan struct{}, 1),
	}
	for w := range h.mu.watchers {
		if w.confirmed < f.target && f.began.Before(w.lease) {
			f.blockers[w] = true
		}
	}
	if len(f.blockers) > 0 {
		h.mu.fences[f] = struct{}{}
	}
	h.mu.counts.Fences++
	return f, h.mu.revision
}

func (h *Hub) drop(f *fence) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.mu.fences, f)
}

// wait returns how long to wait before the next look; zero or less: the fence is complete.
func (h *Hub) wait(f *fence) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	next := h.grace
	for w := range f.blockers {
		switch {
		case !now.Before(w.lease):
			delete(f.blockers, w)
		case !now.Before(next) || w.lease.Before(next):
			next = w.lease
		}
	}
	return next.Sub(now)
}

// complete is nil, unless the history was lost that the fence's change was of.
func (h *Hub) complete(f *fence) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.begun != f.begun {
		h.mu.counts.Unfenced++
		return fmt.Errorf("%w: the store has another history than when the change was recorded", consent.ErrUnfenced)
	}
	return nil
}

func (h *Hub) unfenced(f *fence, cause error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.counts.Unfenced++
	return fmt.Errorf("%w: %d caches have not confirmed: %w", consent.ErrUnfenced, len(f.blockers), cause)
}
