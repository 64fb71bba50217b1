package watch

import (
	"errors"
	"time"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// maxSlots bounds the slots of one message: at most 12 KiB of them.
const maxSlots = 4096

// The faults of watchers.
var (
	// ErrProtocol is returned for a message that no client of the protocol sends.
	ErrProtocol = errors.New("the message breaks the protocol")
	// ErrSlow is returned to a watcher that lags too far behind or holds up a fence for too long.
	ErrSlow = errors.New("the watcher is too slow")
	// ErrTooMany is returned where there are too many watchers.
	ErrTooMany = errors.New("too many watchers")
)

// Watcher is one stream of invalidations. Next is called by one goroutine, Heard by one; Leave by whoever ends the stream.
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
}

// Join adds the stream of the cache that is named id. An earlier stream of the same name is not waited for any longer: its
// cache says that it holds no lease. The error is ErrTooMany.
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
		return nil, ErrTooMany
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

// Heard takes a message of the client. The error is ErrProtocol.
func (w *Watcher) Heard(m *consentv1.WatchInvalidationsRequest) error {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if m.GetAppliedPosition() > w.told || m.GetHeartbeat() != 0 && m.GetHeartbeat() <= w.heard {
		return ErrProtocol
	}
	if m.GetAppliedPosition() > w.confirmed {
		w.confirmed = m.GetAppliedPosition()
		for f := range w.hub.mu.fences {
			if f.target <= w.confirmed {
				f.release(w)
			}
		}
	}
	if m.GetHeartbeat() != 0 {
		w.heard = m.GetHeartbeat()
		signal(w.wake)
	}
	return nil
}

// Next returns what the client is to be told next; nil: nothing. The error is ErrSlow.
func (w *Watcher) Next() (*consentv1.WatchInvalidationsResponse, error) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	m, err := w.next()
	switch {
	case err != nil:
		w.hub.mu.counts.Dropped++
		return nil, err
	case m != nil:
		m.Checksum = m.Sum()
	}
	return m, nil
}

// next is Next without the checksum. hub.mu is held.
func (w *Watcher) next() (*consentv1.WatchInvalidationsResponse, error) {
	h := w.hub
	switch {
	case w.gone:
		return nil, ErrProtocol
	case !w.greeted:
		return w.greet(), nil
	case h.mu.position-w.told > ringSize:
		return nil, ErrSlow
	}
	m := &consentv1.WatchInvalidationsResponse{FromPosition: w.told}
	w.tell(m)
	if w.told == h.mu.position && w.heard != w.answered {
		if err := w.grant(m); err != nil {
			return nil, err
		}
	}
	if m.GetPosition() == m.GetFromPosition() && m.GetHeartbeat() == 0 {
		return nil, nil
	}
	return m, nil
}

// greet returns the hello. hub.mu is held.
func (w *Watcher) greet() *consentv1.WatchInvalidationsResponse {
	h := w.hub
	w.greeted = true
	w.told, w.confirmed, w.revision = h.mu.position, h.mu.position, h.mu.revision
	return &consentv1.WatchInvalidationsResponse{
		Hello: h.hello, FromPosition: w.told, Position: w.told, Revision: uint64(w.revision), PolicyRevision: h.config.Policy(),
	}
}

// tell puts announcements into m. hub.mu is held.
func (w *Watcher) tell(m *consentv1.WatchInvalidationsResponse) {
	h := w.hub
	end := min(h.mu.position, w.told+maxSlots)
	if end < h.mu.position {
		signal(w.wake) // there is more
	}
	for ; w.told < end; w.told++ {
		a := h.mu.ring[w.told%ringSize]
		if a.policy {
			m.PolicyRevision = h.config.Policy()
			continue
		}
		m.Slots = append(m.Slots, a.slot)
		w.revision = max(w.revision, a.revision)
	}
	m.Position, m.Revision = w.told, uint64(w.revision)
}

// grant answers the newest heartbeat: m, which tells all that was announced so far, carries a lease. The client counts it
// from before it sent the heartbeat, which is earlier than now. hub.mu is held.
func (w *Watcher) grant(m *consentv1.WatchInvalidationsResponse) error {
	now := time.Now()
	for f := range w.hub.mu.fences {
		if f.blockers[w] && now.Sub(f.began) > w.hub.config.Lease {
			return ErrSlow
		}
	}
	w.answered, w.lease = w.heard, now.Add(held(w.hub.config.Lease))
	m.Heartbeat, m.ServerTime = w.heard, int64(w.hub.config.Now())
	m.PolicyRevision = w.hub.config.Policy()
	return nil
}

// Leave ends the watcher. released says that the client gave up its lease; otherwise it may hold it without knowing that
// its stream has broken, and is waited for.
func (w *Watcher) Leave(released bool) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.gone = true
	if released || !time.Now().Before(w.lease) {
		w.hub.remove(w)
	}
}
