package client

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/status"
)

// expireBy has expire run at this deadline, if there is one and it does not run before; l.mu is held.
func (l *lane) expireBy(deadline time.Time) {
	if deadline.IsZero() || !l.expires.IsZero() && !deadline.Before(l.expires) {
		return
	}
	l.expires = deadline
	if l.expiry == nil {
		l.expiry = time.AfterFunc(time.Until(deadline), l.expire)
	} else {
		l.expiry.Reset(time.Until(deadline))
	}
}

// expire answers the calls whose deadline has passed, and runs again at the next. It runs on the timer's goroutine
// without a guard: it only compares times and hands over errors, for each of which there is room.
func (l *lane) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	now := time.Now()
	l.expires = time.Time{}
	late := func(call *streamCall) bool {
		if call.deadline.IsZero() || call.deadline.After(now) {
			l.expireBy(call.deadline)
			return false
		}
		l.giveUp(call)
		call.answer <- status.FromContextError(context.DeadlineExceeded).Err()
		return true
	}
	l.queue = slices.DeleteFunc(l.queue, late)
	for _, s := range l.streams {
		for _, call := range s.calls {
			late(call)
		}
	}
}

// leave gives a call up: its caller does not wait for the answer.
func (l *lane) leave(call *streamCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	call.left = true
	if call.stream == nil {
		if l.left++; l.left > len(l.queue)/2 {
			l.queue = slices.DeleteFunc(l.queue, func(call *streamCall) bool { return call.left })
			l.left = 0
		}
	}
	l.giveUp(call)
}

// giveUp drops a call that ran out of time; a stream that has been silent for too long is given up with it. l.mu is
// held.
func (l *lane) giveUp(call *streamCall) {
	l.giveUpSilent()
	l.drop(call)
}

func (l *lane) giveUpSilent() {
	if s := l.stream; s != nil && s.silent() >= silence {
		l.mistrusted = true
		l.retire(s)
		s.cancel()
	}
}

// drop tells the server that a call is not wanted any more; l.mu is held.
func (l *lane) drop(call *streamCall) {
	s := call.stream
	if s == nil || s.calls[call.id] != call {
		return // not sent, or answered
	}
	delete(s.calls, call.id)
	if s == l.stream {
		l.cancels = append(l.cancels, call.id)
		l.kick()
	}
}
