package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

const (
	readingEvents = "reading a subject's events"

	// beginSnapshot has all statements of a transaction see one moment.
	beginSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

	// readEvents takes at most so many of each ledger, and puts them in order. What stands in several comes first as
	// that of the id under which it was said has it.
	readEvents = `SELECT e.subject, e.revision, e.index, e.said, e.entry FROM unnest($2::bytea[]) AS k(subject)
		CROSS JOIN LATERAL (
			SELECT subject, revision, index, said, entry FROM consentd.events e
			WHERE e.controller = $1 AND e.subject = k.subject AND (e.revision, e.index) >= ($3::bigint, $4::int)
			ORDER BY e.revision, e.index, e.said LIMIT $5
		) e
		ORDER BY e.revision, e.index, e.said <> '', e.subject`

	// maxPageBytes ends a page early, whatever its limit: entries are to fit into one message.
	maxPageBytes = 1 << 20
)

// Events returns a page of the ledgers of the subject's person, as the primary has it now: at least one entry if there
// is one, at most page.Limit and about 1 MiB.
func (s *Store) Events(ctx context.Context, subject consent.Subject, page consent.Page) (consent.Entries, error) {
	leave, err := s.enter(ctx, readingEvents)
	if err != nil {
		return consent.Entries{}, err
	}
	defer leave()
	p := pageOf{store: s, subject: subject, page: page}
	if page.After != "" {
		var ok bool
		if p.from, ok = s.parsePage(subject, page.After); !ok {
			return consent.Entries{}, consent.ErrBadPageToken
		}
	}
	found, err := p.read(ctx)
	if err != nil {
		return consent.Entries{}, unavailable(ctx, readingEvents, err)
	}
	return found, nil
}

// pageOf is a page to be read.
type pageOf struct {
	store   *Store
	subject consent.Subject
	page    consent.Page
	from    change.Position
}

func (p *pageOf) read(ctx context.Context) (found consent.Entries, err error) {
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(ctx, p.store.config.ReadTimeout)
	defer cancel()
	conn, err := p.store.acquire(ctx, p.store.primary)
	if err != nil {
		return found, err
	}
	defer conn.Release()
	if p.page.Alone {
		var b pgx.Batch
		p.queue(&b, []string{p.subject.ID}, &found)
		return found, conn.SendBatch(ctx, &b).Close()
	}
	return found, p.readPerson(ctx, conn, &found)
}

// readPerson reads who the subject is, and the ledgers of all of its ids, in one snapshot.
func (p *pageOf) readPerson(ctx context.Context, conn *pgxpool.Conn, found *consent.Entries) error {
	var b pgx.Batch
	r := change.Unknown()
	p.store.beginReading(&b)
	b.Queue(findOne, []byte(p.subject.Controller), []byte(p.subject.ID)).Query(func(rows pgx.Rows) error {
		var state, person []byte
		_, err := pgx.ForEachRow(rows, []any{&state, &person}, func() (err error) {
			r, err = rowOf(state, person)
			return err
		})
		return err
	})
	err := conn.SendBatch(ctx, &b).Close()
	if err == nil {
		ids := []string{p.subject.ID}
		if r.Person != nil && !r.Shared() {
			ids = r.Person.IDs
		}
		var b pgx.Batch
		p.queue(&b, ids, found)
		b.Queue("COMMIT")
		err = conn.SendBatch(ctx, &b).Close()
	}
	return err // where it is one the connection is still in its transaction, and so is not used again
}

// beginReading begins a transaction that sees one moment.
func (s *Store) beginReading(b *pgx.Batch) {
	b.Queue(beginSnapshot)
	b.Queue(limits, milliseconds(s.config.StatementTimeout), milliseconds(s.config.LockTimeout), milliseconds(s.config.IdleTimeout))
}

// queue has the page read from the ledgers of some ids.
func (p *pageOf) queue(b *pgx.Batch, ids []string, found *consent.Entries) {
	ledgers := make([][]byte, len(ids))
	for i, id := range ids {
		ledgers[i] = []byte(id)
	}
	limit := int64(max(p.page.Limit, 1))*2 + 1 // an id's ledger may have an entry twice, where it annuls what is its own
	b.Queue(readEvents, []byte(p.subject.Controller), ledgers, int64(p.from.Revision), int32(p.from.Index), limit).Query(
		func(rows pgx.Rows) error { return p.take(rows, found) })
}

// take takes entries until the page is full. What stands in several ledgers is taken once.
func (p *pageOf) take(rows pgx.Rows, found *consent.Entries) error {
	var id, said, entry []byte
	var revision int64
	var index int32
	var last change.Position
	size := 0
	_, err := pgx.ForEachRow(rows, []any{&id, &revision, &index, &said, &entry}, func() error {
		at := change.Position{Revision: consent.Revision(revision), Index: uint32(index)}
		if found.Next != "" || at == last {
			return nil
		}
		if n := len(found.Entries); n > 0 && (n >= p.page.Limit || size >= maxPageBytes) {
			found.Next = p.store.pageToken(p.subject, at)
			return nil
		}
		e, err := change.ParseEntry(entry, at.Revision)
		found.Entries = append(found.Entries, change.Stood(e, string(id), string(said)))
		size, last = size+len(entry), at
		return err
	})
	return err
}

// pagesOf names the subject's ledger, for tokens of its pages.
func (s *Store) pagesOf(subject consent.Subject) []byte {
	return append(change.AppendText(change.AppendText([]byte("page"), subject.Controller), subject.ID), s.id[:]...)
}

func (s *Store) pageToken(subject consent.Subject, at change.Position) string {
	return change.PageToken(s.pagesOf(subject), at)
}

func (s *Store) parsePage(subject consent.Subject, token string) (change.Position, bool) {
	at, ok := change.ParsePageToken(s.pagesOf(subject), token)
	return at, ok && int64(at.Revision) >= 0 && int32(at.Index) >= 0 // the database's numbers have a sign
}
