package enforce_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/enforce"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// answers are what a checker says at the moment: about all subjects but "no", who is denied.
type answers struct {
	mu sync.Mutex
	// withdrawn, down and validUntil are guarded by mu.
	withdrawn, down bool
	validUntil      time.Time
	asked           atomic.Int64
}

func (a *answers) Check(_ context.Context, r *consentv1.CheckRequest) (client.Decision, error) {
	a.asked.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch expired := !a.validUntil.IsZero() && !time.Now().Before(a.validUntil); {
	case a.down:
		return client.Decision{}, status.Error(codes.DeadlineExceeded, "slow")
	case a.withdrawn || expired || r.GetSubjectId() == "no":
		return client.Decision{Reasons: []*consentv1.Reason{{Code: consentv1.ReasonCode_REASON_CODE_CONSENT_WITHDRAWN}}}, nil
	}
	return client.Decision{Allowed: true, ID: "d1", ValidUntil: a.validUntil}, nil
}

func (a *answers) change(f func(*answers)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a)
}

func (a *answers) withdraw() { a.change(func(a *answers) { a.withdrawn = true }) }

// mail is a real server of a service whose methods are streams, and a connection to it.
type mail struct {
	t          *testing.T
	connection *grpc.ClientConn
	request    protoreflect.MessageDescriptor
	name       string
	answers    answers

	mu sync.Mutex
	// seen are the outcomes that were observed; guarded by mu.
	seen []enforce.Outcome
	// began counts handlers.
	began atomic.Int64
}

// mails counts services: each has a name of its own.
var mails atomic.Int64

// newMail serves the method Send with handler, by kind: whether the client and the server stream.
func newMail(t *testing.T, config func(*enforce.Config), desc grpc.StreamDesc) *mail {
	t.Helper()
	name := fmt.Sprintf("streams%d", mails.Add(1))
	m := &mail{t: t, name: name, request: declare(t, name, map[string]*consentv1.MethodPurpose{
		"Send":  {Name: "marketing_email", SubjectField: "user_id"},
		"Known": {Name: "marketing_email"},
	})}
	c := enforce.Config{Checker: &m.answers, Controller: "example", StreamRecheck: time.Hour, Observe: func(e enforce.Event) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.seen = append(m.seen, e.Outcome)
	}}
	if config != nil {
		config(&c)
	}
	e, err := enforce.New(c)
	if err != nil {
		t.Fatal(err)
	}
	handler := desc.Handler
	desc.Handler = func(srv any, s grpc.ServerStream) error {
		m.began.Add(1)
		return handler(srv, s)
	}
	server := grpc.NewServer(grpc.StreamInterceptor(e.Stream()))
	known := desc
	desc.StreamName, known.StreamName = "Send", "Known"
	server.RegisterService(&grpc.ServiceDesc{ServiceName: name + ".Mail", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{desc, known}}, m)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	m.connection, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = m.connection.Close()
		server.Stop() // waits for handlers
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return m
}

// call opens a stream; it may be sent to and received from, whatever the kind.
func (m *mail) call(method string) grpc.ClientStream {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 30*time.Second)
	m.t.Cleanup(cancel)
	s, err := m.connection.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/"+m.name+".Mail/"+method)
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

func (m *mail) send(s grpc.ClientStream, user string) {
	m.t.Helper()
	if err := s.SendMsg(request(m.request, user, "")); err != nil && !errors.Is(err, io.EOF) {
		m.t.Fatal(err)
	}
}

// ends reads what is left, and checks how many messages that is and how the stream ends.
func (m *mail) ends(s grpc.ClientStream, code codes.Code, atMost int) {
	m.t.Helper()
	for n := 0; ; n++ {
		err := s.RecvMsg(dynamicpb.NewMessage(m.request))
		if err == nil && n < atMost {
			continue
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if status.Code(err) != code || n > atMost {
			m.t.Errorf("after %d messages the stream ends with %v; want %v after %d at most", n, err, code, atMost)
		}
		return
	}
}

func (m *mail) observed(want ...enforce.Outcome) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.seen, want) {
		m.t.Errorf("observed %v, want %v", m.seen, want)
	}
}

// echo answers each message with itself.
func echo(srv any, s grpc.ServerStream) error {
	m := srv.(*mail)
	for {
		in := dynamicpb.NewMessage(m.request)
		err := s.RecvMsg(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if proto.Size(in) > 0 {
				m.t.Error("what was refused was handed out")
			}
			return errors.New("what the handler says counts no more")
		}
		if !enforce.Decision(s.Context()).Allowed {
			m.t.Error("the decision is not in the context")
		}
		if err := s.SendMsg(in); err != nil {
			return err
		}
	}
}

var bidi = grpc.StreamDesc{ClientStreams: true, ServerStreams: true, Handler: echo}

// Each message of a stream in both directions needs an ALLOW of its own.
func TestBidirectionalStreams(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*answers)
		user   string
		code   codes.Code
		last   enforce.Outcome
	}{
		"withdrawn":       {func(a *answers) { a.withdrawn = true }, "ada", codes.PermissionDenied, enforce.Denied},
		"no decision":     {func(a *answers) { a.down = true }, "ada", codes.Unavailable, enforce.Failed},
		"another subject": {func(*answers) {}, "eve", codes.InvalidArgument, enforce.Failed},
		"no subject":      {func(*answers) {}, "", codes.InvalidArgument, enforce.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMail(t, nil, bidi)
			s := m.call("Send")
			for range 3 {
				m.send(s, "ada")
				if err := s.RecvMsg(dynamicpb.NewMessage(m.request)); err != nil {
					t.Fatal(err)
				}
			}
			m.answers.change(test.change)
			m.send(s, test.user)
			m.ends(s, test.code, 0)
			m.observed(enforce.Allowed, test.last)
			if n := m.answers.asked.Load(); n < 7 || n > 8 {
				t.Errorf("asked %d times; want once before the first of five messages and for each, and for the last", n)
			}
		})
	}
}

func TestNothingRunsBeforeTheFirstDecision(t *testing.T) {
	m := newMail(t, nil, grpc.StreamDesc{ClientStreams: true, ServerStreams: true,
		Handler: func(srv any, s grpc.ServerStream) error { // it speaks first
			if err := s.SendMsg(request(srv.(*mail).request, "hello", "")); err != nil {
				return err
			}
			return echo(srv, s)
		}})
	denied, silent, allowed := m.call("Send"), m.call("Send"), m.call("Send")
	m.send(denied, "no")
	m.ends(denied, codes.PermissionDenied, 0)
	if err := silent.CloseSend(); err != nil {
		t.Fatal(err)
	}
	m.ends(silent, codes.InvalidArgument, 0)
	if m.began.Load() != 0 {
		t.Error("a handler began without a decision")
	}
	m.send(allowed, "ada")
	if err := allowed.CloseSend(); err != nil {
		t.Fatal(err)
	}
	m.ends(allowed, codes.OK, 2)
	m.observed(enforce.Denied, enforce.Failed, enforce.Allowed)
}

// A stream from the server sends nothing after a withdrawal.
func TestServerStreams(t *testing.T) {
	next := make(chan struct{})
	m := newMail(t, nil, grpc.StreamDesc{ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
		in := dynamicpb.NewMessage(srv.(*mail).request)
		if err := s.RecvMsg(in); err != nil {
			return err
		}
		for range next {
			if err := s.SendMsg(in); err != nil {
				return nil // and takes it for done
			}
		}
		return nil
	}})
	s := m.call("Send")
	m.send(s, "ada")
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		next <- struct{}{}
		if err := s.RecvMsg(dynamicpb.NewMessage(m.request)); err != nil {
			t.Fatal(err)
		}
	}
	m.answers.withdraw()
	next <- struct{}{}
	m.ends(s, codes.PermissionDenied, 0)
	m.observed(enforce.Allowed, enforce.Denied)
}

// A stream on which nothing passes ends too: where its handler waits for a message, and where it waits for its context.
func TestIdleStreams(t *testing.T) {
	inContext := func(_ any, s grpc.ServerStream) error {
		<-s.Context().Done()
		return nil
	}
	often := func(c *enforce.Config) { c.StreamRecheck = 5 * time.Millisecond }
	for name, test := range map[string]struct {
		config  func(*enforce.Config)
		handler grpc.StreamHandler
		change  func(*answers)
		code    codes.Code
	}{
		"withdrawn while it receives": {often, echo, func(a *answers) { a.withdrawn = true }, codes.PermissionDenied},
		"withdrawn while it waits":    {often, inContext, func(a *answers) { a.withdrawn = true }, codes.PermissionDenied},
		"no decision":                 {often, echo, func(a *answers) { a.down = true }, codes.Unavailable},
		"valid_until comes":           {nil, inContext, nil, codes.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMail(t, test.config, grpc.StreamDesc{ClientStreams: true, Handler: test.handler})
			if test.change == nil {
				m.answers.change(func(a *answers) { a.validUntil = time.Now().Add(100 * time.Millisecond) })
			}
			s := m.call("Send")
			m.send(s, "ada")
			for began := time.Now(); m.began.Load() == 0; {
				if time.Since(began) > 20*time.Second {
					t.Fatal("the handler does not begin")
				}
			}
			if test.change != nil {
				m.answers.change(test.change)
			}
			m.ends(s, test.code, 1)
		})
	}
}

// Where the context tells the subject, the server may speak first, and is held to the same.
func TestStreamsOfAKnownSubject(t *testing.T) {
	config := func(c *enforce.Config) {
		c.GRPCSubject = func(context.Context) (string, error) { return "ada", nil }
	}
	m := newMail(t, config, grpc.StreamDesc{ClientStreams: true, ServerStreams: true,
		Handler: func(srv any, s grpc.ServerStream) error {
			if err := s.SendMsg(request(srv.(*mail).request, "hello", "")); err != nil {
				return err
			}
			return echo(srv, s)
		}})
	s := m.call("Known")
	if err := s.RecvMsg(dynamicpb.NewMessage(m.request)); err != nil {
		t.Fatal(err)
	}
	m.answers.withdraw()
	m.send(s, "whoever")
	m.ends(s, codes.PermissionDenied, 0)
	m.answers.change(func(a *answers) { a.withdrawn, a.down = false, true })
	m.ends(m.call("Known"), codes.Unavailable, 0)
	if m.began.Load() != 1 {
		t.Error("a handler began without a decision")
	}
}

// What declares nothing is refused, and what needs no purpose is left alone.
func TestStreamsThatDeclareNothing(t *testing.T) {
	e, _, seen := enforcer(t, func(c *enforce.Config) { c.Exempt = []string{"exempt.Mail"} })
	err := e.Stream()(nil, nil, &grpc.StreamServerInfo{FullMethod: "/nowhere.Mail/Send"}, nil)
	if status.Code(err) != codes.Internal || len(*seen) != 1 {
		t.Errorf("a stream that declares nothing: %v, observed %v", err, *seen)
	}
	ran := false
	err = e.Stream()(nil, nil, &grpc.StreamServerInfo{FullMethod: "/exempt.Mail/Send"}, func(any, grpc.ServerStream) error {
		ran = true
		return nil
	})
	if err != nil || !ran {
		t.Errorf("an exempt stream: ran %v, %v", ran, err)
	}
}

// A handler that panics does so beneath the interceptors before this one, which may recover.
func TestPanicsOfStreamHandlers(t *testing.T) {
	e, _, _ := enforcer(t, func(c *enforce.Config) {
		c.GRPCSubject = func(context.Context) (string, error) { return "yes", nil }
	})
	name := fmt.Sprintf("streams%d", mails.Add(1))
	declare(t, name, map[string]*consentv1.MethodPurpose{"Known": {Name: "marketing_email"}})
	defer func() {
		if cause := recover(); cause != "of the handler" {
			t.Errorf("recovered %v", cause)
		}
	}()
	_ = e.Stream()(nil, quiet{ctx: t.Context()}, &grpc.StreamServerInfo{FullMethod: "/" + name + ".Mail/Known"},
		func(any, grpc.ServerStream) error { panic("of the handler") })
}

// quiet is a stream on which nothing passes.
type quiet struct {
	grpc.ServerStream
	ctx context.Context
}

func (q quiet) Context() context.Context { return q.ctx }
