package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

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

// crossed waits a moment after an error of a call that began at a time, and reports whether to try again.
func (b *bridge) crossed(ctx context.Context, began time.Time, err error) bool {
	if !passing(err) {
		return false
	}
	now := time.Now()
	since := b.away.Load()
	if since == nil {
		b.away.CompareAndSwap(nil, &now)
		since = &now
	}
	// The feed's looks may be answered while reads are not: so no call lasts longer than that either.
	if now.Sub(*since) > bridgeLimit || now.Sub(began) > bridgeLimit {
		return false
	}
	return pause(ctx, bridgePause)
}

// passing reports whether an error is as while a standby takes over: of a connection, of a server that starts or ends,
// or of one that is no primary yet. What a server answers else it would answer again, and what took all of the time
// for a read leaves none.
func passing(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false
	}
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		c := code(err)
		return strings.HasPrefix(c, "57P") || strings.HasPrefix(c, "08")
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, errStandby) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// lookAhead reads what the primary shows, of the moment: it may be ahead of Applied.
func (s *Store) lookAhead(ctx context.Context, subject consent.Subject) (reading, error) {
	began := time.Now()
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
		if !s.bridge.crossed(ctx, began, err) {
			return reading{}, err
		}
	}
}
