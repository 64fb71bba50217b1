package flood

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// window is how much a connection lets the server send: more than it sends during a run, or until it is granted anew.
	window = 1 << 30
	// slots is how many calls a connection remembers; a power of two above any server's bound of streams.
	slots = 1 << 16
	// frameHead is the length of a frame's head, messageHead that of a gRPC message's.
	frameHead, messageHead = 9, 5
)

// conn is one connection. One goroutine sends on it, and one, of its own, receives.
type conn struct {
	net.Conn
	// headers is the header block of each call but the first, to which all fields are known to the server.
	first, headers []byte
	// began is when the run did: times are nanoseconds since then.
	began time.Time
	// answered is told of each call's end, by the receiving goroutine, heldBack of each that was not sent, by either.
	answered func(call call, now int64, status int)
	heldBack func(due int64)
	// defiant takes the first bound of streams, and no later one.
	defiant bool
	// patience is how long a call waits for a free stream before it is held back.
	patience int64
	// most is the sender's own bound of calls under way; 0: it has none.
	most int

	sending sync.Mutex
	// batch is guarded by sending.
	batch []byte

	mu sync.Mutex
	// All below is guarded by mu.

	// next is the id of the next stream; calls has those under way, by stream.
	next  uint32
	calls []call
	// waiting are calls without a stream, in the order in which they were due.
	waiting []waiting
	// underWay counts calls, allowed is the server's bound of them.
	underWay, allowed int
	// credit is how many bytes the server lets the connection send.
	credit int64
	broken error
}

// call is one under way: when it was due and sent; due is -1 for none.
type call struct{ due, sent int64 }

// waiting is a call that has no stream yet, since it was offered first.
type waiting struct {
	due, since int64
	message    []byte
}

func dial(addr string, headers []hpack.HeaderField) (*conn, error) {
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, next: 1, calls: make([]call, slots), allowed: slots / 2, credit: 65535}
	for i := range c.calls {
		c.calls[i].due = -1
	}
	c.first, c.headers = blocks(headers)
	var hello bytes.Buffer
	hello.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&hello, nil)
	err = errors.Join(f.WriteSettings(), f.WriteWindowUpdate(0, window))
	if _, failed := raw.Write(hello.Bytes()); failed != nil || err != nil {
		return nil, errors.Join(err, failed, raw.Close())
	}
	return c, nil
}

// blocks encodes headers twice: as the first call of a connection has them, and as all later ones do.
func blocks(headers []hpack.HeaderField) (first, later []byte) {
	var out bytes.Buffer
	encoder := hpack.NewEncoder(&out)
	for _, h := range headers {
		_ = encoder.WriteField(h) // into memory
	}
	first = bytes.Clone(out.Bytes())
	out.Reset()
	for _, h := range headers {
		_ = encoder.WriteField(h)
	}
	return first, bytes.Clone(out.Bytes())
}

// offer sends calls, those that wait and then these, as many as the server has room for. The others wait, until their
// patience ends.
func (c *conn) offer(more ...waiting) error {
	c.sending.Lock() // the server takes streams in the order of their ids
	defer c.sending.Unlock()
	c.batch = c.begin(c.batch[:0], int64(time.Since(c.began)), more)
	if len(c.batch) == 0 {
		return nil
	}
	_, err := c.Write(c.batch)
	return err
}

// begin appends the calls that can be sent to batch.
func (c *conn) begin(batch []byte, now int64, more []waiting) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range more {
		w.since = now
		c.waiting = append(c.waiting, w)
	}
	for len(c.waiting) > 0 {
		next := c.waiting[0]
		switch {
		case now-next.since > c.patience:
			c.heldBack(next.due)
		case c.fits(next):
			batch = c.send(batch, now, next)
		default:
			return batch
		}
		c.waiting = c.waiting[1:]
	}
	return batch
}

// settle gives up what waits, and returns how many calls are under way.
func (c *conn) settle() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiting {
		c.heldBack(w.due)
	}
	c.waiting = nil
	if c.broken != nil {
		return 0
	}
	return c.underWay
}

func (c *conn) fits(w waiting) bool {
	return c.broken == nil && c.underWay < c.allowed && (c.most == 0 || c.underWay < c.most) &&
		c.credit >= int64(messageHead+len(w.message))
}

func (c *conn) send(batch []byte, now int64, w waiting) []byte {
	id, size := c.next, messageHead+len(w.message)
	c.next += 2
	c.calls[id/2%slots] = call{due: w.due, sent: now}
	c.underWay++
	c.credit -= int64(size)
	block := c.headers
	if id == 1 {
		block = c.first
	}
	batch = appendFrame(batch, http2.FrameHeaders, http2.FlagHeadersEndHeaders, id, block)
	batch = appendHead(batch, size, http2.FrameData, http2.FlagDataEndStream, id)
	batch = binary.BigEndian.AppendUint32(append(batch, 0), uint32(len(w.message)))
	return append(batch, w.message...)
}

func appendFrame(b []byte, kind http2.FrameType, flags http2.Flags, stream uint32, payload []byte) []byte {
	return append(appendHead(b, len(payload), kind, flags, stream), payload...)
}

func appendHead(b []byte, length int, kind http2.FrameType, flags http2.Flags, stream uint32) []byte {
	b = append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), byte(flags))
	return binary.BigEndian.AppendUint32(b, stream)
}

// receive reads until the connection ends.
func (c *conn) receive() {
	err := (&receiver{conn: c, in: bufio.NewReaderSize(c.Conn, 64<<10)}).run()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = err
}

// receiver is what the receiving goroutine has.
type receiver struct {
	*conn
	in      *bufio.Reader
	payload []byte
	decoder *hpack.Decoder
	// status is the gRPC status in the headers that are being decoded, -1: they have none.
	status int
	// read counts bytes of data since the window was granted.
	read int
}

func (r *receiver) run() error {
	r.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == "grpc-status" {
			r.status, _ = strconv.Atoi(f.Value)
		}
	})
	for {
		if err := errors.Join(r.frame(), r.refill()); err != nil {
			return err
		}
	}
}

// frame reads one frame and does what it asks for.
func (r *receiver) frame() error {
	var head [frameHead]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return err
	}
	length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	kind, flags, stream := http2.FrameType(head[3]), http2.Flags(head[4]), binary.BigEndian.Uint32(head[5:])
	if cap(r.payload) < length {
		r.payload = make([]byte, length)
	}
	r.payload = r.payload[:length]
	if _, err := io.ReadFull(r.in, r.payload); err != nil {
		return err
	}
	switch kind {
	case http2.FrameHeaders:
		r.status = -1
		if _, err := r.decoder.Write(r.payload); err != nil {
			return err
		}
		if flags.Has(http2.FlagHeadersEndStream) {
			r.end(stream, r.status)
		}
	case http2.FrameData:
		return r.grant(length)
	case http2.FrameRSTStream:
		r.end(stream, -1)
	case http2.FrameSettings:
		return r.settings(flags)
	case http2.FramePing:
		if !flags.Has(http2.FlagPingAck) {
			_, err := r.Write(appendFrame(nil, http2.FramePing, http2.FlagPingAck, 0, r.payload))
			return err
		}
	case http2.FrameWindowUpdate:
		if stream == 0 {
			r.mu.Lock()
			r.credit += int64(binary.BigEndian.Uint32(r.payload))
			r.mu.Unlock()
		}
	case http2.FrameGoAway:
		return fmt.Errorf("the server goes away: %s", r.payload)
	}
	return nil
}

// end notes that a call ended.
func (r *receiver) end(stream uint32, status int) {
	r.mu.Lock()
	ended := r.calls[stream/2%slots]
	if ended.due >= 0 {
		r.calls[stream/2%slots].due = -1
		r.underWay--
	}
	r.mu.Unlock()
	if ended.due >= 0 {
		r.answered(ended, int64(time.Since(r.began)), status)
	}
}

// refill sends what waits, once all that came in one read was taken in.
func (r *receiver) refill() error {
	if r.in.Buffered() > 0 {
		return nil
	}
	return r.offer()
}

func (r *receiver) grant(length int) error {
	if r.read += length; r.read < window/2 {
		return nil
	}
	grant := binary.BigEndian.AppendUint32(nil, uint32(r.read))
	r.read = 0
	_, err := r.Write(appendFrame(nil, http2.FrameWindowUpdate, 0, 0, grant))
	return err
}

func (r *receiver) settings(flags http2.Flags) error {
	if flags.Has(http2.FlagSettingsAck) {
		return nil
	}
	for p := r.payload; len(p) >= 6; p = p[6:] {
		if http2.SettingID(binary.BigEndian.Uint16(p)) == http2.SettingMaxConcurrentStreams && (!r.defiant || r.next == 1) {
			r.mu.Lock()
			r.allowed = int(binary.BigEndian.Uint32(p[2:]))
			r.mu.Unlock()
		}
	}
	_, err := r.Write(appendFrame(nil, http2.FrameSettings, http2.FlagSettingsAck, 0, nil))
	return err
}
