package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// clientCall is one way to have single checks decided. Its call is closed when it is measured.
type clientCall struct {
	name, note string
	open       func(b *bench, a *asker) (load.Call, io.Closer, error)
}

// clientCalls are compared at each number of callers.
func clientCalls() []clientCall {
	return []clientCall{
		{"unary", "the generated client", openUnary},
		{"CheckStream", "one stream, a check in each message", openRaw},
		{"Go client", "client.Dial as it is: checks share messages", openClient},
		{"near cache", "the Go client with a near cache that holds all answers", openNear},
	}
}

// clients compares the ways to call at several numbers of concurrent callers, in closed loops. Their latencies are for
// comparison with each other: they say what these callers wait, at the most that so many callers get.
func (b *bench) clients(ctx context.Context) error {
	if err := b.warm(ctx); err != nil {
		return err
	}
	for _, callers := range b.callers {
		for _, c := range clientCalls() {
			if err := b.clientFigure(ctx, c, callers); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) clientFigure(ctx context.Context, c clientCall, callers int) error {
	a := newAsker(b.population, b.server.conns)
	call, closer, err := c.open(b, a)
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }()
	name := fmt.Sprintf("%s, %d callers", c.name, callers)
	err = b.figure(ctx, scenario{name: name, schedule: closed, workers: callers, call: call, note: c.note}, a)
	row := &b.report.Rows[len(b.report.Rows)-1]
	row.Note = joined(row.Note, fmt.Sprintf("p50 %.0f µs, p99 %.0f µs", row.Latency.P50.Median, row.Latency.P99.Median))
	return err
}

func openUnary(b *bench, a *asker) (load.Call, io.Closer, error) {
	return a.unary(question.Uniform(b.population)), io.NopCloser(nil), nil
}

// openClient asks by the Go client, on a connection of its own.
func openClient(b *bench, a *asker) (load.Call, io.Closer, error) {
	c, err := client.Dial(b.server.grpcAddr)
	if err != nil {
		return nil, nil, err
	}
	return a.client(c, question.Uniform(b.population)), c, nil
}

// openNear asks by a client with a near cache, which has been asked everything once.
func openNear(b *bench, a *asker) (load.Call, io.Closer, error) {
	questions := 2 * b.population.Size
	c, err := client.Dial(b.server.grpcAddr, client.WithNearCache(client.NearCacheConfig{MaxEntries: 4 * questions}))
	if err != nil {
		return nil, nil, err
	}
	if err := leased(c); err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	var asking errgroup.Group
	asking.SetLimit(128)
	for n := range questions {
		asking.Go(func() error {
			_, err := c.Check(context.Background(), b.population.Check(question.Question{Subject: n / 2, Purpose: n % 2}))
			return err
		})
	}
	if err := asking.Wait(); err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	return a.client(c, question.Uniform(b.population)), c, nil
}

// leased waits until a near cache may answer.
func leased(c *client.Client) error {
	deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !c.NearCacheStats().Leased {
		select {
		case <-tick.C:
		case <-deadline:
			return errors.New("the near cache got no lease within 10 s")
		}
	}
	return nil
}

// client asks by a Go client.
func (a *asker) client(c *client.Client, choose question.Chooser) load.Call {
	return func(ctx context.Context, n int) error {
		q := choose(n)
		decision, err := c.Check(ctx, a.population.Check(q))
		if err != nil {
			return err
		}
		if decision.Allowed != a.population.Truth(q) {
			a.wrong.Add(1)
		}
		return nil
	}
}

// rawStream is one CheckStream with a check in each message.
type rawStream struct {
	stream grpc.BidiStreamingClient[consentv1.CheckStreamRequest, consentv1.CheckStreamResponse]
	cancel context.CancelFunc

	mu sync.Mutex
	// last is the id given last, waiting has who waits for which id; both guarded by mu, as is sending.
	last    uint64
	waiting map[uint64]chan *consentv1.StreamedResult
}

func openRaw(_ *bench, a *asker) (load.Call, io.Closer, error) {
	return a.stream(question.Uniform(a.population))
}

// stream asks over one CheckStream, on the first connection.
func (a *asker) stream(choose question.Chooser) (load.Call, io.Closer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := a.clients[0].CheckStream(ctx)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	s := &rawStream{stream: stream, cancel: cancel, waiting: map[uint64]chan *consentv1.StreamedResult{}}
	go s.receive()
	return func(_ context.Context, n int) error {
		q := choose(n)
		result, err := s.check(a.population.Check(q))
		if err != nil {
			return err
		}
		a.compare(q, result.GetResponse())
		return nil
	}, s, nil
}

// Close ends the stream.
func (s *rawStream) Close() error {
	s.cancel()
	return nil
}

func (s *rawStream) check(request *consentv1.CheckRequest) (*consentv1.StreamedResult, error) {
	answer := make(chan *consentv1.StreamedResult, 1)
	if err := s.send(request, answer); err != nil {
		return nil, err
	}
	result, ok := <-answer
	if !ok {
		return nil, io.ErrUnexpectedEOF
	}
	return result, nil
}

func (s *rawStream) send(request *consentv1.CheckRequest, answer chan *consentv1.StreamedResult) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		return io.ErrUnexpectedEOF
	}
	s.last++
	s.waiting[s.last] = answer
	return s.stream.Send(&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{{Id: s.last, Check: request}}})
}

// receive hands results out until the stream ends.
func (s *rawStream) receive() {
	for {
		m, err := s.stream.Recv()
		s.mu.Lock()
		for _, r := range m.GetResults() {
			s.waiting[r.GetId()] <- r
			delete(s.waiting, r.GetId())
		}
		if err != nil {
			for _, answer := range s.waiting {
				close(answer)
			}
			s.waiting = nil
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}
