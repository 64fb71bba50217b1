package pgtest

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy stands between clients and a server, and breaks what is between them. All methods may be called concurrently.
type Proxy struct {
	target   string
	listener net.Listener
	wg       sync.WaitGroup

	mu sync.Mutex
	// changed is closed, and replaced, when any of what follows is another.
	changed chan struct{}
	state   state
	pairs   map[*pair]bool
	made    int // so many connections so far
	closed  bool
}

// state is what the proxy does to all connections.
type state struct {
	// refusing has new connections end at once.
	refusing bool
	// silent has bytes wait on both ways, as a network does that loses all packets.
	silent bool
	delay  time.Duration
	filter Filter
}

// Way is in which direction bytes go.
type Way bool

// The ways.
const (
	ToServer Way = true
	ToClient Way = false
)

// Verdict is what becomes of bytes.
type Verdict int

// The verdicts: the bytes go on; the connection is cut instead; it is cut once the bytes have gone on; they get lost,
// and all that come later on the connection in any direction, and nobody is told.
const (
	Pass Verdict = iota
	CutBefore
	CutAfter
	Lose
)

// Filter judges bytes as they were read, which may be any part of one or several messages. It may be called
// concurrently, for several connections, which are numbered from 1.
type Filter func(connection int, way Way, bytes []byte) Verdict

// NewProxy starts a proxy before the server; it ends with the test.
func (s *Server) NewProxy(t testing.TB) *Proxy {
	t.Helper()
	p, err := StartProxy(s.Addr())
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

// StartProxy starts a proxy before what listens at an address. It ends by Close.
func StartProxy(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, listener: l, changed: make(chan struct{}), pairs: map[*pair]bool{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL is the address of a database behind it.
func (p *Proxy) URL(database string) string { return urlAt(p.Addr(), database) }

// Target has connections that are made from now on go to another server.
func (p *Proxy) Target(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = addr
}

// Refuse has new connections end at once, or no more.
func (p *Proxy) Refuse(on bool) { p.set(func(s *state) { s.refusing = on }) }

// Silence holds all bytes back, on both ways, or no more: those that wait then go on. Connections can be made, and
// nobody sees them end.
func (p *Proxy) Silence(on bool) { p.set(func(s *state) { s.silent = on }) }

// Delay has bytes go on so much later, on both ways.
func (p *Proxy) Delay(d time.Duration) { p.set(func(s *state) { s.delay = d }) }

// Judge has a filter see all bytes; nil: none does.
func (p *Proxy) Judge(f Filter) { p.set(func(s *state) { s.filter = f }) }

func (p *Proxy) set(change func(*state)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.state)
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) current() (state, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.changed
}

// Cut ends all connections, of which both sides are told.
func (p *Proxy) Cut() { p.each((*pair).cut) }

// HalfOpen ends all connections to the server, of which the clients are not told: they never get an answer, nor an end.
func (p *Proxy) HalfOpen() { p.each((*pair).lose) }

func (p *Proxy) each(f func(*pair)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		f(c)
	}
}

// Connections is how many there are, half-open ones among them.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// Close ends the proxy and all connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(client.(*net.TCPConn)) })
	}
}

// pair is a connection of a client, and that to the server which belongs to it.
type pair struct {
	number         int
	client, server *net.TCPConn
	// ended is closed when both have ended, lost when that to the server has and the client is not told.
	ended, lost       chan struct{}
	endOnce, loseOnce sync.Once
}

func (p *Proxy) serve(client *net.TCPConn) {
	p.mu.Lock()
	target, refusing := p.target, p.state.refusing || p.closed
	p.mu.Unlock()
	if refusing {
		reset(client)
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		reset(client)
		return
	}
	c := &pair{client: client, server: server.(*net.TCPConn), ended: make(chan struct{}), lost: make(chan struct{})}
	if !p.add(c) {
		c.cut()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pump(c, ToServer) })
	both.Go(func() { p.pump(c, ToClient) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, c)
}

func (p *Proxy) add(c *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.made++
		c.number = p.made
		p.pairs[c] = true
	}
	return !p.closed
}

// cut ends both connections without waiting for what they have not sent.
func (c *pair) cut() {
	c.endOnce.Do(func() {
		close(c.ended)
		reset(c.client)
		reset(c.server)
	})
}

// lose ends the connection to the server.
func (c *pair) lose() {
	c.loseOnce.Do(func() {
		close(c.lost)
		reset(c.server)
	})
}

func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

// pump moves bytes one way, until the connection ends.
func (p *Proxy) pump(c *pair, way Way) {
	from, to := c.server, c.client
	if way == ToServer {
		from, to = c.client, c.server
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !p.pass(c, way, buffer[:n]) {
			return
		}
		switch {
		case err == nil:
			continue
		case c.isLost():
			p.sink(c, way)
			return
		case errors.Is(err, io.EOF) && p.held(c):
			// What one side ended the other is told once bytes go on again.
			_ = to.CloseWrite()
			return
		}
		c.cut()
		return
	}
}

// sink takes what a client sends that has lost its server, until it goes.
func (p *Proxy) sink(c *pair, way Way) {
	if way == ToServer {
		_, _ = io.Copy(io.Discard, c.client)
		c.cut()
		return
	}
	<-c.ended
}

func (c *pair) isLost() bool {
	select {
	case <-c.lost:
		return true
	default:
		return false
	}
}

// pass sends bytes on, and reports whether the connection goes on on this way.
func (p *Proxy) pass(c *pair, way Way, bytes []byte) bool {
	if !p.held(c) {
		return false
	}
	state, _ := p.current()
	verdict := Pass
	if state.filter != nil {
		verdict = state.filter(c.number, way, bytes)
	}
	switch verdict {
	case CutBefore:
		c.cut()
		return false
	case Lose:
		c.lose()
	}
	if c.isLost() {
		p.sink(c, way)
		return false
	}
	to := c.client
	if way == ToServer {
		to = c.server
	}
	_, err := to.Write(bytes)
	switch {
	case verdict != CutAfter && err == nil:
		return true
	case c.isLost():
		p.sink(c, way)
	default:
		c.cut()
	}
	return false
}

// held waits as long as bytes are to wait, and reports whether the connection goes on.
func (p *Proxy) held(c *pair) bool {
	state, changed := p.current()
	if state.delay > 0 {
		late := time.NewTimer(state.delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-c.ended:
			return false
		}
	}
	for state.silent {
		select {
		case <-changed:
			state, changed = p.current()
		case <-c.ended:
			return false
		}
	}
	return true
}
