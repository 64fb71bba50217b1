package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// markBlock is how many marks are in a row of consentd.marks.
const markBlock = 4096

const (
	pruneFrom = `SELECT pruned, revision FROM consentd.head`

	keepMarks = `INSERT INTO consentd.marks (block, marks)
		SELECT $1::bigint / 4096, string_agg(substring(chain FOR 4), '' ORDER BY revision) FROM consentd.changes
		WHERE revision > $1::bigint AND revision <= $1::bigint + 4096 HAVING count(*) = 4096
		ON CONFLICT (block) DO NOTHING`

	// dropChanges leaves the newest of them: its chain is what those after it are held against.
	dropChanges = `DELETE FROM consentd.changes WHERE revision < $1::bigint + 4096
		AND EXISTS (SELECT FROM consentd.marks WHERE block = $1::bigint / 4096)`

	movePruned = `UPDATE consentd.head SET pruned = $1::bigint + 4096 WHERE pruned = $1::bigint
		AND EXISTS (SELECT FROM consentd.marks WHERE block = $1::bigint / 4096)`
)

// pruneAll prunes changes that are older than is to be kept, until the store is closed. All nodes do.
func (s *Store) pruneAll() {
	tick := time.NewTicker(s.config.PruneInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		if err := s.prune(); err != nil && s.ctx.Err() == nil {
			s.config.Logger.Warn("old changes could not be pruned: it is tried again", "error", err)
		}
	}
}

// prune prunes block by block, each in a transaction of its own: the head, which it locks last, is held for a moment.
func (s *Store) prune() (err error) {
	defer recovered(&err)
	for s.ctx.Err() == nil {
		ctx, cancel := s.bounded(s.config.AcquireTimeout + s.config.LockTimeout + s.config.StatementTimeout)
		more, err := s.pruneBlock(ctx)
		cancel()
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func (s *Store) pruneBlock(ctx context.Context) (more bool, err error) {
	var pruned, head int64
	if err := s.own.pool.Load().QueryRow(ctx, pruneFrom).Scan(&pruned, &head); err != nil {
		return false, err
	}
	if head-pruned < int64(s.config.KeepChanges)+markBlock {
		return false, nil
	}
	return true, s.transact(ctx, func(b *pgx.Batch) {
		b.Queue(keepMarks, pruned)
		b.Queue(dropChanges, pruned)
		b.Queue(movePruned, pruned)
	})
}
