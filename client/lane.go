package client

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// The bounds of a lane.
const (
	// fullFrame bounds one message in bytes, beside wire.MaxStreamedChecks: it leaves room below the 4 MiB at which a
	// message is refused.
	fullFrame = 256 << 10
	// largeCheck is the size from which on a check goes by itself.
	largeCheck = 64 << 10
	// silence is how long a stream with checks under way may say nothing before one that ran out of time gives it up.
	silence = 500 * time.Millisecond
	// patience is how long it may say nothing before one of its checks finds out whether a call of its own is answered,
	// as it is where a proxy holds streams back. Half of DefaultTimeout is left also where a crowd of checks is under way,
	// for which a server gets more time: so much for each, up to as much again. mistrust is the same after a stream was
	// given up: checks of less time than patience must find out too.
	patience, patienceForEach, mistrust = 250 * time.Millisecond, 250 * time.Microsecond, 10 * time.Millisecond
	// grace is for how long a stream may still be silent after such a call was answered: a server that was stopped answers
	// both at about the same time. A server that is only busy answers a call little sooner than the stream: one that was
	// not answered in a third of the time for which the stream is silent shows nothing.
	grace, quicker = 50 * time.Millisecond, 3
	// streamAge is when a stream is replaced: it stays with one server, and with the credentials it was opened with.
	streamAge = time.Minute
)

// lane carries checks over a CheckStream, one stream at a time, and opens the next when it ends.
//
// Batching is natural: the sender runs only while there is something to send. A lone check leaves at once; what is
// asked while a message is being sent leaves in the next. Where other checks are under way the sender first lets the
// goroutines run that are ready to (runtime.Gosched), as the callers are whose answers came in one message; nothing
// waits for a clock. Without it a message carried 1.6 checks at 256 callers, instead of 35.
//
// A caller never sends itself, though it would save a switch: a server that stops reading would hold it past its
// deadline.
//
// Any number of checks may wait to be sent, each within its deadline. A bound would save no memory, because each has
// its caller waiting beside it; when there was one, 20,000 callers of an idle server were refused who came at once.
type lane struct {
	open func(context.Context) (grpc.ClientStream, error)
	// pauses are the client's.
	pauses *pauses
	// ctx ends with the lane.
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	texts  texts

	mu sync.Mutex
	// All below is guarded by mu, and so are the fields of the streams and calls; a call's check, deadline and result are
	// its caller's before it is enqueued and after it was answered.

	// stream is where checks go; nil: the sender opens one.
	stream *checkStream
	// leaving are streams that take no more checks, to be half-closed by the sender.
	leaving []*checkStream
	queue   []*streamCall
	// left is how many of the queue nobody waits for any more; it may say too much.
	left int
	// cancels are ids on stream that are no longer wanted.
	cancels []uint64
	sending bool
	// streams are those that have not ended.
	streams []*checkStream
	// expiry runs expire at expires, the earliest deadline that was seen since it ran last; zero: it does not run.
	expiry  *time.Timer
	expires time.Time
	// listener runs listen while listening. mistrusted says that nothing was heard since a stream was given up.
	listener              *time.Timer
	listening, mistrusted bool
}

// checkStream is one stream of a lane.
type checkStream struct {
	grpc.ClientStream
	cancel context.CancelFunc
	opened time.Time
	// asked is when the first message was sent after the last one came; zero: none was.
	asked time.Time
	// overtaken says that a call was answered since, heard that any message ever came.
	overtaken, heard bool
	last             uint64 // the id given last
	calls            map[uint64]*streamCall
}

// streamCall is one check on its way, and may be sent again once it has its answer. A caller that leaves before keeps
// it out of the pool.
type streamCall struct {
	// check is what appendRequest made.
	check []byte
	// deadline is when the lane answers it with DEADLINE_EXCEEDED; zero: the caller's context sees to that. until is when
	// its caller gives up in either case.
	deadline, until time.Time
	// answer gets one value: an error, or nil, and then result is there, an encoded StreamedResult.
	answer chan error
	result []byte
	// stream and id are set when the check is sent.
	stream *checkStream
	id     uint64
	// left says that nobody waits any more.
	left bool
}

var streamCalls = sync.Pool{New: func() any { return &streamCall{answer: make(chan error, 1)} }}

// keptBytes is the largest encoded check or result whose memory the pool keeps.
const keptBytes = 4 << 10

// free gives a call back that has its answer, or was never enqueued.
func (call *streamCall) free() {
	if call.left {
		return
	}
	call.stream = nil
	if cap(call.check) > keptBytes {
		call.check = nil
	}
	if cap(call.result) > keptBytes {
		call.result = nil
	}
	streamCalls.Put(call)
}

func newLane(open func(context.Context) (grpc.ClientStream, error), pauses *pauses) *lane {
	l := &lane{open: open, pauses: pauses}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// streamError is the failure of a stream that is no single check's.
type streamError struct{ error }

func (e streamError) Unwrap() error { return e.error }

// check has one check decided. A streamError other than UNAVAILABLE says nothing of this check: it may be repeated by
// itself.
//
// There is no timer per call: the lane has one (expiry), and a context with a deadline brings its own.
func (l *lane) check(ctx context.Context, call *streamCall) (*consentv1.CheckResponse, error) {
	call.stream = nil
	if err := l.enqueue(call); err != nil {
		return nil, err
	}
	var err error
	if done := ctx.Done(); done == nil {
		err = <-call.answer
	} else {
		select {
		case err = <-call.answer:
		case <-done:
			l.leave(call)
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	if err != nil {
		return nil, err
	}
	return decodeResult(call.result, &l.texts)
}

func (l *lane) enqueue(call *streamCall) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return errClosed
	}
	l.queue = append(l.queue, call)
	l.expireBy(call.deadline)
	l.kick()
	return nil
}

var errClosed = status.Error(codes.Canceled, "the client is closed")

// kick sees to it that the sender runs; l.mu is held.
func (l *lane) kick() {
	if !l.sending && l.ctx.Err() == nil {
		l.sending = true
		l.tasks.Go(l.send)
	}
}

// retire takes a stream out of use; l.mu is held.
func (l *lane) retire(s *checkStream) {
	if l.stream != s {
		return
	}
	l.stream, l.cancels = nil, nil
	l.leaving = append(l.leaving, s)
	l.kick()
}

// send sends what there is until there is nothing.
func (l *lane) send() {
	for more := true; more; {
		err := guarded(func() (err error) {
			more, err = l.sendSome()
			return err
		})
		if err != nil {
			l.giveUpStream()
			l.fail(err)
		}
	}
}

// sendSome sends one message at most; more is false where there was nothing to send. The error is that of all that
// waits.
func (l *lane) sendSome() (more bool, err error) {
	if l.crowded() {
		runtime.Gosched()
	}
	l.halfClose()
	s, err := l.current()
	if err != nil {
		return true, err
	}
	f, more := l.gather(s)
	if f != nil && s.SendMsg(f) != nil {
		l.mu.Lock()
		l.retire(s) // the receiver learns why
		l.mu.Unlock()
	}
	return more, nil
}

// giveUpStream ends the stream, if there is one, after a fault while something was sent on it: its checks fail.
func (l *lane) giveUpStream() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.stream; s != nil {
		l.retire(s)
		s.cancel()
	}
}

// crowded reports whether checks are under way beside the one to be sent.
func (l *lane) crowded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) > 1 || l.stream != nil && len(l.stream.calls) > 0
}

// halfClose lets the server end the streams that are leaving.
func (l *lane) halfClose() {
	l.mu.Lock()
	leaving := l.leaving
	l.leaving = nil
	l.mu.Unlock()
	for _, s := range leaving {
		_ = s.CloseSend() // it never fails
	}
}

// current returns the stream to send on, and opens one where there is something to send; nil: there is not.
func (l *lane) current() (*checkStream, error) {
	l.mu.Lock()
	if l.stream != nil && time.Since(l.stream.opened) > streamAge {
		l.retire(l.stream)
	}
	s, idle := l.stream, len(l.queue) == 0
	l.mu.Unlock()
	if s != nil || idle {
		return s, nil
	}
	ctx, cancel := context.WithCancel(l.ctx)
	stream, err := l.open(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	s = &checkStream{ClientStream: stream, cancel: cancel, opened: time.Now(), calls: map[uint64]*streamCall{}}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stream = s
	l.streams = append(l.streams, s)
	l.tasks.Go(func() { l.receive(s) })
	return s, nil
}

// gather takes what waits, up to a full message, and makes it a message; nil says that s is no longer the stream, or
// that nobody waits. Where there is no more to do the sender ends. It must not panic, half of the calls would get two
// answers: it moves pointers, and bytes into memory that grows.
func (l *lane) gather(s *checkStream) (f *frame, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil || len(l.queue)+len(l.cancels)+len(l.leaving) == 0 {
		l.sending = false
		return nil, false
	}
	if s == nil || s != l.stream {
		return nil, true
	}
	f = newFrame(l.frameSize())
	data := f.data
	for _, id := range l.cancels {
		data = appendCancel(data, id)
	}
	l.cancels = nil
	if s.asked.IsZero() {
		s.asked = time.Now()
	}
	if !s.heard {
		l.listenAfter(l.patience())
	}
	taken := 0
	for n := 0; taken < len(l.queue) && n < wire.MaxStreamedChecks && len(data) < fullFrame; taken++ {
		if call := l.queue[taken]; !call.left {
			s.last++
			call.stream, call.id = s, s.last
			s.calls[call.id] = call
			data = appendCheck(data, call.id, call.check)
			n++
		} else {
			l.left--
		}
	}
	clear(l.queue[:taken])
	if l.queue = l.queue[taken:]; len(l.queue) == 0 {
		l.queue = nil
	}
	if f.data = data; len(data) == 0 {
		return nil, true
	}
	return f, true
}

// frameSize is about how long the next message gets; l.mu is held.
func (l *lane) frameSize() int {
	const overhead = 16
	size := len(l.cancels) * overhead
	for _, call := range l.queue[:min(len(l.queue), wire.MaxStreamedChecks)] {
		if size += len(call.check) + overhead; size > fullFrame {
			break
		}
	}
	return size
}

// fail ends what waits to be sent.
func (l *lane) fail(err error) {
	l.mu.Lock()
	queue := l.queue
	l.queue, l.cancels = nil, nil
	l.mu.Unlock()
	for _, call := range queue {
		call.answer <- streamError{err}
	}
}

// receive hands answers out until the stream ends.
func (l *lane) receive(s *checkStream) {
	err := guarded(func() error {
		for {
			var in frame
			if err := s.RecvMsg(&in); err != nil {
				return err
			}
			err := l.deliver(s, in.data)
			in.free()
			if err != nil {
				return err
			}
		}
	})
	s.cancel()
	l.mu.Lock()
	l.retire(s)
	calls := s.calls
	s.calls = nil
	l.streams = slices.DeleteFunc(l.streams, func(other *checkStream) bool { return other == s })
	l.mu.Unlock()
	for _, call := range calls {
		call.answer <- streamError{l.ending(err)}
	}
}

// ending is the error of the checks that a stream left behind.
func (l *lane) ending(err error) error {
	switch {
	case l.ctx.Err() != nil:
		return errClosed
	case errors.Is(err, errGarbage):
		return internalError(err.Error())
	case errors.Is(err, io.EOF), status.Code(err) == codes.Canceled: // a server that stops, a stream given up
		return status.Error(codes.Unavailable, "the stream to the server ended before it answered")
	}
	return err
}

// deliver hands the answers of one message to their callers.
func (l *lane) deliver(s *checkStream, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.asked, s.overtaken, s.heard, l.mistrusted = time.Time{}, false, true, false
	l.pauses.work()
	draining, err := eachResult(data, func(id uint64, result []byte) {
		if call := s.calls[id]; call != nil {
			delete(s.calls, id)
			call.result = append(call.result[:0], result...)
			call.answer <- nil // never blocks: it gets one value
		}
	})
	if draining {
		l.retire(s)
	}
	return err
}

// close ends the stream and waits for the lane's goroutines. Calls under way fail with CANCELED.
func (l *lane) close() {
	l.mu.Lock()
	l.cancel()
	for _, timer := range []*time.Timer{l.expiry, l.listener} {
		if timer != nil {
			timer.Stop()
		}
	}
	queue := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, call := range queue {
		call.answer <- errClosed
	}
	l.tasks.Wait()
}
