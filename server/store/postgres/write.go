package postgres

import (
	"encoding/hex"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/consentd/consentd/server/store/change"
)

const (
	insertEvents = `INSERT INTO consentd.events (controller, subject, revision, index, said, entry)
		SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::int[], $5::bytea[], $6::bytea[])`

	insertIDs = `INSERT INTO consentd.event_ids (controller, id, subject, revision, index)
		SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bigint[], $5::int[])`

	upsertStates = `INSERT INTO consentd.states (controller, subject, row)
		SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[])
		ON CONFLICT (controller, subject) DO UPDATE SET row = excluded.row`

	upsertPeople = `INSERT INTO consentd.people (controller, key, row)
		SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[])
		ON CONFLICT (controller, key) DO UPDATE SET row = excluded.row`

	deletePeople = `DELETE FROM consentd.people p USING unnest($1::bytea[], $2::bytea[]) AS gone(controller, key)
		WHERE p.controller = gone.controller AND p.key = gone.key`

	insertChanges = `INSERT INTO consentd.changes (revision, controller, subject, also, chain)
		SELECT revision, controller, subject, also::bytea[], chain
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::bytea[]) AS c(revision, controller, subject, also, chain)`

	moveHead = `UPDATE consentd.head SET revision = $1, chain = $2`
)

// write writes what was planned and commits it, in one round trip. From here on nobody knows, unless it succeeds.
func (g *group) write() error {
	var b pgx.Batch
	g.queueLedgers(&b)
	g.queueRows(&b)
	g.queueChanges(&b)
	b.Queue(moveHead, int64(g.head.Revision), g.head.Chain[:])
	b.Queue(noLimit)
	committed := false
	b.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		committed = tag.String() == "COMMIT"
		return nil
	})
	g.writing = true
	if err := g.conn.SendBatch(g.ctx, &b).Close(); err != nil {
		g.rollback()
		return err
	}
	if !committed {
		return errMoved
	}
	if err := awaited(g.conn.Conn().PgConn()); err != nil {
		return err
	}
	g.store.committed()
	return nil
}

// committed has this node's feed look at once, and the others'.
func (s *Store) committed() {
	s.follower().Kick()
	s.hints.wake()
}

func (g *group) queueLedgers(b *pgx.Batch) {
	var events, ids columns
	for _, c := range g.planned {
		controller := []byte(c.Subject.Controller)
		for i := range c.Entries {
			e := &c.Entries[i]
			at, index := int64(e.At.Revision), int32(e.At.Index)
			events.add(controller, []byte(e.ID), nil)
			events.at(at, index)
			events.said, events.entries = append(events.said, []byte(e.Said)), append(events.entries, e.Append(nil))
			if e.Said == "" {
				ids.add(controller, []byte(e.Event.ID), []byte(e.ID))
				ids.at(at, index)
			}
		}
	}
	b.Queue(insertEvents, events.controllers, events.keys, events.revisions, events.indexes, events.said, events.entries)
	b.Queue(insertIDs, ids.controllers, ids.keys, ids.values, ids.revisions, ids.indexes)
}

// columns are those of rows that are written at once.
type columns struct {
	controllers, keys, values, said, entries [][]byte
	revisions                                []int64
	indexes                                  []int32
}

func (c *columns) add(controller, key, value []byte) {
	c.controllers, c.keys, c.values = append(c.controllers, controller), append(c.keys, key), append(c.values, value)
}

func (c *columns) at(revision int64, index int32) {
	c.revisions, c.indexes = append(c.revisions, revision), append(c.indexes, index)
}

// queueRows queues what is kept in the end, each row once, whatever changed it how often.
func (g *group) queueRows(b *pgx.Batch) {
	var states, people, gone columns
	for subject, r := range g.overlay.States() {
		states.add([]byte(subject.Controller), []byte(subject.ID), r.Append(nil))
	}
	for id, r := range g.overlay.People() {
		people.add([]byte(id.Controller), keyOf(id), r.Append(nil))
	}
	for _, id := range g.overlay.Gone() {
		gone.add([]byte(id.Controller), keyOf(id), nil)
	}
	if len(states.keys) > 0 {
		b.Queue(upsertStates, states.controllers, states.keys, states.values)
	}
	if len(gone.keys) > 0 {
		b.Queue(deletePeople, gone.controllers, gone.keys)
	}
	if len(people.keys) > 0 {
		b.Queue(upsertPeople, people.controllers, people.keys, people.values)
	}
}

// keyOf is the binary form of a person's key, as aliases have it.
func keyOf(id change.PersonID) []byte {
	return change.Position{Revision: id.Key.Revision, Index: id.Key.Index}.Append(nil)
}

func (g *group) queueChanges(b *pgx.Batch) {
	var c columns
	also := make([]*string, 0, len(g.planned))
	for i, p := range g.planned {
		c.add([]byte(p.Subject.Controller), []byte(p.Subject.ID), nil)
		c.at(int64(p.Recorded.Revision), 0)
		c.entries = append(c.entries, g.chains[i][:])
		also = append(also, literal(p.Recorded.Also))
	}
	b.Queue(insertChanges, c.revisions, c.controllers, c.keys, also, c.entries)
}

// literal is the text of a bytea[]: arrays of arrays cannot be told apart where they are taken apart. It is nil where
// there is none.
func literal(ids []string) *string {
	if len(ids) == 0 {
		return nil
	}
	var b strings.Builder
	for i, id := range ids {
		b.WriteString([]string{"{", ","}[min(i, 1)] + `"\\x` + hex.EncodeToString([]byte(id)) + `"`)
	}
	text := b.String() + "}"
	return &text
}
