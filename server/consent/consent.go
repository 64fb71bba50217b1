// Package consent is the domain: what can happen to a person's consent (events), what it adds up to (the subject
// state), what may be asked of it (a request) and what is answered (a decision).
//
// Everything here is a value or a pure function of values; nothing reads a clock, a disk or the network. The package
// imports the standard library only, so that every other package may import it.
package consent

import "time"

// Subject names the person the data are about, within one controller. It is comparable:
// the key of every store and cache.
type Subject struct {
	// Controller is the organisation that decides why and how data are processed (GDPR Art. 4(7)); 1 to 256 bytes.
	Controller string
	// ID is the subject's opaque id, scoped to the controller; 1 to 256 bytes.
	ID string
}

// MaxIDBytes bounds the ids of controllers, subjects, events and recipients.
const MaxIDBytes = 256

// Instant is a point in time in nanoseconds since the Unix epoch, UTC. Zero means absent.
type Instant int64

// MaxInstant is the first instant that no event may name: 2200-01-01T00:00:00Z. Durations are declared in days, so that
// no sum of an instant before it and a duration overflows. Events recorded before there was a bound are read as if they
// named the last instant before it.
const MaxInstant = Instant(7_258_118_400 * 1e9)

const maxInstant = MaxInstant - 1

// InstantOf converts t, which must lie between 1970 and 2262; the zero time.Time gives the absent instant.
func InstantOf(t time.Time) Instant {
	if t.IsZero() {
		return 0
	}
	return Instant(t.UnixNano())
}

// Time converts i to a time.Time in UTC; the absent instant gives the zero time.
func (i Instant) Time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i)).UTC()
}

// Revision is the position of a change in a store's one order of changes. The first change has revision 1;
// zero means that there was none.
type Revision uint64
