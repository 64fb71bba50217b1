package postgres

import (
	"context"
	"encoding/binary"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

const (
	readingMark = "reading the mark of a revision"

	markAt = `SELECT h.revision,
			CASE WHEN h.revision = $1::bigint THEN substring(h.chain FOR 4) ELSE coalesce(
				(SELECT substring(c.chain FOR 4) FROM consentd.changes c WHERE c.revision = $1::bigint),
				(SELECT substring(m.marks FROM (($1::bigint - 1) % 4096 * 4 + 1)::int FOR 4) FROM consentd.marks m
					WHERE m.block = ($1::bigint - 1) / 4096)) END,
			pg_is_in_recovery()
		FROM consentd.head h`
)

// Mark returns the mark of a revision of the store's history, as the primary has it now. False: the revision is zero,
// or beyond the newest there.
func (s *Store) Mark(ctx context.Context, r consent.Revision) (store.Mark, bool, error) {
	leave, err := s.enter(ctx, readingMark)
	if err != nil {
		return 0, false, err
	}
	defer leave()
	if r == 0 || int64(r) < 0 {
		return 0, false, nil
	}
	mark, known, err := s.markAt(ctx, r)
	if err != nil {
		s.primary.suspect(err)
		return 0, false, unavailable(ctx, readingMark, err)
	}
	return mark, known, nil
}

func (s *Store) markAt(ctx context.Context, r consent.Revision) (mark store.Mark, known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.ReadTimeout)
	defer cancel()
	conn, err := s.acquire(ctx, s.primary)
	if err != nil {
		return 0, false, err
	}
	defer conn.Release()
	var head int64
	var b []byte
	var standby bool
	switch err := conn.QueryRow(ctx, markAt, int64(r)).Scan(&head, &b, &standby); {
	case err != nil:
		return 0, false, err
	case standby:
		return 0, false, errStandby
	case consent.Revision(head) < r:
		return 0, false, nil
	case len(b) != 4:
		return 0, false, errDamaged
	}
	return store.Mark(binary.BigEndian.Uint32(b)), true, nil
}
