package decisionlog

import (
	"io"
	"os"
	"time"
)

// stdout writes lines to a stream. One that is not read holds up the writer, and no more.
type stdout struct {
	to io.Writer
	// done is how much of a batch was written before an error: the rest comes with the next attempt, so that no line is
	// torn or comes twice.
	done int
}

func newStdout() *stdout { return &stdout{to: os.Stdout} }

func (s *stdout) Write(b *batch) error {
	n, err := s.to.Write(b.data[s.done:])
	if s.done += n; err != nil {
		return err
	}
	s.done = 0
	return nil
}

func (s *stdout) Tick(time.Time) error { return nil }

func (s *stdout) Close() error { return nil }
