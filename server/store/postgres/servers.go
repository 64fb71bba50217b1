package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// servers are the connections to one server, or to several of which one is the primary.
type servers struct {
	config *pgxpool.Config
	pool   atomic.Pointer[pgxpool.Pool]
	// given counts the pools that were given up and are being closed.
	given sync.WaitGroup
	// renewed is when one was given up last, in nanoseconds since 1970.
	renewed atomic.Int64
}

func newServers(c *pgxpool.Config) (*servers, error) {
	s := &servers{config: c}
	pool, err := s.make()
	s.pool.Store(pool)
	return s, err
}

// make makes a pool. It outlives the call that makes it.
func (s *servers) make() (*pgxpool.Pool, error) {
	return pgxpool.NewWithConfig(context.Background(), s.config.Copy())
}

// renewInterval is how far apart pools are given up at least: where a server is merely slow that costs connections, but
// not a storm of them.
const renewInterval = 3 * time.Second

// suspect gives up all connections after an error which says that the others will fail too: one leads nowhere and
// nobody said so, or to what is no primary. Closing such ones takes long, and until then the old pool had no room for
// new ones: so there is a new pool.
func (s *servers) suspect(err error) {
	if err == nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errStandby) && code(err) != readOnly {
		return
	}
	now, last := time.Now().UnixNano(), s.renewed.Load()
	if now-last < int64(renewInterval) || !s.renewed.CompareAndSwap(last, now) {
		return
	}
	if next, err := s.make(); err == nil {
		s.given.Go(s.pool.Swap(next).Close)
	}
}

// close ends all connections.
func (s *servers) close() {
	if pool := s.pool.Load(); pool != nil {
		pool.Close()
	}
	s.given.Wait()
}

// closeLimit bounds how long a connection is closed that does not answer.
const closeLimit = time.Second

// connection is one to a server, whose deadlines are near: pgx sets them to end what is under way, at once, and else to
// wait for a server's farewell.
type connection struct{ net.Conn }

// SetDeadline implements net.Conn.
func (c connection) SetDeadline(t time.Time) error {
	if limit := time.Now().Add(closeLimit); t.After(limit) {
		t = limit
	}
	return c.Conn.SetDeadline(t)
}

// connect makes a pool; it does not reach the server yet.
func (c Config) connect(ctx context.Context, url string) (*servers, error) {
	p, err := c.pool(url)
	if err != nil {
		return nil, err
	}
	p.ConnConfig.OnNotice = noteWarning
	if !choosesMode(url) && c.direct(ctx, p.ConnConfig) {
		p.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
		p.AfterConnect = stillDirect
	}
	return newServers(p)
}

// direct reports whether nothing stands between the node and a server: so it is asked that can be reached.
func (c *Config) direct(ctx context.Context, to *pgx.ConnConfig) bool {
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, to)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close(ctx) }()
	return stillDirect(ctx, conn) == nil
}

var errPooled = errors.New("a pooler stands before the server now: restart consentd, so that it prepares no statements")

// stillDirect compares the process that the connection was told of when it was made with the one that answers: a pooler
// names none, or one of its own making.
//
// Prepared statements save half of the server's work for a group, and more for a read: planning over partitions takes
// longer than what is planned.
func stillDirect(ctx context.Context, conn *pgx.Conn) error {
	var process uint32
	err := conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&process)
	if err == nil && process != conn.PgConn().PID() {
		err = errPooled
	}
	return err
}

// acquire takes a connection from a pool, within the time for that.
func (s *Store) acquire(ctx context.Context, from *servers) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.AcquireTimeout)
	defer cancel()
	conn, err := from.pool.Load().Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("no connection to the database: %w", err)
	}
	return conn, nil
}

// warned is the key, in what is kept with a connection, of the newest warning.
const warned = "consentd.warned"

// noteWarning notes that the server warned: that is all that it says of a commit that did not wait for its standbys,
// because its statement was cancelled.
func noteWarning(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.SeverityUnlocalized == "WARNING" && n.Code == "01000" {
		conn.CustomData()[warned] = n.Message
	}
}

// awaited reports whether the commits on a connection were, and forgets.
func awaited(conn *pgconn.PgConn) error {
	data := conn.CustomData()
	if _, ok := data[warned]; !ok {
		return nil
	}
	delete(data, warned)
	return errUnreplicated
}
