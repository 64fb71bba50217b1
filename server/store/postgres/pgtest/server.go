package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options are what a server is started with. The zero value is good.
type Options struct {
	// Unsafe has the server sync nothing to disk: faster, and nothing survives the machine's crash. It survives all
	// that Stop does.
	Unsafe bool
	// Settings are of postgresql.conf, as they stand there.
	Settings map[string]string
}

// Server is a PostgreSQL server on this machine. Its address is the same for as long as it exists. Its methods may not
// be called concurrently, but for URL and Exec.
type Server struct {
	// dir holds the folders data and, of backups, others; log is the server's log.
	dir     string
	port    int
	options Options
	process *process
	// standbys counts those that were made of it; waited are the names of those that commits wait for.
	standbys int
	waited   []string
}

// Mode is how a server is stopped.
type Mode syscall.Signal

// The modes of PostgreSQL: smart waits until all clients have gone, fast sends them away, immediate ends as a crash
// would, so that the next start recovers. Crash kills all processes without a word.
const (
	Smart     = Mode(syscall.SIGTERM)
	Fast      = Mode(syscall.SIGINT)
	Immediate = Mode(syscall.SIGQUIT)
	Crash     = Mode(syscall.SIGKILL)
)

// settings are those of all servers: small, and enough connections for several nodes. What a standby needs is on.
var settings = map[string]string{
	"listen_addresses": "'127.0.0.1'", "unix_socket_directories": "''", "max_connections": "200", "shared_buffers": "64MB",
	"wal_level": "replica", "max_wal_senders": "8", "wal_keep_size": "256MB", "hot_standby": "on", "max_wal_size": "1GB",
	"wal_receiver_timeout": "5s", "wal_receiver_status_interval": "100ms", "wal_retrieve_retry_interval": "100ms",
	"log_min_messages": "warning", "autovacuum_naptime": "5s", "log_line_prefix": "'%m '",
}

var unsafe = map[string]string{"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

// template is a folder as initdb makes it, made once and copied for each server.
var template = sync.OnceValues(func() (string, error) {
	initdb, err := binary("initdb")
	if err != nil {
		return "", err
	}
	dir, err := folder()
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	return data, run(initdb, "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
})

// Start starts a server, which Close ends. An error wraps ErrNotInstalled where PostgreSQL is not there.
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	from, err := template()
	if err != nil {
		return nil, err
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, options: o}
	if err := s.fill(from); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// fill replaces the server's data by a copy.
func (s *Server) fill(from string) error {
	if err := os.RemoveAll(s.data()); err != nil {
		return err
	}
	if err := os.CopyFS(s.data(), os.DirFS(from)); err != nil {
		return fmt.Errorf("copying a server's data: free space or set TMPDIR: %w", err)
	}
	if err := os.Chmod(s.data(), 0o700); err != nil {
		return err
	}
	return own(s.data())
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// start starts the server at its port; the first time at one that is free.
func (s *Server) start(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		if s.port == 0 {
			port, err := freePort()
			if err != nil {
				return err
			}
			s.port = port
		}
		err := s.Start(ctx)
		if err == nil || attempt == 3 || !strings.Contains(s.logEnd(), "Address already in use") {
			return err
		}
		s.port = 0
	}
}

// freePort returns a port at which nobody listens.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Start starts the server again after Stop, and returns when it takes connections.
func (s *Server) Start(ctx context.Context) error {
	program, err := binary("postgres")
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if s.process, err = start(log, program, s.args()...); err != nil {
		return err
	}
	return s.awaitReady(ctx)
}

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

func (s *Server) args() []string {
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port)}
	sets := []map[string]string{settings, s.options.Settings}
	if s.options.Unsafe {
		sets = []map[string]string{settings, unsafe, s.options.Settings}
	}
	for _, set := range sets {
		for name, value := range set {
			args = append(args, "-c", name+"="+strings.Trim(value, "'"))
		}
	}
	return args
}

// startLimit is how long a server may take to start: after a crash it recovers first.
const startLimit = time.Minute

// awaitReady waits until the server says in its pid file that it takes connections.
func (s *Server) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for !s.ready() {
		select {
		case <-tick.C:
		case <-s.process.ended:
			return fmt.Errorf("the server did not start: mend what its log says: %s", s.logEnd())
		case <-ctx.Done():
			s.process.kill()
			return fmt.Errorf("the server did not start: %w: mend what its log says: %s", ctx.Err(), s.logEnd())
		}
	}
	return nil
}

// ready reads the first and the eighth line of the pid file: the process, and its state.
func (s *Server) ready() bool {
	b, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	lines := strings.Split(string(b), "\n")
	if err != nil || len(lines) < 8 || lines[0] != strconv.Itoa(s.process.cmd.Process.Pid) {
		return false
	}
	return slices.Contains([]string{"ready", "standby"}, strings.TrimSpace(lines[7]))
}

// logEnd is the end of the server's log.
func (s *Server) logEnd() string {
	const shown = 4 << 10
	b, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-shown):])
}

// Stop stops the server, and returns when it has ended. Start starts it again, with what it kept.
//
// Smart waits for clients for as long as the context lets it.
func (s *Server) Stop(ctx context.Context, mode Mode) error {
	if mode == Crash {
		s.process.kill()
		return nil
	}
	if err := s.process.signal(syscall.Signal(mode)); err != nil {
		return err
	}
	select {
	case <-s.process.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the server does not stop, as long as it has clients: %w", ctx.Err())
	}
}

// Restart stops the server, and starts it again.
func (s *Server) Restart(ctx context.Context, mode Mode) error {
	if err := s.Stop(ctx, mode); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Pause stops all of the server's processes where they are, as a machine that hangs: connections stay, nothing is
// answered. Resume lets them go on.
func (s *Server) Pause() error { return s.process.signalAll(syscall.SIGSTOP) }

// Resume ends what Pause began.
func (s *Server) Resume() error { return s.process.signalAll(syscall.SIGCONT) }

// Addr is where the server listens.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the address of one of the server's databases, for its superuser.
func (s *Server) URL(database string) string { return urlAt(s.Addr(), database) }

func urlAt(addr, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User("postgres"), Host: addr, Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Close ends the server as a crash would, and removes all that it kept. Calling it again does nothing.
func (s *Server) Close() error {
	if s.process != nil {
		s.process.kill()
	}
	return os.RemoveAll(s.dir)
}
