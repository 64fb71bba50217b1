package client

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/watch"
)

// leaseHeld is how long the server takes a lease to be held.
const leaseHeld = watch.DefaultLease + watch.DefaultLease/16

// took measures a call by the bubble's clock.
func took(call func()) time.Duration {
	began := time.Now()
	call()
	return time.Since(began)
}

// freeze keeps c from hearing anything for d, as a stopped process or a stalled network would, but for its checks.
func freeze(d *atomic.Int64) tap {
	return func(*nearCache, *nearSession, *consentv1.WatchInvalidationsResponse) {
		time.Sleep(time.Duration(d.Load()))
	}
}

func TestWithoutFenceTheLeaseIsTheBound(t *testing.T) {
	var frozen atomic.Int64
	inBubbleWith(t, freeze(&frozen), func(w *world, c, writer *Client) {
		w.cached(c)
		frozen.Store(int64(time.Hour))
		w.mustWrite(writer, nearWithdrawn, false)
		if allowed, remote := w.ask(c); !allowed || remote {
			w.t.Errorf("allowed %v, remote %v: the test shows nothing unless the cache answers", allowed, remote)
		}
		time.Sleep(watch.DefaultLease)
		w.expect(c, false, true)
		frozen.Store(0)
		time.Sleep(time.Hour)
	})
}

func TestFenceWaitsForALeaseThatNobodyConfirms(t *testing.T) {
	var frozen atomic.Int64
	inBubbleWith(t, freeze(&frozen), func(w *world, c, writer *Client) {
		w.cached(c)
		frozen.Store(int64(time.Hour))
		waited := took(func() { w.mustWrite(writer, nearWithdrawn, true) })
		if waited < watch.DefaultLease || waited > watch.DefaultLease+leaseHeld {
			w.t.Errorf("the fence took %v, want between one lease and two", waited)
		}
		w.expect(c, false, true)
		if again := took(func() { w.mustWrite(writer, nearGiven, true) }); again != 0 {
			w.t.Errorf("the next fence took %v, though the lease is over", again)
		}
		frozen.Store(0)
		time.Sleep(time.Hour)
	})
}

// TestFencedWritesHaveTimeForLongLeases: a server with another lease must not make fenced writes run out of time.
func TestFencedWritesHaveTimeForLongLeases(t *testing.T) {
	var frozen atomic.Int64
	inBubbleOf(t, bubble{tap: freeze(&frozen), lease: watch.MaxLease}, func(w *world, c, writer *Client) {
		c.conn.timeout, writer.conn.timeout = DefaultTimeout, DefaultTimeout
		w.cached(c)
		frozen.Store(int64(time.Hour))
		waited := took(func() { w.mustWrite(writer, nearWithdrawn, true) })
		if waited <= FenceTimeout || waited < watch.MaxLease {
			w.t.Errorf("the fence took %v, so that it shows nothing", waited)
		}
		w.expect(c, false, true)
		frozen.Store(0)
		time.Sleep(time.Hour)
	})
}

// TestFenceTimeoutIsThatOfTheDefaultLease: without a near cache a client knows no other.
func TestFenceTimeoutIsThatOfTheDefaultLease(t *testing.T) {
	if want := leasesPerFence * watch.DefaultLease; FenceTimeout != want || 2*leaseHeld >= want {
		t.Errorf("FenceTimeout is %v; want %v, above two leases of %v", FenceTimeout, want, leaseHeld)
	}
}

func TestFenceIsNotHeldUpByClientsThatClosed(t *testing.T) {
	inBubble(t, func(w *world, c, writer *Client) {
		w.cached(c)
		if err := c.Close(); err != nil {
			w.t.Error(err)
		}
		c.close = func() error { return nil }
		if waited := took(func() { w.mustWrite(writer, nearWithdrawn, true) }); waited != 0 {
			w.t.Errorf("the fence took %v", waited)
		}
		if s := w.hub.Stats(); s.Watchers != 1 {
			w.t.Errorf("%d watchers are left, want the writer's", s.Watchers)
		}
	})
}

// The events are recorded whatever becomes of the fence; repeating the call waits on.
func TestFenceAndTheCallersDeadline(t *testing.T) {
	var frozen atomic.Int64
	inBubbleWith(t, freeze(&frozen), func(w *world, c, writer *Client) {
		w.cached(c)
		frozen.Store(int64(time.Hour))
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		event := NewEvent("privacy_settings")
		event.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{Purpose: "p", Status: nearWithdrawn}}
		request := &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: "u", Events: []*consentv1.Event{event}, Fence: true,
		}
		_, err := writer.RecordEvents(ctx, request)
		if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "are recorded") {
			w.t.Errorf("RecordEvents = %v, want DEADLINE_EXCEEDED that says what is recorded", err)
		}
		ask := NewCheck("example", "u", "p")
		ask.Consistency = FullyConsistent()
		if d, err := c.Check(w.t.Context(), ask); err != nil || d.Allowed {
			w.t.Errorf("Check = %v, %v; want the withdrawal", d, err)
		}
		if _, err := writer.RecordEvents(w.t.Context(), request); err != nil {
			w.t.Errorf("repeated: %v", err)
		}
		w.expect(c, false, true)
		frozen.Store(0)
		time.Sleep(time.Hour)
	})
}

// A server that starts does not know what leases the one before has granted.
func TestFenceAfterARestartWaitsForOldLeases(t *testing.T) {
	inBubble(t, func(w *world, c, writer *Client) {
		w.cached(c)
		w.stop()
		w.start()
		if waited := took(func() { w.mustWrite(writer, nearWithdrawn, true) }); waited < watch.DefaultLease {
			w.t.Errorf("the fence took %v, less than a lease", waited)
		}
		w.expect(c, false, true)
		w.expect(c, false, false)
	})
}

func TestLostStreamMeansRemoteChecks(t *testing.T) {
	inBubble(t, func(w *world, c, _ *Client) {
		w.cached(c)
		w.stop()
		synctest.Wait()
		if c.NearCacheStats().Leased {
			w.t.Error("leased without a stream")
		}
		if d, err := c.Check(w.t.Context(), NewCheck("example", "u", "p")); status.Code(err) != codes.Unavailable || d.Allowed {
			w.t.Errorf("Check = %v, %v; want Unavailable", d, err)
		}
		w.start()
		time.Sleep(time.Minute)
		w.expect(c, true, true)
		w.expect(c, true, false)
	})
}

// Whatever the stream says, out of order, twice, damaged: it ends, and a new one begins with nothing.
func TestBrokenStreamBeginsAgain(t *testing.T) {
	for name, damage := range map[string]func(*consentv1.WatchInvalidationsResponse){
		"checksum":      func(m *consentv1.WatchInvalidationsResponse) { m.Checksum ^= 1 },
		"a gap":         func(m *consentv1.WatchInvalidationsResponse) { m.FromPosition++; m.Position++; m.Checksum = m.Sum() },
		"back":          func(m *consentv1.WatchInvalidationsResponse) { m.Revision--; m.Checksum = m.Sum() },
		"another hello": func(m *consentv1.WatchInvalidationsResponse) { m.Hello = &consentv1.WatchHello{}; m.Checksum = m.Sum() },
		"a slot too far": func(m *consentv1.WatchInvalidationsResponse) {
			m.Slots = append(m.Slots, 1<<16)
			m.Position++
			m.Checksum = m.Sum()
		},
		"a heartbeat never sent": func(m *consentv1.WatchInvalidationsResponse) { m.Heartbeat += 1000; m.Checksum = m.Sum() },
		"a heartbeat of old": func(m *consentv1.WatchInvalidationsResponse) {
			m.Heartbeat = max(1, m.Heartbeat-20)
			m.Checksum = m.Sum()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			wire := func(_ *nearCache, _ *nearSession, m *consentv1.WatchInvalidationsResponse) {
				if broken.CompareAndSwap(true, false) {
					damage(m)
				}
			}
			inBubbleWith(t, wire, func(w *world, c, writer *Client) {
				w.cached(c)
				time.Sleep(30 * watch.DefaultLease)
				broken.Store(true)
				w.mustWrite(writer, nearWithdrawn, true)
				w.expect(c, false, true)
				time.Sleep(time.Minute)
				if s := c.NearCacheStats(); s.Streams != 2 || !s.Leased {
					w.t.Errorf("stats are %+v, want a second stream", s)
				}
				w.ask(c)
				w.expect(c, false, false)
			})
		})
	}
}

func TestWallClockStepsOnlyEndLeases(t *testing.T) {
	for name, step := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world, c, writer *Client) {
				w.cached(c)
				w.stepped.Store(int64(step))
				time.Sleep(awakeFor)
				w.expect(c, true, step > 0)
				time.Sleep(watch.DefaultLease)
				w.expect(c, true, false)
				w.mustWrite(writer, nearWithdrawn, true)
				w.expect(c, false, true)
			})
		})
	}
}

// While a machine sleeps the monotonic clock stands still, but for what it takes to stop and continue all processes:
// awakeFor is how much of that a cache needs to notice.
func TestSuspendEndsTheLease(t *testing.T) {
	for name, row := range map[string]struct {
		slept, took time.Duration
		noticed     bool
	}{
		"long":              {time.Hour, awakeFor, true},
		"a lease":           {watch.DefaultLease, awakeFor, true},
		"less than a lease": {watch.DefaultLease / 2, awakeFor, false},
		"in no time":        {time.Hour, awakeFor - 1, false}, // the documented bound: no machine does that
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world, c, _ *Client) {
				w.cached(c)
				time.Sleep(awakeFor)
				w.expect(c, true, false) // the last lookup before
				w.stepped.Add(int64(row.slept))
				time.Sleep(row.took)
				w.expect(c, true, row.noticed)
			})
		})
	}
}

// A lookup that took its lease before the machine slept, or before the lease was renewed after that, must not
// trust in what another found of the newer lease meanwhile.
func TestALeaseFromBeforeASuspendIsNotRevived(t *testing.T) {
	inBubble(t, func(w *world, c, _ *Client) {
		w.cached(c)
		session := c.near.current.Load()
		old := session.granted.Load()
		e := session.find(c.near.hash(NewCheck("example", "u", "p")), NewCheck("example", "u", "p"), old, 0)
		if e == nil || !c.near.valid(session, old, e) {
			t.Fatal("the lease does not hold from the start: the test says nothing")
		}
		w.stepped.Add(int64(time.Hour))
		time.Sleep(watch.DefaultLease * 3 / 4) // heartbeats: a newer lease
		w.expect(c, true, false)
		if session.granted.Load() == old || c.near.valid(session, old, e) {
			t.Error("the older lease holds again")
		}
	})
}

func TestValidUntilIsNeverPassed(t *testing.T) {
	inBubble(t, func(w *world, c, writer *Client) {
		w.mu.Lock()
		w.validFor = time.Minute
		w.mu.Unlock()
		w.cached(c)
		for range 58 {
			time.Sleep(time.Second)
			w.expect(c, true, false)
		}
		time.Sleep(2 * time.Second)
		w.expect(c, true, true)
	})
}
