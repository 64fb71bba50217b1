package client

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// The waits between streams: a server that restarts is found soon, one that has no such call is not bothered.
const (
	firstRewatch = 50 * time.Millisecond
	maxRewatch   = 5 * time.Second
)

// helloWait is how long a server that is connected may take for its first word.
const helloWait = 5 * time.Second

// releaseWait is how long close waits for the server to hear that the lease is given up.
const releaseWait = 250 * time.Millisecond

// nearStream is the sending side of a stream of invalidations.
type nearStream struct {
	grpc.BidiStreamingClient[consentv1.WatchInvalidationsRequest, consentv1.WatchInvalidationsResponse]
	// sending is held by whoever sends.
	sending sync.Mutex
}

func (s *nearStream) send(m *consentv1.WatchInvalidationsRequest) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.Send(m)
}

// release gives the lease up. The decisions must not be used any more.
func (s *nearStream) release() error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.CloseSend()
}

// run keeps a stream under way until ctx ends.
func (n *nearCache) run(ctx context.Context) {
	wait := firstRewatch
	for ctx.Err() == nil {
		useful := false
		err := guarded(func() error {
			useful = n.watch(ctx)
			return nil
		})
		if err != nil {
			n.current.Store(nil)
		}
		if useful {
			wait = firstRewatch
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-ctx.Done():
		}
		wait = min(2*wait, maxRewatch)
	}
}

// watch runs one stream to its end and reports whether it was of use: whether a lease was granted. When it returns no
// decision is used any more.
func (n *nearCache) watch(ctx context.Context) (useful bool) {
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(releaseWait, cancel) })()
	connecting := context.AfterFunc(ctx, cancel)
	inner, err := n.decisions.WatchInvalidations(streamCtx, grpc.WaitForReady(true))
	if err != nil {
		return false
	}
	stream := &nearStream{BidiStreamingClient: inner}
	greeted := time.AfterFunc(helloWait, func() {
		n.links.ranOut()
		cancel()
	})
	session, err := n.greet(stream)
	greeted.Stop()
	if err != nil || !connecting() {
		return false
	}
	n.streams.Add(1)
	n.lease.Store(int64(session.lease))
	n.current.Store(session)
	var beats sync.WaitGroup
	beats.Go(func() {
		beating := false
		_ = guarded(func() error {
			beating = n.beat(ctx, streamCtx, stream, session)
			return nil
		})
		if !beating {
			cancel()
		}
	})
	for err == nil {
		err = n.hear(stream, session)
	}
	n.current.Store(nil)
	cancel()
	beats.Wait()
	n.reports.retireAll(session.table)
	return session.granted.Load() != nil
}

// greet says who is there and returns the session that the server offers.
func (n *nearCache) greet(stream *nearStream) (*nearSession, error) {
	if err := stream.send(&consentv1.WatchInvalidationsRequest{CacheId: n.id}); err != nil {
		return nil, err
	}
	m, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	session, err := newNearSession(m, n.maxEntries)
	if err == nil {
		session.reports = n.reports
	}
	return session, err
}

// hear receives, applies and confirms one message.
func (n *nearCache) hear(stream *nearStream, session *nearSession) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	if n.tap != nil {
		n.tap(session, m)
	}
	if err := session.apply(m); err != nil {
		return err
	}
	if m.GetHeartbeat() != 0 {
		n.links.answered() // somebody answers over these connections, though no check needs it
	}
	if m.GetPosition() == m.GetFromPosition() {
		return nil
	}
	return stream.send(&consentv1.WatchInvalidationsRequest{AppliedPosition: m.GetPosition()})
}

// beat sends heartbeats until the stream ends, or ctx: then it gives the lease up, and the server ends the stream. It
// returns false if the stream is of no use any more: a server that has not answered for two leases is taken for lost.
func (n *nearCache) beat(ctx, streamCtx context.Context, stream *nearStream, session *nearSession) bool {
	ticker := time.NewTicker(session.hello.GetHeartbeatInterval().AsDuration())
	defer ticker.Stop()
	began := n.clock()
	for {
		now := n.clock()
		last := began
		if g := session.granted.Load(); g != nil {
			last = g.sent
		}
		if now.mono-last.mono > 2*int64(session.lease) {
			n.links.ranOut()
			return false
		}
		if stream.send(&consentv1.WatchInvalidationsRequest{Heartbeat: session.beat(now)}) != nil {
			return false
		}
		select {
		case <-ticker.C:
		case <-streamCtx.Done():
			return false
		case <-ctx.Done():
			n.current.Store(nil)
			return stream.release() == nil
		}
	}
}
