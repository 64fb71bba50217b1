package client

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// broken is a stream that panics where it receives, or else where it sends.
type broken struct {
	mute
	receives bool
}

func (b *broken) SendMsg(v any) error {
	if b.receives {
		return b.mute.SendMsg(v)
	}
	panic("sending")
}

func (b *broken) RecvMsg(m any) error {
	if b.receives {
		panic("receiving")
	}
	return b.mute.RecvMsg(m)
}

// A panic on a goroutine of the client's is an INTERNAL error of the checks that it concerns, the log has its stack,
// and the lane goes on.
func TestPanicsOfTheClientAreErrors(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	panicking := func(context.Context, *consentv1.CheckRequest) error {
		l := newLane(func(context.Context) (grpc.ClientStream, error) { panic("opening") }, &pauses{})
		defer l.close()
		_, err := l.check(t.Context(), &streamCall{answer: make(chan error, 1)})
		return err
	}
	through := func(receives bool) func(context.Context, *consentv1.CheckRequest) error {
		return func(context.Context, *consentv1.CheckRequest) (err error) {
			l := newLane(func(ctx context.Context) (grpc.ClientStream, error) {
				return &broken{mute: mute{ctx: ctx}, receives: receives}, nil
			}, &pauses{})
			defer l.close()
			for range 3 { // it opens another stream each time
				_, err = l.check(t.Context(), &streamCall{answer: make(chan error, 1), deadline: time.Now().Add(10 * time.Second)})
			}
			return err
		}
	}
	for name, check := range map[string]func(context.Context, *consentv1.CheckRequest) error{
		"opening": panicking, "sending": through(false), "receiving": through(true),
	} {
		log.Reset()
		err := check(t.Context(), NewCheck("example", "u", "p"))
		if code := status.Code(err); code != codes.Internal && code != codes.Unavailable {
			t.Errorf("%s: error is %v", name, err)
		}
		if !strings.Contains(log.String(), "panic="+name) || !strings.Contains(log.String(), "goroutine") {
			t.Errorf("%s: the log has no stack: %q", name, log.String())
		}
	}
}
