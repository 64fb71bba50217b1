package limit

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/credentials/insecure"
)

// answers are frames as a server writes them.
func answers(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	f := http2.NewFramer(&out, nil)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.WriteSettings())
	must(f.WriteSettingsAck())
	for id := uint32(1); id < 20; id += 2 {
		must(f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x88}}))
		must(f.WriteContinuation(id, false, []byte{0x88, 0x88}))
		must(f.WriteContinuation(id, true, []byte{0x88}))
		must(f.WriteData(id, false, make([]byte, 300)))
		must(f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x88}, EndHeaders: true, EndStream: true}))
	}
	return out.Bytes()
}

// recording is a connection that keeps what is written.
type recording struct {
	net.Conn
	out bytes.Buffer
}

func (r *recording) Write(b []byte) (int, error) { return r.out.Write(b) }

func tellingConn(t testing.TB, inner net.Conn) (*Limits, *conn) {
	t.Helper()
	l, err := New(Config{}, Options{Status: func(err error) error { return err }})
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nothing changes by itself
	c, _, err := l.Credentials(insecure.NewCredentials()).ServerHandshake(inner)
	if err != nil {
		t.Fatal(err)
	}
	return l, c.(*conn)
}

// However gRPC cuts what it writes, ours stand between frames, after the first, and never within a block of headers:
// HTTP/2 would have it end the connection.
func TestSettingsStandBetweenFrames(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	want, told := answers(t), 0
	for range 200 {
		inner := &recording{}
		l, c := tellingConn(t, inner)
		for rest := want; len(rest) > 0; {
			if random.IntN(2) == 0 {
				l.grpc.perConn.Store(int64(2 + random.IntN(MaxStreams)))
			}
			n := min(len(rest), 1+random.IntN(60))
			if written, err := c.Write(rest[:n]); err != nil || written != n {
				t.Fatalf("wrote %d of %d: %v", written, n, err)
			}
			rest = rest[n:]
		}
		got, frames := http2.NewFramer(io.Discard, &inner.out), http2.NewFramer(io.Discard, bytes.NewReader(want))
		for first := true; ; first = false {
			frame, err := got.ReadFrame() // fails on a frame within a block
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if s, ok := frame.(*http2.SettingsFrame); ok && !s.IsAck() && s.NumSettings() == 1 {
				if first {
					t.Fatal("ours is the first frame")
				}
				told++
				continue
			}
			same, err := frames.ReadFrame()
			if err != nil || same.Header() != frame.Header() {
				t.Fatalf("got %v, want %v (%v)", frame.Header(), same.Header(), err)
			}
		}
	}
	if told < 100 {
		t.Errorf("clients were told something %d times in 200 connections: the test says little", told)
	}
}

func TestWhatAConnectionMayHave(t *testing.T) {
	l, c := tellingConn(t, &recording{})
	if c.allowed() != MaxStreams {
		t.Errorf("%d calls while there is room, want %d", c.allowed(), MaxStreams)
	}
	for range 10 {
		l.grpc.busy.Add(1)
	}
	l.queue.room.Store(100)
	l.grpc.share(&l.queue)
	if c.allowed() != 10 {
		t.Errorf("%d of 100 calls for one of ten connections, want 10", c.allowed())
	}
	c.add(1, 1)
	if c.allowed() != 11 {
		t.Errorf("%d calls beside a stream, want 11: it takes nothing from the others", c.allowed())
	}
	c.add(-1, -1)
	l.queue.room.Store(5)
	l.grpc.share(&l.queue)
	if c.allowed() != leastStreams {
		t.Errorf("%d calls, want at least %d", c.allowed(), leastStreams)
	}
	l.queue.room.Store(l.queue.most)
	l.grpc.share(&l.queue)
	if c.allowed() != MaxStreams {
		t.Errorf("%d calls once there is room again, want %d", c.allowed(), MaxStreams)
	}
}

// taken is how many of n calls of a connection are counted in.
func taken(p *pool, over *conn, class Class, n int) (in int) {
	for range n {
		if p.take(&Held{over: over, class: class}) {
			in++
		}
	}
	return in
}

func TestNoConnectionHasAllCalls(t *testing.T) {
	p := &pool{size: 100}
	greedy, next, third := &conn{}, &conn{}, &conn{}
	if got := taken(p, greedy, Checks, 1000); got != ownCalls+50 {
		t.Errorf("one connection got %d calls of a pool of 100, want its own and half", got)
	}
	if got := taken(p, next, Checks, 1000); got != ownCalls+25 {
		t.Errorf("the next got %d, want its own and half of the rest", got)
	}
	for range 100 {
		taken(p, &conn{}, Checks, 1000)
	}
	if got := taken(p, third, Checks, 1000); got != ownCalls {
		t.Errorf("one that comes when all are used up got %d, want its own", got)
	}
	if got := taken(p, &conn{}, Protected, 1000); got < ownCalls+1 || got > ownCalls+10 {
		t.Errorf("withdrawals got %d, want the connection's own and some of a reserve of 10", got)
	}
	if got := taken(p, nil, Checks, 1); got != 0 {
		t.Error("a call over a connection that is not known is of no pool")
	}
}

// What is counted in is counted out.
func TestThePoolIsFullAgain(t *testing.T) {
	p, c := &pool{size: 10}, &conn{}
	for range 1000 {
		var held []Held
		for range 30 {
			h := Held{over: c, class: Checks, streams: 1}
			if p.take(&h) {
				held = append(held, h)
			}
		}
		for _, h := range held {
			p.give(h)
		}
	}
	if p.used.Load() != 0 || c.calls.Load() != 0 || c.streams.Load() != 0 {
		t.Errorf("%d of the pool, %d calls and %d streams are left", p.used.Load(), c.calls.Load(), c.streams.Load())
	}
}

func TestConnectionsAreCountedByAddress(t *testing.T) {
	l, _ := tellingConn(t, &recording{})
	one := &l.grpc
	one.most, one.perAddress = 3, 2
	a, b, socket := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.Addr{}
	for i, step := range []struct {
		from netip.Addr
		want bool
	}{{a, true}, {a, true}, {a, false}, {b, true}, {b, false}, {socket, false}} {
		if got := one.enter(step.from); got != step.want {
			t.Errorf("%d: from %v: %v", i, step.from, got)
		}
	}
	one.leave(a)
	one.leave(a)
	for range 2 {
		if !one.enter(socket) {
			t.Error("a socket of this machine is bounded as an address")
		}
	}
	if one.refused.Load() != 3 || one.open.Load() != 3 || len(one.from) != 1 {
		t.Errorf("%d refused, %d open, from %v", one.refused.Load(), one.open.Load(), one.from)
	}
}
