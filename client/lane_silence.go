package client

import (
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A stream that says nothing may be one whose server is busy, or dead: then calls are not answered either, and nothing
// is gained by asking once more. Or it may lead through a proxy that passes calls on and holds streams back until they
// end, from the first message on. So where a stream was never heard, one of its checks, and no more until as much time
// has passed again, goes by a call of its own; only if that is answered, and the stream is still silent a moment later,
// do the others follow.

// silentError tells the caller of a check that its stream says nothing, and that it is to find out about calls.
type silentError struct {
	lane   *lane
	stream *checkStream
}

func (e *silentError) Error() string { return "the stream to the server says nothing" }

// errHeld is the error of the checks on a stream that is held back: it says nothing of them.
var errHeld = streamError{errors.New("the stream to the server is held back, and calls are not")}

// silent is for how long a message has been unanswered; l.mu is held.
func (s *checkStream) silent() time.Duration {
	if s.asked.IsZero() {
		return 0
	}
	return time.Since(s.asked)
}

// patience is how long the stream may say nothing; l.mu is held.
func (l *lane) patience() time.Duration {
	if l.mistrusted {
		return mistrust
	}
	if s := l.stream; s != nil {
		return patience + min(patience, time.Duration(len(s.calls))*patienceForEach)
	}
	return patience
}

// listenAfter has listen run after d, if it does not run already; l.mu is held.
func (l *lane) listenAfter(d time.Duration) {
	switch {
	case l.listening:
		return
	case l.listener == nil:
		l.listener = time.AfterFunc(d, l.listen)
	default:
		l.listener.Reset(d)
	}
	l.listening = true
}

// listen runs every so often while checks are under way, and has one of them find out where the stream is silent. Like
// expire it runs without a guard.
func (l *lane) listen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listening = false
	s := l.stream
	if l.ctx.Err() != nil || s == nil {
		return
	}
	silent, wait := s.silent(), l.patience()
	switch {
	case s.overtaken:
		l.hold(s)
		return
	case len(s.calls) == 0 || s.heard:
		return
	case silent >= wait:
		l.sound(s)
	default:
		wait -= silent
	}
	l.listenAfter(wait)
}

// sound takes a check off a silent stream, for its caller to find out, if one has the time; l.mu is held.
func (l *lane) sound(s *checkStream) {
	enough := time.Now().Add(l.patience() / 4)
	for _, call := range s.calls {
		if call.until.IsZero() || call.until.After(enough) {
			l.drop(call)
			call.answer <- &silentError{l, s}
			return
		}
	}
}

// found is what came of the call of one whom sound had find out about s, and how long it took.
func (l *lane) found(s *checkStream, err error, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ctx.Err() != nil || l.stream != s || s.asked.IsZero():
	case reached(err) && quicker*took <= s.silent():
		s.overtaken, l.listening = true, true
		l.listener.Reset(grace)
	case status.Code(err) == codes.DeadlineExceeded:
		l.giveUpSilent()
	}
}

// hold has all that waits asked by calls, for the stream is held back; l.mu is held.
func (l *lane) hold(s *checkStream) {
	l.mistrusted = true
	l.pauses.pause(0)
	l.retire(s)
	for _, call := range s.calls {
		call.answer <- errHeld
	}
	clear(s.calls)
	for _, call := range l.queue {
		call.answer <- errHeld
	}
	l.queue, l.left = nil, 0
	s.cancel()
}

// reached reports whether a call came to an end that a server gave it.
func reached(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return false
	}
	return true
}
