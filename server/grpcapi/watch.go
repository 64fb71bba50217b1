package grpcapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/watch"
)

// Watchers keeps caches of decisions honest; watch.Hub is one.
type Watchers interface {
	Join(id [16]byte) (*watch.Watcher, error)
	Fence(ctx context.Context, r consent.Revision) error
}

// watchStream is a stream of invalidations.
type watchStream = grpc.BidiStreamingServer[consentv1.WatchInvalidationsRequest, consentv1.WatchInvalidationsResponse]

// WatchInvalidations tells a client's cache what it must not answer from any more, until either side ends the stream.
func (s *decisionService) WatchInvalidations(stream watchStream) error {
	const method = consentv1.DecisionService_WatchInvalidations_FullMethodName
	err := s.guard(stream.Context(), method, func() error { return s.watch(stream) })
	if _, named := status.FromError(err); named {
		return err
	}
	return s.errors.refuse(stream.Context(), method, err).Err()
}

func (s *decisionService) watch(stream watchStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if len(first.GetCacheId()) != len([16]byte{}) {
		return invalid([]consent.Violation{{Field: "cache_id", Description: "must be 16 random bytes, in the first message"}})
	}
	w, err := s.watchers.Join(cacheName(caller.From(stream.Context()), first.GetCacheId()))
	if err != nil {
		return err
	}
	heard := make(chan error, 1)
	go func() { // gRPC ends it when this returns
		heard <- s.guard(stream.Context(), consentv1.DecisionService_WatchInvalidations_FullMethodName,
			func() error { return hear(stream, w, first) })
	}()
	err = tell(stream, w, notices{heard, s.asking(stream.Context(), caller.Watch)})
	released := errors.Is(err, io.EOF)
	w.Leave(released)
	if released {
		return nil
	}
	return err
}

// cacheName is under what a cache is known: its id, which is its caller's own. Otherwise who knows another's id could
// take its place, and fences would wait for the wrong cache.
func cacheName(who *caller.Caller, id []byte) [16]byte {
	if who == caller.Anonymous {
		return [16]byte(id)
	}
	sum := sha256.Sum256(append([]byte(who.String()+"\x00"), id...))
	return [16]byte(sum[:])
}

// hear passes on what the client says until it ends: by io.EOF where the client gave up its lease.
func hear(stream watchStream, w *watch.Watcher, m *consentv1.WatchInvalidationsRequest) error {
	for {
		if err := w.Heard(reportOf(m)); err != nil {
			return err
		}
		var err error
		if m, err = stream.Recv(); err != nil {
			return err
		}
	}
}

// notices are what tell waits for: what the client ends with, and whether it may watch still.
type notices struct {
	heard <-chan error
	asked asking
}

// tell sends what there is to tell until the client ends or fails, or may not watch any more: a right that a change of
// policies took away ends with the next notice, which is the next heartbeat at the latest.
func tell(stream watchStream, w *watch.Watcher, until notices) error {
	for {
		n, err := w.Next()
		if err != nil {
			return err
		}
		if n != nil {
			if err := ofNode(until.asked, nil); err != nil {
				return err
			}
			if err := stream.Send(noticeTo(n)); err != nil {
				return err
			}
			continue
		}
		select {
		case err := <-until.heard:
			return err
		case <-w.Wake():
		}
	}
}

// The part of a caller's deadline that is left for the answer that a fence is not complete, and its bound.
const (
	fencePart  = 16
	fenceSpare = 50 * time.Millisecond
)

// fence waits until no cache answers from a state before the change r, not quite as long as the caller does: otherwise
// nobody would hear that the events are recorded.
func fence(ctx context.Context, w Watchers, r consent.Revision) error {
	ctx, cancel := sparing(ctx)
	defer cancel()
	return w.Fence(ctx, r)
}

// sparing is a context that ends a little before its caller does.
func sparing(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, has := ctx.Deadline(); has {
		return context.WithDeadline(ctx, deadline.Add(-min(time.Until(deadline)/fencePart, fenceSpare)))
	}
	return ctx, func() {}
}
