package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

const (
	// serverName is another one after each start. A standby that is promoted goes on as the process that it was, but
	// answers nothing as the primary before that.
	serverName = `(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint::text`

	pollChanges = `SELECT h.revision, h.chain, NULL::bytea, NULL::bytea, NULL::bytea[], h.pruned,
			CASE WHEN h.revision = $1::bigint THEN h.chain
				ELSE (SELECT c.chain FROM consentd.changes c WHERE c.revision = $1::bigint) END,
			(SELECT wanted FROM consentd.fence), coalesce((SELECT max(number) FROM consentd.activations), 0),
			` + serverName + `, pg_is_in_recovery(), (SELECT count(*) FROM consentd.nodes WHERE NOT "left")
		FROM consentd.head h
		UNION ALL (
			SELECT c.revision, c.chain, c.controller, c.subject, c.also, NULL, NULL, NULL, NULL, NULL, NULL, NULL
			FROM consentd.changes c WHERE c.revision > $1::bigint ORDER BY c.revision LIMIT $2::bigint
		) ORDER BY 6 NULLS LAST, 1`
)

// Poll implements cluster.Database, by one statement.
func (s *Store) Poll(ctx context.Context, _ cluster.NodeID, after consent.Revision, limit int) (cluster.Page, error) {
	page, err := s.poll(ctx, after, limit)
	if err != nil {
		s.own.suspect(err)
		return cluster.Page{}, unavailable(ctx, "looking for changes", err)
	}
	s.bridge.answered()
	return page, nil
}

func (s *Store) poll(ctx context.Context, after consent.Revision, limit int) (page cluster.Page, err error) {
	conn, err := s.acquire(ctx, s.own)
	if err != nil {
		return page, err
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, pollChanges, int64(after), int64(limit))
	if err != nil {
		return page, err
	}
	return s.scanPage(rows, after)
}

// look is the row that says where the store is.
type look struct {
	pruned, wanted, policy, nodes *int64
	at                            []byte
	server                        *string
	standby                       *bool
}

func (s *Store) scanPage(rows pgx.Rows, after consent.Revision) (page cluster.Page, err error) {
	var p place
	var l look
	var controller, subject []byte
	var also [][]byte
	into := []any{
		&p.revision, &p.chain, &controller, &subject, &also, &l.pruned, &l.at, &l.wanted, &l.policy, &l.server, &l.standby, &l.nodes,
	}
	_, err = pgx.ForEachRow(rows, into, func() error {
		at, err := p.place()
		if err != nil {
			return err
		}
		if l.pruned != nil {
			page.Head, page.HeadChain = at.Revision, at.Chain
			return s.fillPage(&page, &l, after)
		}
		if after >= page.Pruned {
			page.Changes = append(page.Changes, entryOf(at, consent.Subject{Controller: string(controller), ID: string(subject)}, also))
		}
		return nil
	})
	return page, err
}

func entryOf(at cluster.Place, subject consent.Subject, also [][]byte) (e cluster.Entry) {
	e.Revision, e.Chain, e.Subject = at.Revision, at.Chain, subject
	for _, id := range also {
		e.Also = append(e.Also, string(id))
	}
	return e
}

func (s *Store) fillPage(page *cluster.Page, l *look, after consent.Revision) error {
	if *l.standby {
		return errStandby
	}
	page.Pruned, page.Wanted, page.Policy = consent.Revision(*l.pruned), consent.Revision(*l.wanted), uint64(*l.policy)
	page.Server = *l.server
	s.hints.nodes.Store(*l.nodes)
	switch {
	case after > page.Head:
	case after == 0 && page.Pruned == 0:
		page.Known, page.At = true, store.Begin(s.id, 0)
	case l.at != nil:
		at := place{chain: l.at}
		known, err := at.place()
		page.Known, page.At = true, known.Chain
		return err
	}
	return nil
}

const (
	// known says whether a place is one of the primary's own history.
	knownPlace = `(EXISTS (SELECT FROM consentd.changes c WHERE c.revision = $2 AND c.chain = $3)
		OR EXISTS (SELECT FROM consentd.head h WHERE h.revision = $2 AND h.chain = $3))`

	renewNode = `INSERT INTO consentd.nodes AS n (id, applied, renewal, lease_ms, policy, about, "left", renewed_at)
		SELECT $1, CASE WHEN ` + knownPlace + ` THEN $2 ELSE 0 END, $4, $5, $6, $7::text::jsonb, $8, clock_timestamp()
		ON CONFLICT (id) DO UPDATE SET applied = greatest(n.applied, excluded.applied), renewal = excluded.renewal,
			lease_ms = excluded.lease_ms, policy = excluded.policy, about = excluded.about, "left" = excluded."left",
			renewed_at = excluded.renewed_at
		WHERE n.renewal < excluded.renewal
		RETURNING ` + serverName

	reportNode = `UPDATE consentd.nodes SET applied = $2 WHERE id = $1 AND applied < $2 AND ` + knownPlace

	demandAll = `UPDATE consentd.fence SET wanted = $1 WHERE wanted < $1`

	readNodes = `SELECT h.revision, ` + serverName + `, pg_is_in_recovery(), n.id, n.renewal, n.applied, n.lease_ms, n.policy,
			n.about::text, n."left", n.renewed_at
		FROM consentd.head h LEFT JOIN consentd.nodes n ON true ORDER BY n.id`

	removeNode = `DELETE FROM consentd.nodes WHERE id = $1 AND renewal = $2`

	// lazily has a commit not wait for the disk: what it says may get lost.
	lazily = `SELECT set_config('synchronous_commit', 'off', true)`
)

// Renew implements cluster.Database, by one round trip. Its outcome is also how writes go.
func (s *Store) Renew(ctx context.Context, n cluster.Node) (string, error) {
	server, err := s.renew(ctx, n)
	if err != nil {
		err = unavailable(ctx, "renewing the node's registration", err)
	}
	s.wrote(err)
	return server, err
}

var errOldRenewal = errors.New("a later renewal is registered")

func (s *Store) renew(ctx context.Context, n cluster.Node) (server string, err error) {
	about := string(n.About)
	if about == "" {
		about = "{}"
	}
	err = s.transact(ctx, func(b *pgx.Batch) {
		b.Queue(renewNode, n.ID[:], int64(n.Applied.Revision), n.Applied.Chain[:], int64(n.Renewal), n.Lease.Milliseconds(),
			int64(n.Policy), about, n.Left).QueryRow(func(row pgx.Row) error {
			if err := row.Scan(&server); errors.Is(err, pgx.ErrNoRows) {
				return errOldRenewal
			} else if err != nil {
				return err
			}
			return nil
		})
		b.Queue(noLimit)
	})
	return server, err
}

// transact executes statements in a transaction, in one round trip.
func (s *Store) transact(ctx context.Context, fill func(*pgx.Batch)) error {
	conn, err := s.acquire(ctx, s.own)
	if err != nil {
		return err
	}
	defer conn.Release() // which ends a connection that is still in its transaction
	var b pgx.Batch
	s.begin(&b)
	fill(&b)
	b.Queue("COMMIT")
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		s.own.suspect(err)
		return err
	}
	return awaited(conn.Conn().PgConn())
}

// Report implements cluster.Database.
func (s *Store) Report(ctx context.Context, node cluster.NodeID, applied cluster.Place) error {
	err := s.transact(ctx, func(b *pgx.Batch) {
		b.Queue(lazily)
		b.Queue(reportNode, node[:], int64(applied.Revision), applied.Chain[:])
	})
	if err != nil {
		return unavailable(ctx, "reporting what the node has applied", err)
	}
	return nil
}

// Demand implements cluster.Database.
func (s *Store) Demand(ctx context.Context, applied consent.Revision) error {
	err := s.transact(ctx, func(b *pgx.Batch) {
		b.Queue(lazily)
		b.Queue(demandAll, int64(applied))
	})
	if err != nil {
		return unavailable(ctx, "asking the nodes what they have applied", err)
	}
	s.Hint()
	return nil
}

// Remove implements cluster.Database.
func (s *Store) Remove(ctx context.Context, node cluster.NodeID, renewal uint64) error {
	err := s.transact(ctx, func(b *pgx.Batch) { b.Queue(removeNode, node[:], int64(renewal)) })
	if err != nil {
		return unavailable(ctx, "removing a dead node", err)
	}
	return nil
}

// Nodes implements cluster.Database, by one statement.
func (s *Store) Nodes(ctx context.Context) (cluster.Nodes, error) {
	nodes, err := s.nodes(ctx)
	if err != nil {
		s.own.suspect(err)
		return cluster.Nodes{}, unavailable(ctx, "reading which nodes there are", err)
	}
	return nodes, nil
}

func (s *Store) nodes(ctx context.Context) (found cluster.Nodes, err error) {
	conn, err := s.acquire(ctx, s.own)
	if err != nil {
		return found, err
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, readNodes)
	if err != nil {
		return found, err
	}
	var r nodeRow
	_, err = pgx.ForEachRow(rows, r.into(), func() error {
		if r.standby {
			return errStandby
		}
		found.Head, found.Server = consent.Revision(r.head), r.server
		if r.id == nil {
			return nil // there is none
		}
		n, err := r.node()
		found.Nodes = append(found.Nodes, n)
		return err
	})
	return found, err
}

// nodeRow is a row of readNodes; where there is no node its fields are nil.
type nodeRow struct {
	head                            int64
	server                          string
	standby                         bool
	id                              []byte
	renewal, applied, lease, policy *int64
	about                           *string
	left                            *bool
	renewed                         *time.Time
}

func (r *nodeRow) into() []any {
	return []any{
		&r.head, &r.server, &r.standby, &r.id, &r.renewal, &r.applied, &r.lease, &r.policy, &r.about, &r.left, &r.renewed,
	}
}

func (r *nodeRow) node() (n cluster.Node, err error) {
	if len(r.id) != len(n.ID) {
		return n, fmt.Errorf("a node's id has %d bytes: %w", len(r.id), errDamaged)
	}
	return cluster.Node{
		ID: cluster.NodeID(r.id), Renewal: uint64(*r.renewal), Applied: cluster.Place{Revision: consent.Revision(*r.applied)},
		Lease: time.Duration(*r.lease) * time.Millisecond, About: []byte(*r.about), Policy: uint64(*r.policy), Left: *r.left,
		RenewedAt: *r.renewed,
	}, nil
}

// Hints implements cluster.Database.
func (s *Store) Hints() <-chan struct{} { return s.hints.heard }

// Hint has all other nodes look at the store at once: something of it is another than before. It returns at once; hints
// are sent in the background, many of one moment as one, and may be lost.
func (s *Store) Hint() { s.hints.wake() }
