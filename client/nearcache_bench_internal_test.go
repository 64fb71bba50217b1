//go:build linux

package client

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// benchServer is a server in a process of its own, on a socket.
func benchServer(b *testing.B) (*process, string) {
	b.Helper()
	dir, err := os.MkdirTemp("", "near") // b.TempDir may be longer than a socket's path can be
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "server.sock")
	p := startRole(b, "server", map[string]string{
		"SAFETY_SOCKET": socket, "SAFETY_DATA": filepath.Join(dir, "data"), "SAFETY_LEASE": "2s",
	})
	waitUntil(b, func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	return p, "unix://" + socket
}

func benchDial(b *testing.B, target string, opts ...Option) *Client {
	b.Helper()
	c, err := Dial(target, append(opts, WithTimeout(time.Minute))...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// benchWrite records a withdrawal; subjects differ, so that slots do.
func benchWrite(b *testing.B, c *Client, i int, fence bool) *consentv1.RecordEventsResponse {
	b.Helper()
	event := NewEvent("privacy_settings")
	event.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{Purpose: "ai_training", Status: nearWithdrawn}}
	done, err := c.RecordEvents(b.Context(), &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: fmt.Sprintf("bench-%d", i), Events: []*consentv1.Event{event}, Fence: fence,
	})
	if err != nil {
		b.Fatal(err)
	}
	return done
}

// quantiles reports the median and the 99th percentile of durations.
func quantiles(b *testing.B, name string, all []time.Duration) {
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name+"-p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, name+"-p99-ms")
}

// BenchmarkRevocation: how long a withdrawal takes, from before it is sent, until it is acknowledged (write),
// until each of 100 near caches, each with its own connection, has its floor (cache), and with fence (fence). The
// caches hear of a withdrawal while the disk syncs it, and here they share the processors with the server that
// does.
func BenchmarkRevocation(b *testing.B) {
	const caches = 100
	_, target := benchServer(b)
	var began atomic.Int64
	var mu sync.Mutex
	var reached []time.Duration
	for range caches {
		c := benchDial(b, target, func(o *options) {
			o.near = func(connection grpc.ClientConnInterface, _ *links) *nearCache {
				n := newNear(NearCacheConfig{MaxEntries: 1024}, connection)
				n.tap = func(_ *nearSession, m *consentv1.WatchInvalidationsResponse) {
					if len(m.GetSlots()) > 0 && began.Load() != 0 {
						took := time.Duration(monotonic() - began.Load())
						mu.Lock()
						reached = append(reached, took)
						mu.Unlock()
					}
				}
				n.start()
				return n
			}
		})
		awaitLeased(b, c)
	}
	writer := benchDial(b, target)
	benchWrite(b, writer, 0, true)     // leases of an earlier process are over
	time.Sleep(100 * time.Millisecond) // a benchmark: the first heartbeats of a hundred joins are no part of what is measured
	var writes, fences []time.Duration
	for i := 0; b.Loop(); i++ {
		for n, fence := range []bool{false, true} {
			began.Store(monotonic())
			benchWrite(b, writer, i, fence)
			took := time.Duration(monotonic() - began.Load())
			if fence {
				fences = append(fences, took)
			} else {
				writes = append(writes, took)
			}
			waitUntil(b, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(reached) == (2*i+n+1)*caches
			})
		}
	}
	began.Store(0)
	quantiles(b, "write", writes)
	quantiles(b, "cache", reached)
	quantiles(b, "fence", fences)
}

func awaitLeased(b *testing.B, c *Client) {
	b.Helper()
	waitUntil(b, func() bool { return c.NearCacheStats().Leased })
}

func waitUntil(b *testing.B, holds func() bool) {
	b.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-b.Context().Done():
			b.Fatal("interrupted")
		}
	}
}

// BenchmarkWatchers: what 1,000 watchers, ten to a connection, cost the server while nothing is written: memory, and
// the share of one core for heartbeats; and how long a fenced write takes then.
func BenchmarkWatchers(b *testing.B) {
	const watchers, perConnection = 1000, 10
	server, target := benchServer(b)
	writer := benchDial(b, target)
	benchWrite(b, writer, 0, true)
	before := server.memory(b)
	for range watchers / perConnection {
		c := benchDial(b, target)
		for range perConnection {
			watchOnly(b, c)
		}
	}
	for b.Loop() {
		cpu, began := server.cpu(b), time.Now()
		<-time.After(10 * time.Second)
		b.ReportMetric(float64(server.cpu(b)-cpu)/float64(time.Since(began))*100, "%core")
		b.ReportMetric(float64(server.memory(b)-before)/watchers, "bytes/watcher")
		var fences []time.Duration
		for i := range 100 {
			began := time.Now()
			benchWrite(b, writer, i, true)
			fences = append(fences, time.Since(began))
		}
		quantiles(b, "fence", fences)
	}
}

// watchOnly keeps a stream as a near cache does, without the cache.
func watchOnly(b *testing.B, c *Client) {
	b.Helper()
	inner, err := c.decisions.WatchInvalidations(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	stream := &nearStream{BidiStreamingClient: inner}
	n := newNear(NearCacheConfig{}, c.conn)
	if err := stream.send(&consentv1.WatchInvalidationsRequest{CacheId: n.id}); err != nil {
		b.Fatal(err)
	}
	hello, err := stream.Recv()
	if err != nil {
		b.Fatal(err)
	}
	leased := make(chan struct{})
	go func() {
		for {
			m, err := stream.Recv()
			if err != nil {
				return
			}
			if m.GetHeartbeat() == 1 {
				close(leased)
			}
			if m.GetPosition() != m.GetFromPosition() {
				_ = stream.send(&consentv1.WatchInvalidationsRequest{AppliedPosition: m.GetPosition()})
			}
		}
	}()
	go beatOnly(b.Context(), stream, hello.GetHello().GetHeartbeatInterval().AsDuration())
	<-leased
}

func beatOnly(ctx context.Context, stream *nearStream, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for number := uint64(1); ; number++ {
		if stream.send(&consentv1.WatchInvalidationsRequest{Heartbeat: number}) != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// memory is the process's resident memory in bytes.
func (p *process) memory(b *testing.B) int64 {
	return p.statm(b)[1] * int64(os.Getpagesize())
}

func (p *process) statm(b *testing.B) []int64 { return p.numbers(b, "statm") }

// cpu is the process's processor time, at the kernel's resolution of 10 ms.
func (p *process) cpu(b *testing.B) time.Duration {
	const utime, stime = 13, 14
	n := p.numbers(b, "stat")
	return time.Duration(n[utime]+n[stime]) * 10 * time.Millisecond
}

// numbers reads the fields of a file of /proc; what is no number is 0.
func (p *process) numbers(b *testing.B, file string) []int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.command.Process.Pid, file))
	if err != nil {
		b.Fatal(err)
	}
	var all []int64
	for _, field := range strings.Fields(string(text)) {
		n, _ := strconv.ParseInt(field, 10, 64)
		all = append(all, n)
	}
	return all
}
