package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/client"
)

// target is the server.
type target struct {
	*proc.Process
	*files
	addr, admin string
	log         *serverLog
}

// start builds the server if none was given, and runs it.
func start(ctx context.Context, o options, dir string) (*target, error) {
	if o.server == "" {
		o.server = filepath.Join(dir, "consentd")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.server, "github.com/consentd/consentd/server")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building the server (run this from the module's folder): %w: %s", err, out)
		}
	}
	f, err := newFiles(dir)
	if err != nil {
		return nil, err
	}
	t := &target{files: f, log: &serverLog{}}
	addr, err1 := proc.FreeAddr()
	admin, err2 := proc.FreeAddr()
	if err := errors.Join(err1, err2, os.Mkdir(f.path("log"), 0o700)); err != nil {
		return nil, err
	}
	t.addr, t.admin = addr, admin
	if t.Process, err = proc.Start(exec.Command(o.server, t.flags()...), t.log.add); err != nil {
		return nil, err
	}
	c, err := t.dial(client.WithoutCoalescing())
	if err != nil {
		return nil, err
	}
	return t, errors.Join(t.Ready(ctx, time.Minute, func(ctx context.Context) error {
		_, err := c.Usage(ctx, nil)
		return err
	}), c.Close())
}

// flags bound what is kept for long so tightly that it is full before the second tenth: what grows then, leaks.
func (t *target) flags() []string {
	return []string{
		"--grpc-addr", t.addr, "--http-addr", "127.0.0.1:0", "--admin-addr", t.admin, "--data-dir", t.path("data"),
		"--log-level", "warn", "--cache-size", "32MiB", "--policies", t.path("policies"), "--policies-keep", "5",
		"--tls-cert", t.path("tls.crt"), "--tls-key", t.path("tls.key"),
		"--api-keys", t.path("keys.yaml"), "--access", t.path("grants.yaml"),
		"--decision-log", filepath.Join(t.path("log"), "decisions.jsonl"), "--decision-log-decisions", "all",
		"--decision-log-file-size", "16MiB", "--decision-log-file-total", "128MiB",
		"--caller-rate", "50000", "--caller-concurrency", "5000", "--max-connections", "200", "--connection-age", "30s",
	}
}

// dial returns a client that stays, or with other options than these.
func (t *target) dial(more ...client.Option) (*client.Client, error) {
	return t.dialAs(t.main, more...)
}

func (t *target) dialAs(key string, more ...client.Option) (*client.Client, error) {
	return client.Dial(t.addr, append([]client.Option{
		client.WithTLS(t.clientTLS()), client.WithToken(func(context.Context) (string, error) { return key, nil }),
	}, more...)...)
}

// get reads a page of the server's admin address.
func (t *target) get(ctx context.Context, page string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.admin+page, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", page, response.Status)
	}
	return io.ReadAll(response.Body)
}

// keepProfiles writes profiles of heap and goroutines; no directory, no profiles.
func (t *target) keepProfiles(ctx context.Context, dir, when string) error {
	if dir == "" {
		return nil
	}
	heap, err1 := t.get(ctx, "/debug/pprof/heap?gc=1")
	goroutines, err2 := t.get(ctx, "/debug/pprof/goroutine?debug=1")
	return errors.Join(err1, err2,
		os.WriteFile(filepath.Join(dir, "heap-"+when+".pb.gz"), heap, 0o600),
		os.WriteFile(filepath.Join(dir, "goroutines-"+when+".txt"), goroutines, 0o600))
}

// keepLast writes what is known at the end.
func (t *target) keepLast(ctx context.Context, dir string) error {
	fmt.Printf("lines of warning or error in the server's log: %d\n\n", len(t.log.all()))
	if dir == "" {
		return nil
	}
	metrics, err := t.get(ctx, "/metrics")
	return errors.Join(err, t.keepProfiles(ctx, dir, "end"), os.WriteFile(filepath.Join(dir, "metrics.txt"), metrics, 0o600),
		os.WriteFile(filepath.Join(dir, "server.log"), []byte(strings.Join(t.log.all(), "\n")), 0o600))
}

// serverLog keeps the lines that the server writes.
type serverLog struct {
	mu    sync.Mutex
	lines []string
}

const maxLines = 10_000

func (l *serverLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) < maxLines {
		l.lines = append(l.lines, line)
	}
}

func (l *serverLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}
