package client_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// node is one of several servers over one store: it applies writes late, or knows another store's tokens only.
type node struct {
	consentv1.UnimplementedDecisionServiceServer
	consentv1.UnimplementedConsentServiceServer
	health *health.Server
	server *grpc.Server
	addr   string
	// revision is what a write gets.
	revision *atomic.Uint64
	// foreign refuses all tokens.
	foreign atomic.Bool
	checks  atomic.Int64

	mu sync.Mutex
	// seen are the demands of the checks that came; guarded by mu.
	seen []string
}

const serviceName = "consent.v1.DecisionService"

func startNode(t *testing.T, revision *atomic.Uint64) *node {
	t.Helper()
	n := &node{health: health.NewServer(), server: grpc.NewServer(), revision: revision}
	listener := listen(t, "tcp", "127.0.0.1:0")
	n.addr = listener.Addr().String()
	consentv1.RegisterDecisionServiceServer(n.server, n)
	consentv1.RegisterConsentServiceServer(n.server, n)
	healthpb.RegisterHealthServer(n.server, n.health)
	n.health.SetServingStatus(serviceName, healthpb.HealthCheckResponse_SERVING)
	done := make(chan error, 1)
	go func() { done <- n.server.Serve(listener) }()
	t.Cleanup(func() {
		n.server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *node) RecordEvents(context.Context, *consentv1.RecordEventsRequest) (*consentv1.RecordEventsResponse, error) {
	revision := n.revision.Add(1)
	return &consentv1.RecordEventsResponse{ConsistencyToken: token(revision), Revision: revision}, nil
}

func token(revision uint64) string { return "t" + strings.Repeat("I", int(revision)) }

func (n *node) decide(r *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	n.checks.Add(1)
	n.mu.Lock()
	defer n.mu.Unlock()
	demand := r.GetConsistency().GetAtLeastAsFresh()
	if r.GetConsistency().GetFullyConsistent() {
		demand = "fully"
	}
	n.seen = append(n.seen, demand)
	if n.foreign.Load() && strings.HasPrefix(demand, "t") {
		s, err := status.New(codes.InvalidArgument, "no token of this store").WithDetails(&errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "consistency.at_least_as_fresh"}},
		})
		if err != nil {
			return nil, err
		}
		return nil, s.Err()
	}
	return allow(), nil
}

func (n *node) Check(_ context.Context, r *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	return n.decide(r)
}

func (n *node) CheckStream(stream serverStream) error {
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		out := &consentv1.CheckStreamResponse{}
		for _, c := range m.GetChecks() {
			result := &consentv1.StreamedResult{Id: c.GetId()}
			if response, err := n.decide(c.GetCheck()); err == nil {
				result.Outcome = &consentv1.StreamedResult_Response{Response: response}
			} else {
				result.Outcome = &consentv1.StreamedResult_Error{Error: &consentv1.CheckError{
					Code: 3, FieldViolations: []*consentv1.FieldViolation{{Field: "consistency.at_least_as_fresh"}},
				}}
			}
			out.Results = append(out.Results, result)
		}
		if err := stream.Send(out); err != nil {
			return err
		}
	}
}

func (n *node) last() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.seen) == 0 {
		return ""
	}
	return n.seen[len(n.seen)-1]
}

// forget forgets what demands came.
func (n *node) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen = nil
}

// nodes are two servers over one store, and a client of both.
func nodes(t *testing.T, opts ...client.Option) (a, b *node, c *client.Client) {
	t.Helper()
	var revision atomic.Uint64
	a, b = startNode(t, &revision), startNode(t, &revision)
	c, err := client.Dial(a.addr+","+b.addr, append([]client.Option{client.WithTimeout(20 * time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return a, b, c
}

// until checks until a condition holds.
func until(t *testing.T, c *client.Client, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("not after 20 s: " + what)
		}
		if _, err := c.Check(t.Context(), client.NewCheck("example", "u", "p")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSeveralAddressesShareTheChecks(t *testing.T) {
	for name, opts := range map[string][]client.Option{"streams": nil, "calls": {client.WithoutCoalescing()}} {
		t.Run(name, func(t *testing.T) {
			a, b, c := nodes(t, opts...)
			if name == "streams" {
				// Both streams may be opened while one server is connected; they are where they are for a minute.
				until(t, c, "checks are answered", func() bool { return a.checks.Load()+b.checks.Load() > 10 })
				return
			}
			until(t, c, "both servers are asked", func() bool { return a.checks.Load() > 10 && b.checks.Load() > 10 })
		})
	}
}

// A server that goes, or says that it does not serve, is an error to nobody.
func TestAServerOfSeveralMayGo(t *testing.T) {
	a, b, c := nodes(t)
	until(t, c, "checks are answered", func() bool { return a.checks.Load()+b.checks.Load() > 0 })
	a.server.Stop()
	before := b.checks.Load()
	until(t, c, "the other server is asked", func() bool { return b.checks.Load() > before+10 })
}

func TestAServerThatDoesNotServeIsNotAsked(t *testing.T) {
	a, b, c := nodes(t, client.WithoutCoalescing())
	a.health.SetServingStatus(serviceName, healthpb.HealthCheckResponse_NOT_SERVING)
	until(t, c, "checks are answered", func() bool { return b.checks.Load() > 10 })
	before := a.checks.Load()
	for range 50 {
		if _, err := c.Check(t.Context(), client.NewCheck("example", "u", "p")); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.checks.Load(); got != before {
		t.Errorf("a server that does not serve was asked %d times", got-before)
	}
}

// With several servers the client reads its own writes: each check demands the newest of them.
func TestSeveralAddressesAreOneSession(t *testing.T) {
	a, b, c := nodes(t)
	demanded := func() string { return a.last() + b.last() }
	check := func(change func(*consentv1.CheckRequest)) {
		t.Helper()
		a.forget()
		b.forget()
		request := client.NewCheck("example", "u", "p")
		change(request)
		before := request.GetConsistency()
		if _, err := c.Check(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		if request.GetConsistency() != before {
			t.Error("the caller's request was changed")
		}
	}
	plain := func(*consentv1.CheckRequest) {}
	check(plain)
	if got := demanded(); got != "" {
		t.Errorf("before any write %q was demanded", got)
	}
	for range 2 {
		if _, err := c.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	check(plain)
	if got := demanded(); got != token(2) {
		t.Errorf("after two writes %q was demanded, want %q", got, token(2))
	}
	check(func(r *consentv1.CheckRequest) { r.Consistency = client.AtLeastAsFresh("mine") })
	if got := demanded(); got != "mine" {
		t.Errorf("%q was demanded, want the caller's choice", got)
	}
	a.foreign.Store(true)
	b.foreign.Store(true)
	for range 2 { // a token that was refused is demanded again
		a.forget()
		b.forget()
		d, err := c.Check(t.Context(), client.NewCheck("example", "u", "p"))
		if !errors.Is(err, client.ErrStoreMismatch) || d.Allowed {
			t.Errorf("after the store was replaced: %v, %v; want a store mismatch", d, err)
		}
		if got := demanded(); got != token(2) {
			t.Errorf("after the store was replaced %q was demanded, want %q", got, token(2))
		}
	}
}

// Of writes made at once the newest counts, in whatever order their answers come.
func TestASessionDemandsItsNewestWrite(t *testing.T) {
	a, b, c := nodes(t)
	s := c.Session()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := s.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if s.ConsistencyToken() != token(20) {
		t.Errorf("the session's token is %q, want %q", s.ConsistencyToken(), token(20))
	}
	ask := client.NewCheck("example", "u", "p")
	if !s.Allowed(t.Context(), ask) || a.last()+b.last() != token(20) {
		t.Errorf("demanded %q, want %q", a.last()+b.last(), token(20))
	}
	if got := c.Session().ConsistencyToken(); got != "" {
		t.Errorf("a new session has the token %q", got)
	}
	// A write beside the session is the client's all the same.
	if _, err := c.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{}); err != nil {
		t.Fatal(err)
	}
	for what, session := range map[string]*client.Session{"the session": s, "a new one": c.Session()} {
		a.forget()
		b.forget()
		if !session.Allowed(t.Context(), ask) || a.last()+b.last() != token(21) {
			t.Errorf("%s demanded %q, want the client's newest write, %q", what, a.last()+b.last(), token(21))
		}
	}
}

func TestGuardRunsOnlyWhatIsAllowed(t *testing.T) {
	obligation := &consentv1.Obligation{Code: consentv1.ObligationCode_OBLIGATION_CODE_AGGREGATE_ONLY}
	allowed := allow()
	allowed.Obligations = []*consentv1.Obligation{obligation}
	for name, test := range map[string]struct {
		c    *client.Client
		ran  bool
		code codes.Code
	}{
		"allowed": {always(allowed, nil), true, codes.OK},
		"denied": {always(&consentv1.CheckResponse{Decision: consentv1.Decision_DECISION_DENY}, nil), false,
			codes.PermissionDenied},
		"nothing":          {always(nil, nil), false, codes.PermissionDenied},
		"error":            {always(nil, status.Error(codes.Internal, "no")), false, codes.Internal},
		"allow with error": {always(allowed, status.Error(codes.Internal, "no")), false, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			ran := false
			run := func(_ context.Context, o []*consentv1.Obligation) error {
				ran = len(o) == 1 && o[0].GetCode() == obligation.GetCode()
				return nil
			}
			err := test.c.Guard(t.Context(), client.NewCheck("example", "u", "p"), run)
			if ran != test.ran || status.Code(err) != test.code {
				t.Errorf("ran %v, %v; want %v, %v", ran, err, test.ran, test.code)
			}
			if got := test.c.Allowed(t.Context(), client.NewCheck("example", "u", "p")); got != test.ran {
				t.Errorf("Allowed = %v", got)
			}
			if err := test.c.Session().Guard(t.Context(), client.NewCheck("example", "u", "p"), run); status.Code(err) != test.code {
				t.Errorf("a session's Guard: %v", err)
			}
		})
	}
	fails := status.Error(codes.Aborted, "of the function")
	run := func(context.Context, []*consentv1.Obligation) error { return fails }
	if err := always(allowed, nil).Guard(t.Context(), nil, run); err != fails {
		t.Errorf("Guard = %v, want the function's error", err)
	}
}

func TestHooksAreToldOfEveryCheck(t *testing.T) {
	var log []string
	hook := func(name string) client.Hook {
		return func(ctx context.Context, r *consentv1.CheckRequest) (context.Context, func(client.Decision, error)) {
			log = append(log, name+" begins "+r.GetPurpose())
			return ctx, func(d client.Decision, err error) { log = append(log, name+" ends "+status.Code(err).String()) }
		}
	}
	a, b, c := nodes(t, client.WithHook(hook("1")), client.WithHook(hook("2")))
	_, _ = a, b
	if _, err := c.Check(t.Context(), client.NewCheck("example", "u", "p")); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(log, ", "), "1 begins p, 2 begins p, 2 ends OK, 1 ends OK"; got != want {
		t.Errorf("hooks: %s; want %s", got, want)
	}
}
