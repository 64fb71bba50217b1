package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/consentd/consentd/server/consent"
)

var (
	errClosed = errors.New("the store is closed")
	// errNotFollowed is for calls before Follow.
	errNotFollowed = errors.New("the store is not followed yet")
	// errStandby is for answers of a server that follows another one.
	errStandby = errors.New(
		"the server is no primary: have the URL name the primary, or all servers and target_session_attrs=read-write")
	// errMoved says that the history is another one than a moment ago.
	errMoved = errors.New("another server answers, of another history")
	// errUnreplicated is for a commit that did not wait for the standbys that it should have waited for.
	errUnreplicated = errors.New("a commit was not awaited to its end: it may be lost where its server is")
	// errLate is for what takes too long: the text is the only part of a deadline of this package's own that leaves it.
	errLate = errors.New("the database does not answer in time")
	// errDamaged is for rows that are missing or that cannot be read.
	errDamaged = errors.New("a row of the store is missing or damaged: restore the database from a backup")
)

// unavailable says that an activity failed because of err. The errors of the caller's context come as they are; those
// of the driver are told by their text alone, so that none of this package's own deadlines passes for the caller's.
func unavailable(ctx context.Context, activity string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	if errors.Is(err, consent.ErrUnavailable) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = errLate
	}
	return fmt.Errorf("%s: %w: %v", activity, consent.ErrUnavailable, err)
}

// readOnly is the SQLSTATE of servers that take no writes.
const readOnly = "25006"

// code is the SQLSTATE of an error, empty where the server did not send it.
func code(err error) string {
	if sent, ok := errors.AsType[*pgconn.PgError](err); ok {
		return sent.Code
	}
	return ""
}

// recovered turns a panic, as damaged rows can cause, into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v: %w", r, errDamaged)
	}
}
