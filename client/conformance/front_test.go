package conformance_test

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// front stands between clients and the real server and does to calls what the step under way says. It passes messages
// as bytes, so that nothing of them is lost or mended on the way.
type front struct {
	// real leads to the server, elsewhere to one of another store.
	real, elsewhere *grpc.ClientConn
	// addr is where it listens on loopback, up and down again.
	addr string
	// others are further listeners' targets by kind; they end with the front.
	others map[string]string

	mu sync.Mutex // guards all below
	// away passes calls elsewhere.
	away bool
	// server is nil while the front is down or speaks nonsense.
	server  *grpc.Server
	plain   net.Listener
	open    map[net.Conn]bool
	play    *play
	streams map[*checkStream]bool
	ending  sync.WaitGroup
}

// play is what the front does during one step, and what it saw.
type play struct {
	operation string
	answers   []answer
	awaited   int           // attempts
	arrived   chan struct{} // closed when so many have arrived
	seen      []attempt     // guarded by the front's mu
}

// attempt is one call as it arrived.
type attempt struct {
	request   []byte
	timeout   time.Duration // 0: there was none
	userAgent string
	metadata  metadata.MD
}

// frame is a message that nobody has looked into.
type frame []byte

// rawCodec moves frames.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*frame), nil }

func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*frame) = append(frame{}, data...)
	return nil
}

func newFront(t *testing.T, server, elsewhere string) *front {
	t.Helper()
	f := &front{
		real: connect(t, server), elsewhere: connect(t, elsewhere), addr: "127.0.0.1:0",
		others: map[string]string{}, open: map[net.Conn]bool{}, streams: map[*checkStream]bool{},
	}
	t.Cleanup(func() {
		f.stop()
		f.ending.Wait()
	})
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	return f
}

// connect connects to a server; the connection ends with the test.
func connect(t *testing.T, server string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(server, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// frontActions are what a script can do to a front.
var frontActions = map[string]func(*front) error{
	"start":   (*front).start,
	"stop":    func(f *front) error { f.stop(); return nil },
	"drain":   (*front).drain,
	"garbage": func(f *front) error { return f.nonsense(garbage) },
	"silent":  func(f *front) error { return f.nonsense(silence) },

	"elsewhere": func(f *front) error { f.lead(true); return nil },
	"home":      func(f *front) error { f.lead(false); return nil },
}

// lead passes calls to the server of another store, or to the first again.
func (f *front) lead(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

// backend is where calls are passed.
func (f *front) backend() *grpc.ClientConn {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return f.elsewhere
	}
	return f.real
}

// start listens where the front listened before.
func (f *front) start() error {
	f.stop()
	listener, err := f.listen("tcp", f.addr)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addr = listener.Addr().String()
	f.server = grpc.NewServer(grpc.UnknownServiceHandler(f.handle), grpc.ForceServerCodec(rawCodec{}))
	f.serve(f.server, listener)
	return nil
}

// serve needs f.mu.
func (f *front) serve(server *grpc.Server, listener net.Listener) {
	f.ending.Go(func() { _ = server.Serve(listener) })
}

// stop ends all at once: calls under way break, the port refuses.
func (f *front) stop() {
	f.mu.Lock()
	server, plain := f.server, f.plain
	f.server, f.plain = nil, nil
	f.mu.Unlock()
	if server != nil {
		server.Stop()
	}
	if plain != nil {
		_ = plain.Close()
		f.cut()
	}
}

// drain stops as a server does on SIGTERM: the port refuses, calls under way are answered. It does not wait for them.
func (f *front) drain() error {
	f.mu.Lock()
	server, streams := f.server, slices.Collect(maps.Keys(f.streams))
	f.server = nil
	f.mu.Unlock()
	if server == nil {
		return errors.New("the front is down: there is nothing to drain")
	}
	for _, s := range streams {
		s.drain()
	}
	f.ending.Go(server.GracefulStop)
	return nil
}

// nonsense takes connections on the front's port and hands them to something that is no server.
func (f *front) nonsense(handle func(net.Conn)) error {
	f.stop()
	listener, err := f.listen("tcp", f.addr)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plain = listener
	f.ending.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.ending.Go(func() { handle(conn) })
		}
	})
	return nil
}

func garbage(conn net.Conn) {
	_, _ = io.WriteString(conn, strings.Repeat("\x00\xffno HTTP/2 here\r\n", 64))
	_ = conn.Close()
}

func silence(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// listen listens and keeps track of connections, so that cut can close them. The port of a front that was stopped may
// be taken for a moment: by a client that tried to reach it and was given that very port for its own end.
func (f *front) listen(network, addr string) (net.Listener, error) {
	for tries := 1; ; tries++ {
		listener, err := net.Listen(network, addr)
		if err == nil {
			return &tracked{Listener: listener, front: f}, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || tries == 100 || !wait(context.Background(), betweenTries) {
			return nil, err
		}
	}
}

type tracked struct {
	net.Listener
	front *front
}

func (l *tracked) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.front.mu.Lock()
	defer l.front.mu.Unlock()
	l.front.open[conn] = true
	return conn, nil
}

// cut closes all connections.
func (f *front) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.open {
		_ = conn.Close()
	}
	clear(f.open)
}

// target listens in another way too and returns what a client dials.
func (f *front) target(t *testing.T, kind string, certificate *tls.Config) string {
	t.Helper()
	if kind == "loopback" || kind == "" {
		return f.addr
	}
	if f.others[kind] != "" {
		return f.others[kind]
	}
	var listener net.Listener
	var err error
	target := ""
	switch kind {
	case "unix":
		socket := filepath.Join(t.TempDir(), "s")
		listener, err = f.listen("unix", socket)
		target = "unix://" + socket
	case "tls":
		listener, err = f.listen("tcp", "127.0.0.1:0")
	case "external":
		address := externalAddress(t)
		if address == "" {
			t.Skip("this machine has no address but loopback")
		}
		listener, err = f.listen("tcp", net.JoinHostPort(address, "0"))
	default:
		return kind
	}
	if err != nil {
		t.Fatal(err)
	}
	if target == "" {
		target = listener.Addr().String()
	}
	if kind == "tls" {
		listener = tls.NewListener(listener, certificate)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serve(f.server, listener)
	f.others[kind] = target
	return target
}

// externalAddress is an address of this machine that is not loopback; empty: it has none.
func externalAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	return ""
}

// begin sets what is done to the calls from here on; nil passes them.
func (f *front) begin(p *play) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.play = p
}

// seenBy returns what arrived during a play.
func (f *front) seenBy(p *play) []attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]attempt(nil), p.seen...)
}

// next notes an attempt and returns what to do with it.
func (f *front) next(a attempt) (answer, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.play == nil {
		return answer{Pass: true}, ""
	}
	p := f.play
	p.seen = append(p.seen, a)
	if len(p.seen) == p.awaited {
		close(p.arrived)
	}
	if len(p.answers) == 0 {
		return answer{Pass: true}, p.operation
	}
	return p.answers[min(len(p.seen), len(p.answers))-1], p.operation
}

// handle is every call's.
func (f *front) handle(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	switch path.Base(method) {
	case "CheckStream":
		return f.checkStream(stream)
	case "WatchInvalidations":
		return status.Error(codes.Unimplemented, "the suite has no near caches")
	}
	var request frame
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	a, operation := f.next(received(stream.Context(), request))
	if !wait(stream.Context(), a.Delay) {
		return status.FromContextError(stream.Context().Err()).Err()
	}
	return f.act(stream, call{method: method, operation: operation, request: request}, a)
}

func received(ctx context.Context, request frame) attempt {
	a := attempt{request: request}
	if deadline, has := ctx.Deadline(); has {
		a.timeout = time.Until(deadline)
	}
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		a.userAgent, a.metadata = strings.Join(md.Get("user-agent"), " "), md
	}
	return a
}

func wait(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

type call struct {
	method, operation string
	request           frame
}

// act answers one call as the script says.
func (f *front) act(stream grpc.ServerStream, c call, a answer) error {
	response, err := f.response(stream.Context(), c, a)
	if a.Cut {
		f.cut()
		return status.Error(codes.Unavailable, "cut")
	}
	if err != nil {
		return err
	}
	if response != nil {
		if err := stream.SendMsg(&response); err != nil {
			return err
		}
	}
	return a.Error.status()
}

// response is the message to send; nil: none.
func (f *front) response(ctx context.Context, c call, a answer) (frame, error) {
	switch {
	case a.Pass:
		return f.pass(ctx, c)
	case a.Respond != nil:
		message, err := a.message(c.operation)
		if err != nil {
			return nil, err
		}
		return proto.Marshal(message)
	case a.Raw != "":
		return hex.DecodeString(a.Raw)
	case a.Hang:
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	default:
		return nil, nil
	}
}

func (f *front) pass(ctx context.Context, c call) (frame, error) {
	response := frame{}
	err := f.backend().Invoke(ctx, c.method, &c.request, &response)
	return response, err
}

// status is the failure as gRPC has it; nil is OK.
func (e *failure) status() error {
	if e == nil {
		return nil
	}
	s := status.New(codes.Code(e.Code), e.Message)
	var details []protoadapt.MessageV1
	if len(e.Violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range e.Violations {
			bad.FieldViolations = append(
				bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Description},
			)
		}
		details = append(details, bad)
	}
	if e.RetryDelay != nil {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(*e.RetryDelay)})
	}
	if len(details) == 0 {
		return s.Err()
	}
	detailed, err := s.WithDetails(details...)
	if err != nil {
		return fmt.Errorf("the script's error: %w", err)
	}
	return detailed.Err()
}
