// Package pgtest starts PostgreSQL servers for tests: from the binaries that are installed, as an ordinary user, in a
// temporary folder, listening on 127.0.0.1 alone and trusting whoever connects from there. It also makes streaming
// standbys, restores base backups, puts PgBouncer before a server, and a proxy that breaks connections.
//
// Database is what most tests need: a fresh database on a server that the tests of one binary share. Where a test
// wants faults it starts a server of its own, by New, or by Start outside of tests. Where PostgreSQL is not installed
// the functions that take a test skip it, and say so.
//
// The binaries are those in the folder that the environment's CONSENTD_POSTGRES_BIN names, else on the PATH, else the
// newest below /usr/lib/postgresql. Root may not run PostgreSQL: then the servers run as the user postgres, or nobody.
// Nothing is left behind: a server ends with the process that started it, whatever ends that, and folders of
// processes that were killed are removed by the next one.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// ErrNotInstalled is returned, wrapped, where a program is not there.
var ErrNotInstalled = errors.New("not installed")

// New starts a server that ends with the test. It skips the test where PostgreSQL is not installed.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log ends with:\n%s", s.logEnd())
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing the server: %v", err)
		}
	})
	return s
}

// must skips the test where something is not installed, and fails it where it did not start.
func must(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// shared is the server of Database, which is started once and ends with the process.
var shared = sync.OnceValues(func() (*Server, error) { return Start(context.Background(), Options{Unsafe: true}) })

// databases counts those that this process made, which names them.
var databases atomic.Int64

// Database returns the URL of a fresh database, on a server that all tests of the binary share and that syncs nothing
// to disk. It skips the test where PostgreSQL is not installed.
func Database(t testing.TB) string {
	t.Helper()
	s, err := shared()
	must(t, err)
	name, err := s.CreateDatabase(t.Context())
	must(t, err)
	s.dropAfter(t, name)
	return s.URL(name)
}

// templates are the databases that others are copies of, by the names that Copy was given.
var templates sync.Map

// Copy returns the URL of a fresh database, as Database does, that is a copy of one that prepare made once in this
// process; name tells those apart.
func Copy(t testing.TB, name string, prepare func(ctx context.Context, url string) error) string {
	t.Helper()
	s, err := shared()
	must(t, err)
	once, _ := templates.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		// Others wait for this one: it goes on where its test ends.
		ctx := context.WithoutCancel(t.Context())
		from, err := s.CreateDatabase(ctx)
		if err == nil {
			err = prepare(ctx, s.URL(from))
		}
		return from, err
	}))
	from, err := once.(func() (string, error))()
	must(t, err)
	to := fmt.Sprintf("test%d", databases.Add(1))
	// Copying files is faster than the write-ahead log for what is nearly empty.
	must(t, s.Exec(t.Context(), "CREATE DATABASE "+to+" TEMPLATE "+from+" STRATEGY file_copy"))
	s.dropAfter(t, to)
	return s.URL(to)
}

// dropAfter drops a database when the test ends, with what is connected to it: a test may have left a connection half
// open.
func (s *Server) dropAfter(t testing.TB, name string) {
	t.Cleanup(func() {
		_ = s.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
}

// CreateDatabase makes an empty database, and returns its name.
func (s *Server) CreateDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("test%d", databases.Add(1))
	return name, s.Exec(ctx, "CREATE DATABASE "+name)
}

// Exec executes statements in the database postgres, on a connection of their own.
func (s *Server) Exec(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connecting to the test's server: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("executing %s: %w", statement, err)
		}
	}
	return nil
}
