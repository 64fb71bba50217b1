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
				}, &pauses{})
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
		l := newLane(func(ctx context.Context) (grpc.ClientStream, error) { return &mute{ctx: ctx}, nil }, &pauses{})
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
// and only if a call was answered, and much sooner. Streams are tried again after the pause.
func TestAHeldStreamIsFoundOutInTime(t *testing.T) {
	const checks = 10
	const found = patience + checks*patienceForEach
	for name, test := range map[string]struct {
		answer error
		took   time.Duration
		held   bool
	}{
		"calls are answered":  {nil, time.Millisecond, true},
		"calls are refused":   {status.Error(codes.NotFound, "a server's word"), time.Millisecond, true},
		"calls are slow too":  {nil, found / 2, false},
		"there is no server":  {status.Error(codes.Unavailable, ""), time.Millisecond, false},
		"calls are not heard": {status.Error(codes.DeadlineExceeded, ""), found, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := &pauses{}
				l := newLane(func(ctx context.Context) (grpc.ClientStream, error) { return &mute{ctx: ctx}, nil }, streams)
				defer l.close()
				ctx, cancel := context.WithTimeout(context.Background(), 2*patience-1)
				defer cancel()
				began, errs := time.Now(), make(chan error)
				for range checks {
					go func() {
						_, err := l.check(ctx, &streamCall{answer: make(chan error, 1)})
						errs <- err
					}()
				}
				sounded, moved := 0, 0
				for range checks {
					err := <-errs
					silent, isSilent := errors.AsType[*silentError](err)
					switch after := time.Since(began); {
					case isSilent && after == found:
						sounded++
						silent.lane.found(silent.stream, test.answer, test.took)
					case errors.Is(err, errHeld) && after == found+grace:
						moved++
					case status.Code(err) != codes.DeadlineExceeded:
						t.Errorf("after %v: %v", after, err)
					}
				}
				if sounded != 1 || test.held != (moved == checks-1) || streams.paused() != test.held {
					t.Errorf("%d found out, %d moved to calls, paused %v", sounded, moved, streams.paused())
				}
			})
		})
	}
}

func TestPausesOfStreamsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pauses{}
		lasts := func(want time.Duration) {
			t.Helper()
			time.Sleep(want - time.Nanosecond)
			if !p.paused() {
				t.Errorf("over before %v", want)
			}
			if time.Sleep(time.Nanosecond); p.paused() {
				t.Errorf("not over after %v", want)
			}
		}
		for _, want := range []time.Duration{2, 4, 8, 16, 32, 60, 60} {
			p.pause(0)
			p.work() // of a message that was under way
			lasts(want * time.Second)
		}
		p.work()
		p.pause(0)
		lasts(firstPause)
		p.pause(longestPause)
		lasts(longestPause)
	})
}
