package conformance_test

import (
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// situation is one way in which a network or a server goes wrong, and what callers may see of it.
type situation struct {
	name string
	// what happens, for the reader of the table.
	what string

	// fault is what connections get while it lasts: those that come and, unless old says otherwise, those that are there.
	fault *ways
	// old ends the connections that are there when the fault begins.
	old func(net.Conn)
	// fresh: connections that come during the fault are fine, so a client may be well as soon as it makes one.
	fresh bool
	// lasting: connections that got the fault keep it when it has ended.
	lasting bool
	// begin does something else instead of all this and returns what ends it.
	begin func(*scene) func() error

	// tls has the client speak TLS, and the gate before the server.
	tls bool
	// frames has the gate move frames, for a fault of frames.
	frames bool
	// cold: the fault is there before the client's first call.
	cold bool
	// beside is a second gate in the client's list of targets, to which nothing happens.
	beside bool
	// timeout is the client's default; 0 is its own.
	timeout time.Duration
	// pace is the time between two calls; 0 is the usual one.
	pace time.Duration
	// answered: the fault is one that a client lives with. Checks of which the first that is answered may come late, but
	// which are answered while it lasts.
	answered bool

	// codes are the errors that a caller may see.
	codes []string
}

// What callers may see of a connection that does not serve.
var (
	unreachable = []string{"UNAVAILABLE", "DEADLINE_EXCEEDED"}
	// A server or a proxy that answers with an error is believed.
	internal  = append([]string{"INTERNAL", "UNKNOWN"}, unreachable...)
	cancelled = append([]string{"CANCELLED"}, unreachable...)
	exhausted = append([]string{"RESOURCE_EXHAUSTED"}, internal...)
)

// situations are those that all clients are put into.
func situations(authority issuer) []situation {
	all := append(deadSituations(), brokenSituations()...)
	all = append(all, slowSituations()...)
	all = append(all, frameSituations()...)
	all = append(all, tlsSituations(authority)...)
	return append(all, severalSituations()...)
}

// gated are those of the gate: one of each kind, which take two seconds and a recovery.
var gated = []string{
	"silent accept", "SYN dropped", "dead backend", "dead backend, pings answered", "host gone", "half open upwards",
	"window never updated", "process stopped", "refused", "reset during calls", "garbage", "100 ms away, TLS",
	"GOAWAY of stream 0", "REFUSED_STREAM", "streams held back", "certificate expired", "one of two gone",
}

// deadSituations are of connections on which nothing is said any more.
func deadSituations() []situation {
	return []situation{
		{
			name: "silent accept", what: "connections are accepted and read, and nothing is ever said",
			fault: &ways{accept: silent}, old: hangUp, lasting: true, codes: unreachable,
		},
		{
			name: "deaf accept", what: "connections are accepted, and neither read nor answered",
			fault: &ways{accept: deaf}, old: hangUp, lasting: true, codes: unreachable,
		},
		{
			name: "half a SETTINGS frame", what: "the server's first frame stops in its middle",
			fault: &ways{accept: mutters("\x00\x00\x06\x04\x00")}, old: hangUp, lasting: true, codes: unreachable,
		},
		{
			name: "silent accept, first call", what: "as silent accept, before the client was ever connected",
			fault: &ways{accept: silent}, cold: true, lasting: true, codes: unreachable,
		},
		{
			name: "SYN dropped", what: "the queue of connections is full: the system answers no SYN",
			begin: (*scene).fillBacklog, codes: unreachable,
		},
		{
			name: "dead backend", what: "a proxy acknowledges what the client sends, on old connections and new ones; its backend is gone",
			fault: &ways{up: swallow, down: swallow}, lasting: true, codes: unreachable,
		},
		{
			name: "dead backend, pings answered", what: "as dead backend, and the proxy speaks HTTP/2: it answers pings",
			fault: &ways{frames: losesCalls()}, frames: true, lasting: true, codes: unreachable,
		},
		{
			name: "host gone", what: "the connection swallows both ways, without FIN or RST; new ones are fine",
			fault: &ways{up: swallow, down: swallow}, fresh: true, lasting: true, codes: unreachable,
		},
		{
			name: "host gone, pings answered", what: "an old connection answers pings and no call; new ones are fine",
			fault: &ways{frames: losesCalls()}, frames: true, fresh: true, lasting: true, codes: unreachable,
		},
		{
			name: "half open upwards", what: "what the client sends is lost, what the server sends is not; new connections are fine",
			fault: &ways{up: swallow}, fresh: true, lasting: true, codes: unreachable,
		},
		{
			name: "half open downwards", what: "what the server sends is lost, what the client sends is not; new connections are fine",
			fault: &ways{down: swallow}, fresh: true, lasting: true, codes: unreachable,
		},
		{
			name: "window never updated", what: "the server's window is 0 and stays so, pings are answered; later connections are fine",
			fault: &ways{frames: noWindow()}, frames: true, old: hangUp, lasting: true, codes: unreachable,
		},
		{
			name: "process stopped", what: "the server's process gets SIGSTOP, and SIGCONT at the end",
			begin: (*scene).stopProcess, codes: unreachable,
		},
	}
}

// brokenSituations are of connections that end.
func brokenSituations() []situation {
	return []situation{
		{name: "refused", what: "the server is gone: its port refuses; it comes back there", begin: (*scene).restart, codes: unreachable},
		{
			name: "refused at first, TLS", what: "the port refuses before the client was ever connected; it speaks TLS",
			begin: (*scene).restart, tls: true, cold: true, codes: unreachable,
		},
		{
			name: "reset at connect", what: "connections are accepted and reset", fault: &ways{accept: resets}, old: reset,
			codes: unreachable,
		},
		{
			name: "reset during calls", what: "a connection is reset when the server answers on it",
			fault: &ways{down: func(p *pipe, _ []byte, _ io.Writer) error { p.close(reset); return io.ErrClosedPipe }},
			codes: unreachable,
		},
		{
			name: "FIN within an answer", what: "a connection is closed 60 bytes after the server's first frames",
			fault: &ways{down: endsAfter(60)}, old: hangUp, codes: internal,
		},
		{
			name: "cut every 200 ms", what: "each connection is reset after 0 to 400 ms", fault: &ways{down: cutAtRandom, up: cutAtRandom},
			codes: cancelled,
		},
		{name: "garbage", what: "the server says what is no HTTP/2", fault: &ways{accept: says(nonsense)}, old: hangUp, codes: internal},
		{
			name: "HTTP/1.1 502", what: "a proxy answers in HTTP/1.1 that its backend is gone",
			fault: &ways{accept: says(badGateway)}, old: hangUp, codes: internal,
		},
	}
}

var (
	nonsense   = strings.Repeat("\x00\xffno HTTP/2 here\r\n", 64)
	badGateway = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<h1>Bad gateway</h1>"
)

// endsAfter closes a connection once that many bytes went down beyond the server's SETTINGS.
func endsAfter(n int64) passing {
	const settings = 100 // the server's first frames are shorter
	return func(p *pipe, data []byte, to io.Writer) error {
		over := p.passed.Load() - settings - n
		if over <= 0 {
			_, err := to.Write(data)
			return err
		}
		_, _ = to.Write(data[:max(0, int64(len(data))-over)])
		return io.ErrClosedPipe
	}
}

// cutAtRandom resets a connection within 400 ms of its next piece.
func cutAtRandom(p *pipe, data []byte, to io.Writer) error {
	p.once.Do(func() {
		p.gate.under.Go(func() {
			wait(p.ended, rand.N(400*time.Millisecond))
			p.close(reset)
		})
	})
	_, err := to.Write(data)
	return err
}

// slowSituations are of links that pass everything, late.
func slowSituations() []situation {
	trip := func(d time.Duration) func() time.Duration { return func() time.Duration { return d / 2 } }
	return []situation{
		{
			name: "one byte at a time", what: "each byte is a packet of its own, both ways",
			fault: &ways{up: slowly(1, 0), down: slowly(1, 0)}, answered: true, codes: unreachable,
		},
		{
			name: "10 kB/s", what: "100 bytes every 10 ms, each way; a call every 500 ms, the client's timeout is 5 s", fault: &ways{
				up: slowly(100, 10*time.Millisecond), down: slowly(100, 10*time.Millisecond),
			}, cold: true, answered: true, pace: 500 * time.Millisecond, timeout: 5 * time.Second, codes: unreachable,
		},
		{
			name: "stalls of 3 s", what: "now and then nothing passes for 3 s", fault: &ways{down: stall}, codes: unreachable,
		},
		{
			name: "100 ms away, TLS", what: "100 ms there and back, TLS, first call; the client's timeout is 5 s",
			fault: &ways{delay: trip(100 * time.Millisecond)}, tls: true, cold: true, answered: true, timeout: 5 * time.Second,
			codes: unreachable,
		},
		{
			name: "300 ms away, TLS", what: "300 ms there and back, TLS, first call; the client's timeout is 5 s",
			fault: &ways{delay: trip(300 * time.Millisecond)}, tls: true, cold: true, answered: true, timeout: 5 * time.Second,
			codes: unreachable,
		},
		{
			name: "600 ms away, TLS", what: "600 ms there and back, TLS, first call; the client's timeout is 5 s",
			fault: &ways{delay: trip(600 * time.Millisecond)}, tls: true, cold: true, answered: true, timeout: 5 * time.Second,
			codes: unreachable,
		},
	}
}

// stall holds one piece of thirty for 3 s.
func stall(p *pipe, data []byte, to io.Writer) error {
	if rand.N(30) == 0 && !wait(p.ended, 3*time.Second) {
		return io.ErrClosedPipe
	}
	_, err := to.Write(data)
	return err
}

// frameSituations are of servers and proxies that speak HTTP/2, and badly.
func frameSituations() []situation {
	html := hpack.HeaderField{Name: "content-type", Value: "text/html"}
	all := []situation{
		{
			name: "GOAWAY after each call", what: "each connection says GOAWAY when a call begins, and answers it",
			fault: &ways{frames: goesAway(http2.ErrCodeNo, false)}, answered: true, codes: unreachable,
		},
		{
			name: "GOAWAY of stream 0", what: "each connection says that it has done no call when the first begins",
			fault: &ways{frames: goesAway(http2.ErrCodeNo, true)}, codes: cancelled,
		},
		{
			name: "GOAWAY too_many_pings", what: "each connection ends with ENHANCE_YOUR_CALM when a call begins, and answers it",
			fault: &ways{frames: goesAway(http2.ErrCodeEnhanceYourCalm, false)}, codes: exhausted,
		},
		{
			name: "REFUSED_STREAM", what: "each call is refused by its stream", fault: &ways{frames: endsCalls(http2.ErrCodeRefusedStream)},
			codes: unreachable,
		},
		{
			name: "RST_STREAM INTERNAL_ERROR", what: "each call's stream is reset", fault: &ways{frames: endsCalls(http2.ErrCodeInternal)},
			codes: internal,
		},
		{
			name: "RST_STREAM CANCEL", what: "each call's stream is reset, as if it was no longer wanted",
			fault: &ways{frames: endsCalls(http2.ErrCodeCancel)}, codes: cancelled,
		},
		{
			name: "RST_STREAM ENHANCE_YOUR_CALM", what: "each call's stream is reset, for it is one too many",
			fault: &ways{frames: endsCalls(http2.ErrCodeEnhanceYourCalm)}, codes: exhausted,
		},
		{
			name: "HTTP/2 502", what: "a proxy answers each call with status 502 and a page",
			fault: &ways{frames: answersCalls("<h1>Bad gateway</h1>", hpack.HeaderField{Name: ":status", Value: "502"}, html)},
			codes: internal,
		},
		{
			name: "a portal's page", what: "each call is answered with status 200 and a page",
			fault: &ways{frames: answersCalls("<h1>Log in</h1>", hpack.HeaderField{Name: ":status", Value: "200"}, html)}, codes: internal,
		},
		{
			name: "streams held back", what: "a proxy holds what streams answer until they end; calls with one answer pass",
			fault: &ways{frames: &frameWays{down: holdsStreams}}, old: hangUp, answered: true, lasting: true, codes: unreachable,
		},
		{
			name: "requests of streams held back", what: "a proxy holds what clients send on streams until they end",
			fault: &ways{frames: &frameWays{up: holdsStreams}}, old: hangUp, answered: true, lasting: true, codes: unreachable,
		},
		{
			name: "one stream at a time", what: "the server permits a connection one stream",
			fault: &ways{frames: &frameWays{down: sets(http2.SettingMaxConcurrentStreams, 1)}}, old: hangUp, answered: true,
			codes: unreachable,
		},
		{
			name: "huge headers", what: "each answer has 64 KiB of headers more", fault: &ways{frames: hugeHeaders()}, codes: exhausted,
		},
		{
			name: "strange frames", what: "frames and settings of unknown kinds come with each answer",
			fault: &ways{frames: strangeFrames()}, answered: true, codes: unreachable,
		},
	}
	for i := range all {
		all[i].frames = true
	}
	return all
}

// issuer makes configurations of servers whose certificates end then.
type issuer func(notAfter time.Time) *tls.Config

func tlsSituations(trusted issuer) []situation {
	swap := func(config *tls.Config) func(*scene) func() error {
		return func(s *scene) func() error {
			before := s.gate.terminator.Swap(config)
			s.gate.cut(hangUp)
			return func() error { s.gate.terminator.Store(before); return nil }
		}
	}
	return []situation{
		{
			name: "TLS where plaintext was", what: "the server speaks TLS to a client that does not",
			begin: swap(trusted(time.Now().Add(time.Hour))), codes: internal,
		},
		{
			name: "plaintext where TLS was", what: "the server speaks no TLS to a client that does", begin: swap(nil), tls: true,
			codes: internal,
		},
		{
			name: "certificate expired", what: "the server's certificate is a day old and was for less",
			begin: swap(trusted(time.Now().Add(-time.Hour))), tls: true, codes: internal,
		},
		{
			name: "certificate renewed", what: "the server comes back with another certificate of the same authority",
			begin: swap(trusted(time.Now().Add(2 * time.Hour))), tls: true, answered: true, codes: unreachable,
		},
	}
}

// severalSituations are of clients that have more than one target.
func severalSituations() []situation {
	return []situation{
		{
			name: "one of two gone", what: "one of two targets swallows all, without FIN or RST", beside: true, answered: true,
			fault: &ways{up: swallow, down: swallow}, lasting: true, codes: unreachable,
		},
		{
			name: "one of two silent, first call", what: "one of two targets accepts and says nothing", beside: true, cold: true,
			answered: true, fault: &ways{accept: silent}, lasting: true, codes: unreachable,
		},
	}
}

// restart closes the port and all connections; it opens at the end.
func (s *scene) restart() func() error {
	s.gate.shut()
	s.gate.cut(hangUp)
	return s.gate.open
}

// fillBacklog takes the port with a queue for connections that is full and of which none is ever accepted.
func (s *scene) fillBacklog() func() error {
	s.gate.shut()
	s.gate.cut(hangUp)
	full, err := newBacklog(s.gate.addr)
	if err != nil {
		return func() error { return err }
	}
	return func() error {
		full.close()
		return s.gate.open()
	}
}

// stopProcess stops the process through which the client's connections go.
func (s *scene) stopProcess() func() error {
	if err := s.relay.Signal(syscall.SIGSTOP); err != nil {
		return func() error { return err }
	}
	return func() error { return s.relay.Signal(syscall.SIGCONT) }
}
