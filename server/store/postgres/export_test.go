package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
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
