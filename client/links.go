package client

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
)

// linkLimits are after how long a connection is given up.
type linkLimits struct {
	// connect bounds the making of a connection, up to the server's first word: TLS takes three round trips.
	connect time.Duration
	// silence is for how long a connection may bring nothing after something was sent, once a call ran out of time.
	silence time.Duration
	// deafness is for how long calls may run out of time, and none be answered, on connections that are not silent. It
	// doubles each time that new connections did not help, up to maxDeafness.
	deafness time.Duration
}

const maxDeafness = time.Minute

// The limits and the pings of dialOptions together: whatever became of a connection, 15 s later calls are answered
// again where a new one would answer them. A server that is busy for as long costs a new connection, which is cheap.
var defaultLinkLimits = linkLimits{connect: 4 * time.Second, silence: 3 * time.Second, deafness: 5 * time.Second}

// links are the connections of a client, below TLS. It ends those that are of no use, so that gRPC makes new ones: a
// connection whose peer is gone, or stopped, or sits behind a proxy that still acknowledges, looks open for ever, and a
// ping of gRPC's, each ten seconds at most, is answered by some proxies themselves.
//
// Nothing happens as long as calls are answered. One that runs out of time has its connections looked at, and again
// when the limit of silence is reached.
//
// A nil *links watches nothing. Its methods may be called concurrently.
type links struct {
	limits linkLimits
	// late says that a call ran out of time since one was last answered.
	late atomic.Bool

	mu sync.Mutex
	// open are the connections that are not closed. Guarded by mu, as all below.
	open map[*link]bool
	// lateSince is when the first call ran out of time since one was last answered; deafness is the limit that holds.
	lateSince time.Time
	deafness  time.Duration
	// again looks again at the silent.
	again *time.Timer
}

func newLinks(limits linkLimits) *links {
	return &links{limits: limits, open: map[*link]bool{}, deafness: limits.deafness}
}

// observe is told of how each attempt at a call ended.
func (l *links) observe(code codes.Code) {
	switch code {
	case codes.DeadlineExceeded:
		l.ranOut()
	case codes.Unavailable, codes.Canceled, codes.Unknown: // perhaps not a server's word
	default:
		l.answered()
	}
}

func (l *links) answered() {
	if l == nil || !l.late.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late.Store(false)
	l.deafness = l.limits.deafness
}

// ranOut is told of a call that had no answer in its time.
func (l *links) ranOut() {
	if l == nil {
		return
	}
	l.mu.Lock()
	now := time.Now()
	if !l.late.Swap(true) {
		l.lateSince = now
	}
	useless := l.silent()
	if now.Sub(l.lateSince) >= l.deafness {
		l.deafness = min(2*l.deafness, maxDeafness)
		l.lateSince = now
		for k := range l.open {
			useless = append(useless, k)
		}
	}
	l.mu.Unlock()
	end(useless)
}

// lookAgain is for those that were not silent for long enough.
func (l *links) lookAgain() {
	l.mu.Lock()
	useless := l.silent()
	l.mu.Unlock()
	end(useless)
}

// silent returns the connections that have been silent for too long, and has those looked at again that may be; l.mu is
// held.
func (l *links) silent() (useless []*link) {
	next := time.Duration(0)
	for k := range l.open {
		switch left := l.limits.silence - k.silent(); {
		case left <= 0:
			useless = append(useless, k)
		case left < l.limits.silence && (next == 0 || left < next):
			next = left
		}
	}
	if next > 0 && l.late.Load() {
		l.lookAgainAfter(next)
	}
	return useless
}

func (l *links) lookAgainAfter(d time.Duration) {
	if l.again == nil {
		l.again = time.AfterFunc(d, l.lookAgain)
	} else {
		l.again.Reset(d)
	}
}

func (l *links) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = nil
	if l.again != nil {
		l.again.Stop()
	}
}

// end closes connections beneath gRPC, which takes each for lost.
func end(useless []*link) {
	for _, k := range useless {
		_ = k.Conn.Close()
	}
}

// link is a connection that knows how long it has been silent.
type link struct {
	net.Conn
	links *links
	began time.Time
	// asked is when something was first sent after something last came, in nanoseconds since began; 0: nothing was.
	asked atomic.Int64
}

func (k *link) silent() time.Duration {
	asked := k.asked.Load()
	if asked == 0 {
		return 0
	}
	return time.Since(k.began) - time.Duration(asked)
}

// Read notes that the peer is there.
func (k *link) Read(data []byte) (int, error) {
	n, err := k.Conn.Read(data)
	if n > 0 && k.asked.Load() != 0 {
		k.asked.Store(0)
	}
	if err != nil {
		k.forget()
	}
	return n, err
}

// Write notes since when the peer owes an answer.
func (k *link) Write(data []byte) (int, error) {
	if k.asked.Load() == 0 {
		k.asked.CompareAndSwap(0, max(1, int64(time.Since(k.began))))
	}
	return k.Conn.Write(data)
}

// Close is the end of it.
func (k *link) Close() error {
	k.forget()
	return k.Conn.Close()
}

func (k *link) forget() {
	k.links.mu.Lock()
	defer k.links.mu.Unlock()
	delete(k.links.open, k)
}

// linkCredentials are credentials whose connections are links: gRPC's one place to see a connection that leaves it to
// gRPC how to make it, proxies included.
type linkCredentials struct {
	credentials.TransportCredentials
	links *links
}

// ClientHandshake makes a link of the connection.
func (c linkCredentials) ClientHandshake(
	ctx context.Context, authority string, connection net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	k := &link{Conn: connection, links: c.links, began: time.Now()}
	c.links.mu.Lock()
	if c.links.open != nil {
		c.links.open[k] = true
	}
	c.links.mu.Unlock()
	secured, info, err := c.TransportCredentials.ClientHandshake(ctx, authority, k)
	if err != nil {
		k.forget()
	}
	return secured, info, err
}

// Clone keeps the links.
func (c linkCredentials) Clone() credentials.TransportCredentials {
	return linkCredentials{c.TransportCredentials.Clone(), c.links}
}
