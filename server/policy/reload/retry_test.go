package reload_test

import (
	"context"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/policy/source"
)

// slowly is an admission that runs out of time some times, each after a minute.
func slowly(times *atomic.Int64) func(*reload.Config) {
	return admitting(func(context.Context, fs.FS) error {
		if times.Add(-1) < 0 {
			return nil
		}
		time.Sleep(time.Minute) // of the test's clock
		return &consent.UnfinishedError{Limit: time.Minute}
	})
}

// clocked has the status tell the time of the test's clock.
func clocked(c *reload.Config) {
	c.Now = func() consent.Instant { return consent.InstantOf(time.Now()) }
}

// A save whose admission runs out of time is tried again with nothing changed, later each time, and what the last
// attempt said stands in the status until then.
func TestASaveThatRanOutOfTimeIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Int64
		b := newBench(t, newScripted(acme(t, "1")), func(c *reload.Config) {
			slowly(&slow)(c)
			clocked(c)
		})
		b.start(t)
		slow.Store(3)
		began := time.Now()
		for i, want := range []time.Duration{time.Second, 4 * time.Minute, 4 * time.Minute} {
			var status consent.PolicyStatus
			if i == 0 {
				status = b.give(acme(t, "2"), nil)
				b.source.mu.Lock()
				b.source.files, b.source.err = nil, source.ErrUnchanged // as a server with ETags answers from now on
				b.source.mu.Unlock()
			} else {
				status = <-b.observed
			}
			if got := time.Until(status.RetryAt.Time()); got != want || status.Failures != i+1 {
				t.Errorf("attempt %d: again in %v, %d failures; want %v, %d", i+1, got, status.Failures, want, i+1)
			}
			const want = "did not end within 1m0s, on a machine that may be busy: it will be tried again"
			if len(status.Faults) != 1 || !strings.Contains(status.Faults[0].Message, want) || status.RefusedRevision != "" {
				t.Errorf("attempt %d: faults %v, refused %q", i+1, status.Faults, status.RefusedRevision)
			}
			if b.clause(t) != "1" {
				t.Error("a set that was not admitted is in force")
			}
		}
		status := <-b.observed
		if took := time.Since(began); b.clause(t) != "2" || len(status.Faults) > 0 || status.RetryAt != 0 ||
			took != 11*time.Minute+time.Second {
			t.Errorf("in force %q after %v, status %+v", b.clause(t), took, status)
		}
		if n := b.Counts(); n.Unfinished != 3 || n.Refused != 0 {
			t.Errorf("counts %+v", n)
		}
		if n := strings.Count(b.log.String(), "ran out of time, those in force stay"); n != 3 {
			t.Errorf("told %d times:\n%s", n, b.log)
		}
	})
}

// What is asked about the same files before their time has come does not try them.
func TestPollsDoNotTryEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Int64
		b := newBench(t, newScripted(acme(t, "1")), slowly(&slow))
		b.start(t)
		slow.Store(1)
		b.give(acme(t, "2"), nil)
		for range 10 {
			if status := b.give(acme(t, "2"), nil); status.RetryAt == 0 || status.Failures != 1 {
				t.Errorf("after a poll: %+v", status)
			}
		}
		if status := b.give(acme(t, "3"), nil); len(status.Faults) > 0 || b.clause(t) != "3" {
			t.Errorf("what is new waits: %+v", status)
		}
	})
}

// A first start is tried again, and fails only after some attempts. What is refused is not tried again.
func TestAFirstStartThatRanOutOfTime(t *testing.T) {
	for name, row := range map[string]struct {
		times int64
		fails bool
	}{"once": {1, false}, "four times": {4, false}, "always": {1000, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var slow atomic.Int64
				slow.Store(row.times)
				b := newBench(t, newScripted(acme(t, "1")), slowly(&slow))
				err := b.Start(t.Context())
				if row.fails != (err != nil) {
					t.Fatalf("Start: %v", err)
				}
				if row.fails && (!strings.Contains(err.Error(), "did not end within 1m0s") || slow.Load() < 990) {
					t.Errorf("Start: %v, after %d attempts", err, 1000-slow.Load())
				}
				if !row.fails && b.clause(t) != "1" {
					t.Errorf("in force %q", b.clause(t))
				}
			})
		})
	}
}

// Where there is a copy the start does not wait: the source is tried again beside it.
func TestAStartFromTheCopyTriesAgain(t *testing.T) {
	dir := t.TempDir() + "/policies"
	run(t, newScripted(acme(t, "1")), dir)
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Int64
		slow.Store(1)
		b := newBench(t, newScripted(acme(t, "2")), func(c *reload.Config) {
			slowly(&slow)(c)
			in(dir)(c)
		})
		b.start(t)
		if status := b.Status(); b.clause(t) != "1" || !status.LastGood || status.RetryAt == 0 {
			t.Errorf("started with %q, status %+v", b.clause(t), status)
		}
		if status := <-b.observed; b.clause(t) != "2" || status.LastGood {
			t.Errorf("then %q, status %+v", b.clause(t), status)
		}
	})
}
