package grpcapi

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/server/consent"
)

// heard is a stream that counts what is sent.
type heard struct {
	grpc.ServerStream
	sent int
}

func (h *heard) SendMsg(any) error {
	h.sent++
	return nil
}

// TestAnswersLeaveForAWhile: a stream on which nothing is received is looked at when something is sent, at most once a
// second, and hears no more half a minute after its credential was seen to hold no more.
func TestAnswersLeaveForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, holds := 0, true
		inner := &heard{}
		s := &callersStream{
			ServerStream: inner, ctx: context.Background(), edge: &edge{errors: newErrorLog(slog.New(slog.DiscardHandler))},
			looked: time.Now(),
			stands: func() error {
				if asked++; holds {
					return nil
				}
				return consent.ErrUnauthenticated
			},
		}
		for range 100 {
			if err := s.SendMsg(nil); err != nil {
				t.Fatal(err)
			}
		}
		if asked != 0 {
			t.Errorf("asked %d times within a second", asked)
		}
		time.Sleep(lookAgain)
		holds = false
		for range 100 {
			if err := s.SendMsg(nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(answerGrace - time.Nanosecond)
		if err := s.SendMsg(nil); err != nil || asked != 1 {
			t.Errorf("within the grace: %v, asked %d times", err, asked)
		}
		time.Sleep(time.Nanosecond)
		if err := s.SendMsg(nil); status.Code(err) != codes.Unauthenticated || inner.sent != 201 {
			t.Errorf("after the grace: %v, %d messages left", err, inner.sent)
		}
	})
}
