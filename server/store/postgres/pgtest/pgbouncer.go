package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PgBouncer is one before a server, in transaction mode.
type PgBouncer struct {
	dir     string
	addr    string
	program string

	mu sync.Mutex
	// What follows is guarded by mu. ends are the last lines that it wrote before each end of its own accord.
	process *process
	closed  bool
	ends    []string
}

// NewPgBouncer starts a PgBouncer in transaction mode before the server; it ends with the test, which is skipped where
// it is not installed.
func (s *Server) NewPgBouncer(t testing.TB) *PgBouncer {
	t.Helper()
	b, err := s.PgBouncer(t.Context())
	must(t, err)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("closing PgBouncer: %v", err)
		}
	})
	return b
}

const bouncerSettings = `[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
logfile = %s
auth_type = trust
auth_file = %s
pool_mode = transaction
max_client_conn = 500
default_pool_size = 20
`

// PgBouncer starts one before the server, with pools of 20 connections a database. An error wraps ErrNotInstalled where
// it is not there.
func (s *Server) PgBouncer(ctx context.Context) (*PgBouncer, error) {
	program, err := bouncerProgram()
	if err != nil {
		return nil, err
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	users, conf := filepath.Join(dir, "users"), filepath.Join(dir, "conf")
	b := &PgBouncer{dir: dir, program: program, addr: net.JoinHostPort("127.0.0.1", fmt.Sprint(port))}
	if err := errors.Join(
		os.WriteFile(users, []byte("\"postgres\" \"\"\n"), 0o600),
		os.WriteFile(conf, fmt.Appendf(nil, bouncerSettings, s.port, port, filepath.Join(dir, "log"), users), 0o600), own(dir),
	); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := b.start(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := b.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	go b.supervise()
	return b, nil
}

func (b *PgBouncer) start() (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.process, err = start(nil, b.program, "-q", filepath.Join(b.dir, "conf"))
	return err
}

// supervise starts it again where it ends of its own accord, as its unit does in earnest.
func (b *PgBouncer) supervise() {
	for {
		b.mu.Lock()
		p := b.process
		b.mu.Unlock()
		<-p.ended
		b.mu.Lock()
		if b.closed {
			b.mu.Unlock()
			return
		}
		b.ends = append(b.ends, lastLines(filepath.Join(b.dir, "log")))
		b.mu.Unlock()
		time.Sleep(supervised)
		if b.start() != nil {
			return // its program is not there any more
		}
	}
}

// supervised is how long what supervises it waits before it starts it again.
const supervised = 100 * time.Millisecond

// lastLines are the last of a file, about a thousand bytes.
func lastLines(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-1000):])
}

// Ends are what it wrote before it ended of its own accord, once for each time; it was started again.
func (b *PgBouncer) Ends() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ends)
}

// bouncerProgram finds it also where the PATH of an ordinary user does not lead.
func bouncerProgram() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("pgbouncer: %w: install it", ErrNotInstalled)
}

func (b *PgBouncer) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, b.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-b.process.ended:
			return fmt.Errorf("PgBouncer did not start: %w: %s", err, lastLines(filepath.Join(b.dir, "log")))
		case <-ctx.Done():
			return fmt.Errorf("PgBouncer does not answer: %w", err)
		}
	}
}

// URL is the address of a database behind it.
func (b *PgBouncer) URL(database string) string { return urlAt(b.addr, database) }

// Close ends it. Calling it again does nothing.
func (b *PgBouncer) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.process != nil {
		b.process.kill()
	}
	return os.RemoveAll(b.dir)
}
