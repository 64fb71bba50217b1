// Package clienttest is a fake consentd for the tests of programs that use it: a real gRPC server on loopback that
// speaks the whole protocol of checks and answers from rules written in YAML.
//
//	fake := clienttest.Start(t, `
//	rules:
//	  - {subject: user-42, purpose: marketing_email, decision: ALLOW}
//	  - {purpose: marketing_email, decision: DENY, reasons: [CONSENT_WITHDRAWN]}
//	  - {subject: broken, error: UNAVAILABLE}
//	`)
//	mailer := New(fake.Client)
//
// The first rule that matches a check answers it; a check that no rule matches is denied for PURPOSE_NOT_DECLARED.
// Events are kept for the test to look at (Recorded) and change no answer: it is the rules that say what is allowed.
//
// Any language's client may be pointed at Addr.
package clienttest

import (
	"net"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Server is a fake that runs until its test ends.
type Server struct {
	// Addr is where it listens: host:port.
	Addr string
	// Client is connected to it.
	Client *client.Client

	mu sync.Mutex
	// All below is guarded by mu.
	rules    []rule
	checks   []*consentv1.CheckRequest
	recorded []*consentv1.RecordEventsRequest
	revision uint64
}

// Start runs a fake with these rules. A fault in them fails the test, with its line.
func Start(t testing.TB, rules string) *Server {
	t.Helper()
	s := &Server{}
	s.Rules(t, rules)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("clienttest: %v", err)
	}
	s.Addr = listener.Addr().String()
	server := grpc.NewServer()
	consentv1.RegisterDecisionServiceServer(server, &decisions{server: s})
	consentv1.RegisterConsentServiceServer(server, &consents{server: s})
	healthpb.RegisterHealthServer(server, health.NewServer())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if s.Client, err = client.Dial(s.Addr); err != nil {
		t.Fatalf("clienttest: %v", err)
	}
	t.Cleanup(func() {
		_ = s.Client.Close()
		server.Stop()
		if err := <-ended; err != nil {
			t.Errorf("clienttest: %v", err)
		}
	})
	return s
}

// Rules replaces the rules; checks under way may still be answered by those before.
func (s *Server) Rules(t testing.TB, text string) {
	t.Helper()
	rules, err := parse(text)
	if err != nil {
		t.Fatalf("clienttest: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = rules
}

// Checks are the checks that were asked, in the order in which they came. They are not to be changed.
func (s *Server) Checks() []*consentv1.CheckRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.checks)
}

// Recorded are the calls of RecordEvents, in the order in which they came. They are not to be changed.
func (s *Server) Recorded() []*consentv1.RecordEventsRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.recorded)
}
