package grpcapi

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/consentd/consentd/server/caller"
)

// Authenticator finds out who makes a call; authn.Authenticator is one. Its errors are consent's, or the context's.
//
// Calls are looked at where their handlers begin: the services' own before their request is decoded (guarded), streams
// before anything of them is read. gRPC's tap would be earlier still, before a request has come whole. But what a tap
// refuses keeps its timer until the deadline that the caller chose, gRPC does not end it, and callers may choose a
// hundred years; and it holds up the other calls of the connection.
type Authenticator interface {
	// Authenticate returns who makes a call.
	Authenticate(context.Context) (*caller.Caller, error)
	// Begin is Authenticate for a stream. stands says whether the caller's credential still holds; it is asked with each
	// message, by one goroutine at a time.
	Begin(context.Context) (c *caller.Caller, stands func() error, err error)
}

// authenticated returns the context of a call with its caller; the error has been counted as the call's.
func (e *edge) authenticated(ctx context.Context, method string) (context.Context, error) {
	if e.authenticator == nil {
		return ctx, nil
	}
	c, err := e.authenticator.Authenticate(ctx)
	if err != nil {
		refused := e.errors.refuse(ctx, method, err).Err()
		e.metrics.refusedEarly(method, refused)
		return ctx, refused
	}
	if c == caller.Anonymous {
		return ctx, nil // as caller.From says anyway
	}
	return caller.With(ctx, c), nil
}

// authenticatedStream returns a stream with its caller, which ends when the caller's credential holds no more. The
// error is a status.
func (e *edge) authenticatedStream(stream grpc.ServerStream, method string) (grpc.ServerStream, error) {
	if e.authenticator == nil || Open(method) {
		return stream, nil
	}
	ctx, start := stream.Context(), time.Now()
	c, stands, err := e.authenticator.Begin(ctx)
	if err != nil {
		return nil, e.errors.refuse(ctx, method, err).Err()
	}
	if c == caller.Anonymous {
		return stream, nil
	}
	return &callersStream{
		ServerStream: stream, ctx: caller.With(ctx, c), edge: e, method: method, stands: stands, looked: start,
	}, nil
}

const (
	// answerGrace is how long answers leave after the caller's credential was seen to hold no more: what was asked in
	// time is answered, and who says nothing more soon hears nothing more.
	answerGrace = 30 * time.Second
	// lookAgain is how often a stream on which answers leave has its credential looked at, beside the messages that come.
	lookAgain = time.Second
)

// callersStream is a stream whose caller's credential is looked at with each message that comes. It is received from by
// one goroutine and sent to by one, as any stream.
type callersStream struct {
	grpc.ServerStream
	ctx    context.Context
	edge   *edge
	method string

	mu sync.Mutex
	// All below is guarded by mu.

	stands func() error
	// looked is when it was asked last. Once it fails it is not asked any more: fault is why, fell when.
	looked, fell time.Time
	fault        error
}

func (s *callersStream) Context() context.Context { return s.ctx }

// RecvMsg receives a message, if the caller's credential holds when it has come.
func (s *callersStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look(time.Now())
	return s.fault
}

// SendMsg sends a message, unless the caller's credential holds no more for too long.
func (s *callersStream) SendMsg(m any) error {
	if err := s.mayHear(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

func (s *callersStream) mayHear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.looked) >= lookAgain {
		s.look(now)
	}
	if s.fault != nil && now.Sub(s.fell) >= answerGrace {
		return s.fault
	}
	return nil
}

// look asks whether the credential holds; s.mu is held.
func (s *callersStream) look(now time.Time) {
	if s.fault != nil {
		return
	}
	s.looked = now
	if err := s.stands(); err != nil {
		s.fault, s.fell = s.edge.errors.refuse(s.ctx, s.method, err).Err(), now
	}
}
