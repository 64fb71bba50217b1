package servertest_test

import (
	octets "bytes"
	"compress/gzip"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

const (
	checkMethod  = consentv1.DecisionService_Check_FullMethodName
	streamMethod = consentv1.DecisionService_CheckStream_FullMethodName
)

// hostile is what a client does that means no good, and what the server is to say to it: one of the kinds of frames
// that came, or the end of the connection.
type hostile struct {
	name   string
	attack func(*testing.T, *wire)
	want   string
	// silent clients read nothing.
	silent bool
}

// hostileFrames are attacks on HTTP/2, with the numbers of those that had one.
var hostileFrames = []hostile{
	{name: "rapid reset (CVE-2023-44487)", want: "PONG", attack: func(t *testing.T, w *wire) {
		for range 5_000 {
			id := w.begin(checkMethod)
			_ = w.WriteRSTStream(id, http2.ErrCodeCancel)
			if w.next%200 == 1 && !w.flush() {
				return
			}
		}
	}},
	{name: "resets by the server (CVE-2025-8671)", want: "RST STREAM_CLOSED", attack: func(t *testing.T, w *wire) {
		body := message(t, aCheck)
		for range 2_000 {
			id := w.begin(checkMethod)
			_ = w.WriteData(id, true, body)
			_ = w.WriteData(id, true, body) // after its end
			if w.next%200 == 1 && !w.flush() {
				return
			}
		}
	}},
	{name: "window updates by zero", want: "closed", attack: func(t *testing.T, w *wire) {
		id := w.begin(streamMethod)
		_ = w.WriteRawFrame(http2.FrameWindowUpdate, 0, id, make([]byte, 4))
		_ = w.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, make([]byte, 4))
	}},
	{name: "CONTINUATION flood (CVE-2023-45288)", want: "closed", attack: func(t *testing.T, w *wire) {
		block := octets.Clone(w.headers(checkMethod, hpack.HeaderField{Name: "x", Value: strings.Repeat("~", 8<<10), Sensitive: true}))
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block})
		for range 10_000 {
			_ = w.WriteContinuation(1, false, block)
			if !w.flush() {
				return
			}
		}
	}},
	{name: "empty CONTINUATION flood", want: "closed", attack: func(t *testing.T, w *wire) {
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: w.headers(checkMethod)})
		for range 200 {
			for range 500 {
				_ = w.WriteContinuation(1, false, nil)
			}
			if !w.flush() {
				return
			}
		}
		_ = w.WriteData(1, true, nil) // not what must come
	}},
	{name: "PING flood (CVE-2019-9512)", want: "GOAWAY ENHANCE_YOUR_CALM", attack: func(t *testing.T, w *wire) {
		for range 200 {
			for range 100 {
				_ = w.WritePing(false, [8]byte{1})
			}
			if !w.flush() {
				return
			}
		}
	}},
	{name: "PING flood, answers unread", silent: true, attack: func(t *testing.T, w *wire) {
		for range 2_000 {
			for range 100 {
				_ = w.WritePing(false, [8]byte{1})
			}
			if !w.flush() {
				return
			}
		}
	}},
	{name: "SETTINGS flood (CVE-2019-9515)", want: "PONG", attack: func(t *testing.T, w *wire) {
		for range 200 {
			for range 100 {
				_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000})
			}
			if !w.flush() {
				return
			}
		}
	}},
	{name: "SETTINGS flood, answers unread", silent: true, attack: func(t *testing.T, w *wire) {
		_ = w.SetWriteDeadline(time.Now().Add(2 * time.Second)) // the server stops to read
		for range 10_000 {
			for range 100 {
				_ = w.WriteSettings()
			}
			if !w.flush() {
				return
			}
		}
		t.Error("the server read a million SETTINGS whose acknowledgements nobody takes")
	}},
	{name: "SETTINGS that cut streams' windows with answers on their way", want: "PONG", attack: func(t *testing.T, w *wire) {
		_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		body := message(t, aCheck)
		for range 900 {
			_ = w.WriteData(w.begin(checkMethod), true, body)
		}
		w.flush()
		for i := range uint32(2_000) {
			_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: i % 2})
		}
	}},
	{name: "a window of streams beyond the greatest", want: "closed", attack: func(t *testing.T, w *wire) {
		_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
	}},
	{name: "SETTINGS of half a setting", want: "closed", attack: func(t *testing.T, w *wire) {
		_ = w.WriteRawFrame(http2.FrameSettings, 0, 0, []byte{0, 4, 0})
	}},
	{name: "windows beyond the greatest", want: "PONG", attack: func(t *testing.T, w *wire) {
		for range 100 {
			_ = w.WriteWindowUpdate(0, 1<<31-1)
		}
	}},
	{name: "window updates of one byte (CVE-2019-9511)", want: "PONG", attack: func(t *testing.T, w *wire) {
		id := w.begin(streamMethod)
		for range 1_000 {
			for range 100 {
				_ = w.WriteWindowUpdate(id, 1)
			}
			if !w.flush() {
				return
			}
		}
	}},
	{name: "HPACK bomb: one entry, many times (CVE-2016-6581)", want: "RST FRAME_SIZE_ERROR", attack: func(t *testing.T, w *wire) {
		big := hpack.HeaderField{Name: "x-big", Value: strings.Repeat("a", 3<<10)}
		fields := slices.Repeat([]hpack.HeaderField{big}, 1_000) // 3 MB of headers in 5 KB
		for range 50 {
			w.begin(checkMethod, fields...)
		}
	}},
	{name: "HPACK table beyond the one allowed", want: "closed", attack: func(t *testing.T, w *wire) {
		update := []byte{0x3f, 0xe1, 0xff, 0xff, 0xff, 0x0f} // a dynamic table of 4 GB
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: update, EndHeaders: true})
	}},
	{name: "a header block that ends in the middle", want: "closed", attack: func(t *testing.T, w *wire) {
		block := w.headers(checkMethod)
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:len(block)-3], EndHeaders: true})
	}},
	{name: "unary calls that say nothing", want: "RST REFUSED_STREAM", attack: func(t *testing.T, w *wire) {
		for range 3_000 {
			w.begin(checkMethod)
		}
	}},
	{name: "streams that say nothing", want: "RST REFUSED_STREAM", attack: func(t *testing.T, w *wire) {
		for range 3_000 {
			w.begin(streamMethod)
		}
	}},
	{name: "answers unread", silent: true, attack: func(t *testing.T, w *wire) {
		_ = w.SetWriteDeadline(time.Now().Add(time.Second)) // the server may stop to read
		body := message(t, &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "s"})
		for range 5_000 {
			_ = w.WriteData(w.begin(consentv1.DecisionService_ListPurposes_FullMethodName), true, body)
			if w.next%100 == 1 && !w.flush() {
				return
			}
		}
	}},
	{name: "a stream that sends and takes no answer", want: "PONG", attack: func(t *testing.T, w *wire) {
		_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		id := w.begin(streamMethod)
		r := &consentv1.CheckStreamRequest{}
		for i := range uint64(100) {
			r.Checks = append(r.Checks, &consentv1.StreamedCheck{Id: i + 1, Check: aCheck})
		}
		body := message(t, r)
		for range 10 { // within the stream's window
			_ = w.WriteData(id, false, body)
			for i := range r.Checks {
				r.Checks[i].Id += 100
			}
			body = message(t, r)
		}
	}},
	{name: "data beyond a stream's window", want: "RST FLOW_CONTROL_ERROR", attack: func(t *testing.T, w *wire) {
		// Several: whoever reads the length of a message in time is given a window for it, and then nothing is beyond.
		head := binary.BigEndian.AppendUint32([]byte{0}, 4<<20)
		for range 8 {
			id := w.begin(streamMethod)
			_ = w.WriteData(id, false, head)
			for range 20 {
				_ = w.WriteData(id, false, make([]byte, 16<<10))
			}
		}
	}},
	{name: "data of a stream that never was", want: "PONG", attack: func(t *testing.T, w *wire) {
		for range 100 {
			_ = w.WriteData(4001, false, make([]byte, 100))
		}
	}},
	{name: "empty data (CVE-2019-9518)", want: "PONG", attack: func(t *testing.T, w *wire) {
		id := w.begin(streamMethod)
		for range 500 {
			for range 100 {
				_ = w.WriteData(id, false, nil)
			}
			if !w.flush() {
				return
			}
		}
	}},
	{name: "a frame of 16 MB", want: "closed", attack: func(t *testing.T, w *wire) {
		w.out.Write([]byte{0xff, 0xff, 0xff, byte(http2.FrameData), 0, 0, 0, 0, 1})
	}},
	{name: "a stream of the server's", want: "GOAWAY PROTOCOL_ERROR", attack: func(t *testing.T, w *wire) {
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 2, BlockFragment: w.headers(checkMethod), EndHeaders: true})
	}},
	{name: "a stream of before", want: "GOAWAY PROTOCOL_ERROR", attack: func(t *testing.T, w *wire) {
		w.next = 9
		w.begin(checkMethod)
		w.next = 3
		w.begin(checkMethod)
	}},
	{name: "headers of no stream", want: "closed", attack: func(t *testing.T, w *wire) {
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 0, BlockFragment: w.headers(checkMethod), EndHeaders: true})
	}},
	{name: "PRIORITY flood (CVE-2019-9513)", want: "PONG", attack: func(t *testing.T, w *wire) {
		for i := range uint32(50_000) {
			_ = w.WritePriority(2*i+1, http2.PriorityParam{StreamDep: 2*i + 3, Weight: 16})
			if i%500 == 0 && !w.flush() {
				return
			}
		}
	}},
	{name: "frames of no known kind", want: "PONG", attack: func(t *testing.T, w *wire) {
		for range 1_000 {
			_ = w.WriteRawFrame(0xbe, 0xff, 1, make([]byte, 1000))
			if !w.flush() {
				return
			}
		}
	}},
	{name: "GOAWAY flood", want: "PONG", attack: func(t *testing.T, w *wire) {
		for range 5_000 {
			_ = w.WriteGoAway(0, http2.ErrCodeNo, []byte(strings.Repeat("x", 100)))
		}
	}},
	{name: "a push to the server", want: "PONG", attack: func(t *testing.T, w *wire) {
		_ = w.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: w.headers(checkMethod), EndHeaders: true})
	}},
	{name: "a compression bomb", want: "end of call", attack: func(t *testing.T, w *wire) {
		var bomb octets.Buffer
		z := gzip.NewWriter(&bomb)
		zeros := make([]byte, 1<<20)
		for range 8 {
			_, _ = z.Write(zeros)
		}
		_ = z.Close()
		id := w.begin(checkMethod, hpack.HeaderField{Name: "grpc-encoding", Value: "gzip"})
		body := append(binary.BigEndian.AppendUint32([]byte{1}, uint32(bomb.Len())), bomb.Bytes()...)
		for ; len(body) > 16<<10; body = body[16<<10:] {
			_ = w.WriteData(id, false, body[:16<<10])
		}
		_ = w.WriteData(id, true, body)
	}},
	{name: "a message that says it has 4 GB", want: "end of call", attack: func(t *testing.T, w *wire) {
		_ = w.WriteData(w.begin(checkMethod), false, []byte{0, 0xff, 0xff, 0xff, 0xff, 0})
	}},
}

// Whatever a client sends, a well-behaved one's checks are answered meanwhile, and the server grows by no more than 64
// MiB.
func TestHostileHTTP2(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	const most = 64 << 20
	for _, h := range hostileFrames {
		t.Run(h.name, func(t *testing.T) {
			stop := neighbour(t, s)
			w := dialWire(t, s.Addr, h.silent)
			size := grown(func() {
				h.attack(t, w)
				w.flush()
				if !h.silent {
					w.ask()
					w.await(h.want, 0)
				}
			})
			checks, slowest := stop()
			got := w.kinds()
			t.Logf("got %s; +%d KiB; %d checks beside it, slowest %v", joined(got), size>>10, checks, slowest.Round(time.Millisecond))
			if size > most {
				t.Errorf("the server grew by %d MiB, want at most %d", size>>20, most>>20)
			}
			if !h.silent && !slices.Contains(got, h.want) {
				t.Errorf("got %s, want %s among it", joined(got), h.want)
			}
			if checks == 0 {
				t.Error("no check was answered meanwhile")
			}
		})
	}
}
