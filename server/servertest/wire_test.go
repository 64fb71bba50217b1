package servertest_test

import (
	octets "bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// wire is a connection of a client that does with frames of HTTP/2 as it likes.
type wire struct {
	net.Conn
	*http2.Framer
	out     *octets.Buffer
	encoder *hpack.Encoder
	block   *octets.Buffer
	next    uint32
	// ended is closed when nothing more comes.
	ended chan struct{}

	mu sync.Mutex
	// got are the kinds of frames that came, guarded by mu.
	got map[string]int
}

// attackTime bounds an attack, with what the server does about it.
const attackTime = 30 * time.Second

// dialWire connects; with silent nothing is read.
func dialWire(t *testing.T, addr string, silent bool) *wire {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	if err := raw.SetDeadline(time.Now().Add(attackTime)); err != nil {
		t.Fatal(err)
	}
	w := &wire{Conn: raw, out: &octets.Buffer{}, block: &octets.Buffer{}, next: 1, ended: make(chan struct{}), got: map[string]int{}}
	w.Framer = http2.NewFramer(w.out, raw)
	w.AllowIllegalWrites = true
	w.encoder = hpack.NewEncoder(w.block)
	w.out.WriteString(http2.ClientPreface)
	_ = w.WriteSettings()
	w.flush()
	if silent {
		close(w.ended)
	} else {
		go w.read()
	}
	return w
}

// flush sends what was framed; false: the connection has ended.
func (w *wire) flush() bool {
	_, err := w.out.WriteTo(w.Conn)
	return err == nil
}

// read takes in what comes until the connection ends.
func (w *wire) read() {
	defer close(w.ended)
	for {
		frame, err := w.ReadFrame()
		if err != nil {
			w.note(endOf(err))
			return
		}
		w.note(kindOf(frame))
	}
}

func endOf(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "stays open"
	}
	return "closed" // by FIN or RST, which depends on what was still on its way
}

func (w *wire) note(kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got[kind]++
}

// kindOf names a frame that says something about the server's opinion.
func kindOf(frame http2.Frame) string {
	switch f := frame.(type) {
	case *http2.GoAwayFrame:
		return "GOAWAY " + f.ErrCode.String()
	case *http2.RSTStreamFrame:
		return "RST " + f.ErrCode.String()
	case *http2.HeadersFrame:
		if f.StreamEnded() {
			return "end of call"
		}
	case *http2.PingFrame:
		if f.IsAck() {
			return "PONG"
		}
	}
	return "other"
}

// kinds are what came, in order, without what says nothing.
func (w *wire) kinds() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	kinds := slices.Sorted(maps.Keys(w.got))
	return slices.DeleteFunc(kinds, func(k string) bool { return k == "other" })
}

// ask asks whether the server is there, and waits for the answer, or for the end.
func (w *wire) ask() {
	before := w.count("PONG")
	_ = w.WritePing(false, [8]byte{7})
	w.flush()
	w.await("PONG", before)
}

// await waits until more than before of a kind came, or the end: an answer to a call may come after that to a later
// PING.
func (w *wire) await(kind string, before int) {
	for deadline := time.Now().Add(attackTime); time.Now().Before(deadline) && w.count(kind) == before; {
		select {
		case <-w.ended:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func (w *wire) count(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got[kind]
}

// headers encodes those of a call of method, and more.
func (w *wire) headers(method string, more ...hpack.HeaderField) []byte {
	w.block.Reset()
	for _, f := range append([]hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "localhost"},
		{Name: ":path", Value: method}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}, more...) {
		_ = w.encoder.WriteField(f) // into memory
	}
	return w.block.Bytes()
}

// begin frames the headers of a call, and returns its stream.
func (w *wire) begin(method string, more ...hpack.HeaderField) uint32 {
	id := w.next
	w.next += 2
	_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: w.headers(method, more...), EndHeaders: true})
	return id
}

// message is an encoded message, with gRPC's head.
func message(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(data))), data...)
}

// aCheck is a check that is answered from memory.
var aCheck = &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: "ai_training"}

// neighbour checks, as a well-behaved client does, until the returned function is called, which fails the test if any
// of its checks did.
func neighbour(t *testing.T, s *servertest.Server) (stop func() (checks int, slowest time.Duration)) {
	t.Helper()
	done, ended := make(chan struct{}), make(chan struct{})
	var checks int
	var slowest time.Duration
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			began := time.Now()
			if _, err := s.Decisions.Check(t.Context(), aCheck); err != nil {
				t.Errorf("a well-behaved client's check: %v", err)
				return
			}
			checks, slowest = checks+1, max(slowest, time.Since(began))
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() (int, time.Duration) {
		close(done)
		<-ended
		return checks, slowest
	}
}

// grown runs f and returns by how many bytes heap and stacks grew while it ran, at most.
func grown(f func()) int64 {
	runtime.GC()
	before, done, peak := inUse(), make(chan struct{}), make(chan int64)
	go func() {
		most := before
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, inUse())
			select {
			case <-done:
				peak <- most
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(done)
	return <-peak - before
}

func inUse() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() + samples[1].Value.Uint64())
}

// drain reads what comes until the connection ends, or for as long as it may.
func drain(c net.Conn, wait time.Duration) string {
	_ = c.SetReadDeadline(time.Now().Add(wait))
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "stays open"
	}
	return "closed"
}

// joined is for messages.
func joined(kinds []string) string { return strings.Join(kinds, ", ") }
