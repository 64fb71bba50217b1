package conformance_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// gate is the network between a client and the real server: a port that moves bytes, and whose ways change while
// connections are open. The front of the scripts answers calls as it is told; a gate knows nothing of calls.
type gate struct {
	t testing.TB
	// addr is where it listens, up and down again.
	addr    string
	network string
	// server is where connections lead.
	server string
	// terminator serves TLS; nil: the gate moves what comes as it is.
	terminator atomic.Pointer[tls.Config]
	// touched counts what was not simply passed: connections, pieces and frames that met a fault.
	touched atomic.Int64

	mu       sync.Mutex // guards what follows
	listener net.Listener
	// ways are those of connections to come.
	ways  *ways
	pipes map[*pipe]bool
	under sync.WaitGroup
}

// ways are how a gate treats connections. The zero value passes everything.
type ways struct {
	// accept, if set, has the whole connection of a client: nothing is passed but by it.
	accept func(*pipe)
	// up and down, if set, pass one piece of what the client and the server wrote; an error ends the pipe.
	up, down func(*pipe, []byte, io.Writer) error
	// delay, if set, is how long each piece is on the way, each way.
	delay func() time.Duration
	// frames, if set when a connection comes, has HTTP/2 frames moved instead of bytes, as long as it lasts.
	frames *frameWays
}

// pipe is one connection of a client and the one that it leads to.
type pipe struct {
	gate           *gate
	client, server net.Conn
	ways           atomic.Pointer[ways]
	// ended is done when the pipe is closed.
	ended context.Context
	end   context.CancelFunc
	// passed counts the bytes that went down.
	passed atomic.Int64
	// once is for what a fault does once to a connection.
	once sync.Once
}

func newGate(t testing.TB, network, addr, server string) *gate {
	t.Helper()
	g := &gate{t: t, network: network, addr: addr, server: server, ways: &ways{}, pipes: map[*pipe]bool{}}
	if err := g.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.shut()
		g.cut(hangUp)
		g.under.Wait()
	})
	return g
}

// open takes connections where the gate took them before. The port may be taken for a moment, by a client that tried to
// reach it and was given that very port for its own end.
func (g *gate) open() error {
	var listener net.Listener
	err := eventually(func() (err error) { listener, err = net.Listen(g.network, g.addr); return err })
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addr, g.listener = listener.Addr().String(), listener
	g.under.Go(func() { g.serve(listener) })
	return nil
}

// eventually repeats what fails because an address is in use.
func eventually(try func() error) error {
	for tries := 1; ; tries++ {
		err := try()
		if !errors.Is(err, syscall.EADDRINUSE) || tries == 100 || !wait(context.Background(), betweenTries) {
			return err
		}
	}
}

// shut has the port refuse; the connections there are stay.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != nil {
		_ = g.listener.Close()
		g.listener = nil
	}
}

// turn sets the ways of connections to come and, if these are to have them too, of those there are.
func (g *gate) turn(w *ways, all bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ways = w
	for p := range g.pipes {
		if all {
			p.ways.Store(w)
		}
	}
}

// cut ends all connections there are.
func (g *gate) cut(how func(net.Conn)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for p := range g.pipes {
		p.close(how)
	}
}

// hangUp ends a connection with a FIN, or with a RST where the system finds unread bytes.
func hangUp(conn net.Conn) { _ = conn.Close() }

// reset ends a connection with a RST.
func reset(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}

func (p *pipe) close(how func(net.Conn)) {
	p.end()
	how(p.client)
	if p.server != nil {
		_ = p.server.Close()
	}
}

func (g *gate) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		g.under.Go(func() { g.handle(conn) })
	}
}

func (g *gate) handle(conn net.Conn) {
	p := g.admit(conn)
	defer g.dismiss(p)
	w := p.ways.Load()
	if w.accept != nil {
		g.touched.Add(1)
		w.accept(p)
		return
	}
	server, err := g.dial(p.ended)
	if err != nil {
		return
	}
	g.mu.Lock()
	p.server = server
	g.mu.Unlock()
	if p.ended.Err() != nil { // it was closed before it had a server
		return
	}
	if w.frames != nil {
		newFrames(p).move()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pump(server, p.client, func(w *ways) passing { return w.up }) })
	both.Go(func() { p.pump(p.client, server, func(w *ways) passing { return w.down }) })
	both.Wait()
}

// admit notes a connection.
func (g *gate) admit(conn net.Conn) *pipe {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := &pipe{gate: g, client: conn}
	p.ended, p.end = context.WithCancel(context.Background())
	p.ways.Store(g.ways)
	g.pipes[p] = true
	return p
}

func (g *gate) dismiss(p *pipe) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p.close(hangUp)
	delete(g.pipes, p)
}

// dial connects to the server; where the gate has a terminator, through one that speaks TLS to the client.
func (g *gate) dial(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", g.server)
	config := g.terminator.Load()
	if err != nil || config == nil {
		return conn, err
	}
	outer, inner := net.Pipe()
	g.under.Go(func() { terminate(tls.Server(inner, config), conn) })
	return outer, nil
}

// terminate moves what is inside TLS to and from the server until either ends.
func terminate(client *tls.Conn, server net.Conn) {
	var both sync.WaitGroup
	move := func(to io.WriteCloser, from io.ReadCloser) {
		_, _ = io.Copy(to, from)
		_, _ = to.Close(), from.Close()
	}
	both.Go(func() { move(server, client) })
	both.Go(func() { move(client, server) })
	both.Wait()
}

// passing passes one piece of what one side wrote.
type passing func(*pipe, []byte, io.Writer) error

// piece is what was read at once, and when it is due at the other side.
type piece struct {
	data []byte
	due  time.Time
}

// pump moves what comes from one side to the other, as the ways at each moment say.
func (p *pipe) pump(to, from net.Conn, direction func(*ways) passing) {
	pieces := make(chan piece, 1024)
	p.gate.under.Go(func() {
		defer p.close(hangUp)
		for one := range pieces {
			if !wait(p.ended, time.Until(one.due)) || p.deliver(to, one.data, direction) != nil {
				return
			}
		}
	})
	defer close(pieces)
	for {
		buffer := make([]byte, 32<<10)
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		select {
		case pieces <- piece{buffer[:n], p.due()}:
		case <-p.ended.Done():
			return
		}
	}
}

// due is when what was read now arrives.
func (p *pipe) due() time.Time {
	if delay := p.ways.Load().delay; delay != nil {
		p.gate.touched.Add(1)
		return time.Now().Add(delay())
	}
	return time.Now()
}

func (p *pipe) deliver(to net.Conn, data []byte, direction func(*ways) passing) error {
	if to == p.client {
		p.passed.Add(int64(len(data)))
	}
	if pass := direction(p.ways.Load()); pass != nil {
		p.gate.touched.Add(1)
		return pass(p, data, to)
	}
	_, err := to.Write(data)
	return err
}

// swallow passes nothing.
func swallow(*pipe, []byte, io.Writer) error { return nil }

// slowly passes a piece in parts, with a pause after each.
func slowly(size int, pause time.Duration) passing {
	return func(p *pipe, data []byte, to io.Writer) error {
		for len(data) > 0 {
			n := min(size, len(data))
			if _, err := to.Write(data[:n]); err != nil {
				return err
			}
			data = data[n:]
			if !wait(p.ended, pause) {
				return p.ended.Err()
			}
		}
		return nil
	}
}

// silent reads what comes and says nothing.
func silent(p *pipe) { _, _ = io.Copy(io.Discard, p.client) }

// deaf neither reads nor says anything: the system takes what its buffers hold.
func deaf(p *pipe) { <-p.ended.Done() }

// resets ends connections as soon as they are there.
func resets(p *pipe) { reset(p.client) }

// says writes a text and closes.
func says(text string) func(*pipe) {
	return func(p *pipe) { _, _ = io.WriteString(p.client, text) }
}

// mutters writes a text and then nothing more.
func mutters(text string) func(*pipe) {
	return func(p *pipe) {
		_, _ = io.WriteString(p.client, text)
		silent(p)
	}
}
