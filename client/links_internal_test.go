//go:build linux

package client

import (
	"context"
	"flag"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// The default run has shorter limits; the real ones are
//
//	go test ./client -run TestConnections -links.real -v
var linksReal = flag.Bool("links.real", false, "TestConnections: with the limits that clients have")

// usableWithin is what is promised of the real limits, and a third of it of the others: gRPC's pings alone take more.
func usableWithin() time.Duration {
	if *linksReal {
		return 15 * time.Second
	}
	return 5 * time.Second
}

// withLimits are those of the run: the real ones, or such as take a tenth of the time.
func withLimits(o *options) {
	if !*linksReal {
		o.limits = linkLimits{connect: 400 * time.Millisecond, silence: 300 * time.Millisecond, deafness: 500 * time.Millisecond}
		o.timeout = 100 * time.Millisecond
	}
}

// road is the network before a server: a proxy that acknowledges all that it is sent.
type road struct {
	listener net.Listener
	socket   string
	// dead has new connections lead nowhere.
	dead atomic.Bool
	done sync.WaitGroup

	mu sync.Mutex
	// lanes are the connections, made how many there were from clients; ended says that there are to be no more. Guarded
	// by mu.
	lanes map[net.Conn]*atomic.Bool
	made  int
	ended bool
}

func newRoad(t *testing.T, socket string) *road {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &road{listener: listener, socket: socket, lanes: map[net.Conn]*atomic.Bool{}}
	r.done.Go(r.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		r.mu.Lock()
		r.ended = true
		for c := range r.lanes {
			_ = c.Close()
		}
		r.mu.Unlock()
		r.done.Wait()
	})
	return r
}

func (r *road) address() string { return r.listener.Addr().String() }

func (r *road) accept() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return
		}
		silent := &atomic.Bool{}
		silent.Store(r.dead.Load())
		to, err := net.Dial("unix", r.socket)
		if err != nil || !r.add(silent, from, to) {
			_ = from.Close()
			continue
		}
		r.done.Go(func() { r.lead(from, to, silent) })
		r.done.Go(func() { r.lead(to, from, silent) })
	}
}

func (r *road) add(silent *atomic.Bool, conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made++
	for _, c := range conns {
		if r.ended {
			_ = c.Close()
		}
		r.lanes[c] = silent
	}
	return !r.ended
}

// lead passes data on, or loses them; an end it does not pass on while it is silent.
func (r *road) lead(from, to net.Conn, silent *atomic.Bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			_ = from.Close()
			if !silent.Load() {
				_ = to.Close()
			}
			return
		}
		if !silent.Load() {
			_, _ = to.Write(buffer[:n])
		}
	}
}

// silence loses all that is sent on the connections that there are.
func (r *road) silence() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, silent := range r.lanes {
		silent.Store(true)
	}
}

// realServer is a server's process, in which subject-0 has consented to ai_training.
func realServer(t *testing.T) (p *process, socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "links") // t.TempDir may be longer than a socket's path can be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "server.sock")
	p = startRole(t, "server", map[string]string{
		"SAFETY_SOCKET": socket, "SAFETY_DATA": filepath.Join(dir, "data"), "SAFETY_LEASE": safetyLease.String(),
	})
	c, err := Dial("unix://"+socket, WithTimeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := &safety{t: t, config: safetyConfig{ids: 1}, began: time.Now().Add(-time.Hour)}
	s.record(t.Context(), c, 0, nearGiven, false)
	return p, socket
}

func linked(t *testing.T, target string, opts ...Option) *Client {
	t.Helper()
	c, err := Dial(target, append(opts, withLimits)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// usable checks until it is told ALLOW, and says how long that took, and what callers saw before.
func usable(t *testing.T, c *Client) {
	t.Helper()
	began, saw := time.Now(), map[codes.Code]int{}
	for {
		d, err := c.Check(t.Context(), NewCheck("example", "subject-0", "ai_training"))
		took := time.Since(began)
		if err == nil && d.Allowed {
			if len(saw) > 0 {
				t.Logf("usable after %v, before that: %v", took.Round(time.Millisecond), saw)
			}
			return
		}
		saw[status.Code(err)]++
		known := slices.Contains([]codes.Code{codes.DeadlineExceeded, codes.Unavailable}, status.Code(err))
		if !known || d.Allowed || took > usableWithin() {
			t.Fatalf("after %v: %v, %v", took, d, err)
		}
		pauseFor(t.Context(), time.Millisecond)
	}
}

var linkKinds = map[string][]Option{"stream": nil, "calls": {WithoutCoalescing()}}

// A connection behind which nobody answers any more is replaced, whatever the way looks like to TCP.
func TestConnectionsThatFallSilent(t *testing.T) {
	_, socket := realServer(t)
	for kind, opts := range linkKinds {
		t.Run(kind, func(t *testing.T) {
			r := newRoad(t, socket)
			c := linked(t, r.address(), opts...)
			usable(t, c)
			r.silence()
			usable(t, c)
			r.dead.Store(true) // now those that are new are silent from the first byte on
			r.silence()
			pauseFor(t.Context(), 3*c.conn.links.limits.connect)
			if d, err := c.Check(t.Context(), NewCheck("example", "subject-0", "ai_training")); err == nil || d.Allowed {
				t.Errorf("through a dead proxy: %v, %v", d, err)
			}
			r.dead.Store(false)
			usable(t, c)
		})
	}
}

func TestConnectionsToAStoppedServer(t *testing.T) {
	server, socket := realServer(t)
	r := newRoad(t, socket)
	c := linked(t, r.address())
	usable(t, c)
	server.signal(syscall.SIGSTOP)
	defer server.signal(syscall.SIGCONT)
	failed := 0
	for began := time.Now(); failed < 3 || time.Since(began) < 2*c.conn.links.limits.silence; {
		if _, err := c.Check(t.Context(), NewCheck("example", "subject-0", "ai_training")); err != nil {
			failed++
		}
	}
	server.signal(syscall.SIGCONT)
	usable(t, c)
}

// Of several servers one falls silent: the others answer, and it is asked again when it can be.
func TestConnectionsToSeveralServers(t *testing.T) {
	_, socket := realServer(t)
	for kind, opts := range linkKinds {
		t.Run(kind, func(t *testing.T) {
			a, b := newRoad(t, socket), newRoad(t, socket)
			c := linked(t, a.address()+","+b.address(), opts...)
			usable(t, c)
			a.dead.Store(true)
			a.silence()
			for row, began := 0, time.Now(); row < 20; row++ { // until none goes to the silent one
				usable(t, c)
				if _, err := c.Check(t.Context(), NewCheck("example", "subject-0", "ai_training")); err != nil {
					row = -1
				}
				if time.Since(began) > usableWithin() {
					t.Fatalf("%v later checks still go to the silent server", usableWithin())
				}
			}
			a.dead.Store(false)
			b.dead.Store(true)
			b.silence()
			usable(t, c)
		})
	}
}

// Nobody calls, and the near cache's stream finds out by itself.
func TestConnectionsOfNearCaches(t *testing.T) {
	_, socket := realServer(t)
	r := newRoad(t, socket)
	c := linked(t, r.address(), WithNearCache(NearCacheConfig{}))
	leased := func() {
		t.Helper()
		for began := time.Now(); !c.NearCacheStats().Leased; pauseFor(t.Context(), time.Millisecond) {
			if time.Since(began) > usableWithin() {
				t.Fatal("no lease")
			}
		}
	}
	leased()
	r.silence()
	streams := c.NearCacheStats().Streams
	for began := time.Now(); c.NearCacheStats().Streams == streams; pauseFor(t.Context(), time.Millisecond) {
		if time.Since(began) > usableWithin() {
			t.Fatal("no other stream")
		}
	}
	leased()
	usable(t, c)
}

// The server permits the pings: what is idle, with a stream of checks that nobody asks on, is neither closed nor made
// anew. It takes half a minute of waiting.
func TestConnectionsThatAreIdle(t *testing.T) {
	if !*linksReal {
		t.Skip("with -links.real only")
	}
	_, socket := realServer(t)
	r := newRoad(t, socket)
	c := linked(t, r.address())
	usable(t, c)
	pauseFor(t.Context(), 45*time.Second)
	r.mu.Lock()
	made := r.made
	r.mu.Unlock()
	if made != 1 {
		t.Errorf("%d connections were made, want 1", made)
	}
	usable(t, c)
}

// deaf answers nothing on the first connection that asks, though it is heard of: its pings are answered.
type deaf struct {
	consentv1.UnimplementedDecisionServiceServer
	first sync.Once
	peer  string
	asked atomic.Int64
}

func (d *deaf) Check(ctx context.Context, _ *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	d.asked.Add(1)
	if from, _ := peer.FromContext(ctx); d.isFirst(from.Addr.String()) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &consentv1.CheckResponse{Decision: consentv1.Decision_DECISION_ALLOW}, nil
}

func (d *deaf) isFirst(peer string) bool {
	d.first.Do(func() { d.peer = peer })
	return d.peer == peer
}

func TestConnectionsThatAreDeaf(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, d := grpc.NewServer(), &deaf{}
	consentv1.RegisterDecisionServiceServer(server, d)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	c := linked(t, listener.Addr().String(), WithoutCoalescing())
	limits := &c.conn.links.limits
	limits.silence = time.Hour // as if there were a proxy whose pings are heard
	usable(t, c)
	if d.asked.Load() < 3 {
		t.Errorf("asked %d times", d.asked.Load())
	}
}
