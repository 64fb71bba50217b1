package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/change"
)

// The SQL here joins to a row of states the person that it is an alias of: an alias is a zero, a one, and the person's
// key (change.Row). LATERAL with LIMIT keeps the planner from anything but a lookup by the primary key a row, also
// where it knows nothing of the tables yet.
const (
	aliasKey = `CASE WHEN substring(s.row FOR 2) = '\x0001' THEN substring(s.row FROM 3) END`

	findOne = `SELECT s.row, p.row FROM consentd.states s
		LEFT JOIN consentd.people p ON p.controller = $1 AND p.key = ` + aliasKey + `
		WHERE s.controller = $1 AND s.subject = $2`

	findMany = `SELECT k.n::int, s.row, p.row FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS k(controller, subject, n)
		CROSS JOIN LATERAL (
			SELECT row FROM consentd.states s WHERE s.controller = k.controller AND s.subject = k.subject LIMIT 1
		) s
		LEFT JOIN LATERAL (
			SELECT row FROM consentd.people p WHERE p.controller = k.controller AND p.key = ` + aliasKey + ` LIMIT 1
		) p ON true`

	recordedMany = `SELECT k.n::int, i.subject, i.revision, e.entry
		FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS k(controller, id, n)
		CROSS JOIN LATERAL (
			SELECT subject, revision, index FROM consentd.event_ids i
			WHERE i.controller = k.controller AND i.id = k.id LIMIT 1
		) i
		LEFT JOIN LATERAL (
			SELECT entry FROM consentd.events e
			WHERE e.controller = k.controller AND e.subject = i.subject AND e.revision = i.revision AND e.index = i.index
				AND e.said = '' LIMIT 1
		) e ON true`

	ledgerOf = `SELECT DISTINCT ON (revision, index) revision, said, entry FROM consentd.events
		WHERE controller = $1 AND subject = $2 ORDER BY revision, index, said`

	readHead = `SELECT revision, chain FROM consentd.head`
)

// rowOf reads what is kept of an id: its row, and where that is an alias, the person's.
func rowOf(state, person []byte) (change.Row, error) {
	r, err := change.ParseRow(state, true)
	if err != nil || !r.Alias() {
		return r, err
	}
	if person == nil {
		return r, change.ErrPersonMissing
	}
	return change.ParsePerson(person, r.Key, true)
}

// reader reads one thing by one statement.
type reader struct {
	ctx context.Context
	q   querier
}

var _ change.Reader = reader{}

// Find implements change.Reader.
func (r reader) Find(subject consent.Subject) (change.Row, error) {
	var state, person []byte
	err := r.q.QueryRow(r.ctx, findOne, []byte(subject.Controller), []byte(subject.ID)).Scan(&state, &person)
	if errors.Is(err, pgx.ErrNoRows) {
		return change.Unknown(), nil
	}
	if err != nil {
		return change.Row{}, err
	}
	return rowOf(state, person)
}

// Recorded implements change.Reader.
func (r reader) Recorded(controller, event string) (said *consent.Event, subject string, err error) {
	rows, err := r.q.Query(r.ctx, recordedMany, [][]byte{[]byte(controller)}, [][]byte{[]byte(event)})
	if err != nil {
		return nil, "", err
	}
	err = scanRecorded(rows, func(_ int, e *consent.Event, under string) { said, subject = e, under })
	return said, subject, err
}

// scanRecorded calls f with those events of a list of ids that are recorded, and their positions in the list.
func scanRecorded(rows pgx.Rows, f func(n int, said *consent.Event, subject string)) error {
	var n int
	var subject, entry []byte
	var revision int64
	_, err := pgx.ForEachRow(rows, []any{&n, &subject, &revision, &entry}, func() error {
		if entry == nil {
			return errDamaged
		}
		e, err := change.ParseEntry(entry, consent.Revision(revision))
		if err == nil {
			f(n-1, &e.Event, string(subject))
		}
		return err
	})
	return err
}

func eventArrays(ids []change.EventID) (controllers, events [][]byte) {
	for _, id := range ids {
		controllers, events = append(controllers, []byte(id.Controller)), append(events, []byte(id.ID))
	}
	return controllers, events
}

func subjectArrays(subjects []consent.Subject) (controllers, ids [][]byte) {
	for _, s := range subjects {
		controllers, ids = append(controllers, []byte(s.Controller)), append(ids, []byte(s.ID))
	}
	return controllers, ids
}

// scanFound calls f with what is kept of those subjects of whom anything is, and their positions in the list.
func scanFound(rows pgx.Rows, f func(n int, row change.Row)) error {
	var n int
	var state, person []byte
	_, err := pgx.ForEachRow(rows, []any{&n, &state, &person}, func() error {
		row, err := rowOf(state, person)
		if err == nil {
			f(n-1, row)
		}
		return err
	})
	return err
}

// Ledger implements change.Reader.
func (r reader) Ledger(subject consent.Subject) (entries []consent.Entry, err error) {
	rows, err := r.q.Query(r.ctx, ledgerOf, []byte(subject.Controller), []byte(subject.ID))
	if err != nil {
		return nil, err
	}
	var revision int64
	var said, entry []byte
	_, err = pgx.ForEachRow(rows, []any{&revision, &said, &entry}, func() error {
		e, err := change.ParseEntry(entry, consent.Revision(revision))
		entries = append(entries, change.Stood(e, subject.ID, string(said)))
		return err
	})
	return entries, err
}

// place scans a revision and the chain there.
type place struct {
	revision int64
	chain    []byte
}

func (p *place) place() (cluster.Place, error) {
	if len(p.chain) != len(store.Chain{}) {
		return cluster.Place{}, errDamaged
	}
	return cluster.Place{Revision: consent.Revision(p.revision), Chain: store.Chain(p.chain)}, nil
}
