package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/change"
)

// attempts is how often a group is tried whose attempt failed before anything was written: a connection may have
// broken while it idled.
const attempts = 3

// commit records a group durably. A batch that cannot be recorded gets its own error; an error that is returned is that
// of all: nothing of the group was recorded, or nobody knows.
func (s *Store) commit(batches []*pending) (err error) {
	ctx, cancel := s.bounded(s.config.AcquireTimeout + s.config.LockTimeout + 2*s.config.StatementTimeout)
	defer cancel()
	began := time.Now()
	for range attempts {
		g := &group{store: s, ctx: ctx, batches: batches}
		err = g.commit()
		if err == nil {
			if s.config.Synced != nil && g.head != g.locked {
				s.config.Synced(len(batches), time.Since(began))
			}
			return nil
		}
		s.own.suspect(err)
		if g.writing || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// group is an attempt to commit batches in one transaction.
//
// What they need is read first, without a lock, and they are planned as if nobody else wrote. Then the head is locked.
// Where others did write meanwhile, what was read of the subjects that changed, and which event ids were not found, is
// read again, and all are planned again: the lock is held, so that happens once. At last everything is written and
// committed in one round trip.
type group struct {
	store   *Store
	ctx     context.Context
	batches []*pending
	conn    *pgxpool.Conn

	memo *change.Memo
	// read is where the history was before anything was read, locked where it is under the lock, head where it is after
	// what was planned.
	read, locked, head cluster.Place
	overlay            *change.Overlay
	// planned are the changes of batches that add something, chains the chains after each.
	planned []*change.Change
	chains  []store.Chain
	// writing says that something may have been written.
	writing bool
}

func (g *group) commit() (err error) {
	defer recovered(&err)
	if g.conn, err = g.store.acquire(g.ctx, g.store.own); err != nil {
		return err
	}
	defer g.conn.Release()
	if err := g.readAll(); err != nil {
		return err
	}
	if err := g.planFrom(g.read); err != nil {
		return err
	}
	if err := g.lock(); err != nil {
		g.rollback()
		return err
	}
	if len(g.planned) == 0 {
		g.rollback()
		return nil
	}
	return g.write()
}

// rollback ends the transaction without a word: where that fails the connection is not used again.
func (g *group) rollback() {
	if g.conn.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := g.store.bounded(time.Second)
	defer cancel()
	_, _ = g.conn.Exec(ctx, "ROLLBACK")
}

// readAll reads what the batches will most likely ask for, and where the history was before, in one round trip.
func (g *group) readAll() error {
	g.memo = change.NewMemo(reader{g.ctx, g.conn})
	subjects, ids := g.asked()
	var b pgx.Batch
	b.Queue(readHead).QueryRow(func(row pgx.Row) (err error) {
		g.read, err = scanPlace(row)
		return err
	})
	g.queueFind(&b, subjects)
	g.queueRecorded(&b, ids)
	return g.conn.SendBatch(g.ctx, &b).Close()
}

// asked are the batches' subjects and the ids of their events, each once.
func (g *group) asked() (subjects []consent.Subject, ids []change.EventID) {
	seen, known := map[consent.Subject]bool{}, map[change.EventID]bool{}
	for _, p := range g.batches {
		if !seen[p.Subject] {
			seen[p.Subject] = true
			subjects = append(subjects, p.Subject)
		}
		for i := range p.Events {
			id := change.EventID{Controller: p.Subject.Controller, ID: p.Events[i].ID}
			if !known[id] {
				known[id] = true
				ids = append(ids, id)
			}
		}
	}
	return subjects, ids
}

func scanPlace(row pgx.Row) (cluster.Place, error) {
	var p place
	if err := row.Scan(&p.revision, &p.chain); err != nil {
		return cluster.Place{}, err
	}
	return p.place()
}

// queueFind has what is kept of the subjects remembered.
func (g *group) queueFind(b *pgx.Batch, subjects []consent.Subject) {
	if len(subjects) == 0 {
		return
	}
	controllers, ids := subjectArrays(subjects)
	b.Queue(findMany, controllers, ids).Query(func(rows pgx.Rows) error {
		for _, s := range subjects {
			g.memo.KeepRow(s, change.Unknown())
		}
		return scanFound(rows, func(n int, r change.Row) { g.memo.KeepRow(subjects[n], r) })
	})
}

// queueRecorded has what is recorded under the events' ids remembered.
func (g *group) queueRecorded(b *pgx.Batch, ids []change.EventID) {
	if len(ids) == 0 {
		return
	}
	controllers, events := eventArrays(ids)
	b.Queue(recordedMany, controllers, events).Query(func(rows pgx.Rows) error {
		for _, id := range ids {
			g.memo.KeepEvent(id, nil, "")
		}
		return scanRecorded(rows, func(n int, e *consent.Event, subject string) { g.memo.KeepEvent(ids[n], e, subject) })
	})
}

// planFrom plans all batches in their order, each seeing those before it, as the changes after a place. An error is
// that of reading; what is wrong with a batch is its own.
func (g *group) planFrom(at cluster.Place) error {
	g.overlay, g.head = change.NewOverlay(g.memo), at
	g.planned, g.chains = g.planned[:0], g.chains[:0]
	for _, p := range g.batches {
		c, err := change.Plan(g.overlay, &p.Batch, g.head.Revision+1)
		if errors.Is(err, consent.ErrUnavailable) {
			return err
		}
		p.err, p.recorded = err, consent.Recorded{}
		if err != nil {
			continue
		}
		p.recorded = c.Recorded
		if c.Adds() {
			g.overlay.Add(c)
			g.head = cluster.Place{Revision: c.Recorded.Revision, Chain: g.head.Chain.Next(c.Recorded.Revision, c.Digest())}
			g.planned, g.chains = append(g.planned, c), append(g.chains, g.head.Chain)
		}
		p.at = g.head
	}
	return nil
}

const (
	// settings of a transaction are its own: poolers in transaction mode give the session to others. A commit waits for
	// the disk and the standbys, whatever the server is told to do otherwise.
	limits = `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
		set_config('idle_in_transaction_session_timeout', $3, true), set_config('synchronous_commit',
			CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on'
				ELSE current_setting('synchronous_commit') END, true)`

	// noLimit: a commit that is cancelled while it waits for its standbys is one that succeeds without them.
	noLimit = `SELECT set_config('statement_timeout', '0', true)`

	lockHead = `SELECT revision, chain FROM consentd.head FOR UPDATE`

	changesSince = `SELECT revision, controller, subject, also, chain FROM consentd.changes
		WHERE revision >= $1 ORDER BY revision`
)

// begin begins a transaction whose statements are bounded.
func (s *Store) begin(b *pgx.Batch) {
	b.Queue("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
	b.Queue(limits, milliseconds(s.config.StatementTimeout), milliseconds(s.config.LockTimeout), milliseconds(s.config.IdleTimeout))
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// lock locks the head, and makes the plan one of the history that it finds there.
func (g *group) lock() error {
	var b pgx.Batch
	var since []cluster.Entry
	g.store.begin(&b)
	b.Queue(lockHead).QueryRow(func(row pgx.Row) (err error) {
		g.locked, err = scanPlace(row)
		return err
	})
	b.Queue(changesSince, int64(g.read.Revision)).Query(func(rows pgx.Rows) (err error) {
		since, err = scanEntries(rows)
		return err
	})
	if err := g.conn.SendBatch(g.ctx, &b).Close(); err != nil {
		return err
	}
	if g.locked == g.read {
		return nil
	}
	return g.catchUp(since)
}

func scanEntries(rows pgx.Rows) (entries []cluster.Entry, err error) {
	var p place
	var controller, subject []byte
	var also [][]byte
	_, err = pgx.ForEachRow(rows, []any{&p.revision, &controller, &subject, &also, &p.chain}, func() error {
		at, err := p.place()
		entries = append(entries, entryOf(at, consent.Subject{Controller: string(controller), ID: string(subject)}, also))
		return err
	})
	return entries, err
}

// catchUp reads again what others changed since it was read, and plans again.
func (g *group) catchUp(since []cluster.Entry) error {
	if g.locked.Revision <= g.read.Revision {
		return errMoved
	}
	first := g.read.Revision + 1
	if len(since) > 0 && since[0].Revision == g.read.Revision {
		if since[0].Chain != g.read.Chain {
			return errMoved
		}
		since = since[1:]
	}
	if len(since) != int(g.locked.Revision-g.read.Revision) || since[0].Revision != first {
		return errMoved // some were pruned: that much happened meanwhile that all is better read again
	}
	if err := g.readAgain(since); err != nil {
		return err
	}
	return g.planFrom(g.locked)
}

// readAgain reads what was read of subjects that changed, and looks again for the ids of events that were not found.
func (g *group) readAgain(since []cluster.Entry) error {
	var subjects []consent.Subject
	for i := range since {
		since[i].Subjects(func(s consent.Subject) {
			if g.memo.Forget(s) {
				subjects = append(subjects, s)
			}
		})
	}
	var b pgx.Batch
	g.queueFind(&b, subjects)
	g.queueRecorded(&b, g.memo.Missed())
	if b.Len() == 0 {
		return nil
	}
	return g.conn.SendBatch(g.ctx, &b).Close()
}
