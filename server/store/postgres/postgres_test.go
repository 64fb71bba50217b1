package postgres_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/postgres"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
	"github.com/consentd/consentd/server/store/storetest"
)

// node is a store and the feed that follows it, as one node has them.
type node struct {
	*postgres.Store
	feed  *cluster.Feed
	marks *store.Marks
}

// Close closes both: calls under way wait for the feed.
func (n *node) Close() error {
	err := n.Store.Close()
	n.feed.Close()
	return err
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// migrated is the URL of a fresh database with the schema.
func migrated(t testing.TB) string {
	t.Helper()
	url := pgtest.Copy(t, "migrated", func(ctx context.Context, url string) error {
		_, err := postgres.Migrate(ctx, url, quiet)
		return err
	})
	// A copy would be the same store.
	exec(t, url, `UPDATE consentd.head SET store_id = drawn.id, chain = sha256(drawn.id || int8send(0))
		FROM (SELECT uuid_send(gen_random_uuid()) AS id) AS drawn`)
	return url
}

// exec executes statements in a database, each by itself.
func exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func migrate(t testing.TB, url string) {
	t.Helper()
	if _, err := postgres.Migrate(t.Context(), url, quiet); err != nil {
		t.Fatal(err)
	}
}

// begin opens a store and follows it.
func begin(ctx context.Context, c postgres.Config, o store.Observers) (*node, error) {
	c.Logger, c.Marks = quiet, new(store.Marks)
	s, err := postgres.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	feed, err := cluster.NewFeed(cluster.FeedConfig{Database: s, Observers: s.Observing(o), Marks: c.Marks, Logger: quiet})
	if err == nil {
		err = feed.Start(ctx)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	s.Follow(feed)
	return &node{s, feed, c.Marks}, nil
}

func open(t testing.TB, c postgres.Config, o store.Observers) *node {
	t.Helper()
	n, err := begin(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// exceptions are the promises that are about being told ahead: of a store that several nodes write nobody is, because
// another node may take the revision of a change that failed (store.Observers).
var exceptions = []storetest.Except{
	{Promise: "AheadSeesEveryChangeInOrder", Reason: "nobody is told ahead: other nodes take revisions too"},
	{Promise: "AheadComesBeforeTheChangeIsVisible", Reason: "nobody is told ahead: other nodes take revisions too"},
	{Promise: "FailedChangesKeepTheirRevisions", Reason: "nobody is told ahead, so another node may take the revision"},
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB, o store.Observers) storetest.Instance {
		c := postgres.Config{URL: migrated(t)}
		return storetest.Instance{
			Store:  open(t, c, o),
			Reopen: func(t testing.TB) store.Store { return open(t, c, o) },
		}
	}, exceptions...)
}
