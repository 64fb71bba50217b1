package postgres

import (
	"context"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

const (
	readingState = "reading a subject's state"

	// readState reads the head in the same snapshot, so it says how fresh it is, whichever server answers.
	readState = `SELECT h.revision, h.chain, pg_is_in_recovery(), s.row, p.row FROM consentd.head h
		LEFT JOIN consentd.states s ON s.controller = $1 AND s.subject = $2
		LEFT JOIN consentd.people p ON p.controller = $1 AND p.key = ` + aliasKey
)

// reading is what one snapshot of a server shows of a subject.
type reading struct {
	at  cluster.Place
	row change.Row
	// standby says that the server follows another one.
	standby bool
}

func (r *reading) snapshot() consent.Snapshot { return r.row.Snapshot(r.at.Revision) }

// Read returns the subject's state by one statement, of a replica where there are any and it is as fresh as this node
// knows the store to be, else of the primary. It returns once the feed knows all that the state shows, of the same
// history: what it returns is never ahead of Applied.
func (s *Store) Read(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	leave, err := s.enter(ctx, readingState)
	if err != nil {
		return consent.Snapshot{}, err
	}
	defer leave()
	floor := s.Applied()
	if replica := s.replica(); replica != nil {
		r, err := s.look(ctx, replica, subject)
		if err == nil && r.at.Revision >= floor && s.show(ctx, r.at) == nil {
			return r.snapshot(), nil
		}
	}
	r, err := s.lookAhead(ctx, subject)
	switch {
	case err != nil:
	case r.at.Revision < floor:
		s.follower().Kick()
		err = errMoved
	default:
		if err = s.show(ctx, r.at); err != nil {
			s.primary.suspect(err)
		}
	}
	if err != nil {
		return consent.Snapshot{}, unavailable(ctx, readingState, err)
	}
	return r.snapshot(), nil
}

// replica is the next one to ask; nil: there are none.
func (s *Store) replica() *servers {
	if len(s.replicas) == 0 {
		return nil
	}
	return s.replicas[s.turn.Add(1)%uint64(len(s.replicas))]
}

// look reads what one server shows.
func (s *Store) look(ctx context.Context, from *servers, subject consent.Subject) (r reading, err error) {
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(ctx, s.config.ReadTimeout)
	defer cancel()
	conn, err := s.acquire(ctx, from)
	if err != nil {
		return r, err
	}
	defer conn.Release()
	var at place
	var state, person []byte
	row := conn.QueryRow(ctx, readState, []byte(subject.Controller), []byte(subject.ID))
	if err := row.Scan(&at.revision, &at.chain, &r.standby, &state, &person); err != nil {
		return r, err
	}
	if r.at, err = at.place(); err != nil {
		return r, err
	}
	r.row = change.Unknown()
	if state != nil {
		r.row, err = rowOf(state, person)
	}
	return r, err
}

// ReadLatest returns the subject's state as the primary has it now: it may be ahead of Applied.
func (s *Store) ReadLatest(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	r, err := s.latest(ctx, subject)
	if err != nil {
		return consent.Snapshot{}, err
	}
	return r.snapshot(), nil
}

// latest reads what the primary shows.
func (s *Store) latest(ctx context.Context, subject consent.Subject) (reading, error) {
	leave, err := s.enter(ctx, readingState)
	if err != nil {
		return reading{}, err
	}
	defer leave()
	r, err := s.lookAhead(ctx, subject)
	if err != nil {
		return reading{}, unavailable(ctx, readingState, err)
	}
	return r, nil
}

// Person returns who an id names, as the primary has it now.
func (s *Store) Person(ctx context.Context, subject consent.Subject) (consent.Person, error) {
	r, err := s.latest(ctx, subject)
	if err != nil {
		return consent.Person{}, err
	}
	return r.row.Who(subject.ID), nil
}
