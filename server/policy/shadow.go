package policy

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"golang.org/x/time/rate"

	"github.com/consentd/consentd/server/policy/engine"
)

// shadow makes one in rate decisions of the compiled engine again by topdown, off the request path, and compares the
// whole answers. Differences are counted, and logged with their inputs as failures are. What it is too busy for is
// dropped and counted: it must never hold up a check. For the same reason it takes at most a hundredth of one
// processor, however many checks there are: topdown takes a millisecond, so that one decision in 1024 was 8 % of the
// server's CPU time under streams.
type shadow struct {
	journal *journal
	rate    uint64
	queue   chan shadowed
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// shadowed is a decision to be made again: copies, nothing of an evaluation's memory.
type shadowed struct {
	controller *controller
	input      ast.Value
	answer     ast.Value // nil: undefined
}

const (
	shadowQueue   = 64
	shadowTimeout = time.Second
	// shadowShare is how many milliseconds a second the shadow may take, shadowBurst how many at once after a rest.
	shadowShare, shadowBurst = 10, 250
)

func newShadow(j *journal, rate uint64) *shadow {
	ctx, cancel := context.WithCancel(context.Background())
	s := &shadow{journal: j, rate: rate, queue: make(chan shadowed, shadowQueue), cancel: cancel}
	s.done.Go(func() { s.run(ctx) })
	return s
}

// due reports whether the nth decision is to be made again.
func (s *shadow) due(n uint64) bool { return n%s.rate == 0 }

// observe copies a decision for the shadow, unless it is too busy. Copying takes about 50 µs, divided by the rate.
func (s *shadow) observe(c *controller, input, answer engine.Value) {
	if len(s.queue) == cap(s.queue) {
		s.journal.counts.dropped.Add(1)
		return
	}
	again := shadowed{controller: c, input: engine.ToAST(input), answer: engine.ToAST(answer)}
	select {
	case s.queue <- again:
	default:
		s.journal.counts.dropped.Add(1)
	}
}

func (s *shadow) run(ctx context.Context) {
	share := rate.NewLimiter(shadowShare, shadowBurst)
	for {
		select {
		case again := <-s.queue:
			began := time.Now()
			s.compare(ctx, again)
			took := int(time.Since(began)/time.Millisecond) + 1
			_ = share.WaitN(ctx, min(took, shadowBurst)) // it fails when ctx ends
		case <-ctx.Done():
			return
		}
	}
}

func (s *shadow) compare(ctx context.Context, again shadowed) {
	defer func() { // a fault of topdown's must not take down the process from here
		if cause := recover(); cause != nil {
			s.journal.counts.dropped.Add(1)
			s.journal.logger.Error("topdown panicked in the shadow", "controller", again.controller.id, "panic", cause,
				"stack", string(debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, shadowTimeout)
	defer cancel()
	want, err := again.controller.refer(ctx, again.input)
	if ctx.Err() != nil {
		s.journal.counts.dropped.Add(1)
		return
	}
	s.journal.counts.shadowed.Add(1)
	if difference := differ(again.answer, want, err); difference != nil {
		s.report(again, difference)
	}
}

func (s *shadow) report(again shadowed, d *DifferenceError) {
	if n := s.journal.counts.differences.Add(1); logged(n) {
		s.journal.logger.Error("the compiled engine and topdown differ", "controller", again.controller.id, "differences", n,
			"compiled", d.Compiled, "topdown", d.Topdown, "input", again.input.String())
	}
}

func (s *shadow) close() {
	s.cancel()
	s.done.Wait()
}
