package watch

import (
	"time"

	"github.com/consentd/consentd/server/consent"
)

// maxSlots bounds the slots of one message: at most 12 KiB of them.
const maxSlots = 4096

// Watcher is one stream of invalidations. Next is called by one goroutine, Heard by one; Leave by whoever ends the
// stream.
type Watcher struct {
	hub  *Hub
	id   [16]byte
	wake chan struct{}
	// greeted says that the hello was made; Next's own.
	greeted bool

	// All below is guarded by hub.mu.

	// told is the position after the last message made, confirmed the one that the client has applied.
	told, confirmed uint64
	// revision is the one that the last message told.
	revision consent.Revision
	// heard is the newest heartbeat received, answered the newest answered.
	heard, answered uint64
	// lease is when the client's lease has run out at the latest; zero: it never had one.
	lease time.Time
	// gone says that the stream has ended or is superseded: it gets no more leases.
	gone bool
	// anew is why the stream is to end, so that its cache begins anew; nil: it goes on.
	anew error
}

// Join adds the stream of the cache that is named id. An earlier stream of the same name is not waited for any longer:
// its cache says that it holds no lease. The error is consent.ErrTooManyWatchers.
func (h *Hub) Join(id [16]byte) (*Watcher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for other := range h.mu.watchers {
		switch {
		case other.id == id:
			other.gone = true
			h.remove(other)
			signal(other.wake)
		case other.gone && !now.Before(other.lease):
			h.remove(other)
		}
	}
	if len(h.mu.watchers) >= maxWatchers {
		return nil, consent.ErrTooManyWatchers
	}
	w := &Watcher{hub: h, id: id, wake: make(chan struct{}, 1), told: h.mu.position, confirmed: h.mu.position}
	h.mu.watchers[w] = struct{}{}
	signal(w.wake)
	return w, nil
}

// remove forgets a watcher that holds no lease. h.mu is held.
func (h *Hub) remove(w *Watcher) {
	delete(h.mu.watchers, w)
	for f := range h.mu.fences {
		f.release(w)
	}
}

// Wake has a value when Next may have something to say.
func (w *Watcher) Wake() <-chan struct{} { return w.wake }

// Heard takes what the client reports. The error is consent.ErrWatchProtocol.
func (w *Watcher) Heard(r Report) error {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if r.Applied > w.told || r.Heartbeat != 0 && r.Heartbeat <= w.heard {
		return consent.ErrWatchProtocol
	}
	if r.Applied > w.confirmed {
		w.confirmed = r.Applied
		for f := range w.hub.mu.fences {
			if f.target <= w.confirmed {
				f.release(w)
			}
		}
	}
	if r.Heartbeat != 0 {
		w.heard = r.Heartbeat
		signal(w.wake)
	}
	return nil
}

// Next returns what the client is to be told next; nil: nothing. The error is consent.ErrWatcherSlow,
// consent.ErrRightsChanged, consent.ErrWatchAnew, or consent.ErrWatchProtocol where another stream has taken the
// cache's name.
func (w *Watcher) Next() (*Notice, error) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	n, err := w.next()
	if err != nil {
		if w.anew == nil {
			w.hub.mu.counts.Dropped++
		}
		return nil, err
	}
	return n, nil
}

// next is Next, but for the count. hub.mu is held.
func (w *Watcher) next() (*Notice, error) {
	h := w.hub
	switch {
	case w.gone:
		return nil, consent.ErrWatchProtocol
	case w.anew != nil:
		return nil, w.anew
	case !w.greeted && time.Now().Before(h.mu.settled):
		return nil, nil
	case !w.greeted:
		return w.greet(), nil
	case h.mu.position-w.told > ringSize:
		return nil, consent.ErrWatcherSlow
	}
	n := &Notice{From: w.told}
	w.tell(n)
	if w.told == h.mu.position && w.heard != w.answered && h.stands() {
		if err := w.grant(n); err != nil {
			return nil, err
		}
	}
	if n.Position == n.From && n.Heartbeat == 0 {
		return nil, nil
	}
	return n, nil
}

// greet returns the hello. hub.mu is held.
func (w *Watcher) greet() *Notice {
	h := w.hub
	w.greeted = true
	w.told, w.confirmed, w.revision = h.mu.position, h.mu.position, h.mu.revision
	return &Notice{Hello: h.hello, From: w.told, Position: w.told, Revision: w.revision, Policy: h.config.Policy()}
}

// tell puts announcements into n. hub.mu is held.
func (w *Watcher) tell(n *Notice) {
	h := w.hub
	end := min(h.mu.position, w.told+maxSlots)
	if end < h.mu.position {
		signal(w.wake) // there is more
	}
	for ; w.told < end; w.told++ {
		a := h.mu.ring[w.told%ringSize]
		if a.policy {
			n.Policy = h.config.Policy()
			continue
		}
		n.Slots = append(n.Slots, a.slot)
		w.revision = max(w.revision, a.revision)
	}
	n.Position, n.Revision = w.told, w.revision
}

// Leave ends the watcher. released says that the client gave up its lease; otherwise it may hold it without knowing
// that its stream has broken, and is waited for.
func (w *Watcher) Leave(released bool) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.gone = true
	if released || !time.Now().Before(w.lease) {
		w.hub.remove(w)
	}
}
