package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/consent"
)

const (
	// bridgeLimit is how long reads outlast that the primary cannot be reached: standbys take over in 0.3 to 0.6 s
	// (bench/histories --rolling), and our clients give a call a second.
	bridgeLimit = 800 * time.Millisecond
	bridgePause = 25 * time.Millisecond
)

// bridge has reads tried again while a standby takes over from the primary. Only the first moments of an outage are
// bridged: later ones fail at once, so that what a purpose declares for then is not late, and calls do not pile up. The
// zero value has seen no outage. All methods may be called concurrently.
type bridge struct {
	// away is since when the primary has not answered; nil: it does.
	away atomic.Pointer[time.Time]
}

// answered notes that the primary did.
func (b *bridge) answered() {
	if b.away.Load() != nil {
		b.away.Store(nil)
	}
}

// crossed waits a moment after an error, and reports whether to try again.
func (b *bridge) crossed(ctx context.Context, err error) bool {
	if errors.Is(err, errDamaged) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false // it would be no other, or there is no time left
	}
	now := time.Now()
	since := b.away.Load()
	if since == nil {
		b.away.CompareAndSwap(nil, &now)
		since = &now
	}
	if now.Sub(*since) > bridgeLimit {
		return false
	}
	return pause(ctx, bridgePause)
}

// lookAhead reads what the primary shows, of the moment: it may be ahead of Applied.
func (s *Store) lookAhead(ctx context.Context, subject consent.Subject) (reading, error) {
	for {
		r, err := s.look(ctx, s.primary, subject)
		if err == nil && r.standby {
			err = errStandby
		}
		if err == nil {
			s.bridge.answered()
			return r, nil
		}
		s.primary.suspect(err)
		if !s.bridge.crossed(ctx, err) {
			return reading{}, err
		}
	}
}
