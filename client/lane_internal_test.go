package client

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// mute is a stream that takes messages and never answers, until its context ends.
type mute struct {
	grpc.ClientStream
	ctx  context.Context
	mu   sync.Mutex
	sent []*consentv1.CheckStreamRequest // guarded by mu
}

func (m *mute) SendMsg(v any) error {
	request := &consentv1.CheckStreamRequest{}
	if err := proto.Unmarshal(v.(*frame).data, request); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, request)
	return nil
}

func (m *mute) CloseSend() error { return nil }

func (m *mute) RecvMsg(any) error {
	<-m.ctx.Done()
	return io.EOF
}

// cancelled are the ids that the server was told to drop.
func (m *mute) cancelled() (ids []uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.sent {
		ids = append(ids, r.GetCancel()...)
	}
	return ids
}

// A call whose context ends by no deadline ends at its own, to the instant, also where the sender is stuck.
func TestCallsEndAtTheirDeadlines(t *testing.T) {
	for name, stuck := range map[string]bool{"on a silent stream": false, "before there is a stream": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := &mute{}
				l := newLane(func(ctx context.Context) (grpc.ClientStream, error) {
					if stuck {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					stream.ctx = ctx
					return stream, nil
				})
				defer l.close()
				began := time.Now()
				var group sync.WaitGroup
				for _, after := range []time.Duration{200, 100, 150, 100} { // an earlier one may come later
					group.Go(func() {
						call := &streamCall{answer: make(chan error, 1), deadline: began.Add(after * time.Millisecond)}
						_, err := l.check(context.Background(), call)
						if took := time.Since(began); status.Code(err) != codes.DeadlineExceeded || took != after*time.Millisecond {
							t.Errorf("after %v: %v; want DEADLINE_EXCEEDED after %v ms", took, err, int(after))
						}
					})
					synctest.Wait()
				}
				group.Wait()
				synctest.Wait()
				if got := stream.cancelled(); !stuck && len(got) != 4 {
					t.Errorf("the server was told to drop %v, want all four", got)
				}
			})
		})
	}
}

// The lane's timer does not end what its caller's context is to end.
func TestACallsContextEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(func(ctx context.Context) (grpc.ClientStream, error) { return &mute{ctx: ctx}, nil })
		defer l.close()
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 70*time.Millisecond)
		defer cancel()
		call := &streamCall{answer: make(chan error, 1)}
		_, err := l.check(ctx, call)
		if time.Since(began) != 70*time.Millisecond || status.Code(err) != codes.DeadlineExceeded || !call.left {
			t.Errorf("after %v: %v, left %v", time.Since(began), err, call.left)
		}
		cancelled, stop := context.WithCancel(context.Background())
		time.AfterFunc(10*time.Millisecond, stop)
		_, err = l.check(cancelled, &streamCall{answer: make(chan error, 1), deadline: time.Now().Add(time.Hour)})
		if status.Code(err) != codes.Canceled || errors.Is(err, errClosed) {
			t.Errorf("%v, want CANCELED", err)
		}
	})
}

// What is left of a default second is for calls: it takes patience and grace until all that waits is asked by them,
// and only if a call was answered. Streams are tried again after the pause.
func TestAHeldStreamIsFoundOutInTime(t *testing.T) {
	for name, answered := range map[string]error{
		"calls are answered": nil, "calls are refused": status.Error(codes.NotFound, "a server's word"),
		"there is no server": status.Error(codes.Unavailable, ""), "calls are silent too": status.Error(codes.DeadlineExceeded, ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLane(func(ctx context.Context) (grpc.ClientStream, error) { return &mute{ctx: ctx}, nil })
				defer l.close()
				var streams pauses
				l.held = streams.pause
				began, found, moved := time.Now(), 0, 0
				ctx, cancel := context.WithTimeout(context.Background(), 2*patience-1)
				defer cancel()
				errs := make(chan error)
				for range 10 {
					go func() {
						_, err := l.check(ctx, &streamCall{answer: make(chan error, 1)})
						errs <- err
					}()
				}
				for range 10 {
					switch err := <-errs; {
					case errors.Is(err, errHeld) && time.Since(began) == patience+grace:
						moved++
					case status.Code(err) == codes.DeadlineExceeded:
					default:
						silent, ok := errors.AsType[*silentError](err)
						if !ok || time.Since(began) != patience {
							t.Errorf("after %v: %v", time.Since(began), err)
							continue
						}
						found++
						silent.lane.found(silent.stream, answered)
					}
				}
				held := reached(answered)
				if found != 1 || held != (moved == 9) || streams.paused() != held {
					t.Errorf("%d found out, %d moved to calls, paused %v", found, moved, streams.paused())
				}
				if time.Sleep(streamPause); streams.paused() {
					t.Error("streams are not tried again")
				}
			})
		})
	}
}
