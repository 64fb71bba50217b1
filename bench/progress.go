package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a run is: a bar on a terminal, a line per step elsewhere.
type progress struct {
	bar *progressbar.ProgressBar
	out io.Writer
}

// newProgress makes a bar over the time that is expected.
func newProgress(out io.Writer, terminal bool, expected time.Duration) *progress {
	p := &progress{out: out}
	if terminal {
		p.bar = progressbar.NewOptions64(int64(expected),
			progressbar.OptionSetWriter(out), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(true),
			progressbar.OptionSetWidth(30), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return p
}

func (p *progress) begin(step string) {
	if p.bar == nil {
		_, _ = fmt.Fprintln(p.out, time.Now().Format("15:04:05"), step)
		return
	}
	p.bar.Describe(fmt.Sprintf("%-40.40s", step))
}

// advance adds time that is done; more than was expected leaves the bar one short of full.
func (p *progress) advance(d time.Duration) {
	if p.bar == nil {
		return
	}
	room := p.bar.GetMax64() - int64(p.bar.State().CurrentNum) - 1
	_ = p.bar.Add64(min(int64(d), max(0, room)))
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
