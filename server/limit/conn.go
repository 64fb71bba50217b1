package limit

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

const (
	// MaxStreams bounds the calls under way per connection: enough for a busy backend, too few to exhaust the server.
	MaxStreams = 1000
	// leastStreams are what a connection may always have.
	leastStreams = 2
	// maxHTTPConnections bounds those of probes and scrapes.
	maxHTTPConnections = 256
	// epochWindows is how many windows long a connection counts as busy.
	epochWindows = 10
)

// listening is the connections of one listener: how many there are, from where, and how many calls each may have.
type listening struct {
	name             string
	most, perAddress int
	limits           *Limits
	told             rate.Sometimes
	refused          atomic.Uint64

	// epoch counts tenths of a second; busy are the connections that were read from in this one, so far, and wasBusy in
	// the last.
	epoch, busy, wasBusy atomic.Int64
	// perConn is how many calls a connection may have under way.
	perConn atomic.Int64
	// windows counts those of the queue; it is the goroutine's that calls share.
	windows int

	// open counts connections; it is written under mu.
	open atomic.Int64

	mu sync.Mutex
	// from is guarded by mu.
	from map[netip.Addr]int
}

func (l *listening) init(name string, most, perAddress int, limits *Limits) {
	l.name, l.most, l.perAddress, l.limits = name, most, perAddress, limits
	l.told = rate.Sometimes{First: 1, Interval: time.Minute}
	l.from = map[netip.Addr]int{}
	l.epoch.Store(1)
	l.perConn.Store(MaxStreams)
}

// GRPC returns a listener of gRPC's connections that accepts no more than there may be.
func (l *Limits) GRPC(inner net.Listener) net.Listener { return &listener{inner, &l.grpc} }

// HTTP is GRPC for those of the HTTP server, which have bounds of their own: a flood of one keeps nobody from the
// other.
func (l *Limits) HTTP(inner net.Listener) net.Listener { return &listener{inner, &l.http} }

type listener struct {
	net.Listener
	of *listening
}

// Accept waits for a connection within the bounds. Those beyond them are closed at once.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addrOf(raw)
		if !l.of.enter(from) {
			_ = raw.Close()
			continue
		}
		boundUnread(raw)
		return &counted{Conn: raw, leave: sync.OnceFunc(func() { l.of.leave(from) })}, nil
	}
}

// addrOf is the address that a connection comes from; invalid: from this machine's sockets.
func addrOf(c net.Conn) netip.Addr {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

func (l *listening) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if open := int(l.open.Load()); open >= l.most || from.IsValid() && l.from[from] >= l.perAddress {
		l.refused.Add(1)
		own := l.from[from]
		l.told.Do(func() {
			l.limits.log.Warn("a connection is refused, and perhaps others: there are as many as there may be",
				"listener", l.name, "from", from, "connections", open, "from_there", own, "max", l.most, "max_per_address", l.perAddress)
		})
		return false
	}
	l.open.Add(1)
	if from.IsValid() {
		l.from[from]++
	}
	return true
}

func (l *listening) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open.Add(-1)
	if l.from[from]--; l.from[from] <= 0 {
		delete(l.from, from)
	}
}

// share divides the room of the queue among the connections that are busy.
func (l *listening) share(q *queue) {
	l.windows++
	if l.windows%epochWindows == 0 {
		l.wasBusy.Store(l.busy.Swap(0))
		l.epoch.Add(1)
	}
	if q.roomy() {
		l.perConn.Store(MaxStreams)
		return
	}
	each := q.room.Load() / max(1, l.busy.Load(), l.wasBusy.Load())
	l.perConn.Store(min(max(each, leastStreams), MaxStreams))
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

// Credentials returns credentials whose connections tell their clients how many calls they may have under way.
func (l *Limits) Credentials(inner credentials.TransportCredentials) credentials.TransportCredentials {
	return &telling{inner, l}
}

type telling struct {
	credentials.TransportCredentials
	limits *Limits
}

func (t *telling) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	inner, info, err := t.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return inner, info, err
	}
	return &conn{Conn: inner, of: &t.limits.grpc, told: MaxStreams}, info, nil
}

func (t *telling) Clone() credentials.TransportCredentials {
	return &telling{t.TransportCredentials.Clone(), t.limits}
}

// conn tells its client how many calls it may have under way, SETTINGS_MAX_CONCURRENT_STREAMS of HTTP/2 (RFC 9113,
// 5.1.2), by a frame of its own between those of gRPC, which tells it once. Clients keep what is beyond it, until its
// deadline, at no cost to the server. One that does not is refused call by call.
//
// One goroutine of gRPC's reads, one writes.
type conn struct {
	net.Conn
	of *listening
	// calls counts calls under way; streams those of them that stay, which take nothing from the others.
	calls, streams atomic.Int64
	// epoch is the last in which it was read from; it is the reader's.
	epoch int64

	// The rest is the writer's: told is what the client was told last, frames is where in a frame it is.
	told   int64
	frames frames
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if epoch := c.of.epoch.Load(); c.epoch != epoch {
		c.epoch = epoch
		c.of.busy.Add(1)
	}
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	if allowed := c.allowed(); c.frames.between() && differ(allowed, c.told) {
		if _, err := c.Conn.Write(maxStreamsFrame(allowed)); err != nil {
			return 0, err
		}
		c.told = allowed
	}
	c.frames.follow(b)
	return c.Conn.Write(b)
}

// add counts calls under way, of which so many are streams, and returns how many there are; a connection that is not
// known has none.
func (c *conn) add(calls, streams int64) int64 {
	if c == nil {
		return 0
	}
	c.streams.Add(streams)
	return c.calls.Add(calls)
}

// hasOwn reports whether one call more would be the connection's own.
func (c *conn) hasOwn() bool { return c != nil && c.calls.Load() < ownCalls }

// allowed is how many calls the client may have under way.
func (c *conn) allowed() int64 {
	each := c.of.perConn.Load()
	if each < MaxStreams {
		each = min(each+c.streams.Load(), MaxStreams)
	}
	return each
}

// differ leaves small differences untold.
func differ(a, b int64) bool { return a > b+b/4 || a < b-b/4 || a != b && a == MaxStreams }

// maxStreamsFrame is a frame of SETTINGS with one setting.
func maxStreamsFrame(n int64) []byte {
	frame := []byte{0, 0, 6, byte(http2.FrameSettings), 0, 0, 0, 0, 0, 0, byte(http2.SettingMaxConcurrentStreams)}
	return binary.BigEndian.AppendUint32(frame, uint32(n))
}

// RemoteAddr is the client's address, by which the connection of a call is found.
func (c *conn) RemoteAddr() net.Addr { return remoteAddr{c.Conn.RemoteAddr(), c} }

type remoteAddr struct {
	net.Addr
	conn *conn
}

// connOf is the connection that a call came over; nil: another way.
func connOf(ctx context.Context) *conn {
	if p, ok := peer.FromContext(ctx); ok {
		if addr, ok := p.Addr.(remoteAddr); ok {
			return addr.conn
		}
	}
	return nil
}

// frames follows the frames of HTTP/2 in what is written, to know where one may be put between them.
type frames struct {
	head [9]byte
	// have is how much of the next head there is, left how much of the payload is to come.
	have, left int
	// any is whether there was a frame, the server's preface; block whether a block of headers goes on in the next.
	any, block bool
}

func (f *frames) between() bool { return f.any && f.have == 0 && f.left == 0 && !f.block }

func (f *frames) follow(b []byte) {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, len(b))
			f.left -= n
			b = b[n:]
			continue
		}
		n := copy(f.head[f.have:], b)
		f.have += n
		b = b[n:]
		if f.have == len(f.head) {
			f.begin()
		}
	}
}

// begin takes in the head of a frame.
func (f *frames) begin() {
	f.have, f.any = 0, true
	f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
	switch http2.FrameType(f.head[3]) {
	case http2.FrameHeaders, http2.FrameContinuation:
		f.block = !http2.Flags(f.head[4]).Has(http2.FlagHeadersEndHeaders)
	}
}
