package limit

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The queue is not ours: a call waits in Go's scheduler, between the goroutine that reads its connection and the one
// that answers it. A bound on calls under way would not see it, for a check runs to its end once it began. So an
// arriving call gets a number and its time, and when it begins to run, that says how long it waited (exactly), and how
// many came after it (nearly, because calls begin nearly in the order in which they came).
//
// room is how many calls may be on their way, of all connections. Every window the average wait is compared with the
// target: over it, room shrinks below what was there, to what would have waited just as long as it may; under it, room
// grows again by an eighth. That is what CoDel does for packets, by the length of the queue in place of the share that
// is dropped: it needs no look at each call, and is in force with the next one. Of 25,000 calls per second on one
// processor room finds about 125 in 50 ms.
//
// Rejected: a bound on calls under way with a queue of our own (two switches of goroutines more for each call, and it
// measures nothing, see above); dropping a share at random (it lags behind by the wait that it is to bound); counting
// goroutines that are ready to run (Go offers the number, under the scheduler's lock).
type queue struct {
	target int64
	// least and most bound room.
	least, most int64
	began       time.Time

	// arrived and begun are the numbers of the newest call that came, and of the newest that began to run.
	arrived, begun atomic.Int64
	// lastBegun is when a call began to run last.
	lastBegun atomic.Int64
	// waits, of how many calls, and the most that waited at once, are of the window that has not ended.
	waited, waits, peak atomic.Int64
	// room is how many calls may be on their way; most while nothing is used up.
	room atomic.Int64
	// standing counts windows in a row whose waits were over the target.
	standing atomic.Int64
	// histogram counts waits.
	histogram prometheus.Histogram
}

const (
	// window is how long waits are averaged over: long enough for a handful of calls at 1,000 per second, short enough to
	// act ten times before anybody notices.
	window = 10 * time.Millisecond
	// leastPerProcessor are so few calls that none waits for long.
	leastPerProcessor, mostPerProcessor = 32, 4000
	// A call that waited for patience targets is refused though it would run now; less where the wait has stood for
	// standingWindows: its caller, who may have given up, is better off without more of the same.
	patience, standingPatience, standingWindows = 20, 4, 10
	// stalled is after how long without a call that began to run one is let in to find out.
	stalled = int64(50 * time.Millisecond)
)

func (q *queue) init(target time.Duration, processors int) {
	q.began = time.Now()
	q.histogram = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "consentd_limits_queue_seconds", Help: "How long calls and workers of streams waited before they ran.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1},
	})
	q.target = int64(target)
	q.least, q.most = int64(leastPerProcessor*processors), int64(mostPerProcessor*processors)
	q.room.Store(q.most)
}

// now is on the monotonic clock alone, which is half the cost of time.Now.
func (q *queue) now() int64 { return int64(time.Since(q.began)) }

// off reports whether nothing is refused for its wait.
func (q *queue) off() bool { return q.target < 0 }

// full reports whether one more call would wait too long: twice the room, because clients need a moment to hear of it.
func (q *queue) full(now int64) bool {
	return !q.off() && q.waiting() >= 2*q.room.Load() && now-q.lastBegun.Load() < stalled
}

// waiting is how many calls wait to run, nearly.
func (q *queue) waiting() int64 { return max(0, q.arrived.Load()-q.begun.Load()) }

// took notes the wait of a call that began to run, and reports whether it was too long.
func (q *queue) took(a *arrival, now int64) (late bool) {
	wait := now - a.at
	for begun := q.begun.Load(); begun < a.number && !q.begun.CompareAndSwap(begun, a.number); begun = q.begun.Load() {
	}
	q.lastBegun.Store(now)
	q.observe(wait)
	if behind := q.arrived.Load() - a.number; behind > q.peak.Load() {
		q.peak.Store(behind)
	}
	return !q.off() && wait > q.patience()
}

func (q *queue) observe(wait int64) {
	q.waited.Add(wait)
	q.waits.Add(1)
	q.histogram.Observe(time.Duration(wait).Seconds())
}

// patience is how long a call may have waited that runs.
func (q *queue) patience() int64 {
	if q.standing.Load() >= standingWindows {
		return standingPatience * q.target
	}
	return patience * q.target
}

// adapt ends a window.
func (q *queue) adapt() {
	waits, waited, peak := q.waits.Swap(0), q.waited.Swap(0), q.peak.Swap(0)
	if waits == 0 || q.off() {
		return
	}
	room := q.room.Load()
	if average := waited / waits; average > q.target {
		q.standing.Add(1)
		room = min(room, max(peak, q.least))
		room = max(room*max(q.target*16/average, 8)/16, q.least)
	} else {
		q.standing.Store(0)
		room = min(room+max(1, room/8), q.most)
	}
	q.room.Store(room)
}

// roomy is whether room is as much as there ever is.
func (q *queue) roomy() bool { return q.room.Load() == q.most }
