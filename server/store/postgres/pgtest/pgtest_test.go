package pgtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// answer is the one number that a query gives.
func answer(t *testing.T, url, query string) (n int) {
	t.Helper()
	conn := connect(t, url)
	if err := conn.QueryRow(t.Context(), query, pgx.QueryExecModeSimpleProtocol).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	do(t, conn.Close(t.Context()))
	return n
}

func exec(t *testing.T, s *pgtest.Server, statements ...string) {
	t.Helper()
	if err := s.Exec(t.Context(), statements...); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDatabasesAreFresh(t *testing.T) {
	first, second := pgtest.Database(t), pgtest.Database(t)
	if _, err := connect(t, first).Exec(t.Context(), "CREATE TABLE kept (n int)"); err != nil {
		t.Fatal(err)
	}
	if n := answer(t, second, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'"); n != 0 {
		t.Error("a fresh database has the table of another")
	}
}

func TestKeepsWhatWasCommittedWhateverStopsIt(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{})
	exec(t, s, "CREATE TABLE kept (n int)")
	for i, mode := range []pgtest.Mode{pgtest.Fast, pgtest.Immediate, pgtest.Crash, pgtest.Smart} {
		exec(t, s, "INSERT INTO kept VALUES (1)")
		do(t, s.Restart(t.Context(), mode))
		if n := answer(t, s.URL("postgres"), "SELECT count(*) FROM kept"); n != i+1 {
			t.Errorf("%d rows, want %d", n, i+1)
		}
	}
}

func TestPausedServerAnswersOnceItIsResumed(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{Unsafe: true})
	conn := connect(t, s.URL("postgres"))
	do(t, s.Pause())
	answered := make(chan error, 1)
	go func() { answered <- conn.Ping(t.Context()) }()
	select {
	case err := <-answered:
		t.Errorf("a paused server answered: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	do(t, s.Resume())
	do(t, <-answered)
}

func TestStandbyFollowsAndIsPromoted(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{})
	exec(t, s, "CREATE TABLE kept (n int)")
	standby := s.NewStandby(t, pgtest.StandbyOptions{Sync: true})
	exec(t, s, "INSERT INTO kept VALUES (1)")
	do(t, s.Stop(t.Context(), pgtest.Crash))
	do(t, standby.Promote(t.Context()))
	exec(t, standby, "INSERT INTO kept VALUES (2)")
	do(t, s.Rejoin(t.Context(), standby))
	if n := answer(t, s.URL("postgres"), "SELECT pg_is_in_recovery()::int"); n != 1 {
		t.Error("the old primary does not follow")
	}
}

func TestRestoresABackup(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{})
	exec(t, s, "CREATE TABLE kept (n int)")
	b, err := s.Backup()
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	do(t, err)
	exec(t, s, "INSERT INTO kept VALUES (1)")
	do(t, s.Restore(t.Context(), b))
	if n := answer(t, s.URL("postgres"), "SELECT count(*) FROM kept"); n != 0 {
		t.Errorf("%d rows, the backup has none", n)
	}
}

func TestPgBouncerSharesConnections(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{Unsafe: true})
	b := s.NewPgBouncer(t)
	for range 30 {
		connect(t, b.URL("postgres"))
	}
	const others = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' AND backend_type = 'client backend'"
	if n := answer(t, b.URL("postgres"), others); n > 20 {
		t.Errorf("30 connections are %d on the server, want at most 20", n)
	}
}

func TestProxyBreaksConnections(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{Unsafe: true})
	p := s.NewProxy(t)
	const query = "SELECT 1"
	ask := func(conn *pgx.Conn, limit time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		_, err := conn.Exec(ctx, query)
		return err
	}
	const short, long = 50 * time.Millisecond, 10 * time.Second
	fails := map[string]func(conn *pgx.Conn) error{
		"Cut": func(conn *pgx.Conn) error {
			p.Cut()
			return ask(conn, long)
		},
		"HalfOpen": func(conn *pgx.Conn) error {
			p.HalfOpen()
			return ask(conn, short)
		},
		"Silence": func(conn *pgx.Conn) error {
			p.Silence(true)
			defer p.Silence(false)
			return ask(conn, short)
		},
		"Delay": func(conn *pgx.Conn) error {
			p.Delay(short)
			defer p.Delay(0)
			return ask(conn, short)
		},
	}
	for name, verdict := range map[string]pgtest.Verdict{
		"CutBefore": pgtest.CutBefore, "CutAfter": pgtest.CutAfter, "Lose": pgtest.Lose,
	} {
		fails[name] = func(conn *pgx.Conn) error {
			p.Judge(func(int, pgtest.Way, []byte) pgtest.Verdict { return verdict })
			defer p.Judge(nil)
			return ask(conn, short)
		}
	}
	for name, fail := range fails {
		t.Run(name, func(t *testing.T) {
			conn := connect(t, p.URL("postgres"))
			do(t, ask(conn, long))
			err := fail(conn)
			if err == nil {
				t.Error("the query was answered")
			}
			if late := errors.Is(err, context.DeadlineExceeded); late == (name[:3] == "Cut") {
				t.Errorf("got %v", err)
			}
			do(t, ask(connect(t, p.URL("postgres")), long))
		})
	}
	p.Refuse(true)
	if _, err := pgx.Connect(t.Context(), p.URL("postgres")); err == nil {
		t.Error("a proxy that refuses connects")
	}
}

func ExampleStart() {
	ctx := context.Background()
	s, err := pgtest.Start(ctx, pgtest.Options{Unsafe: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.Exec(ctx, "CREATE TABLE kept (n int)") == nil)
}
