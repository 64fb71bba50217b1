package grpcapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// The bounds of one CheckStream.
const (
	// maxUnanswered is from how many unanswered checks on nothing more is read.
	maxUnanswered = 1000
	// maxStreamWorkers bounds the checks that are being decided at once.
	maxStreamWorkers = 256
	// gatherFor is how long an answer waits for others while there are checks left to decide. Longer makes larger messages
	// and later answers.
	gatherFor = 100 * time.Microsecond
)

// DrainGrace is how long streams live on after the server began to stop: what clients of a CheckStream send until they
// hear of it is still read, and those who watch health are told.
const DrainGrace = 250 * time.Millisecond

var errStopping = status.Error(codes.Unavailable, "the server is stopping")

// streamedCheck is one check on its way through a stream.
type streamedCheck struct {
	id uint64
	// request is the encoded CheckRequest.
	request    []byte
	timeout    time.Duration
	hasTimeout bool
	ctx        checkContext
}

// checkStream is one CheckStream call. Its handler's goroutine sends, one reads, and workers decide; all state between
// them is under one lock, taken once per message read, per message sent and per check decided.
//
// Workers: as long as checks wait there is one worker that has not begun yet, up to the bound. So a check that waits
// for the store holds up none behind it, and checks that come from memory are decided by as many workers as there are
// processors, one after the other, without a goroutine for each.
//
// Answers are sent when no check waits to be decided, or when the oldest has waited for gatherFor.
type checkStream struct {
	grpc.ServerStream
	service *decisionService
	opened  time.Time
	// wake has a value when the sender must look.
	wake    chan struct{}
	workers sync.WaitGroup

	mu sync.Mutex
	// All below is guarded by mu.

	// queue holds the checks to be decided.
	queue []*streamedCheck
	// underWay are those received and not decided, by id.
	underWay map[uint64]*streamedCheck
	// working counts workers; starting says that one of them has not begun.
	working  int
	starting bool
	// called is when it was called for.
	called int64
	// frames are encoded answers; the last may grow. The oldest came so long after opened.
	frames []*frame
	oldest time.Duration
	// answers is how many are in frames; unanswered counts these, and the checks under way.
	answers, unanswered int
	// room is where the reader waits while there is too much under way.
	room sync.Cond
	// over says that no more checks are taken; failure says why, nil where the client closed its side. broken says that
	// those under way are not waited for.
	over, broken bool
	failure      error
}

// CheckStream decides checks as they come and answers them as they are done.
func (s *decisionService) CheckStream(
	stream grpc.BidiStreamingServer[consentv1.CheckStreamRequest, consentv1.CheckStreamResponse],
) error {
	c := &checkStream{
		ServerStream: stream, service: s, opened: time.Now(), wake: make(chan struct{}, 1), underWay: map[uint64]*streamedCheck{},
	}
	c.room.L = &c.mu
	s.metrics.open.Inc()
	defer s.metrics.open.Dec()
	go c.read() // gRPC ends it when this returns
	err := s.guard(c.Context(), streamInfo.FullMethod, c.send)
	c.end(errStopping)
	c.cancelAll()
	c.workers.Wait()
	return err
}

// send sends answers until the stream is over. What breaks the protocol ends it at once, all else after the last
// answer.
func (c *checkStream) send() error {
	draining, grace := c.service.draining, (<-chan time.Time)(nil)
	for {
		select {
		case <-c.wake:
		case <-draining:
			if err := c.SendMsg(&consentv1.CheckStreamResponse{Draining: true}); err != nil {
				return err
			}
			draining, grace = nil, time.After(DrainGrace)
		case <-grace:
			c.end(errStopping)
		case <-c.Context().Done():
			return c.Context().Err()
		}
		if done, err := c.flush(); done || err != nil {
			return err
		}
	}
}

// flush sends the answers that are there. done says that there will be no more; the error is then the stream's.
func (c *checkStream) flush() (done bool, err error) {
	c.mu.Lock()
	frames, answers := c.frames, c.answers
	c.frames, c.answers = nil, 0
	c.mu.Unlock()
	for _, f := range frames {
		if err := c.SendMsg(f); err != nil {
			return true, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unanswered -= answers
	c.room.Signal()
	if !c.over || c.unanswered > 0 && !c.broken {
		return false, nil
	}
	return true, c.failure
}

// end takes no more checks; the first reason counts.
func (c *checkStream) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.over, c.failure = true, why
	}
	c.room.Signal()
	c.look()
}

// look wakes the sender.
func (c *checkStream) look() {
	select {
	case c.wake <- struct{}{}:
	default: // it is awake already
	}
}

func (c *checkStream) cancelAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = nil
	for _, check := range c.underWay {
		check.ctx.end()
	}
}

// read takes messages in until the client closes its side, breaks the protocol, or the stream is over.
func (c *checkStream) read() {
	if err := c.service.guard(c.Context(), streamInfo.FullMethod, c.receive); err != nil {
		c.mu.Lock()
		c.broken = true
		c.mu.Unlock()
		c.end(err)
	}
}

// receive takes messages in. Its error says how the client breaks the protocol; every other end is noted.
func (c *checkStream) receive() error {
	for {
		var in frame
		err := c.RecvMsg(&in)
		switch {
		case errors.Is(err, io.EOF):
			c.end(nil)
			return nil
		case err != nil:
			c.end(err)
			return nil
		}
		if err := c.take(in); err != nil {
			return c.service.errors.refuse(c.Context(), streamInfo.FullMethod, err).Err()
		}
		if !c.awaitRoom() {
			return nil
		}
	}
}

// awaitRoom waits until few enough checks are under way; false means that the stream is over.
func (c *checkStream) awaitRoom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.unanswered >= c.service.limits.Unanswered(maxUnanswered) && !c.over {
		c.room.Wait()
	}
	return !c.over
}

// take takes one message in. The error says how it breaks the protocol; nothing of it is decided then.
func (c *checkStream) take(data []byte) error {
	checks, cancel, ok := parseRequest(data)
	switch {
	case !ok:
		return streamFault("request", malformed)
	case len(checks) > wire.MaxStreamedChecks:
		return streamFault("checks", fmt.Sprintf("has more than %d checks", wire.MaxStreamedChecks))
	}
	c.service.limits.Pace(c.Context(), len(checks))
	now := time.Now()
	deadline, _ := c.Context().Deadline()
	for i := range checks {
		check := &checks[i]
		check.ctx.stream, check.ctx.deadline = c.Context(), deadline
		if own := now.Add(check.timeout); check.hasTimeout && (deadline.IsZero() || own.Before(deadline)) {
			check.ctx.deadline = own
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return nil
	}
	if err := c.enqueue(checks); err != nil {
		return err
	}
	for _, id := range cancel {
		if check := c.underWay[id]; check != nil {
			check.ctx.end()
		}
	}
	c.staff()
	return nil
}

// enqueue registers checks; c.mu is held.
func (c *checkStream) enqueue(checks []streamedCheck) error {
	for i := range checks {
		check := &checks[i]
		if check.id == 0 {
			return streamFault("checks.id", "must be above 0")
		}
		if c.underWay[check.id] != nil {
			return streamFault("checks.id", "is the id of another check under way")
		}
		c.underWay[check.id] = check
		c.queue = append(c.queue, check)
	}
	c.unanswered += len(checks)
	return nil
}

func streamFault(field, description string) error {
	return invalid([]consent.Violation{{Field: field, Description: description}})
}

// staff sees to it that somebody takes the next check; c.mu is held.
func (c *checkStream) staff() {
	if len(c.queue) == 0 || c.starting {
		return
	}
	if c.working == maxStreamWorkers {
		c.look() // all of them may wait for the store: what is answered leaves
		return
	}
	c.starting, c.called = true, c.service.limits.Arrived()
	c.working++
	c.workers.Go(c.work)
}

// work decides checks until none is left. What is decided is guarded by the scratch; what is done here under the lock
// has no guard, for a lock that a panic left taken would hold the stream for ever: it moves pointers and bytes of our
// own making.
func (c *checkStream) work() {
	own := c.service.scratches.Get().(*scratch)
	defer own.free()
	c.mu.Lock()
	c.service.limits.Began(c.called)
	c.starting = false
	check := c.next()
	c.mu.Unlock()
	for check != nil {
		outcome, message := own.streamedOutcome(check)
		c.mu.Lock()
		c.finish(check, outcome, message)
		check = c.next()
		c.mu.Unlock()
	}
}

// next takes a check from the queue, nil if none is left; c.mu is held.
func (c *checkStream) next() *streamedCheck {
	if len(c.queue) == 0 {
		c.working--
		c.queue = nil
	} else {
		check := c.queue[0]
		c.queue = c.queue[1:]
		c.staff()
		if len(c.queue) == 0 && c.answers > 0 {
			c.look() // this check may take long
		}
		return check
	}
	c.look()
	return nil
}

// finish keeps the answer for the sender; c.mu is held.
func (c *checkStream) finish(check *streamedCheck, outcome protowire.Number, message []byte) {
	delete(c.underWay, check.id)
	now := time.Since(c.opened)
	if c.answers++; c.answers == 1 {
		c.oldest = now
	}
	last := len(c.frames) - 1
	if last < 0 || len(*c.frames[last])+len(message)+resultOverhead > cap(*c.frames[last]) {
		c.frames = append(c.frames, c.service.frames.new())
		last++
	}
	*c.frames[last] = appendResult(*c.frames[last], check.id, outcome, message)
	if now-c.oldest >= gatherFor {
		c.look()
	}
}

// streamInfo is what the interceptor is told of each check of a stream.
var streamInfo = &grpc.UnaryServerInfo{FullMethod: consentv1.DecisionService_CheckStream_FullMethodName}

// streamedOutcome does with a check of a stream what a call of Check goes through, from the codec to the interceptor.
// The message is that of the outcome, and valid until the next.
func (s *scratch) streamedOutcome(check *streamedCheck) (outcome protowire.Number, message []byte) {
	defer check.ctx.end()
	s.response = s.response[:0] // whatever happens, the last check's is not this one's
	err := s.service.guard(&check.ctx, streamInfo.FullMethod, func() error {
		_, err := s.service.intercept(&check.ctx, s.takeCheck(check.request), streamInfo, s.streamed)
		return err
	})
	if err != nil {
		return wire.StreamedResultError, encodedError(status.Convert(err))
	}
	return wire.StreamedResultResponse, s.response
}

// checkStreamed is the handler of a check of a stream.
func (s *scratch) checkStreamed(ctx context.Context, _ any) (_ any, err error) {
	s.response, err = s.answer(ctx, s.response[:0])
	return nil, err
}
