package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// crossings is how long an error is tried again for, one call after the other.
func crossings(ctx context.Context, b *bridge, err error) time.Duration {
	began := time.Now()
	for b.crossed(ctx, began, err) {
	}
	return time.Since(began)
}

// TestOnlyTheFirstMomentsOfAnOutageAreBridged, once for all calls, and again after an answer.
func TestOnlyTheFirstMomentsOfAnOutageAreBridged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bridge
		refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		if got := crossings(t.Context(), &b, refused); got < bridgeLimit || got > bridgeLimit+2*bridgePause {
			t.Errorf("bridged for %v, want %v", got, bridgeLimit)
		}
		if got := crossings(t.Context(), &b, refused); got != 0 {
			t.Errorf("a later call of the same outage waits for %v", got)
		}
		time.Sleep(time.Hour)
		if got := crossings(t.Context(), &b, refused); got != 0 {
			t.Errorf("after an hour of outage a call waits for %v", got)
		}
		b.answered()
		time.Sleep(time.Hour)
		if got := crossings(t.Context(), &b, refused); got < bridgeLimit {
			t.Errorf("the next outage is bridged for %v", got)
		}
	})
}

// TestNoCallIsBridgedForLonger where other calls are answered meanwhile.
func TestNoCallIsBridgedForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bridge
		began := time.Now()
		for b.crossed(t.Context(), began, io.ErrUnexpectedEOF) {
			b.answered()
		}
		if got := time.Since(began); got < bridgeLimit || got > bridgeLimit+2*bridgePause {
			t.Errorf("bridged for %v, want %v", got, bridgeLimit)
		}
	})
}

// TestBridgesEndWithTheirCalls, and are not for what trying again does not help.
func TestBridgesEndWithTheirCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*bridgePause)
		defer cancel()
		if got := crossings(ctx, new(bridge), errStandby); got != 3*bridgePause {
			t.Errorf("bridged for %v, the call had %v", got, 3*bridgePause)
		}
		for _, err := range []error{
			errDamaged, errMoved, errors.New("a row of older rules"), context.DeadlineExceeded, context.Canceled,
			&pgconn.PgError{Code: "42501"},
		} {
			if got := crossings(t.Context(), new(bridge), err); got != 0 {
				t.Errorf("%v is bridged for %v", err, got)
			}
		}
	})
}
