package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/consentd/consentd/server/store"
)

// Config configures a store. Its URLs are those of PostgreSQL (postgres://user@host:port/database?…), with all that pgx
// takes; the one parameter that is not the usual one is default_query_exec_mode, which is exec unless the URL says
// otherwise: nothing is prepared, and any pooler in transaction mode does.
type Config struct {
	// URL is the primary's; required. It may name several hosts, with target_session_attrs=read-write.
	URL string
	// ReadReplicas are the URLs of servers that follow the primary: reads may go to them, where they are fresh enough.
	ReadReplicas []string
	// Hints is the URL at which hints of changes are listened for, which a pooler in transaction mode does not let
	// through; empty means URL, "off" that nobody listens: then changes are found by polling alone.
	Hints string
	// Node names this process in hints; zero: one is drawn.
	Node [16]byte
	// Marks is where the feed notes the marks of revisions; nil: nobody does.
	Marks *store.Marks
	// MaxConns bounds the connections to each server, the one for hints apart; zero means 16.
	MaxConns int
	// DialTimeout bounds the making of a connection, and AcquireTimeout the waiting for one; zero means 3 and 2 s.
	DialTimeout, AcquireTimeout time.Duration
	// NetworkTimeout is after how long without an answer of the network a connection counts as broken; zero means 10 s.
	NetworkTimeout time.Duration
	// StatementTimeout bounds each statement, LockTimeout the waiting for a lock, and IdleTimeout how long the database
	// waits for a node in the middle of a transaction; zero means 5, 4 and 2 s. The last one should be the shortest: it
	// is how long a node that hangs holds up the others.
	StatementTimeout, LockTimeout, IdleTimeout time.Duration
	// ReadTimeout bounds a read, the waiting for the feed included; zero means 5 s.
	ReadTimeout time.Duration
	// KeepChanges is how many of the newest changes are kept for nodes that follow; zero means 1,000,000. A node that
	// comes back later than that begins with an empty cache.
	KeepChanges int
	// PruneInterval is how often older ones are looked for; zero means 10 s, negative never.
	PruneInterval time.Duration
	// Writes is told when writes begin to fail, with why, and with nil when they go well again; nil: nobody is. It
	// must be quick, and must not call the store.
	Writes func(error)
	// Synced is told of each group of batches that is durable: of how many, and how long it took; nil: nobody is.
	Synced func(batches int, took time.Duration)
	// Logger gets what goes wrong in the background; nil means slog.Default().
	Logger *slog.Logger
}

// Validate reports all faults at once. It shows no URL: they may hold passwords.
func (c Config) Validate() error {
	var faults []error
	if _, err := c.pool(c.URL); err != nil {
		faults = append(faults, fmt.Errorf("URL: %w", err))
	}
	for i, url := range c.ReadReplicas {
		if _, err := c.pool(url); err != nil {
			faults = append(faults, fmt.Errorf("ReadReplicas[%d]: %w", i, err))
		}
	}
	if c.listens() {
		if _, err := pgx.ParseConfig(c.hintsURL()); err != nil {
			faults = append(faults, fmt.Errorf("Hints: %w", err))
		}
	}
	if c.MaxConns < 0 || c.MaxConns == 1 || c.MaxConns > maxConns {
		faults = append(faults, fmt.Errorf("MaxConns is %d: must be between 2 and %d", c.MaxConns, maxConns))
	}
	for _, d := range []time.Duration{
		c.DialTimeout, c.AcquireTimeout, c.NetworkTimeout, c.StatementTimeout, c.LockTimeout, c.IdleTimeout, c.ReadTimeout,
	} {
		if d < 0 {
			faults = append(faults, fmt.Errorf("a timeout is %v: must not be negative", d))
		}
	}
	if c.KeepChanges < 0 {
		faults = append(faults, fmt.Errorf("KeepChanges is %d: must not be negative", c.KeepChanges))
	}
	return errors.Join(faults...)
}

// maxConns is more than any server does well with.
const maxConns = 1000

// hintsOff is what Hints is where nobody listens.
const hintsOff = "off"

func (c *Config) hintsURL() string { return cmp.Or(c.Hints, c.URL) }

func (c *Config) listens() bool { return c.Hints != hintsOff }

func (c Config) withDefaults() Config {
	c.MaxConns = cmp.Or(c.MaxConns, 16)
	c.DialTimeout = cmp.Or(c.DialTimeout, 3*time.Second)
	c.AcquireTimeout = cmp.Or(c.AcquireTimeout, 2*time.Second)
	c.NetworkTimeout = cmp.Or(c.NetworkTimeout, 10*time.Second)
	c.StatementTimeout = cmp.Or(c.StatementTimeout, 5*time.Second)
	c.LockTimeout = cmp.Or(c.LockTimeout, 4*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 2*time.Second)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 5*time.Second)
	c.KeepChanges = cmp.Or(c.KeepChanges, 1_000_000)
	c.PruneInterval = cmp.Or(c.PruneInterval, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Marks == nil {
		c.Marks = new(store.Marks)
	}
	return c
}

const execModeParameter = "default_query_exec_mode"

// choosesMode reports whether a URL says how statements are executed.
func choosesMode(url string) bool { return strings.Contains(url, execModeParameter) }

// pool is the configuration of the pool of a server's connections.
func (c Config) pool(url string) (*pgxpool.Config, error) {
	if url == "" {
		return nil, errors.New("is empty: name the database, as postgres://user@host/database")
	}
	p, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	c.tune(url, p.ConnConfig)
	p.MaxConns = int32(min(max(c.MaxConns, 0), maxConns))
	p.MaxConnLifetime, p.MaxConnLifetimeJitter = 30*time.Minute, 5*time.Minute
	p.MaxConnIdleTime = 5 * time.Minute
	// A connection that idled is asked whether it is still there before it is used.
	p.PingTimeout = c.AcquireTimeout
	p.HealthCheckPeriod = 15 * time.Second
	return p, nil
}

// tune sets what all connections have in common.
func (c *Config) tune(url string, conn *pgx.ConnConfig) {
	if !choosesMode(url) {
		conn.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	conn.ConnectTimeout = c.DialTimeout
	dialer := &net.Dialer{
		Timeout: c.DialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: c.NetworkTimeout / 2, Interval: c.NetworkTimeout / 6, Count: 3,
		},
		Control: giveUpAfter(c.NetworkTimeout),
	}
	conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		made, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return connection{made}, nil
	}
	if _, set := conn.RuntimeParams["application_name"]; !set {
		conn.RuntimeParams["application_name"] = "consentd"
	}
}
