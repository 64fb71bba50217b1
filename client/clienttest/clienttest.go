// Package clienttest runs a fake consentd for the tests of programs that use it: the real server on loopback, but that
// rules written in YAML decide in place of policies (package client/fake says what that is, and its RULES.md how rules
// are written).
//
//	fake := clienttest.Start(t, `
//	rules:
//	  - {subject: user-42, purpose: marketing_email, decision: ALLOW}
//	  - {purpose: marketing_email, decision: DENY, reasons: [CONSENT_WITHDRAWN]}
//	  - {subject: broken, error: UNAVAILABLE}
//	`)
//	mailer := New(fake.Client)
//
// The first rule that matches a check answers it; a check that no rule matches is denied. Requests are checked as the
// server checks them. Events are kept (Recorded); they change no answer, but of rules whose decision is RECORDED.
//
// Any language's client may be pointed at Addr; `consentctl fake` is the same fake as a program.
package clienttest

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/fake"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Server is a fake that runs until its test ends. Its methods may be called concurrently.
type Server struct {
	// Addr is where it listens: host:port.
	Addr string
	// Client is connected to it.
	Client *client.Client

	fake *fake.Server
}

// Start runs a fake with these rules. A fault in them fails the test, with its line.
func Start(t testing.TB, rules string) *Server {
	t.Helper()
	f, err := fake.Start(fake.Config{Rules: rules})
	if err != nil {
		t.Fatalf("clienttest: %v", err)
	}
	s := &Server{Addr: f.Addr(), fake: f}
	if s.Client, err = client.Dial(s.Addr); err != nil {
		t.Fatalf("clienttest: %v", err)
	}
	t.Cleanup(func() {
		_ = s.Client.Close()
		if err := f.Close(); err != nil {
			t.Errorf("clienttest: %v", err)
		}
	})
	return s
}

// rulesTimeout is more than the leases of near caches that do not answer.
const rulesTimeout = 10 * time.Second

// Rules replaces the rules. No check that starts after it is answered by those before, by a near cache neither.
func (s *Server) Rules(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), rulesTimeout) // a Cleanup's has ended
	defer cancel()
	if err := s.fake.SetRules(ctx, text); err != nil {
		t.Fatalf("clienttest: %v", err)
	}
}

// Calls are the calls that were made, in their order. A check is a CheckRequest, whether it came alone, in a batch or
// on a stream; one that was refused as invalid is not there. All else is the request of a call that succeeded. They
// are not to be changed.
func (s *Server) Calls() []proto.Message { return s.fake.Calls(0) }

// Checks are the checks among Calls.
func (s *Server) Checks() []*consentv1.CheckRequest { return of[*consentv1.CheckRequest](s) }

// Recorded are the calls of RecordEvents among Calls.
func (s *Server) Recorded() []*consentv1.RecordEventsRequest {
	return of[*consentv1.RecordEventsRequest](s)
}

func of[M proto.Message](s *Server) (found []M) {
	for _, call := range s.Calls() {
		if m, ok := call.(M); ok {
			found = append(found, m)
		}
	}
	return found
}
