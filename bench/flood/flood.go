// Package flood sends calls on a schedule, whatever the server does, far faster than a client library could: frames of
// HTTP/2 that were made before, several calls in one write. It is how one processor offers a server several times what
// the server can do with another.
//
// A call that finds no free stream on its connection, of as many as the server says, waits for one; when its patience
// ends it is held back: counted, and never sent.
package flood

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"

	"github.com/consentd/consentd/bench/load"
)

// Config says what is sent where.
type Config struct {
	Addr        string
	Connections int
	// Method is the full name of the method called.
	Method string
	// Messages are encoded requests, sent in turn.
	Messages [][]byte
	// Timeout is each call's, from when it is sent.
	Timeout time.Duration
	// Patience is how long a call waits for a free stream.
	Patience time.Duration
	// Defiant clients send whatever the server says of how many streams they may have after its first word.
	Defiant bool
}

// Phase is a part of a run.
type Phase struct {
	// Rate is in calls per second, at random distances.
	Rate     float64
	Duration time.Duration
	// Most bounds the calls under way per connection, below the server's own bound: a closed loop, where the rate is
	// beyond what the server can do. Zero: only the server's counts.
	Most int
}

// Bin is what was due in a tenth of a second.
type Bin struct {
	// OK were answered in time, Refused got RESOURCE_EXHAUSTED, HeldBack were not sent, all else Failed.
	OK, Refused, HeldBack, Failed int
	// Slowest is the longest time of an answer.
	Slowest time.Duration
}

// BinLength is that of a bin.
const BinLength = 100 * time.Millisecond

// Result is what became of the calls of a phase.
type Result struct {
	Bin
	// Late are failures by the deadline, which are among Failed.
	Late int
	Bins []Bin
	// Latency is of answers in time, Refusals of refusals, both from when a call was sent; Total of answers, from when it
	// was due.
	Latency, Refusals, Total *hdrhistogram.Histogram
}

// Flood is connections to a server.
type Flood struct {
	config Config
	conns  []*conn
	// next is the connection of the next tick, messages counts those sent; both are the dispatcher's.
	next, messages int

	mu      sync.Mutex
	current *Result
	start   int64
}

// Open connects.
func Open(c Config) (*Flood, error) {
	f := &Flood{config: c}
	headers := []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "localhost"},
		{Name: ":path", Value: c.Method}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
		{Name: "grpc-timeout", Value: fmt.Sprintf("%dm", c.Timeout.Milliseconds())},
	}
	began := time.Now()
	for range c.Connections {
		one, err := dial(c.Addr, headers)
		if err != nil {
			f.Close()
			return nil, err
		}
		one.began, one.patience, one.defiant = began, int64(c.Patience), c.Defiant
		one.answered, one.heldBack = f.answered, f.heldBack
		go one.receive()
		f.conns = append(f.conns, one)
	}
	return f, nil
}

// Close ends the connections.
func (f *Flood) Close() {
	for _, c := range f.conns {
		_ = c.Close()
	}
}

// Broken says how many connections have ended, and why the last did.
func (f *Flood) Broken() (n int, err error) {
	for _, c := range f.conns {
		c.mu.Lock()
		if c.broken != nil {
			n, err = n+1, c.broken
		}
		c.mu.Unlock()
	}
	return n, err
}

// Run sends a phase and returns what became of it, after the last call's deadline.
func (f *Flood) Run(ctx context.Context, p Phase) *Result {
	now := int64(time.Since(f.conns[0].began))
	result := &Result{
		Bins:    make([]Bin, p.Duration/BinLength+1),
		Latency: load.NewHistogram(), Refusals: load.NewHistogram(), Total: load.NewHistogram(),
	}
	f.mu.Lock()
	f.current, f.start = result, now
	f.mu.Unlock()
	runtime.LockOSThread()
	f.dispatch(ctx, p)
	runtime.UnlockOSThread()
	f.settle(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current = nil
	for _, b := range result.Bins {
		result.OK, result.Refused, result.HeldBack, result.Failed =
			result.OK+b.OK, result.Refused+b.Refused, result.HeldBack+b.HeldBack, result.Failed+b.Failed
		result.Slowest = max(result.Slowest, b.Slowest)
	}
	return result
}

// settle waits for the answers to the last calls; those that still wait to be sent are held back.
func (f *Flood) settle(ctx context.Context) {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(f.config.Timeout); ctx.Err() == nil && time.Now().Before(deadline); <-poll.C {
		left := 0
		for _, c := range f.conns {
			left += c.settle()
		}
		if left == 0 {
			return
		}
	}
}

// tick is how often what is due is sent, each time over the next connection.
const tick = 250 * time.Microsecond

// dispatch keeps the schedule.
func (f *Flood) dispatch(ctx context.Context, p Phase) {
	schedule := load.Poisson(p.Rate, 1)
	began := f.conns[0].began.Add(time.Duration(f.start))
	offset := schedule()
	var due []waiting
	for at := time.Duration(0); at < p.Duration && ctx.Err() == nil; at += tick {
		load.SleepUntil(began.Add(at))
		one := f.conns[f.next%len(f.conns)]
		f.next++
		one.mu.Lock()
		one.most = p.Most
		one.mu.Unlock()
		due = due[:0]
		for ; offset <= at; offset = schedule() {
			due = append(due, waiting{due: f.start + int64(offset), message: f.message()})
		}
		_ = one.offer(due...) // the receiver sees what broke
	}
}

func (f *Flood) message() []byte {
	f.messages++
	return f.config.Messages[f.messages%len(f.config.Messages)]
}

func (f *Flood) heldBack(due int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.bin(due); b != nil {
		b.HeldBack++
	}
}

// bin is where a call counts; nil: it is of a phase before. f.mu is held.
func (f *Flood) bin(due int64) *Bin {
	if f.current == nil || due < f.start {
		return nil
	}
	return &f.current.Bins[time.Duration(due-f.start)/BinLength]
}

// answered notes how a call ended; after the phase it is too late for it.
func (f *Flood) answered(c call, now int64, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.bin(c.due)
	if b == nil {
		return
	}
	took := time.Duration(now - c.sent)
	switch {
	case status == int(codes.OK) && took <= f.config.Timeout:
		b.OK++
		b.Slowest = max(b.Slowest, took)
		_ = f.current.Latency.RecordValue(int64(took))
		_ = f.current.Total.RecordValue(now - c.due)
	case status == int(codes.ResourceExhausted):
		b.Refused++
		_ = f.current.Refusals.RecordValue(int64(took))
	default:
		b.Failed++
		if took >= f.config.Timeout {
			f.current.Late++
		}
	}
}
