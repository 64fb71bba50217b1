//go:build linux

package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/consent"
)

// TestMain is also the processes of TestNearCacheSafety.
func TestMain(m *testing.M) {
	switch os.Getenv("SAFETY_ROLE") {
	case "server":
		serveSafety()
	case "client":
		checkSafety()
	default:
		os.Exit(m.Run())
	}
}

// process is a process of the checker, with those that it starts itself: a language's executable may be a script.
type process struct {
	t       testing.TB
	name    string
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *strings.Builder
	// ended is closed when the process is gone; err is why it failed, if it did.
	ended chan struct{}
	err   error
}

// startRole starts this program in another role.
func startRole(t testing.TB, role string, env map[string]string) *process {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "SAFETY_ROLE="+role)
	return startProcess(t, role, command, env)
}

func startProcess(t testing.TB, name string, command *exec.Cmd, env map[string]string) *process {
	t.Helper()
	p := &process{t: t, name: name, command: command, stdout: &strings.Builder{}, ended: make(chan struct{})}
	if command.Env == nil {
		command.Env = os.Environ()
	}
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Stdout, command.Stderr = p.stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if p.stdin, err = command.StdinPipe(); err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = command.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.kill(true) })
	return p
}

// signal reaches all processes of the group.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.command.Process.Pid, s) }

// end tells the process to end, waits, and returns what it printed.
func (p *process) end() []byte {
	_ = p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		p.t.Errorf("%s does not end a minute after its stdin did", p.name)
		p.kill(true)
	}
	if p.err != nil {
		p.t.Errorf("%s ended with %v", p.name, p.err)
	}
	return []byte(p.stdout.String())
}

// kill ends the process at once, or as an operator would.
func (p *process) kill(hard bool) {
	s := syscall.SIGTERM
	if hard {
		s = syscall.SIGKILL
	}
	select {
	case <-p.ended:
	default:
		p.signal(s)
	}
	<-p.ended
}

// freeze stops the process for a time.
func (p *process) freeze(ctx context.Context, d time.Duration) {
	p.signal(syscall.SIGSTOP)
	pauseFor(ctx, d)
	p.signal(syscall.SIGCONT)
}

// step sets how far the process's wall clock is off.
func (p *process) step(offset time.Duration) { _, _ = fmt.Fprintln(p.stdin, int64(offset)) }

// steps follows the offsets that step sends, until the end of stdin.
func steps(offset *atomic.Int64, ended func()) {
	defer ended()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var to int64
		if _, err := fmt.Sscan(lines.Text(), &to); err == nil {
			offset.Store(to)
		}
	}
}

// serveSafety is the server's process.
func serveSafety() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	var offset atomic.Int64
	go steps(&offset, stop)
	lease, err := time.ParseDuration(os.Getenv("SAFETY_LEASE"))
	if err != nil {
		log.Fatal(err)
	}
	a, err := app.New(app.Config{
		GRPCAddr: "unix://" + os.Getenv("SAFETY_SOCKET"), HTTPAddr: "127.0.0.1:0", DataDir: os.Getenv("SAFETY_DATA"),
		CacheLease: lease, DrainTimeout: time.Second,
		Now: func() consent.Instant { return consent.InstantOf(time.Now().Add(time.Duration(offset.Load()))) },
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := a.Serve(ctx); err != nil {
		log.Fatal(err)
	}
	if err := a.Close(); err != nil {
		log.Fatal(err)
	}
}

// checkSafety is a client's process: it checks and writes down what it was told, until stdin ends.
func checkSafety() {
	ctx, stop := context.WithCancel(context.Background())
	var offset atomic.Int64
	go steps(&offset, stop)
	// Most of the time is to be spent connected, whatever happens to the network.
	reconnect := grpc.WithConnectParams(grpc.ConnectParams{
		Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.5, MaxDelay: 100 * time.Millisecond},
		MinConnectTimeout: time.Second,
	})
	// Checks that miss while the network is stalled must not keep the next from asking the cache as soon as it has a
	// lease.
	c, err := Dial(os.Getenv("SAFETY_TARGET"), WithTimeout(20*time.Millisecond), WithDialOptions(reconnect), func(o *options) {
		o.near = func(connection grpc.ClientConnInterface, _ *links) *nearCache {
			return steppedNear(&offset, connection)
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	ids, err := strconv.Atoi(os.Getenv("SAFETY_IDS"))
	if err != nil {
		log.Fatal(err)
	}
	var checkers sync.WaitGroup
	for i := range safetyCheckers {
		checkers.Go(func() {
			checkAndRecord(ctx, &safetyClient{c, ids}, fmt.Sprintf("%s-%d", os.Getenv("SAFETY_RECORDS"), i))
		})
	}
	checkers.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(c.NearCacheStats()); err != nil {
		log.Fatal(err)
	}
	if err := c.Close(); err != nil {
		log.Fatal(err)
	}
}

// steppedNear is a near cache whose wall clock is off, with the fault that was asked for.
func steppedNear(offset *atomic.Int64, connection grpc.ClientConnInterface) *nearCache {
	n := newNear(NearCacheConfig{}, connection)
	clock := n.clock
	n.clock = func() reading {
		now := clock()
		now.wall += offset.Load()
		return now
	}
	plants := map[string]tap{"floor": ignoreFloors, "lease": leaseFromReceipt, "policy": ignorePolicy}
	if plant := plants[os.Getenv("SAFETY_PLANT")]; plant != nil {
		n.tap = func(s *nearSession, m *consentv1.WatchInvalidationsResponse) { plant(n, s, m) }
	}
	n.start()
	return n
}

// safetyClient asks about subjects that have so many ids each.
type safetyClient struct {
	*Client
	ids int
}

// checkAndRecord checks in bursts: at full speed for a while, and then a pause that leaves the machine to the others.
func checkAndRecord(ctx context.Context, c *safetyClient, name string) {
	const burst = 100
	file, err := os.Create(name)
	if err != nil {
		log.Fatal(err)
	}
	records := bufio.NewWriterSize(file, 1<<16)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		subject := rand.IntN(safetySubjects)
		for n := 0; n < burst; {
			size := 1 + rand.IntN(2)*rand.IntN(8)
			all, err := checkSome(ctx, c, subject, size)
			if err != nil {
				break
			}
			for _, r := range all {
				line := r.bytes()
				_, _ = records.Write(line[:])
			}
			subject, n = (subject+size)%safetySubjects, n+size
		}
		<-tick.C
	}
	if err := records.Flush(); err != nil {
		log.Fatal(err)
	}
	_ = file.Close()
}

// checkSome checks subjects from the first one on: one by Check, several by BatchCheck.
func checkSome(ctx context.Context, c *safetyClient, first, size int) ([]checkRecord, error) {
	batch, all := &consentv1.BatchCheckRequest{}, make([]checkRecord, size)
	for i := range all {
		all[i].subject = uint16((first + i) % safetySubjects)
		id := safetyID(int(all[i].subject), rand.IntN(c.ids))
		batch.Requests = append(batch.Requests, NewCheck("example", id, "ai_training"))
	}
	start, results, err := monotonic(), make([]Result, 1), error(nil)
	if size == 1 {
		results[0].Decision, err = c.Check(ctx, batch.GetRequests()[0])
	} else {
		results, err = c.BatchCheck(ctx, batch)
	}
	end := monotonic()
	for i, r := range results {
		err = errors.Join(err, r.Err)
		all[i].start, all[i].end, all[i].allowed = start, end, r.Decision.Allowed
	}
	return all, err
}

// proxy is the network between clients and the server.
type proxy struct {
	listener net.Listener
	target   string
	// delay is how long each piece of data is held, nanoseconds; pieces are small then, and wait for each other.
	delay atomic.Int64
	// late is how long all that the server says is under way, nanoseconds.
	late atomic.Int64
	// held is read-locked by whoever passes data on.
	held sync.RWMutex
	done sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // guarded by mu
}

func newProxy(t *testing.T, target string) *proxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: target, conns: map[net.Conn]bool{}}
	p.done.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		p.done.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		p.done.Go(func() { p.pipe(client, server, func() int64 { return 0 }) })
		p.done.Go(func() { p.pipe(server, client, p.late.Load) })
	}
}

// smallPiece is about one message.
const smallPiece = 128

// piece is data under way.
type piece struct {
	due  time.Time
	data []byte
}

// pipe passes data on in one direction until either side ends; late is how long it is under way.
func (p *proxy) pipe(from, to net.Conn, late func() int64) {
	pieces := make(chan piece, 1<<10)
	p.done.Go(func() {
		for piece := range pieces {
			if p.pass(to, piece) != nil {
				p.drop(from, to)
			}
		}
		p.drop(from, to)
	})
	defer close(pieces)
	buffer := make([]byte, 32<<10)
	for {
		size := len(buffer)
		if p.delay.Load() > 0 {
			size = smallPiece
		}
		n, err := from.Read(buffer[:size])
		if err != nil {
			return
		}
		pieces <- piece{time.Now().Add(time.Duration(late())), bytes.Clone(buffer[:n])}
	}
}

// pass passes a piece on when it is due.
func (p *proxy) pass(to net.Conn, piece piece) error {
	if wait := time.Until(piece.due) + time.Duration(p.delay.Load()); wait > 0 {
		<-time.After(wait)
	}
	p.held.RLock()
	defer p.held.RUnlock()
	_, err := to.Write(piece.data)
	return err
}

func (p *proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
		_ = c.Close()
	}
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// stall holds all data for a time.
func (p *proxy) stall(ctx context.Context, d time.Duration) {
	p.held.Lock()
	defer p.held.Unlock()
	pauseFor(ctx, d)
}
