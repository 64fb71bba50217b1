package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/postgres"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
	"github.com/consentd/consentd/server/store/storetest"
)

// TestContractOverPgBouncer has a pooler in transaction mode between the store and its database; hints go past it.
func TestContractOverPgBouncer(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{Unsafe: true})
	b := s.NewPgBouncer(t)
	storetest.Run(t, func(t testing.TB, o store.Observers) storetest.Instance {
		name, err := s.CreateDatabase(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		migrate(t, s.URL(name))
		c := postgres.Config{URL: b.URL(name), Hints: s.URL(name)}
		return storetest.Instance{
			Store:  open(t, c, o),
			Reopen: func(t testing.TB) store.Store { return open(t, c, o) },
		}
	}, exceptions...)
}

// proxied is a server with the schema, and a proxy before it.
func proxied(t *testing.T) (*pgtest.Server, *pgtest.Proxy) {
	s := pgtest.New(t, pgtest.Options{Unsafe: true})
	migrate(t, s.URL("postgres"))
	return s, s.NewProxy(t)
}

func unavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, consent.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want ErrUnavailable alone", err)
	}
}

// TestUnknownOutcomeIsUnavailable cuts connections just before and just after the server gets a COMMIT: what was
// recorded is there once, however often it is repeated.
func TestUnknownOutcomeIsUnavailable(t *testing.T) {
	_, p := proxied(t)
	// Not by Err: a renewal of the node's lease that goes well in between has it say that all is well again.
	var failures atomic.Int64
	told := func(err error) {
		if err != nil {
			failures.Add(1)
		}
	}
	c := postgres.Config{URL: p.URL("postgres") + "&default_query_exec_mode=exec", Hints: "off", Writes: told}
	n := open(t, c, store.Observers{})
	must(t, record1(n, 0))
	for i, verdict := range []pgtest.Verdict{pgtest.CutBefore, pgtest.CutAfter} {
		var once sync.Once
		p.Judge(func(_ int, way pgtest.Way, b []byte) (v pgtest.Verdict) {
			if way == pgtest.ToServer && bytes.Contains(b, []byte("INTO consentd.events")) {
				once.Do(func() { v = verdict })
			}
			return v
		})
		before := failures.Load()
		unavailable(t, record1(n, i+1))
		if failures.Load() == before {
			t.Error("nobody is told that writes fail")
		}
		must(t, record1(n, i+1))
		must(t, record1(n, i+1))
		if n.Err() != nil {
			t.Errorf("writes are said to fail: %v", n.Err())
		}
		got, err := n.Events(t.Context(), subject(i+1), consent.Page{Limit: 10})
		if err != nil || len(got.Entries) != 1 {
			t.Errorf("%d entries, error %v", len(got.Entries), err)
		}
	}
}

// record1 records the one event of a subject.
func record1(n *node, i int) error {
	_, err := n.Record(context.Background(), grant(subject(i), fmt.Sprintf("event-%d", i)))
	return err
}

// TestHalfOpenConnectionsAreFound has all connections lead nowhere, without a word.
func TestHalfOpenConnectionsAreFound(t *testing.T) {
	_, p := proxied(t)
	const limit = 300 * time.Millisecond
	n := open(t, postgres.Config{
		URL: p.URL("postgres"), Hints: "off", MaxConns: 2,
		ReadTimeout: limit, AcquireTimeout: limit, StatementTimeout: limit, LockTimeout: limit,
	}, store.Observers{})
	must(t, record1(n, 1))
	p.HalfOpen()
	until(t, func() error { return record1(n, 2) })
	until(t, func() error {
		_, err := n.Read(t.Context(), subject(2))
		return err
	})
}

// until repeats what may fail with ErrUnavailable, a few times.
func until(t *testing.T, f func() error) {
	t.Helper()
	for range 20 {
		err := f()
		if err == nil {
			return
		}
		unavailable(t, err)
	}
	t.Error("it does not go well again")
}

// TestLocksAreNotWaitedForForEver has somebody hold the head.
func TestLocksAreNotWaitedForForEver(t *testing.T) {
	url := migrated(t)
	n := open(t, postgres.Config{URL: url, LockTimeout: 100 * time.Millisecond}, store.Observers{})
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(context.Background())
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM consentd.head FOR UPDATE")
	must(t, err)
	unavailable(t, record1(n, 1))
	_, err = n.Read(t.Context(), subject(1)) // which waits for no lock
	must(t, err)
	must(t, tx.Rollback(t.Context()))
	must(t, record1(n, 1))
}

// TestExhaustedPoolHoldsUpNothingElse has scans hold all the connections that they may, and reads the others.
func TestExhaustedPoolHoldsUpNothingElse(t *testing.T) {
	n := open(t, postgres.Config{URL: migrated(t), MaxConns: 2, AcquireTimeout: time.Second}, store.Observers{})
	must(t, record1(n, 1))
	n.Exhaust(t, 1) // of two connections
	inside, goOn, scanned := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		scanned <- n.Scan(t.Context(), "", func(consent.Subject, consent.Snapshot) error {
			close(inside)
			<-goOn
			return nil
		})
	}()
	select {
	case <-inside:
	case err := <-scanned:
		t.Fatal(err)
	}
	unavailable(t, n.Scan(t.Context(), "", func(consent.Subject, consent.Snapshot) error { return nil }))
	_, err := n.Read(t.Context(), subject(1))
	unavailable(t, err)
	must(t, record1(n, 2))
	_, err = n.Renew(t.Context(), cluster.Node{ID: cluster.NodeID{1}, Renewal: 1})
	must(t, err)
	must(t, n.Err())
	close(goOn)
	must(t, <-scanned)
	_, err = n.Read(t.Context(), subject(1))
	must(t, err)
}

// TestUnreplicatedCommitIsUnavailable has a commit that waits for a standby be cancelled: the server then says that it
// succeeded, and warns.
func TestUnreplicatedCommitIsUnavailable(t *testing.T) {
	s, _ := proxied(t)
	n := open(t, postgres.Config{URL: s.URL("postgres"), Hints: "off"}, store.Observers{})
	must(t, record1(n, 1))
	must(t, s.Exec(t.Context(), "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"))
	done := make(chan error, 1)
	go func() { done <- record1(n, 2) }()
	const cancel = `DO $$ BEGIN
		WHILE NOT EXISTS (
			SELECT FROM (SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' OFFSET 0) w WHERE pg_cancel_backend(pid)
		) LOOP
			PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
		END LOOP; END $$`
	must(t, s.Exec(t.Context(), "SET synchronous_commit = off; "+cancel))
	unavailable(t, <-done)
	must(t, s.Alone(t.Context()))
	until(t, func() error { return record1(n, 2) })
}

// TestServerThatIsGoneIsUnavailable stops the database and starts it again.
func TestServerThatIsGoneIsUnavailable(t *testing.T) {
	s, _ := proxied(t)
	var mu sync.Mutex
	var writes []bool
	n := open(t, postgres.Config{
		URL: s.URL("postgres"), AcquireTimeout: time.Second, LockTimeout: time.Second,
		StatementTimeout: time.Second, ReadTimeout: time.Second,
		Writes: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			writes = append(writes, err == nil)
		},
	}, store.Observers{})
	must(t, record1(n, 1))
	for _, fault := range []struct{ begin, end func() error }{
		{func() error { return s.Stop(t.Context(), pgtest.Crash) }, func() error { return s.Start(t.Context()) }},
		{s.Pause, s.Resume},
	} {
		must(t, fault.begin())
		unavailable(t, record1(n, 2))
		_, err := n.Read(t.Context(), subject(1))
		unavailable(t, err)
		if n.Err() == nil {
			t.Error("writes are said to go well")
		}
		must(t, fault.end())
		until(t, func() error { return record1(n, 2) })
	}
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(writes) != "[false true false true]" {
		t.Errorf("told of writes %v", writes)
	}
}

// TestReplicasAnswer reads from a standby where it is fresh, and from the primary where it lags.
func TestReplicasAnswer(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{Unsafe: true})
	migrate(t, s.URL("postgres"))
	p := s.NewProxy(t)
	standby := s.NewStandby(t, pgtest.StandbyOptions{Via: p.Addr()})
	n := open(t, postgres.Config{
		URL: s.URL("postgres"), ReadReplicas: []string{standby.URL("postgres")}, Hints: "off",
	}, store.Observers{})
	for i := range 20 {
		must(t, record1(n, i))
		if i == 10 {
			p.Silence(true) // from now on the standby lags
		}
		got, err := n.Read(t.Context(), subject(i))
		if err != nil || got.Changed != consent.Revision(i+1) || got.AsOf != got.Changed {
			t.Fatalf("read change %d as of %d after %d, error %v", got.Changed, got.AsOf, i+1, err)
		}
	}
	must(t, standby.Stop(t.Context(), pgtest.Crash))
	_, err := n.Read(t.Context(), subject(1))
	must(t, err)
	if _, err := begin(t.Context(), postgres.Config{URL: standby.URL("postgres")}, store.Observers{}); err == nil {
		t.Error("a store on a server that is gone opens")
	}
}

// TestStandbyIsNoPrimary has the URL lead to a standby.
func TestStandbyIsNoPrimary(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{Unsafe: true})
	migrate(t, s.URL("postgres"))
	standby := s.NewStandby(t, pgtest.StandbyOptions{})
	p := s.NewProxy(t)
	n := open(t, postgres.Config{URL: p.URL("postgres"), Hints: "off"}, store.Observers{})
	must(t, record1(n, 1))
	p.Target(standby.Addr())
	p.Cut()
	until := time.Now().Add(10 * time.Second)
	for _, call := range []func() error{
		func() error { return record1(n, 2) },
		func() error { _, err := n.Read(t.Context(), subject(1)); return err },
		func() error { _, err := n.ReadLatest(t.Context(), subject(1)); return err },
		func() error { _, err := n.Poll(t.Context(), cluster.NodeID{}, 0, 1); return err },
		func() error { _, err := n.Nodes(t.Context()); return err },
		func() error { _, _, err := n.Mark(t.Context(), 1); return err },
	} {
		unavailable(t, call())
	}
	// Once it is promoted it is the primary, and nothing is started again.
	must(t, standby.Promote(t.Context()))
	for record1(n, 2) != nil && time.Now().Before(until) {
	}
	must(t, record1(n, 2))
}

// TestSchemasAreRefused opens the store on databases that this program does not go with.
func TestSchemasAreRefused(t *testing.T) {
	for _, c := range []struct{ name, statement, says string }{
		{"none", "DROP SCHEMA consentd CASCADE", "run `consentd migrate --store …` once"},
		{"older", "UPDATE consentd.schema_versions SET version_id = 0", "run `consentd migrate --store …`"},
		{"contracted", "UPDATE consentd.compatibility SET oldest = 1000", "use a newer consentd"},
		{"newer rules", "UPDATE consentd.head SET folding = 1000", "use a newer consentd"},
		{"older rules", "UPDATE consentd.head SET folding = 0", "stop all nodes and run `consentd migrate --store …`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := migrated(t)
			exec(t, url, c.statement)
			_, err := postgres.Open(t.Context(), postgres.Config{URL: url, Logger: quiet})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want that it says %q", err, c.says)
			}
		})
	}
}

// TestLostHistoryLeavesNoFloor restores a copy from before the newest change: what is left is read as before.
func TestLostHistoryLeavesNoFloor(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{Unsafe: true})
	migrate(t, s.URL("postgres"))
	n := open(t, postgres.Config{URL: s.URL("postgres"), Hints: "off"}, store.Observers{})
	must(t, record1(n, 1))
	backup, err := s.Backup()
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	must(t, err)
	must(t, record1(n, 2))
	must(t, s.Restore(t.Context(), backup))
	for n.Applied() != 1 && t.Context().Err() == nil {
		until(t, func() error {
			_, err := n.ReadLatest(t.Context(), subject(1))
			return err
		})
	}
	until(t, func() error {
		got, err := n.Read(t.Context(), subject(1))
		if err == nil && (got.AsOf != 1 || !got.State.Known()) {
			t.Errorf("read %+v", got)
		}
		return err
	})
	if _, known, err := n.Mark(t.Context(), 2); known || err != nil {
		t.Errorf("the lost change has a mark: %v, error %v", known, err)
	}
	must(t, record1(n, 3))
}
