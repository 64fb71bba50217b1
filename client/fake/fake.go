// Package fake is a consentd that decides by rules written in YAML, for the tests of programs that use it: in Go by
// package client/clienttest, in other languages by `consentctl fake` and the fixtures of their clients.
//
// It is the real server but for its policies: the same services check requests, refuse them with the same errors, keep
// what is recorded (in memory) and hold near caches to the truth. So a program that works with the fake is not refused
// by the server for what it asks. What needs policies is UNIMPLEMENTED, and says so by its name: ActivatePolicy,
// CheckPolicy, DiffPolicy, Backup, GetUsage, ListNodes.
//
// The first rule that matches a check answers it. What no rule matches is denied: for CONSENT_MISSING where a rule
// names the purpose for this controller, else for PURPOSE_NOT_DECLARED. Events change no answer, but of rules whose
// decision is RECORDED. The reference of rules is the file RULES.md beside this one.
package fake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/watch"
)

// Config configures a Server. Its zero value denies everything, on a free port.
type Config struct {
	// Addr is where it listens, host:port; empty: a free port of 127.0.0.1.
	Addr string
	// Rules are its rules; Name is the name of their file, which faults and decisions have; empty: there is none.
	Rules, Name string
}

// Server is a fake that runs until Close. All methods may be called concurrently.
type Server struct {
	addr  string
	name  string
	grpc  *grpc.Server
	store *pebble.Store
	marks store.Marks
	hub   *watch.Hub
	calls calls
	// ended is closed when serving has ended; failed, read after that, says why.
	ended  chan struct{}
	failed error
	close  sync.Once
	closed error

	mu sync.RWMutex
	// history are the rules that were in force and that are, the newest last. Guarded by mu.
	history []*ruleset
	// status tells how the last rules were taken. Guarded by mu.
	status consent.PolicyStatus
}

// Start runs a fake. The error has all faults of the rules, a line each, or says why it cannot listen.
func Start(c Config) (*Server, error) {
	rules, err := parse(c.Name, c.Rules)
	if err != nil {
		return nil, err
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	s := &Server{name: c.Name, ended: make(chan struct{})}
	s.enforce(rules)
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening: %w", err), s.release())
	}
	s.addr = listener.Addr().String()
	go func() {
		defer close(s.ended)
		if err := s.grpc.Serve(listener); !errors.Is(err, grpc.ErrServerStopped) { // by a Close that was quicker
			s.failed = err
		}
	}()
	return s, nil
}

// Addr is where it listens: host:port.
func (s *Server) Addr() string { return s.addr }

// Close ends it; calls under way fail. A second call returns what the first did.
func (s *Server) Close() error {
	s.close.Do(func() {
		s.grpc.Stop()
		<-s.ended
		s.closed = errors.Join(s.failed, s.release())
	})
	return s.closed
}

// release lets go of what is open.
func (s *Server) release() (err error) {
	if s.hub != nil {
		s.hub.Close()
	}
	if s.store != nil {
		err = s.store.Close()
	}
	return err
}

// SetRules replaces the rules, and begins to count anew how often each answered. When it returns nil no check that
// starts later is answered by the rules before, by near caches neither; for those that do not answer it waits until
// their leases have run out, some seconds at most. The error has all faults of the rules, and those before stay in
// force; or the context ended while near caches were waited for.
func (s *Server) SetRules(ctx context.Context, text string) error {
	rules, err := parse(s.name, text)
	if err != nil {
		s.refused(err)
		return err
	}
	s.enforce(rules)
	s.hub.PolicyChanged()
	return s.hub.Fence(ctx, 0)
}

// Calls are the calls that were made, in their order, from the one at position first on. A check is a CheckRequest,
// whether it came alone, in a batch or on a stream, as it reached the rules: one that is refused as invalid is not
// there, one that a rule answers by an error is. All else is the request of a call that succeeded. They are not to be
// changed.
func (s *Server) Calls(first int) []proto.Message { return s.calls.from(first) }

// open makes all but the listener.
func (s *Server) open() (err error) {
	ahead := &announcer{}
	s.store, err = pebble.Open("fake", pebble.Options{
		FS: pebble.Memory(), CacheSize: cacheSize, Observers: store.Observers{Ahead: ahead}, Marks: &s.marks,
	})
	if err != nil {
		return err
	}
	s.hub, err = watch.New(watch.Config{
		StoreID: s.store.ID(), Revision: s.store.Applied(), Policy: func() string { return s.current().revision }, First: true,
	})
	if err != nil {
		return err
	}
	ahead.Hub = s.hub
	api, err := s.api()
	if err != nil {
		return err
	}
	s.grpc = grpc.NewServer(append(api.ServerOptions(),
		// What the server permits: clients keep connections alive.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true))...)
	api.Register(&registrar{ServiceRegistrar: s.grpc, calls: &s.calls})
	api.RegisterHealth(s.grpc, serving())
	reflection.Register(s.grpc)
	s.grpc.RegisterService(&controlService, s)
	return nil
}

// cacheSize is the store's, which is in memory already.
const cacheSize = 1 << 20

// announcer tells near caches of changes. The hub needs the opened store, and is set before the first change.
type announcer struct{ *watch.Hub }

// api is the services over the rules and the store.
func (s *Server) api() (*grpcapi.API, error) {
	config := authz.Config{
		States: states{s.store}, Policies: func() authz.Policies { return s.current() }, StoreID: s.store.ID(), Marks: &s.marks,
	}
	looking, err := authz.New(config)
	if err != nil {
		return nil, err
	}
	config.Recorder = recorder{}
	deciding, err := authz.New(config)
	if err != nil {
		return nil, err
	}
	ledgers, err := explain.New(explain.Config{Authorizer: looking, Ledger: s.store, Active: noSet, History: noHistory{}})
	if err != nil {
		return nil, err
	}
	return grpcapi.New(grpcapi.Config{
		Access: everybody{}, Authorizer: &authorizer{deciding, s.current, &s.calls}, Ledger: ledger{s.store, s}, Watchers: s.hub,
		Explainer: &explainer{Explainer: ledgers, server: s, authorizer: looking},
		Policy:    func() consent.Policy { return s.current().describe() }, History: s.spans,
		Differ: absent{}, Activator: absent{s}, Prover: absent{},
	})
}

// noSet and noHistory are of policies, which a fake has none of: explain reads ledgers alone for it.
func noSet() *policy.Set { return nil }

type noHistory struct{}

// At implements explain.History.
func (noHistory) At(_ context.Context, at consent.Instant) (consent.PolicySpan, error) {
	return consent.PolicySpan{}, &consent.PolicyNotKeptError{At: at, Why: "a fake has none"}
}

// Set implements explain.History.
func (noHistory) Set(_ context.Context, revision string) (*policy.Set, error) {
	return nil, &consent.PolicyNotKeptError{Revision: revision, Why: "a fake has none"}
}

// everybody may do everything.
type everybody struct{}

// Permit implements grpcapi.Access.
func (everybody) Permit(context.Context, *caller.Caller, caller.Act) error { return nil }

// serving is the health of a server that serves.
func serving() healthpb.HealthServer {
	h := health.NewServer()
	for _, name := range append(grpcapi.ServiceNames(), "") {
		h.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	return h
}

// states are those of the store, without a cache.
type states struct{ *pebble.Store }

// Snapshot implements authz.States.
func (s states) Snapshot(ctx context.Context, subject consent.Subject, _ consent.Freshness) (consent.Snapshot, error) {
	return s.Read(ctx, subject)
}
