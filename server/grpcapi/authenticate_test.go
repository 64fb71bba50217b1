package grpcapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/grpcapi"
)

// doorkeeper knows one caller, or nobody.
type doorkeeper struct {
	caller *caller.Caller
	err    error
	// holds is how many messages of a stream find the credential holding; what comes after finds it expired.
	holds atomic.Int64
}

func (d *doorkeeper) Authenticate(context.Context) (*caller.Caller, error) { return d.caller, d.err }

func (d *doorkeeper) Begin(context.Context) (*caller.Caller, func() error, error) {
	return d.caller, func() error {
		if d.holds.Add(-1) < 0 {
			return fmt.Errorf("%w: %w", consent.ErrCredentialExpired, consent.ErrUnauthenticated)
		}
		return nil
	}, d.err
}

// serveCallers serves f, and reflection, behind a doorkeeper.
func serveCallers(t *testing.T, f *fake, d *doorkeeper) (*served, *grpc.Server) {
	t.Helper()
	s := &served{metrics: prometheus.NewRegistry()}
	var err error
	s.api, err = grpcapi.New(grpcapi.Config{
		Access: f, Authorizer: f, Ledger: f, Watchers: f, Explainer: f, Differ: f, Policy: examplePolicy, History: history,
		Activator: f, Prover: f, Authenticator: d, Metrics: s.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	server, listener := grpc.NewServer(s.api.ServerOptions()...), bufconn.Listen(1<<20)
	s.api.Register(server)
	reflection.Register(server)
	go func() { _ = server.Serve(listener) }()
	s.conn, err = grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.conn.Close()
		server.Stop()
	})
	return s, server
}

// TestNobodyIsServedUnasked: every method of every service refuses who is not known, whatever the request has: it is
// not decoded. Only health is open, which app registers.
func TestNobodyIsServedUnasked(t *testing.T) {
	for _, refusal := range []struct {
		err  error
		code codes.Code
		says string
	}{
		{fmt.Errorf("%w: secret reason", consent.ErrUnauthenticated), codes.Unauthenticated, "no credential that holds"},
		{fmt.Errorf("%w: %w: secret reason", consent.ErrCredentialExpired, consent.ErrUnauthenticated), codes.Unauthenticated,
			"the credential has expired"},
		{consent.ErrIssuerUnavailable, codes.Unavailable, "cannot be fetched"},
	} {
		s, server := serveCallers(t, &fake{}, &doorkeeper{err: refusal.err})
		methods := 0
		for service, info := range server.GetServiceInfo() {
			for _, m := range info.Methods {
				methods++
				err := garbage(t, s, "/"+service+"/"+m.Name, m.IsClientStream || m.IsServerStream)
				if got := status.Convert(err); got.Code() != refusal.code || !strings.Contains(got.Message(), refusal.says) ||
					strings.Contains(got.Message(), "secret") {
					t.Errorf("%s/%s: %v, want %v, %q", service, m.Name, err, refusal.code, refusal.says)
				}
			}
		}
		if methods < 20 {
			t.Errorf("only %d methods", methods)
		}
		counted := metric(t, s, "grpc_server_handled_total",
			map[string]string{"grpc_method": "Check", "grpc_code": refusal.code.String(), "grpc_service": "consent.v1.DecisionService"})
		if counted != 1 {
			t.Errorf("%v refused calls of Check are counted", counted)
		}
	}
}

// garbage calls a method with a request that cannot be decoded.
func garbage(t *testing.T, s *served, method string, stream bool) error {
	t.Helper()
	raw := grpc.ForceCodecV2(rawCodec{encoding.GetCodecV2("proto")})
	if !stream {
		return s.conn.Invoke(t.Context(), method, []byte("\xff\xff"), &consentv1.CheckResponse{}, raw)
	}
	opened, err := s.conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method, raw)
	if err != nil {
		return err
	}
	if err := opened.SendMsg([]byte("\xff\xff")); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return opened.RecvMsg(&consentv1.CheckResponse{})
}

// metric returns the value of a counter with these labels.
func metric(t *testing.T, s *served, name string, labels map[string]string) (sum float64) {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			matched := 0
			for _, l := range m.GetLabel() {
				if labels[l.GetName()] == l.GetValue() {
					matched++
				}
			}
			if family.GetName() == name && matched == len(labels) {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// TestCallersReachTheServices: the caller is in the context of what decides, by a call and by a stream.
func TestCallersReachTheServices(t *testing.T) {
	mailer := &caller.Caller{Kind: caller.KindKey, ID: "mailer"}
	for _, want := range []*caller.Caller{mailer, caller.Anonymous} {
		var seen atomic.Pointer[caller.Caller]
		f := &fake{check: func(ctx context.Context, _ *consent.Request, _ authz.Consistency) (consent.Decision, error) {
			seen.Store(caller.From(ctx))
			inner, cancel := context.WithCancel(ctx)
			defer cancel()
			if got := caller.From(inner); got != want {
				t.Errorf("below the call's context: %v, want %v", got, want)
			}
			return consent.Decision{}, nil
		}}
		d := &doorkeeper{caller: want}
		d.holds.Store(100)
		s, _ := serveCallers(t, f, d)
		if _, err := check(t, s); err != nil || seen.Swap(nil) != want {
			t.Errorf("a call: %v, not %v", err, want)
		}
		stream := openStream(t, s)
		stream.send(streamed(1, "s"))
		stream.results(1)
		if got := seen.Load(); got != want {
			t.Errorf("a stream: %v, want %v", got, want)
		}
	}
}

// TestStreamsEndWithTheirCredential: what was asked in time is answered, what comes after ends the stream.
func TestStreamsEndWithTheirCredential(t *testing.T) {
	d := &doorkeeper{caller: &caller.Caller{Kind: caller.KindToken, ID: "mailer", Issuer: "i"}}
	d.holds.Store(2)
	s, _ := serveCallers(t, &fake{}, d)
	stream := openStream(t, s)
	for id := range uint64(2) {
		stream.send(streamed(id+1, "s"))
		stream.results(1)
	}
	stream.send(streamed(3, "s"))
	_, err := stream.Recv()
	if got := status.Convert(err); got.Code() != codes.Unauthenticated || !strings.Contains(got.Message(), "expired") {
		t.Errorf("got %v", err)
	}
}
