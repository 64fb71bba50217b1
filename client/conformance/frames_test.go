package conformance_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frameWays are what a gate does to the frames of a connection; nil passes all. Settings of the size of header tables
// are left out, for the headers are encoded anew.
type frameWays struct {
	up, down frameLook
}

// frameLook sees a frame before it is passed and says whether it is.
type frameLook func(*frames, http2.Frame) bool

// frames moves the frames of one connection. It decodes and encodes headers itself, so any frame may be left out.
type frames struct {
	pipe *pipe
	// toClient and toServer may be written to by both directions.
	toClient, toServer *side

	mu sync.Mutex // guards methods
	// methods are the paths of the calls by stream.
	methods map[uint32]string
}

// side is one end to write to.
type side struct {
	mu      sync.Mutex // guards what follows
	framer  *http2.Framer
	headers *hpack.Encoder
	block   bytes.Buffer
}

func newSide(conn net.Conn) *side {
	s := &side{framer: http2.NewFramer(conn, nil)}
	s.framer.AllowIllegalWrites = true
	s.headers = hpack.NewEncoder(&s.block)
	s.headers.SetMaxDynamicTableSize(0)
	return s
}

func newFrames(p *pipe) *frames {
	return &frames{pipe: p, toClient: newSide(p.client), toServer: newSide(p.server), methods: map[uint32]string{}}
}

// move passes frames until either side ends.
func (f *frames) move() {
	var both sync.WaitGroup
	both.Go(func() {
		defer f.pipe.close(hangUp)
		if _, err := io.CopyN(f.pipe.server, f.pipe.client, int64(len(http2.ClientPreface))); err == nil {
			f.pass(f.pipe.client, f.toServer, func(w *frameWays) frameLook { return w.up })
		}
	})
	both.Go(func() {
		defer f.pipe.close(hangUp)
		f.pass(f.pipe.server, f.toClient, func(w *frameWays) frameLook { return w.down })
	})
	both.Wait()
}

func (f *frames) pass(from net.Conn, to *side, direction func(*frameWays) frameLook) {
	reader := http2.NewFramer(nil, from)
	reader.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := reader.ReadFrame()
		if err != nil {
			return
		}
		if h, ok := frame.(*http2.MetaHeadersFrame); ok && h.PseudoValue("path") != "" {
			f.mu.Lock()
			f.methods[h.StreamID] = h.PseudoValue("path")
			f.mu.Unlock()
		}
		if !f.permits(frame, direction) {
			continue
		}
		if to.write(frame) != nil {
			return
		}
	}
}

// permits asks the ways of the moment whether a frame is passed.
func (f *frames) permits(frame http2.Frame, direction func(*frameWays) frameLook) bool {
	w := f.pipe.ways.Load().frames
	if w == nil || direction(w) == nil {
		return true
	}
	f.pipe.gate.touched.Add(1)
	return direction(w)(f, frame)
}

// streams tells whether a stream is a call with a stream of messages, not with one.
func (f *frames) streams(id uint32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.HasSuffix(f.methods[id], "/CheckStream") || strings.HasSuffix(f.methods[id], "/WatchInvalidations")
}

// write writes a frame as it was read.
func (s *side) write(frame http2.Frame) error {
	h := frame.Header()
	switch x := frame.(type) {
	case *http2.MetaHeadersFrame:
		return s.writeHeaders(h.StreamID, x.StreamEnded(), x.Fields)
	case *http2.DataFrame:
		return s.do(func(w *http2.Framer) error { return w.WriteData(h.StreamID, x.StreamEnded(), x.Data()) })
	case *http2.SettingsFrame:
		return s.writeSettings(x)
	case *http2.RSTStreamFrame:
		return s.do(func(w *http2.Framer) error { return w.WriteRSTStream(h.StreamID, x.ErrCode) })
	case *http2.WindowUpdateFrame:
		return s.do(func(w *http2.Framer) error { return w.WriteWindowUpdate(h.StreamID, x.Increment) })
	case *http2.PingFrame:
		return s.do(func(w *http2.Framer) error { return w.WritePing(x.IsAck(), x.Data) })
	case *http2.GoAwayFrame:
		return s.do(func(w *http2.Framer) error { return w.WriteGoAway(x.LastStreamID, x.ErrCode, x.DebugData()) })
	case *http2.PriorityFrame, *http2.PriorityUpdateFrame, *http2.UnknownFrame:
		return nil // advice, which may be ignored
	default:
		return errors.New("a frame that no client or server of gRPC sends")
	}
}

func (s *side) do(write func(*http2.Framer) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return write(s.framer)
}

func (s *side) writeSettings(frame *http2.SettingsFrame) error {
	if frame.IsAck() {
		return s.do((*http2.Framer).WriteSettingsAck)
	}
	var settings []http2.Setting
	_ = frame.ForeachSetting(func(one http2.Setting) error {
		if one.ID != http2.SettingHeaderTableSize {
			settings = append(settings, one)
		}
		return nil
	})
	return s.do(func(w *http2.Framer) error { return w.WriteSettings(settings...) })
}

// mostOfABlock is how much of a block of headers fits a frame.
const mostOfABlock = 16 << 10

func (s *side) writeHeaders(id uint32, ended bool, fields []hpack.HeaderField) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.block.Reset()
	for _, field := range fields {
		if err := s.headers.WriteField(field); err != nil {
			return err
		}
	}
	part := s.block.Next(mostOfABlock)
	first := http2.HeadersFrameParam{StreamID: id, BlockFragment: part, EndStream: ended, EndHeaders: s.block.Len() == 0}
	err := s.framer.WriteHeaders(first)
	for err == nil && s.block.Len() > 0 {
		part = s.block.Next(mostOfABlock)
		err = s.framer.WriteContinuation(id, s.block.Len() == 0, part)
	}
	return err
}

// beginsCall tells whether a frame begins a call.
func beginsCall(frame http2.Frame) bool {
	h, ok := frame.(*http2.MetaHeadersFrame)
	return ok && h.PseudoValue("path") != ""
}

// endsCalls ends each call with a RST_STREAM; the server hears nothing of it.
func endsCalls(code http2.ErrCode) *frameWays {
	return &frameWays{up: func(f *frames, frame http2.Frame) bool {
		if beginsCall(frame) {
			_ = f.toClient.do(func(w *http2.Framer) error { return w.WriteRSTStream(frame.Header().StreamID, code) })
		}
		return ofConnection(frame)
	}}
}

// ofConnection tells whether a frame is about the connection, not a call.
func ofConnection(frame http2.Frame) bool { return frame.Header().StreamID == 0 }

// goesAway says GOAWAY when a call begins: the last stream is that one, or none.
func goesAway(code http2.ErrCode, none bool) *frameWays {
	return &frameWays{up: func(f *frames, frame http2.Frame) bool {
		if !beginsCall(frame) {
			return ofConnection(frame) || !none
		}
		last := frame.Header().StreamID
		if none {
			last = 0
		}
		_ = f.toClient.do(func(w *http2.Framer) error { return w.WriteGoAway(last, code, []byte("the gate")) })
		return !none
	}}
}

// answersCalls answers each call with these headers and a body; the server hears nothing of it.
func answersCalls(body string, fields ...hpack.HeaderField) *frameWays {
	return &frameWays{up: func(f *frames, frame http2.Frame) bool {
		if id := frame.Header().StreamID; beginsCall(frame) {
			_ = f.toClient.writeHeaders(id, false, fields)
			_ = f.toClient.do(func(w *http2.Framer) error { return w.WriteData(id, true, []byte(body)) })
		}
		return ofConnection(frame)
	}}
}

// losesCalls passes what is about the connection, pings too, and no call: a proxy whose backend is dead.
func losesCalls() *frameWays {
	return &frameWays{up: func(f *frames, frame http2.Frame) bool { return f.keepsAlive(frame) && ofConnection(frame) }}
}

// keepsAlive answers pings itself, as a proxy does. It tells whether the frame is to be passed.
func (f *frames) keepsAlive(frame http2.Frame) bool {
	ping, ok := frame.(*http2.PingFrame)
	if ok && !ping.IsAck() {
		_ = f.toClient.do(func(w *http2.Framer) error { return w.WritePing(true, ping.Data) })
		return false
	}
	return true
}

// holdsStreams holds what is said on streams, one way, until they end; calls with one answer pass.
func holdsStreams(f *frames, frame http2.Frame) bool { return !f.streams(frame.Header().StreamID) }

// sets rewrites one of the server's settings.
func sets(id http2.SettingID, value uint32) frameLook {
	return func(f *frames, frame http2.Frame) bool {
		settings, ok := frame.(*http2.SettingsFrame)
		if !ok || settings.IsAck() {
			return true
		}
		_ = f.toClient.do(func(w *http2.Framer) error { return w.WriteSettings(http2.Setting{ID: id, Val: value}) })
		return false
	}
}

// noWindow lets the client send no data: its window is empty and is never updated.
func noWindow() *frameWays {
	shut := sets(http2.SettingInitialWindowSize, 0)
	return &frameWays{
		up: func(f *frames, frame http2.Frame) bool { return f.keepsAlive(frame) },
		down: func(f *frames, frame http2.Frame) bool {
			_, update := frame.(*http2.WindowUpdateFrame)
			return !update && shut(f, frame)
		},
	}
}

// hugeHeaders adds 64 KiB to the headers of each answer.
func hugeHeaders() *frameWays {
	return &frameWays{down: func(f *frames, frame http2.Frame) bool {
		h, ok := frame.(*http2.MetaHeadersFrame)
		if !ok {
			return true
		}
		fields := append(h.Fields, hpack.HeaderField{Name: "x-padding", Value: strings.Repeat("x", 64<<10)})
		_ = f.toClient.writeHeaders(h.StreamID, h.StreamEnded(), fields)
		return false
	}}
}

// strangeFrames says before each answer what HTTP/2 allows and gRPC does not know.
func strangeFrames() *frameWays {
	return &frameWays{down: func(f *frames, frame http2.Frame) bool {
		if _, ok := frame.(*http2.MetaHeadersFrame); ok {
			_ = f.toClient.do(func(w *http2.Framer) error {
				return errors.Join(
					w.WriteRawFrame(0xbe, 0xff, frame.Header().StreamID, []byte("strange")),
					w.WriteSettings(http2.Setting{ID: 0xbeef, Val: 1}), w.WritePing(false, [8]byte{1}),
				)
			})
		}
		return true
	}}
}
