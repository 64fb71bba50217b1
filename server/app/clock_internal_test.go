package app

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// In a bubble time passes only where the test sleeps, by both clocks alike.
func TestAClockThatIsSetIsSteadied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var step atomic.Int64
		var log bytes.Buffer
		wall := func() time.Time { return time.Now().Add(time.Duration(step.Load())) }
		c := newSteadyClock(wall, slog.New(slog.NewTextHandler(&log, nil)))
		began := time.Now()
		for _, tt := range []struct {
			what       string
			step, want time.Duration // from the true time
		}{
			{"as it was started", 0, 0},
			{"a little back, by its keeper", -50 * time.Millisecond, 0},
			{"an hour forth", time.Hour, time.Hour},
			{"right again", 0, time.Hour},
			{"an hour back", -time.Hour, time.Hour},
			{"two hours forth", 2 * time.Hour, 2 * time.Hour},
		} {
			step.Store(int64(tt.step))
			for range 3 {
				time.Sleep(time.Minute)
				if got, want := c.now().Time().Sub(began), time.Since(began)+tt.want; got != want {
					t.Errorf("%s: it shows %v, want %v", tt.what, got, want)
				}
			}
		}
		text := log.String()
		if strings.Count(text, "was set back") != 1 || strings.Count(text, "has caught up") != 1 {
			t.Errorf("log:\n%s", text)
		}
	})
}

// However many read it while somebody sets the clock to and fro, nobody sees it go back by more than a millisecond.
func TestTheSteadyClockNeverGoesBack(t *testing.T) {
	var step atomic.Int64
	c := newSteadyClock(func() time.Time { return time.Now().Add(time.Duration(step.Load())) }, slog.New(slog.DiscardHandler))
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for last, i := consent.Instant(0), 0; i < 20_000; i++ {
				step.Store(int64(time.Duration(i%7-3) * time.Minute))
				now := c.now()
				if now < last-consent.Instant(clockNoise) {
					t.Errorf("it went back by %v", time.Duration(last-now))
					return
				}
				last = max(last, now)
			}
		})
	}
	readers.Wait()
}

func BenchmarkSteadyClock(b *testing.B) {
	c := newSteadyClock(time.Now, slog.New(slog.DiscardHandler))
	b.Run("steady", func(b *testing.B) {
		for b.Loop() {
			_ = c.now()
		}
	})
	b.Run("system", func(b *testing.B) {
		for b.Loop() {
			_ = consent.InstantOf(time.Now())
		}
	})
}
