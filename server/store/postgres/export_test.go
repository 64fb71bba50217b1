package postgres

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

// Exhaust takes connections for reading until the test ends.
func (s *Store) Exhaust(t *testing.T, n int) {
	t.Helper()
	for range n {
		conn, err := s.primary.pool.Load().Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup((*pgxpool.Conn)(conn).Release)
	}
}

// group is one whose batches were read and planned.
func (s *Store) group(t *testing.T, batches []consent.Batch) *group {
	t.Helper()
	g := &group{store: s, ctx: t.Context()}
	for _, b := range batches {
		prepared, err := change.Prepare(b)
		if err != nil {
			t.Fatal(err)
		}
		g.batches = append(g.batches, &pending{Batch: prepared})
	}
	conn, err := s.acquire(g.ctx, s.own)
	if g.conn = conn; err == nil {
		err = errors.Join(g.readAll(), g.planFrom(g.read))
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Prepare reads and plans a group, and returns what commits it.
func (s *Store) Prepare(t *testing.T, batches ...consent.Batch) func() ([]consent.Recorded, []error) {
	t.Helper()
	g := s.group(t, batches)
	return func() (recorded []consent.Recorded, errs []error) {
		t.Helper()
		defer g.conn.Release()
		if err := g.lock(); err != nil {
			t.Fatal(err)
		}
		if err := g.write(); err != nil {
			t.Fatal(err)
		}
		for _, p := range g.batches {
			recorded, errs = append(recorded, p.recorded), append(errs, p.err)
		}
		return recorded, errs
	}
}

// Lock locks the head for a group, and returns what writes it.
func (s *Store) Lock(t *testing.T, batches ...consent.Batch) func() error {
	t.Helper()
	g := s.group(t, batches)
	if err := g.lock(); err != nil {
		t.Fatal(err)
	}
	return func() error {
		defer g.conn.Release()
		if err := g.write(); err != nil {
			return unavailable(context.Background(), recording, err)
		}
		return nil
	}
}

// ParsePage reads a page token of a subject, and returns the token of what it read.
func (s *Store) ParsePage(subject consent.Subject, token string) (again string, ok bool) {
	at, ok := s.parsePage(subject, token)
	return s.pageToken(subject, at), ok
}

// Literal is the text of an array of ids.
func Literal(ids []string) *string { return literal(ids) }

// MigrateBy migrates a database by other migrations than this program's.
func MigrateBy(ctx context.Context, url string, files fs.FS) error {
	_, err := migrate(ctx, url, files, slog.New(slog.DiscardHandler))
	return err
}

// Migrations are this program's.
func Migrations() fs.FS { return migrations() }
