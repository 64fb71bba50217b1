package decisionlog

import (
	"time"

	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/consent"
)

// sink takes lines. Its methods are called by one goroutine.
type sink interface {
	// Write takes all of a batch, or none of it and returns why.
	Write(b *batch) error
	// Tick does what time brings: it is called several times a second.
	Tick(now time.Time) error
	// Close writes what is left, and lets go of everything.
	Close() error
}

// batch is the lines of a chunk.
type batch struct {
	data []byte
	// ends are where the lines end in data, times what they are of.
	ends  []int
	times []consent.Instant
}

func (b *batch) reset() { b.data, b.ends, b.times = b.data[:0], b.ends[:0], b.times[:0] }

// The waits between attempts at a sink that fails.
const (
	retryFirst = 100 * time.Millisecond
	retryMax   = 5 * time.Second
	// complainEvery is between two log lines about one failure.
	complainEvery = time.Minute
)

// writer makes lines of chunks and gives them to a sink.
type writer struct {
	log  *Log
	sink sink
	form *form
	out  batch
	// complained is when it was last said in the log that the sink fails.
	complained time.Time
}

// write is the one writer: it returns when the log is closed, and the queue is empty or Close gave up.
func (l *Log) write() {
	w := &writer{log: l, sink: l.sink, form: newForm(l)}
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case c := <-l.full:
			w.take(c)
		case now := <-ticker.C:
			l.sweep()
			l.keys.follow()
			w.tick(now)
		case <-l.stop:
			l.sweep()
			w.end()
			return
		}
	}
}

// sweep hands the chunks that are being filled to the writer.
func (l *Log) sweep() {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		if s.open != nil && len(s.open.data) > 0 {
			l.hand(s)
		}
		s.mu.Unlock()
	}
}

// take writes a chunk, however long it takes: only Close gives up.
func (w *writer) take(c *chunk) {
	w.out.reset()
	w.form.lines(&w.out, c)
	w.put()
	w.log.recycle(c)
}

// put gives the sink what is in out.
func (w *writer) put() {
	lines := uint64(len(w.out.ends))
	if lines == 0 {
		return
	}
	if !w.try(func() error { return w.sink.Write(&w.out) }) {
		w.log.counts.lost.Add(lines)
		return
	}
	w.log.counts.lines.Add(lines)
	w.log.counts.bytes.Add(uint64(len(w.out.data)))
}

// try repeats what fails until it succeeds or Close gives up.
func (w *writer) try(do func() error) bool {
	for wait := retryFirst; ; wait = min(2*wait, retryMax) {
		err := do()
		w.tell(err)
		if err == nil {
			return true
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-w.log.aborted.Done():
			timer.Stop()
			return false
		}
	}
}

// tell keeps the metric, and says in the log when a sink begins to fail, once a minute while it does, and when it takes
// lines again.
func (w *writer) tell(err error) {
	was := w.log.counts.failing.Swap(err != nil)
	logger := w.log.config.Logger
	switch {
	case err == nil && was:
		logger.Info("the decision log's sink takes lines again", "dropped", w.log.counts.dropped.Load())
	case err != nil && (!was || time.Since(w.complained) > complainEvery):
		w.complained = time.Now()
		logger.Error("the decision log's sink takes no lines: it is tried again", "error", err,
			"overflow", w.log.config.Overflow, "dropped", w.log.counts.dropped.Load())
	}
}

// tick does what time brings, and has the log say what is missing.
func (w *writer) tick(now time.Time) {
	if n := w.log.counts.untold.Swap(0); n > 0 {
		w.out.reset()
		w.form.append(&w.out, &line.Line{Time: consent.InstantOf(now), Dropped: n})
		w.put()
	}
	if err := w.sink.Tick(now); err != nil {
		w.tell(err)
	}
}

// end writes what waits and closes the sink.
func (w *writer) end() {
	for {
		select {
		case c := <-w.log.full:
			w.take(c)
			continue
		default:
		}
		break
	}
	w.tick(time.Now())
	if err := w.sink.Close(); err != nil {
		w.log.config.Logger.Error("closing the decision log", "error", err)
	}
}

// relieve writes chunks to the local file while more than half of them wait.
func (l *Log) relieve() {
	w := &writer{log: l, sink: l.spill, form: newForm(l)}
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-l.pressed:
			w.spillAll()
		case now := <-ticker.C:
			w.complain(l.spill.Tick(now))
		case <-l.stop:
			w.complain(l.spill.Close())
			return
		}
	}
}

// spillAll writes chunks until the queue is half empty. What the file does not take is dropped: there is no third
// place.
func (w *writer) spillAll() {
	l := w.log
	for len(l.full) > cap(l.full)/2 {
		select {
		case c := <-l.full:
			w.out.reset()
			w.form.lines(&w.out, c)
			if err := w.sink.Write(&w.out); err != nil {
				l.counts.drop(len(w.out.ends))
				w.complain(err)
			} else {
				l.counts.spilled.Add(uint64(len(w.out.ends)))
			}
			l.recycle(c)
		default:
			return
		}
	}
}

func (w *writer) complain(err error) {
	if err != nil && time.Since(w.complained) > complainEvery {
		w.complained = time.Now()
		w.log.config.Logger.Error("the file that the decision log spills to takes no lines", "error", err)
	}
}
