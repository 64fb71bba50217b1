package client_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// A stream that says nothing costs its callers their deadlines where calls say nothing either, and is not used for
// ever.
func TestASilentStreamIsGivenUp(t *testing.T) {
	s, over := &scripted{}, make(chan struct{})
	s.check = func(*consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
		<-over
		return nil, status.Error(codes.Unavailable, "as the test wants")
	}
	s.stream = func(n int, stream serverStream) error {
		if n > 1 {
			return s.answerAll(stream)
		}
		<-stream.Context().Done()
		return nil
	}
	c := s.start(t, client.WithTimeout(600*time.Millisecond))
	defer close(over)
	for range 3 { // the first to find out whether calls are answered, one that is left, and one more
		d, err := c.Check(t.Context(), client.NewCheck("example", "u", "p"))
		if err == nil {
			break // on another stream already
		}
		if status.Code(err) != codes.DeadlineExceeded || d.Allowed {
			t.Errorf("Check = %v, %v; want DEADLINE_EXCEEDED", d, err)
		}
	}
	ask(t, c, "next")
	if n := s.streams.Load(); n != 2 {
		t.Errorf("%d streams, want 2", n)
	}
}

// A proxy may pass calls on and hold streams back until they end.
func TestStreamsThatAreHeldBack(t *testing.T) {
	for name, timeout := range map[string]time.Duration{"some time": 0, "less than patience": 100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{}
			s.stream = func(_ int, stream serverStream) error {
				for {
					if _, err := s.receive(stream); err != nil {
						return err
					}
				}
			}
			c := s.start(t)
			deadline := time.Now().Add(20 * time.Second)
			for timeout > 0 { // its first checks may fail, until one found out in time
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				d, err := c.Check(ctx, client.NewCheck("example", "u", "p"))
				cancel()
				if err == nil && d.Allowed {
					break
				}
				if status.Code(err) != codes.DeadlineExceeded || d.Allowed || time.Now().After(deadline) {
					t.Fatalf("Check = %v, %v; want DEADLINE_EXCEEDED, and an answer within 20 s", d, err)
				}
			}
			var group sync.WaitGroup
			for i := range 50 {
				group.Go(func() { ask(t, c, fmt.Sprint(i)) })
			}
			group.Wait()
			if streams, unary := s.streams.Load(), s.unary.Load(); streams > 5 || unary < 50 { // some for those that left
				t.Errorf("%d streams and %d calls; want each check to be a call, and a stream only now and then", streams, unary)
			}
		})
	}
}

// A server that is busy is not asked twice by everyone.
func TestASlowStreamIsNotTakenForAHeldOne(t *testing.T) {
	s, release := &scripted{}, make(chan struct{})
	s.check = func(r *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
		if s.unary.Load() == 3 {
			close(release)
		}
		<-release
		return answerTo(r), nil
	}
	s.stream = func(_ int, stream serverStream) error {
		<-release
		return s.answerAll(stream)
	}
	c := s.start(t)
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() { ask(t, c, fmt.Sprint(i)) })
	}
	group.Wait()
	ask(t, c, "later")
	if s.unary.Load() > 5 || s.streams.Load() != 1 {
		t.Errorf("%d calls and %d streams, want some probes, and all else on one stream", s.unary.Load(), s.streams.Load())
	}
}

// However many ask at once: each is answered, for all are within their deadlines.
func TestManyAtOnceAreAllAnswered(t *testing.T) {
	const callers = 12_000
	s := &scripted{}
	c := s.start(t)
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range callers {
		group.Go(func() {
			<-begin
			ask(t, c, fmt.Sprint(i))
		})
	}
	close(begin)
	group.Wait()
	if messages := s.messages.Load(); messages > callers/20 || s.unary.Load() > callers/100 {
		t.Errorf("%d messages and %d calls for %d checks", messages, s.unary.Load(), callers)
	}
}
