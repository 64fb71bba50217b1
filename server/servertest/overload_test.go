package servertest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/bench/flood"
	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/limit"
	"github.com/consentd/consentd/server/servertest"
)

// expectRefusal fails unless err says what is used up, and when to try again.
func expectRefusal(t *testing.T, err error, says string) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != codes.ResourceExhausted || !strings.Contains(s.Message(), says) {
		t.Errorf("got %v, want RESOURCE_EXHAUSTED with %q", err, says)
		return
	}
	for _, detail := range s.Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok && retry.GetRetryDelay().AsDuration() > 0 {
			return
		}
	}
	t.Errorf("%v: no RetryInfo", err)
}

func withdrawal(id string) *consentv1.RecordEventsRequest {
	event := given(id)
	event.GetConsent().Status, event.GetConsent().NoticeVersion = consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN, 0
	return batch(event)
}

// hold opens n calls on a connection that never end by themselves, at least until the server has them.
func hold(t *testing.T, s *servertest.Server, method string, n int) *wire {
	t.Helper()
	before := s.Metric(t, "consentd_limits_in_flight", nil)
	w := dialWire(t, s.Addr, false)
	for range n {
		w.begin(method)
	}
	w.flush()
	w.ask()
	within(t, 5*time.Second, "the calls are under way", func() bool {
		return s.Metric(t, "consentd_limits_in_flight", nil) >= before+float64(n)
	})
	return w
}

// holdAll opens as many calls as it may on a connection.
func holdAll(t *testing.T, s *servertest.Server, method string) {
	t.Helper()
	w := dialWire(t, s.Addr, false)
	for range 200 {
		w.begin(method)
	}
	w.flush()
	within(t, 5*time.Second, "what is too much was refused", func() bool {
		return w.count("end of call") > 0 && float64(200-w.count("end of call")) <= s.Metric(t, "consentd_limits_in_flight", nil)
	})
}

// Where all calls that there may be are under way, checks are refused, and withdrawals and health are not.
func TestWithdrawalsHaveAReserve(t *testing.T) {
	// Without a timeout, which frees what is held: on a busy machine that was faster than the test.
	s := servertest.Start(t, servertest.Options{Limits: limit.Config{MaxCalls: 40, Timeout: limit.Off}})
	if _, err := s.Decisions.Check(t.Context(), aCheck); err != nil {
		t.Fatal(err)
	}
	for range 12 { // until the pool is used up, by what each has beside its own
		holdAll(t, s, checkMethod)
	}
	for range 4 { // our own
		stream, err := s.Decisions.CheckStream(t.Context())
		if err == nil {
			err = stream.Send(&consentv1.CheckStreamRequest{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	within(t, 30*time.Second, "our own calls are used up", func() bool {
		_, err := s.Decisions.Check(t.Context(), aCheck)
		if err == nil { // what was held on a busy machine left room
			holdAll(t, s, checkMethod)
		}
		return err != nil
	})
	_, err := s.Decisions.Check(t.Context(), aCheck)
	expectRefusal(t, err, "overloaded")
	_, err = s.Policies.GetPolicy(t.Context(), &consentv1.GetPolicyRequest{})
	expectRefusal(t, err, "overloaded")
	stream, err := s.Decisions.CheckStream(t.Context())
	if err == nil {
		_, err = stream.Recv()
	}
	expectRefusal(t, err, "overloaded")
	for i := range 20 {
		if _, err := s.Consents.RecordEvents(t.Context(), withdrawal(fmt.Sprint(i))); err != nil {
			t.Errorf("a withdrawal: %v", err)
		}
	}
	if _, err := healthpb.NewHealthClient(s.Conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
	if got := s.Metric(t, "consentd_limits_shed_total", map[string]string{"why": "calls", "class": "protected"}); got != 0 {
		t.Errorf("%v withdrawals are counted as shed", got)
	}
}

// A unary call without a deadline gets one, from its headers on: one that never says what it asks ends.
func TestDefaultDeadline(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Limits: limit.Config{Timeout: 300 * time.Millisecond}})
	w := hold(t, s, checkMethod, 5)
	hold(t, s, healthpb.Health_Check_FullMethodName, 5)
	within(t, 5*time.Second, "no call is under way", func() bool { return s.Metric(t, "consentd_limits_in_flight", nil) == 0 })
	w.ask()
	if got := w.count("end of call"); got != 5 {
		t.Errorf("%d of 5 calls were ended: %s", got, joined(w.kinds()))
	}
}

// One caller's rate: calls, batches by their checks, and streams, which wait instead.
func TestACallersRate(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Limits: limit.Config{Each: limit.CallerLimit{Rate: 100, Concurrency: 10}}})
	r := &consentv1.BatchCheckRequest{}
	for range 100 {
		r.Requests = append(r.Requests, aCheck)
	}
	if _, err := s.Decisions.BatchCheck(t.Context(), r); err != nil {
		t.Fatalf("a batch within the rate: %v", err)
	}
	_, err := s.Decisions.BatchCheck(t.Context(), r)
	expectRefusal(t, err, "more often than it may")
	if _, err := s.Consents.RecordEvents(t.Context(), withdrawal("w")); err != nil {
		t.Errorf("a withdrawal by a caller whose rate is used up: %v", err)
	}
	if _, err := healthpb.NewHealthClient(s.Conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
	hold(t, s, checkMethod, 0)
	expectPaced(t, s)
}

// expectPaced fails unless a stream's checks, 50 more than there is at 100 per second, wait, and are all answered.
func expectPaced(t *testing.T, s *servertest.Server) {
	t.Helper()
	var stream consentv1.DecisionService_CheckStreamClient
	deadline := time.Now().Add(10 * time.Second)
	for { // the stream counts as a call
		var err error
		if stream, err = s.Decisions.CheckStream(t.Context()); err != nil {
			t.Fatal(err)
		}
		m := &consentv1.CheckStreamRequest{}
		for i := range uint64(50) {
			m.Checks = append(m.Checks, &consentv1.StreamedCheck{Id: i + 1, Check: aCheck})
		}
		send(t, stream, m)
		began := time.Now()
		answered, err := 0, error(nil)
		for answered < 50 && err == nil {
			var in *consentv1.CheckStreamResponse
			if in, err = stream.Recv(); err == nil {
				answered += len(in.GetResults())
			}
		}
		if status.Code(err) == codes.ResourceExhausted && time.Now().Before(deadline) {
			<-time.After(10 * time.Millisecond) // until the batch of before is paid for
			continue
		}
		if took := time.Since(began); answered != 50 || took < 300*time.Millisecond {
			t.Errorf("%d of 50 checks were answered in %v (%v), want all, in half a second", answered, took, err)
		}
		return
	}
}

func TestACallersConcurrency(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Limits: limit.Config{Each: limit.CallerLimit{Concurrency: 5}}})
	w := hold(t, s, checkMethod, 5)
	_, err := s.Decisions.Check(t.Context(), aCheck)
	expectRefusal(t, err, "as many calls under way as it may have")
	if _, err := s.Consents.RecordEvents(t.Context(), withdrawal("w")); err != nil {
		t.Errorf("a withdrawal by a caller with as many checks as it may have: %v", err)
	}
	_ = w.Close()
	deadline := time.Now().Add(5 * time.Second)
	for err != nil && time.Now().Before(deadline) {
		_, err = s.Decisions.Check(t.Context(), aCheck)
	}
	if err != nil {
		t.Errorf("after the calls of before ended: %v", err)
	}
}

// dialMany connects n times, and returns how many connections stay open.
func dialMany(t *testing.T, addr string, n int) (open int) {
	t.Helper()
	var conns []net.Conn
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		conns = append(conns, c)
	}
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil { // the server's first frame
			open++
		}
	}
	return open
}

// A flood of connections is closed but for those that there may be; who is connected goes on, and others come in once
// there is room.
func TestConnectionFlood(t *testing.T) {
	log := &logged{}
	s := servertest.Start(t, servertest.Options{
		Limits: limit.Config{MaxConnections: 20, MaxConnectionsPerAddress: 15},
		Logger: slog.New(slog.NewJSONHandler(log, nil)),
	})
	if _, err := s.Decisions.Check(t.Context(), aCheck); err != nil {
		t.Fatal(err)
	}
	stop := neighbour(t, s)
	open := 0
	size := grown(func() { open = dialMany(t, s.Addr, 500) })
	checks, _ := stop()
	if open != 14 || checks == 0 {
		t.Errorf("%d of 500 connections stay open, %d checks were answered; want 14 beside one", open, checks)
	}
	if size > 16<<20 {
		t.Errorf("the server grew by %d MiB", size>>20)
	}
	if got := s.Metric(t, "consentd_connections_refused_total", map[string]string{"listener": "grpc"}); got != 486 {
		t.Errorf("%v connections are counted as refused, want 486", got)
	}
	if got := s.Metric(t, "consentd_connections", map[string]string{"listener": "grpc"}); got != 15 {
		t.Errorf("%v connections are counted as open, want 15", got)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if got := strings.Count(log.lines.String(), "a connection is refused"); got != 1 {
		t.Errorf("%d lines tell of it, want one", got)
	}
}

// Clients that are slow to say anything are let go, on both ports.
func TestSlowloris(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Limits: limit.Config{HandshakeTimeout: 300 * time.Millisecond}})
	var slow sync.WaitGroup
	for _, c := range []struct {
		name, addr, says string
		drip             bool
		within           time.Duration
	}{
		{"nothing", s.Addr, "", false, 5 * time.Second},
		{"half a preface", s.Addr, http2.ClientPreface[:9], false, 5 * time.Second},
		{"a preface and no frame", s.Addr, http2.ClientPreface, false, 5 * time.Second},
		{"a preface, byte by byte", s.Addr, http2.ClientPreface, true, 5 * time.Second},
		{"TLS where there is none", s.Addr, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", false, 5 * time.Second},
		{"HTTP/1 on gRPC's port", s.Addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, 5 * time.Second},
		{"HTTP headers without an end", s.HTTPAddr, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-A: ", true, 9 * time.Second},
		{"HTTP, nothing", s.HTTPAddr, "", false, 15 * time.Second},
		{"an HTTP body that does not come", s.HTTPAddr, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", false,
			15 * time.Second},
	} {
		slow.Go(func() {
			conn, err := net.Dial("tcp", c.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			ended := make(chan string, 1)
			go func() { ended <- drain(conn, c.within) }()
			if !c.drip {
				_, _ = io.WriteString(conn, c.says)
			}
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case how := <-ended:
					if how != "closed" {
						t.Errorf("%s: the connection %s for %v", c.name, how, c.within)
					}
					return
				case <-tick.C:
					if c.drip {
						_, _ = io.WriteString(conn, string((c.says + strings.Repeat("x", 1000))[i]))
					}
				}
			}
		})
	}
	stop := neighbour(t, s)
	slow.Wait()
	if checks, _ := stop(); checks == 0 {
		t.Error("no check was answered meanwhile")
	}
}

// 100,000 streams that are opened and say nothing: there are as many as there may be, and other clients have their
// share.
func TestAHundredThousandStreams(t *testing.T) {
	const most = 2000
	s := servertest.Start(t, servertest.Options{Limits: limit.Config{MaxCalls: most}})
	if _, err := s.Decisions.Check(t.Context(), aCheck); err != nil {
		t.Fatal(err)
	}
	stop := neighbour(t, s)
	size := grown(func() {
		for range 100 {
			w := dialWire(t, s.Addr, false)
			for range 10 {
				for range 100 {
					w.begin(streamMethod)
				}
				w.flush()
			}
			w.ask()
		}
	})
	checks, slowest := stop()
	held := s.Metric(t, "consentd_limits_in_flight", nil)
	t.Logf("%v streams under way, +%d MiB, %d checks beside them, slowest %v", held, size>>20, checks, slowest)
	if atMost := float64(most + 4*101); held > atMost || held < most/2 {
		t.Errorf("%v streams are under way, want at most %v", held, atMost)
	}
	if size > 192<<20 { // of which the clients' part is most
		t.Errorf("the server grew by %d MiB", size>>20)
	}
	if got := s.Metric(t, "consentd_limits_shed_total", map[string]string{"why": "calls"}); got < 50_000 {
		t.Errorf("%v streams were refused, want most of 100,000", got)
	}
}

// A load of several times what the server can do, of clients that keep to what they are told: the excess stays with
// them, withdrawals are recorded in time, and it is over when the load is.
func TestOverload(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Limits: limit.Config{QueueTarget: limit.DefaultQueueTarget}})
	if _, err := s.Decisions.Check(t.Context(), aCheck); err != nil {
		t.Fatal(err)
	}
	data, err := proto.Marshal(aCheck)
	if err != nil {
		t.Fatal(err)
	}
	f, err := flood.Open(flood.Config{
		Addr: s.Addr, Connections: 8, Method: checkMethod, Messages: [][]byte{data},
		Timeout: 20 * time.Second, Patience: 10 * time.Millisecond, // on a machine that may have no processor for it
	})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	own, err := grpc.NewClient(s.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	var withdrawn atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var recording sync.WaitGroup
	recording.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			bounded, done := context.WithTimeout(t.Context(), 20*time.Second)
			if _, err := consentv1.NewConsentServiceClient(own).RecordEvents(bounded, withdrawal(fmt.Sprint("w", n))); err != nil {
				t.Errorf("a withdrawal under load: %v", err)
			}
			withdrawn.Add(1)
			done()
		}
	})
	var result *flood.Result
	size := grown(func() { result = f.Run(t.Context(), flood.Phase{Rate: 100_000, Duration: time.Second}) })
	cancel()
	recording.Wait()
	t.Logf("%+v; +%d MiB; %d withdrawals", result.Bin, size>>20, withdrawn.Load())
	if n, err := f.Broken(); n > 0 {
		t.Errorf("%d connections broke: %v", n, err)
	}
	if result.OK == 0 || result.HeldBack == 0 || result.HeldBack < 10*result.Refused {
		t.Errorf("%+v: want answers, and that clients are told to hold back most of the excess", result.Bin)
	}
	if withdrawn.Load() == 0 || size > 128<<20 {
		t.Errorf("%d withdrawals, the server grew by %d MiB", withdrawn.Load(), size>>20)
	}
	within(t, 20*time.Second, "there is room again", func() bool {
		_, err := s.Decisions.Check(t.Context(), aCheck)
		return err == nil && s.Metric(t, "consentd_limits_room", nil) >= 4000
	})
}

func within(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
		<-time.After(time.Millisecond)
	}
}

// Connections are made anew all the time, and the Go client's calls, streams and near cache go on.
func TestTheClientSurvivesConnectionAge(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Limits: limit.Config{ConnectionAge: time.Second}})
	if _, err := s.Consents.RecordEvents(t.Context(), batch(given("g"))); err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string][]client.Option{
		"streams": nil, "near cache": {client.WithNearCache(client.NearCacheConfig{})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := client.Dial(s.Addr, options...)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			n := 0
			for began := time.Now(); time.Since(began) < 4*time.Second; n++ {
				<-tick.C
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // where there is no processor for it
				_, err := c.Check(ctx, client.NewCheck("example", "s", "ai_training"))
				cancel()
				if err != nil {
					t.Fatalf("check %d after %v: %v", n, time.Since(began), err)
				}
			}
			if n < 100 {
				t.Errorf("only %d checks", n)
			}
		})
	}
}
