package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/report"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

const (
	// manyNodes is how many share the database in the end.
	manyNodes = 3
	// nodesFigures is about how many figures' time the part takes.
	nodesFigures = 20
	embeddedName = "embedded store"
	postgresName = "PostgreSQL, 1 node"
	manyName     = "PostgreSQL, 3 nodes"
)

// cluster is servers on one PostgreSQL, beside the run's server on its embedded store, with the same subjects.
type cluster struct {
	b        *bench
	database *pgtest.Server
	url      string
	// nodes are one, and from join on as many as manyNodes.
	nodes []*server
}

// nodes measures servers on PostgreSQL, and beside them the same on the embedded store. Slices of what is compared take
// turns, so that whatever else the machine does falls on both.
func (b *bench) nodes(ctx context.Context) error {
	c, err := b.startCluster(ctx)
	if errors.Is(err, pgtest.ErrNotInstalled) {
		b.report.Notes = append(b.report.Notes, "nodes: not measured: "+err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	defer c.stop()
	for _, measure := range []func(context.Context) error{
		c.warmChecks, c.coldReads, c.writes, c.join, c.scaling, c.revocations, c.sizes, c.spiceDB,
	} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// startCluster starts a database that syncs each commit to disk, with one node that knows all subjects.
func (b *bench) startCluster(ctx context.Context) (*cluster, error) {
	b.progress.begin("starting PostgreSQL")
	database, err := pgtest.Start(ctx, pgtest.Options{Settings: map[string]string{
		"shared_buffers": "512MB", "max_wal_size": "4GB",
		"track_commit_timestamp": "on", // SpiceDB wants it
	}})
	if err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	c := &cluster{b: b, database: database, url: database.URL("postgres")}
	if err := c.populate(ctx); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (c *cluster) populate(ctx context.Context) error {
	migrate := exec.CommandContext(ctx, c.b.server.binary, "migrate", "--store", c.url)
	if out, err := migrate.CombinedOutput(); err != nil {
		return fmt.Errorf("migrating: %w: %s", err, out)
	}
	if err := c.startNode(ctx); err != nil {
		return err
	}
	c.b.progress.begin(fmt.Sprintf("loading %d subjects into PostgreSQL", c.b.population.Size))
	began := time.Now()
	if err := recordAll(ctx, c.nodes[0].conns, c.b.population.Size, c.b.population.Record); err != nil {
		return fmt.Errorf("loading subjects: %w", err)
	}
	bytes, err := c.number(ctx, "SELECT pg_database_size(current_database())")
	c.b.report.Loadings = append(c.b.report.Loadings, report.Loading{
		System: postgresName, Subjects: c.b.population.Size, Seconds: time.Since(began).Seconds(),
		BytesPerSubject: bytes / float64(c.b.population.Size), Where: "on disk",
		Note: fmt.Sprintf("one RecordEvents call per subject, %d under way; the whole database, an empty one of 8 MB included", loaders),
	})
	return err
}

func (c *cluster) startNode(ctx context.Context) error {
	n := len(c.nodes) + 1
	s := &server{
		binary: c.b.server.binary, connections: c.b.conns, dataDir: filepath.Join(c.b.temp, fmt.Sprintf("node-%d", n)),
		flags: append([]string{"--store", c.url, "--node-name", fmt.Sprintf("node-%d", n)}, c.b.serverFlags()...),
	}
	c.nodes = append(c.nodes, s)
	if err := s.start(ctx); err != nil {
		return fmt.Errorf("starting node %d: %w", n, err)
	}
	return nil
}

// join starts the other nodes.
func (c *cluster) join(ctx context.Context) error {
	for len(c.nodes) < manyNodes {
		if err := c.startNode(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) stop() {
	for _, s := range c.nodes {
		s.stop()
	}
	_ = c.database.Close() // its folder is a temporary one
}

// conns are the connections to all nodes.
func (c *cluster) conns() (all []*grpc.ClientConn) {
	for i := range c.b.conns {
		for _, s := range c.nodes {
			all = append(all, s.conns[i])
		}
	}
	return all
}

// number is what a query of the database gives.
func (c *cluster) number(ctx context.Context, query string) (float64, error) {
	text, err := c.ask(ctx, "SELECT ("+query+")::text")
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(text, 64)
}

// ask is the one text that a query of the database gives.
func (c *cluster) ask(ctx context.Context, query string) (text string, err error) {
	conn, err := pgx.Connect(ctx, c.url)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := conn.QueryRow(ctx, query, pgx.QueryExecModeSimpleProtocol).Scan(&text); err != nil {
		return "", fmt.Errorf("asking the database: %w", err)
	}
	return text, nil
}

func (c *cluster) figure(f report.Figure) { c.b.report.Figures = append(c.b.report.Figures, f) }

// sizes are what is on disk for each event and subject.
func (c *cluster) sizes(ctx context.Context) error {
	for _, size := range []struct{ what, tables, per string }{
		{"bytes an event, its id and indexes included", "(events|event_ids)", "events"},
		{"bytes a subject's state", "states", "states"},
		{"bytes a change, for nodes that come back", "changes", "changes"},
	} {
		bytes, err := c.number(ctx, "SELECT sum(pg_total_relation_size(oid))::float8 FROM pg_class WHERE relkind = 'r' AND "+
			"relnamespace = 'consentd'::regnamespace AND relname ~ '^"+size.tables+"(_?[0-9]+)?$'")
		if err != nil {
			return err
		}
		rows, err := c.number(ctx, "SELECT count(*)::float8 FROM consentd."+size.per)
		if err != nil {
			return err
		}
		each := ratio(bytes, rows)
		c.figure(report.Figure{
			What: size.what, System: "PostgreSQL", Unit: "bytes", Value: load.Spread{Median: each, Min: each, Max: each},
			Note: fmt.Sprintf("%.0f rows", rows),
		})
	}
	return nil
}
