package acts

import (
	"sync"
	"time"

	"github.com/consentd/consentd/server/consent"
)

const (
	// deniedWindow and deniedLines bound what a caller who may do nothing writes: ten lines a minute, and one that
	// counts the rest.
	deniedWindow = time.Minute
	deniedLines  = 10
	// deniedCallers bounds the callers that are told apart in a window; the others count as one.
	deniedCallers = 1024
)

// denials thins out the lines of acts that were denied, for each caller by itself: one who tries everything must not
// fill the disk, nor hide another's attempts.
type denials struct {
	mu    sync.Mutex
	began time.Time
	// counts are those of the window; done are those of windows that have ended and wait for their line.
	counts map[consent.Identity]*denied
	done   []line
}

type denied struct{ written, counted uint64 }

// admit reports whether the line of a denied act is written; otherwise it is counted.
func (d *denials) admit(by consent.Identity, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	c := d.counts[by]
	if c == nil {
		if len(d.counts) >= deniedCallers {
			by = consent.Identity{}
			c = d.counts[by]
		}
		if c == nil {
			c = &denied{}
			d.counts[by] = c
		}
	}
	if c.written < deniedLines {
		c.written++
		return true
	}
	c.counted++
	return false
}

// turn ends the window, if it is over.
func (d *denials) turn(now time.Time) {
	if passed := now.Sub(d.began); passed >= 0 && passed < deniedWindow {
		return
	}
	d.began = now
	d.end(now)
}

func (d *denials) end(now time.Time) {
	for by, c := range d.counts {
		if c.counted > 0 {
			d.done = append(d.done, line{At: now, Caller: callerOf(by), Outcome: outcomeDenied, Denied: c.counted})
		}
	}
	clear(d.counts)
}

// summaries takes the lines of the windows that have ended.
func (d *denials) summaries(now time.Time) (lines []line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	lines, d.done = d.done, nil
	return lines
}

// all takes the lines of all windows, also of the one that goes on.
func (d *denials) all(now time.Time) []line {
	d.mu.Lock()
	d.end(now)
	d.mu.Unlock()
	return d.summaries(now)
}

// restore takes back the lines of denials among lines that could not be written.
func (d *denials) restore(lines []line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range lines {
		if l.Outcome == outcomeDenied {
			d.done = append(d.done, l)
		}
	}
}
