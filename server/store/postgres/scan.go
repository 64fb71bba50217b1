package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

const (
	scanningStates = "scanning subjects' states"

	// scanPage is how many rows are read at once.
	scanPage = 256
	// scanIdle is how slow whom the states are shown to may be, a page of them. The database keeps what is replaced
	// meanwhile, for as long as a scan takes.
	scanIdle = 10 * time.Minute

	scanFrom = ` FROM consentd.states s
		LEFT JOIN LATERAL (
			SELECT row FROM consentd.people p WHERE p.controller = s.controller AND p.key = ` + aliasKey + ` LIMIT 1
		) p ON true`

	scanOne = `SELECT s.controller, s.subject, s.row, p.row` + scanFrom + `
		WHERE s.controller = $1 AND s.subject >= $2 ORDER BY s.controller, s.subject LIMIT $3`

	scanEvery = `SELECT s.controller, s.subject, s.row, p.row` + scanFrom + `
		WHERE (s.controller, s.subject) >= ($1, $2) ORDER BY s.controller, s.subject LIMIT $3`
)

// Scan shows subjects in the order of their controllers' ids, and then their own, byte by byte. It holds a connection
// and a snapshot of the primary; at most half as many scans as there may be connections are under way at once. A store
// that is closed meanwhile ends it.
func (s *Store) Scan(ctx context.Context, controller string, f func(consent.Subject, consent.Snapshot) error) error {
	leave, err := s.enter(ctx, scanningStates)
	if err != nil {
		return err
	}
	defer leave()
	select {
	case s.scans <- struct{}{}:
		defer func() { <-s.scans }()
	default:
		return unavailable(ctx, scanningStates, fmt.Errorf("%d scans are under way", cap(s.scans)))
	}
	sc := scan{store: s, show: f, sql: scanEvery, controller: controller}
	if controller != "" {
		sc.sql = scanOne
	}
	if err := sc.run(ctx); err != nil {
		return err
	}
	return nil
}

// scan is one under way.
type scan struct {
	store *Store
	conn  *pgxpool.Conn
	show  func(consent.Subject, consent.Snapshot) error
	at    cluster.Place
	sql   string
	// controller and subject are where the next page begins.
	controller, subject string
}

// shown is a row that was read.
type shown struct {
	subject consent.Subject
	row     change.Row
}

func (c *scan) run(ctx context.Context) (err error) {
	if c.conn, err = c.store.acquire(ctx, c.store.primary); err != nil {
		return unavailable(ctx, scanningStates, err)
	}
	defer c.conn.Release() // which ends a connection that is still in its transaction
	if err := c.begin(ctx); err != nil {
		return unavailable(ctx, scanningStates, err)
	}
	for {
		page, err := c.page(ctx)
		if err != nil {
			return unavailable(ctx, scanningStates, err)
		}
		for _, r := range page {
			if !r.row.ComesUnder(r.subject.ID) {
				continue // the person comes under another id
			}
			if err := c.show(r.subject, r.row.Snapshot(c.at.Revision)); err != nil {
				return err
			}
		}
		if len(page) < scanPage {
			return c.end(ctx)
		}
	}
}

// begin begins the transaction, and waits until the feed knows what it shows.
func (c *scan) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.store.config.ReadTimeout)
	defer cancel()
	var b pgx.Batch
	c.store.beginReading(&b)
	b.Queue("SELECT set_config('idle_in_transaction_session_timeout', $1, true)", milliseconds(scanIdle))
	b.Queue(readHead).QueryRow(func(row pgx.Row) (err error) {
		c.at, err = scanPlace(row)
		return err
	})
	if err := c.conn.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	return c.store.show(ctx, c.at)
}

// page reads the next rows.
func (c *scan) page(ctx context.Context) (page []shown, err error) {
	defer recovered(&err)
	select {
	case <-c.store.closing:
		return nil, errClosed
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, c.store.config.StatementTimeout)
	defer cancel()
	rows, err := c.conn.Query(ctx, c.sql, []byte(c.controller), []byte(c.subject), int32(scanPage))
	if err != nil {
		return nil, err
	}
	var controller, subject, state, person []byte
	_, err = pgx.ForEachRow(rows, []any{&controller, &subject, &state, &person}, func() error {
		r, err := rowOf(state, person)
		page = append(page, shown{consent.Subject{Controller: string(controller), ID: string(subject)}, r})
		return err
	})
	c.controller, c.subject = string(controller), string(subject)+"\x00" // the least id after the last one
	return page, err
}

func (c *scan) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.store.config.StatementTimeout)
	defer cancel()
	_, _ = c.conn.Exec(ctx, "COMMIT") // nothing was written
	return nil
}
