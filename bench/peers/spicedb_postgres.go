package peers

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
)

// SpiceDBStaleness is how old what SpiceDB decides by minimize_latency may be with its defaults: revisions are rounded
// to 5 s, and one may be used for a tenth of that longer.
const SpiceDBStaleness = 5500 * time.Millisecond

// SpiceDBOnPostgres is a SpiceDB whose store is PostgreSQL. It asks by minimize_latency. Its caches are as SpiceDB has
// them by default, dispatch cache and cache of schemas on. Its methods may be called concurrently.
type SpiceDBOnPostgres struct{ spiceDB }

// StartSpiceDBOnPostgres makes SpiceDB's tables in the database at the URL, starts it, tells it the population, and
// waits until that is what it decides by.
func StartSpiceDBOnPostgres(ctx context.Context, c Config, url string) (*SpiceDBOnPostgres, error) {
	store := []string{"--datastore-engine", "postgres", "--datastore-conn-uri", url}
	args := append([]string{"datastore", "migrate", "head", "--skip-release-check"}, store...)
	migrate := exec.CommandContext(ctx, c.Binary, args...)
	if out, err := migrate.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("making SpiceDB's tables: %w: %s", err, out)
	}
	addr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	s := &SpiceDBOnPostgres{spiceDB{population: c.Population, backend: message(nil).sub(1, spiceDBObject("backend", "any"))}}
	s.process, err = proc.Start(exec.Command(c.Binary, append(spiceDBArgs(addr), store...)...), nil)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, addr, c.Connections); err != nil {
		s.Close()
		return nil, err
	}
	s.consistency = message(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1))
	return s, s.settled(ctx)
}

// settled waits until what was written is seen by minimize_latency.
func (s *SpiceDBOnPostgres) settled(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(SpiceDBStaleness + time.Second):
		return nil
	}
}

// The operations of an update.
const (
	spiceDBTouch  = 2
	spiceDBDelete = 3
)

// Grant records that a subject consents to the first purpose, durably.
func (s *SpiceDBOnPostgres) Grant(ctx context.Context, n int, subject string) error {
	return s.update(ctx, n, spiceDBTouch, subject)
}

// Revoke records that it does not any more, durably.
func (s *SpiceDBOnPostgres) Revoke(ctx context.Context, n int, subject string) error {
	return s.update(ctx, n, spiceDBDelete, subject)
}

func (s *SpiceDBOnPostgres) update(ctx context.Context, n int, operation uint64, subject string) error {
	r := message(nil).sub(1, spiceDBObject("subject", subject)).str(2, question.Purposes[0]+"_consented").sub(3, s.backend)
	update := message(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), operation)).sub(2, r)
	answer, err := s.call(ctx, n, "PermissionsService/WriteRelationships", message(nil).sub(1, update))
	if err == nil && len(answer) == 0 {
		err = errors.New("SpiceDB acknowledged nothing")
	}
	return err
}

// Granted asks for the first purpose by minimize_latency.
func (s *SpiceDBOnPostgres) Granted(ctx context.Context, n int, subject string) (bool, error) {
	answer, err := s.call(ctx, n, "PermissionsService/CheckPermission", message(nil).sub(1, s.consistency).
		sub(2, spiceDBObject("subject", subject)).str(3, question.Purposes[0]).sub(4, s.backend))
	if err != nil {
		return false, err
	}
	return permissionship(answer, 2)
}
