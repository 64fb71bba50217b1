package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

// node is one server process, which keeps its addresses when it is started again.
type node struct {
	number int
	binary string
	flags  []string
	log    *os.File
	// grpc and http are its own addresses; clients reach it by the proxy, and it reaches the database by another, which
	// is the database's.
	grpc, http      string
	clock           string // the file by which its wall clock is set
	proxy, database *pgtest.Proxy

	mu      sync.Mutex
	process *proc.Process
}

// readyTimeout is how long a node may take to start: it waits for a database that may just take over.
const readyTimeout = 2 * time.Minute

func newNode(number int, dir, binary string, flags ...string) (*node, error) {
	grpcAddr, err1 := keptAddr()
	httpAddr, err2 := keptAddr()
	log, err3 := os.Create(filepath.Join(dir, fmt.Sprintf("node%d.log", number)))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	proxy, err := pgtest.StartProxy(grpcAddr)
	if err != nil {
		return nil, err
	}
	n := &node{number: number, binary: binary, log: log, grpc: grpcAddr, http: httpAddr, proxy: proxy}
	n.clock = filepath.Join(dir, fmt.Sprintf("clock%d", number))
	n.flags = append([]string{
		"--grpc-addr", grpcAddr, "--http-addr", httpAddr, "--data-dir", filepath.Join(dir, fmt.Sprintf("data%d", number)),
		"--log-level", "warn", "--queue-target", "1s", "--drain-timeout", "2s",
	}, flags...)
	return n, nil
}

// keptAddr returns a loopback address, host:port, that is free now, and that no connection or listener gets which does
// not ask for it: nodes come back to theirs.
func keptAddr() (string, error) {
	const first, last = 12_000, 32_000 // below those that systems hand out
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first)))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", fmt.Errorf("no port from %d to %d is free", first, last)
}

// start starts the process and waits until it serves. One that ends, because the database does not answer yet, is
// started again, as whatever supervises it would.
func (n *node) start(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		if err = n.startOnce(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		n.process.Kill()
		pauseFor(ctx, 500*time.Millisecond)
	}
}

func (n *node) startOnce(ctx context.Context) (err error) {
	command := exec.Command(n.binary, n.flags...)
	command.Env = append(os.Environ(), clockVariable+"="+n.clock)
	n.mu.Lock()
	n.process, err = proc.Start(command, func(line string) { _, _ = fmt.Fprintln(n.log, line) })
	n.mu.Unlock()
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(n.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return n.process.Ready(ctx, readyTimeout, func(ctx context.Context) error {
		answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		if err == nil && answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			err = errors.New("it does not serve")
		}
		return err
	})
}

func (n *node) signal(s syscall.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process.Signal(s)
}

// freeze stops the process where it is for a time.
func (n *node) freeze(ctx context.Context, d time.Duration) error {
	err := n.signal(syscall.SIGSTOP)
	pauseFor(ctx, d)
	return errors.Join(err, n.signal(syscall.SIGCONT))
}

// step sets the node's wall clock.
func (n *node) step(by time.Duration) error {
	return os.WriteFile(n.clock, strconv.AppendInt(nil, int64(by), 10), 0o600)
}

// end releases all.
func (n *node) end() {
	if n.process != nil {
		_ = n.signal(syscall.SIGCONT)
		n.process.Stop()
	}
	n.proxy.Close()
	_ = n.log.Close()
}

// metric is the sum of all series of a name at /metrics; 0: there is none.
func (n *node) metric(ctx context.Context, name string) (sum float64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.http+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("reading the metrics of node %d: %w", n.number, err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if own, _, _ := strings.Cut(series, "{"); own == name {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, err
			}
			sum += v
		}
	}
	return sum, lines.Err()
}
