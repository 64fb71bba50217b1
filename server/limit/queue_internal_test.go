package limit

import (
	"context"
	"errors"
	"testing"
	"time"
)

// busy is a queue whose clock the test has.
func busy(target time.Duration) *queue {
	q := &queue{}
	q.init(target, 1)
	return q
}

// wait has n calls come at a time and begin after a wait, one after the other, and ends the window.
func (q *queue) wait(n int, now, wait int64) {
	from := q.arrived.Add(int64(n)) - int64(n)
	for i := range n {
		q.took(&arrival{number: from + int64(i) + 1, at: now - wait}, now)
	}
	q.adapt()
}

func TestRoomFollowsTheWait(t *testing.T) {
	const target = 5 * time.Millisecond
	q := busy(target)
	now := int64(time.Second)
	for range 5 {
		q.wait(50, now, int64(target)/2)
	}
	if !q.roomy() {
		t.Fatalf("room is %d after waits below the target", q.room.Load())
	}
	q.wait(200, now, 8*int64(target))
	if got := q.room.Load(); got != 199*8/16 {
		t.Errorf("room is %d after 199 behind the first waited for eight targets, want half of them", got)
	}
	for range 20 {
		q.wait(200, now, 8*int64(target))
	}
	if got := q.room.Load(); got != leastPerProcessor {
		t.Errorf("room is %d while the wait stays, want the least, %d", got, leastPerProcessor)
	}
	windows := 0
	for ; !q.roomy(); windows++ {
		q.wait(10, now, int64(target)/2)
	}
	if took := time.Duration(windows) * window; took > time.Second {
		t.Errorf("room is back after %v, want a second at most", took)
	}
}

func TestAQueueIsFullByWhatWaits(t *testing.T) {
	q := busy(5 * time.Millisecond)
	now := int64(time.Second)
	q.room.Store(10)
	q.wait(1, now, 0)
	q.room.Store(10)
	q.arrived.Add(19)
	if q.full(now) {
		t.Error("it is full at less than twice its room")
	}
	q.arrived.Add(1)
	if !q.full(now) {
		t.Error("it is not full at twice its room")
	}
	if q.full(now + stalled) {
		t.Error("nothing is let in though nothing began for long: if the calls that wait never begin, nothing ever is")
	}
	// Calls that arrived and never begin, such as those of an unknown compression, are passed by the next that does.
	q.took(&arrival{number: q.arrived.Add(1), at: now}, now)
	if q.full(now) {
		t.Error("calls that never began fill it")
	}
}

func TestACallThatWaitedTooLongIsRefused(t *testing.T) {
	q := busy(5 * time.Millisecond)
	late := func(wait time.Duration) bool { return q.took(&arrival{number: 1}, int64(wait)) }
	if late(100*time.Millisecond) || !late(101*time.Millisecond) {
		t.Error("a burst may wait for 20 targets, and no longer")
	}
	q.standing.Store(standingWindows)
	if late(20*time.Millisecond) || !late(21*time.Millisecond) {
		t.Error("where a queue stands a call may wait for 4 targets, and no longer")
	}
	off := busy(Off)
	if off.took(&arrival{number: 1}, int64(time.Hour)) || off.full(0) {
		t.Error("a queue that is off refuses")
	}
}

// full has every queue of l be full.
func full(t *testing.T) *Limits {
	t.Helper()
	l, err := New(Config{}, Options{
		Methods: map[string]Class{"check": Checks, "record": Protected}, Status: func(err error) error { return err },
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // no window ends
	l.queue.room.Store(1)
	l.queue.arrived.Store(1000)
	l.queue.lastBegun.Store(l.queue.now() + int64(time.Hour))
	return l
}

// What is refused on arrival is refused by its deadline: gRPC keeps a timer until it fires.
func TestArrivalsAreRefusedByClassAndDeadline(t *testing.T) {
	l := full(t)
	for _, test := range []struct {
		name, method string
		within       time.Duration
		refused      bool
	}{
		{"a check", "check", time.Second, true},
		{"a check without a deadline", "check", 0, true},
		{"a check with a long deadline, which begins first", "check", time.Hour, false},
		{"a withdrawal", "record", time.Second, false},
		{"an unknown method, or a stream", "other", time.Second, true},
	} {
		ctx, cancel := t.Context(), context.CancelFunc(func() {})
		if test.within > 0 {
			ctx, cancel = context.WithTimeout(ctx, test.within)
		}
		if _, err := l.Arrive(ctx, test.method); (err != nil) != test.refused {
			t.Errorf("%s: %v", test.name, err)
		}
		cancel()
	}
}

// Calls of nobody who is known do not begin, and wait for nothing: they have no check refused.
func TestCallsOfUnknownCallersDoNotFillTheQueue(t *testing.T) {
	l := full(t)
	l.queue.begun.Store(1000)
	for range 100 {
		ctx, err := l.Arrive(t.Context(), "record")
		if err != nil {
			t.Fatal(err)
		}
		l.Unknown(ctx)
	}
	l.queue.lastBegun.Store(l.queue.now())
	if _, err := l.Arrive(t.Context(), "check"); err != nil {
		t.Errorf("a check is refused after calls that nobody waits for: %v", err)
	}
	var none *Limits
	none.Unknown(t.Context())
}

// A withdrawal that waited as long as a check runs; the check does not.
func TestAWithdrawalIsNotRefusedForItsWait(t *testing.T) {
	l := full(t)
	for method, want := range map[string]bool{"check": true, "record": false} {
		ctx := &arrival{Context: t.Context(), number: 1, at: l.queue.now() - int64(time.Second)}
		held, err := l.Begin(ctx, method)
		var refused *RefusedError
		if errors.As(err, &refused) != want {
			t.Errorf("%s: %v", method, err)
		}
		held.End()
	}
}

func TestDefaultDeadline(t *testing.T) {
	l, err := New(Config{Timeout: time.Minute}, Options{
		Methods: map[string]Class{"check": Checks, "prove": Others}, Untimed: map[string]bool{"prove": true},
		Status: func(err error) error { return err },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, err := l.Arrive(t.Context(), "check")
	if err != nil {
		t.Fatal(err)
	}
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Minute {
		t.Errorf("the deadline is %v, %v", deadline, ok)
	}
	held, err := l.Begin(ctx, "check")
	if err != nil {
		t.Fatal(err)
	}
	held.End()
	if ctx.Err() == nil {
		t.Error("the timer of a call that has ended stays")
	}
	if ctx, _ := l.Arrive(t.Context(), "prove"); ctx.Done() != t.Context().Done() {
		t.Error("a method with bounds of its own got a deadline")
	}
	if ctx, _ := l.Arrive(t.Context(), "stream"); ctx != t.Context() {
		t.Error("a stream got a deadline")
	}
}
