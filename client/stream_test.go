package client_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

type serverStream = grpc.BidiStreamingServer[consentv1.CheckStreamRequest, consentv1.CheckStreamResponse]

// scripted is a server whose methods are functions; the n-th stream, from 1 on, is handled by stream. It counts.
type scripted struct {
	consentv1.UnimplementedDecisionServiceServer
	check  func(*consentv1.CheckRequest) (*consentv1.CheckResponse, error)
	stream func(n int, s serverStream) error

	streams, unary, messages, checks atomic.Int64
}

func (s *scripted) Check(_ context.Context, r *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	s.unary.Add(1)
	if s.check == nil {
		return answerTo(r), nil
	}
	return s.check(r)
}

func (s *scripted) CheckStream(stream serverStream) error {
	n := s.streams.Add(1)
	if s.stream == nil {
		return s.answerAll(stream)
	}
	return s.stream(int(n), stream)
}

// receive reads a message and counts it.
func (s *scripted) receive(stream serverStream) (*consentv1.CheckStreamRequest, error) {
	m, err := stream.Recv()
	if err == nil {
		s.messages.Add(1)
		s.checks.Add(int64(len(m.GetChecks())))
	}
	return m, err
}

func (s *scripted) answerAll(stream serverStream) error {
	for {
		m, err := s.receive(stream)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(answersTo(m)); err != nil {
			return err
		}
	}
}

// answerTo allows, with the subject as the decision's id.
func answerTo(r *consentv1.CheckRequest) *consentv1.CheckResponse {
	response := allow()
	response.DecisionId = r.GetSubjectId()
	return response
}

func answersTo(m *consentv1.CheckStreamRequest) *consentv1.CheckStreamResponse {
	out := &consentv1.CheckStreamResponse{}
	for _, c := range m.GetChecks() {
		out.Results = append(out.Results, &consentv1.StreamedResult{
			Id: c.GetId(), Outcome: &consentv1.StreamedResult_Response{Response: answerTo(c.GetCheck())},
		})
	}
	return out
}

// start runs the server until the test ends and returns a client of it.
func (s *scripted) start(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	return startOf(t, s, opts...)
}

func startOf(t *testing.T, s consentv1.DecisionServiceServer, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Dial(listenOf(t, s), append([]client.Option{client.WithTimeout(20 * time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *scripted) listen(t *testing.T) string { return listenOf(t, s) }

func listenOf(t *testing.T, s consentv1.DecisionServiceServer) string {
	t.Helper()
	listener, server := listen(t, "tcp", "127.0.0.1:0"), grpc.NewServer()
	consentv1.RegisterDecisionServiceServer(server, s)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// ask checks a subject and fails unless the answer is that subject's.
func ask(t *testing.T, c client.Checker, subject string) {
	t.Helper()
	if d, err := c.Check(t.Context(), client.NewCheck("example", subject, "p")); err != nil || !d.Allowed || d.ID != subject {
		t.Errorf("Check of %s = %v of %s, %v", subject, d, d.ID, err)
	}
}

func TestConcurrentChecksShareMessages(t *testing.T) {
	const callers, each = 256, 40
	s := &scripted{}
	c := s.start(t)
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range each {
				ask(t, c, fmt.Sprintf("%d-%d", caller, i))
			}
		})
	}
	group.Wait()
	if checks, messages := s.checks.Load(), s.messages.Load(); checks != callers*each || messages > checks/4 || s.unary.Load() > 0 {
		t.Errorf("%d checks in %d messages and %d calls, want four or more to a message", checks, messages, s.unary.Load())
	}
	if n := s.streams.Load(); n != 1 {
		t.Errorf("%d streams, want 1", n)
	}
}

// What befalls a stream is not what its callers see, where the server can still answer.
func TestBrokenStreamsAreRepeated(t *testing.T) {
	breaks := func(how func(m *consentv1.CheckStreamRequest, s serverStream) error) func(*scripted) {
		return func(s *scripted) {
			s.stream = func(n int, stream serverStream) error {
				if n > 1 {
					return s.answerAll(stream)
				}
				m, err := s.receive(stream)
				if err != nil {
					return err
				}
				return how(m, stream)
			}
		}
	}
	ends := func(code codes.Code) func(*scripted) {
		return breaks(func(*consentv1.CheckStreamRequest, serverStream) error {
			return status.Error(code, "as the test wants")
		})
	}
	for name, test := range map[string]struct {
		prepare        func(*scripted)
		streams, unary int64
	}{
		"unavailable":        {ends(codes.Unavailable), 2, 0},
		"internal":           {ends(codes.Internal), 2, 1},
		"too large":          {ends(codes.ResourceExhausted), 2, 1},
		"a proxy's deadline": {ends(codes.DeadlineExceeded), 2, 1},
		"without a word":     {ends(codes.OK), 2, 0},
		"unimplemented": {func(s *scripted) {
			s.stream = func(int, serverStream) error { return status.Error(codes.Unimplemented, "") }
		}, 1, 2},
		"drains": {breaks(func(m *consentv1.CheckStreamRequest, s serverStream) error {
			if err := s.Send(&consentv1.CheckStreamResponse{Draining: true}); err != nil {
				return err
			}
			if _, err := s.Recv(); err != io.EOF {
				return fmt.Errorf("after draining the client sent more: %w", err)
			}
			return s.Send(answersTo(m))
		}), 2, 0},
		"drains and stops": {breaks(func(_ *consentv1.CheckStreamRequest, s serverStream) error {
			return s.Send(&consentv1.CheckStreamResponse{Draining: true})
		}), 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{}
			test.prepare(s)
			c := s.start(t)
			ask(t, c, "first")
			ask(t, c, "second")
			if s.streams.Load() != test.streams || s.unary.Load() != test.unary {
				t.Errorf("%d streams and %d calls, want %d and %d", s.streams.Load(), s.unary.Load(), test.streams, test.unary)
			}
		})
	}
}

// results answers every message by what f makes of the ids in it.
func results(f func(id uint64) []*consentv1.StreamedResult) *scripted {
	s := &scripted{}
	s.stream = func(_ int, stream serverStream) error {
		for {
			m, err := stream.Recv()
			if err != nil {
				return err
			}
			out := &consentv1.CheckStreamResponse{}
			for _, c := range m.GetChecks() {
				out.Results = append(out.Results, f(c.GetId())...)
			}
			if err := stream.Send(out); err != nil {
				return err
			}
		}
	}
	return s
}

func TestStreamedOutcomes(t *testing.T) {
	fails := func(e *consentv1.CheckError) func(uint64) []*consentv1.StreamedResult {
		return func(id uint64) []*consentv1.StreamedResult {
			return []*consentv1.StreamedResult{{Id: id, Outcome: &consentv1.StreamedResult_Error{Error: e}}}
		}
	}
	for name, test := range map[string]struct {
		results func(uint64) []*consentv1.StreamedResult
		code    codes.Code
		fields  int
	}{
		"no outcome": {func(id uint64) []*consentv1.StreamedResult { return []*consentv1.StreamedResult{{Id: id}} }, codes.Internal, 0},
		"no response": {func(id uint64) []*consentv1.StreamedResult {
			return []*consentv1.StreamedResult{{Id: id, Outcome: &consentv1.StreamedResult_Response{}}}
		}, codes.OK, 0},
		"error that is OK": {fails(&consentv1.CheckError{}), codes.Unknown, 0},
		"unknown error":    {fails(&consentv1.CheckError{Code: 99}), codes.Unknown, 0},
		"fields at fault": {fails(&consentv1.CheckError{Code: 3,
			FieldViolations: []*consentv1.FieldViolation{{Field: "purpose"}}}), codes.InvalidArgument, 1},
		"unknown controller": {fails(&consentv1.CheckError{Code: 5}), codes.NotFound, 0},
		"strangers first": {func(id uint64) []*consentv1.StreamedResult {
			stranger := &consentv1.StreamedResult_Response{Response: allow()}
			return append([]*consentv1.StreamedResult{{Id: id + 1000, Outcome: stranger}, {Id: 0, Outcome: stranger}},
				fails(&consentv1.CheckError{Code: 5})(id)...)
		}, codes.NotFound, 0},
		"answered twice": {func(id uint64) []*consentv1.StreamedResult {
			return append(fails(&consentv1.CheckError{Code: 5})(id), &consentv1.StreamedResult{
				Id: id, Outcome: &consentv1.StreamedResult_Response{Response: allow()},
			})
		}, codes.NotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := results(test.results).start(t)
			for range 3 { // what was not meant for a check must not reach the next
				d, err := c.Check(t.Context(), client.NewCheck("example", "u", "p"))
				if status.Code(err) != test.code || d.Allowed || len(client.Violations(err)) != test.fields {
					t.Errorf("Check = %v, %v; want a denial with %v", d, err, test.code)
				}
			}
		})
	}
}

func TestOneUnencodableCheckFailsAlone(t *testing.T) {
	s := &scripted{}
	c := s.start(t)
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() { ask(t, c, fmt.Sprint(i)) })
		group.Go(func() {
			if d, err := c.Check(t.Context(), client.NewCheck("example", "\xff", "p")); status.Code(err) != codes.Internal || d.Allowed {
				t.Errorf("Check = %v, %v; want INTERNAL as of a call", d, err)
			}
		})
	}
	group.Wait()
}

func TestACallerThatLeavesTellsTheServer(t *testing.T) {
	s, arrived, cancelled := &scripted{}, make(chan uint64, 1), make(chan uint64, 1)
	s.stream = func(_ int, stream serverStream) error {
		for {
			m, err := stream.Recv()
			if err != nil {
				return err
			}
			for _, c := range m.GetChecks() {
				arrived <- c.GetId()
			}
			for _, id := range m.GetCancel() {
				cancelled <- id
			}
		}
	}
	c := s.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := c.Check(ctx, client.NewCheck("example", "u", "p"))
		done <- err
	}()
	id := <-arrived
	cancel()
	if err := <-done; status.Code(err) != codes.Canceled {
		t.Errorf("Check = %v, want CANCELED", err)
	}
	if got := <-cancelled; got != id {
		t.Errorf("check %d was cancelled, want %d", got, id)
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	s, arrived := &scripted{}, make(chan struct{}, 1)
	s.stream = func(_ int, stream serverStream) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		arrived <- struct{}{}
		<-stream.Context().Done()
		return nil
	}
	c := s.start(t)
	done := make(chan error, 1)
	go func() {
		_, err := c.Check(t.Context(), client.NewCheck("example", "u", "p"))
		done <- err
	}()
	<-arrived
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; status.Code(err) != codes.Canceled {
		t.Errorf("the call under way: %v, want CANCELED", err)
	}
	if d, err := c.Check(t.Context(), client.NewCheck("example", "u", "p")); status.Code(err) != codes.Canceled || d.Allowed {
		t.Errorf("a closed client: %v, %v", d, err)
	}
}

func TestWhatDoesNotBelongInAStreamGoesByItself(t *testing.T) {
	s := &scripted{}
	c := s.start(t)
	with := metadata.AppendToOutgoingContext(t.Context(), "tenant", "a")
	if _, err := c.Check(with, client.NewCheck("example", "u", "p")); err != nil {
		t.Error(err)
	}
	large := client.NewCheck("example", "u", "p")
	for range 3000 {
		large.DataCategories = append(large.DataCategories, "user.behavior.site_usage")
	}
	if _, err := c.Check(t.Context(), large); err != nil {
		t.Error(err)
	}
	ask(t, s.start(t, client.WithoutCoalescing()), "u")
	if s.unary.Load() != 3 || s.streams.Load() != 0 {
		t.Errorf("%d calls and %d streams, want 3 and 0", s.unary.Load(), s.streams.Load())
	}
	without := metadata.NewOutgoingContext(t.Context(), metadata.MD{})
	if _, err := c.Check(without, client.NewCheck("example", "u", "p")); err != nil || s.unary.Load() != 3 {
		t.Errorf("metadata without any: %v, %d calls, want 3", err, s.unary.Load())
	}
}

func TestHedgingAsksTwice(t *testing.T) {
	s := &scripted{}
	s.stream = func(_ int, stream serverStream) error {
		<-stream.Context().Done()
		return nil
	}
	ask(t, s.start(t, client.WithHedging(time.Millisecond)), "u")
	if s.unary.Load() != 1 {
		t.Errorf("%d calls beside the stream, want 1", s.unary.Load())
	}
	quick := &scripted{}
	ask(t, quick.start(t, client.WithHedging(10*time.Second)), "u")
	if quick.unary.Load() != 0 {
		t.Error("asked twice for nothing")
	}
}

// The request is the caller's again when Check returns, also while the slower of two is still under way: the race
// detector sees to that.
func TestHedgingLeavesTheRequestAlone(t *testing.T) {
	s := &scripted{}
	s.stream = func(_ int, stream serverStream) error { return status.Error(codes.Internal, "asked by a call then") }
	c := s.start(t, client.WithHedging(time.Nanosecond))
	request := client.NewCheck("example", "u", "p")
	for i := range 200 {
		request.SubjectId = fmt.Sprint(i)
		if d, err := c.Check(t.Context(), request); err != nil || d.ID != request.GetSubjectId() {
			t.Fatalf("Check of %s = %v of %s, %v", request.GetSubjectId(), d, d.ID, err)
		}
	}
}
