// Package line is the form of a decision log: JSON Lines, a decision a line, in plain files or as frames of zstd (RFC
// 8878). Whoever writes a log, the server or a command, writes this form, and Reader reads it.
//
// A line has what a replay needs: when it was decided, for whom, on which request, by which policies and on which
// state; and the whole answer. Which rules fired is not in it: the fast path does not know, and a replay tells. Fields
// that a reader does not know are passed over, and those that have no value are left out, so that lines of a server and
// of a command differ only in how much they say:
//
//	{"time":"2026-03-01T12:00:00.5Z","caller":"key:mailer",
//	 "request":{"controller":"example","subject_id":"u","purpose":"marketing_email","data_categories":["user.contact"],
//	  "recipient":{"kind":"PROCESSOR","id":"acme","country":"US"},"context":{"gpc":true}},
//	 "response":{"decision":"DENY","reasons":[{"code":"OBJECTED","clause":"GDPR-21"}],"legal_basis":"CONSENT",
//	  "obligations":[{"code":"RECORD_SIGNAL","parameters":{"signal":"gpc"}}],
//	  "permitted_data_categories":["user.contact"],
//	  "valid_until":"2027-01-01T00:00:00Z","policy_revision":"…","decision_id":"…"},
//	 "state_revision":17,"latency_ns":5200}
//
// A decision for which the state could not be read says so: its response has "degraded":"STALE" and "state_age":"2.5s",
// or "degraded":"DENIED", and then the line has no state_revision.
//
// Three things make a line another: subject_key, the id of the key under which subject_id is an HMAC-SHA-256 in
// hexadecimal; masked, the paths of what was taken off; and answers, how many checks a client's near cache answered by
// the decision that the line repeats. A line of nothing but time and dropped says how many lines are missing before it.
package line

import (
	"encoding/json"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// Line is one line of a decision log.
type Line struct {
	// Time is the instant that was decided for; of a report, when it came.
	Time consent.Instant
	// Caller names who asked, as caller.Caller does; may be empty.
	Caller string
	// Request is what was asked, but for its context, which is Context.
	Request consent.Request
	// Context is the request's as a JSON object; empty: there is none.
	Context json.RawMessage
	// SubjectKey is the id of the key under which Request.Subject.ID is an HMAC; empty: it is plain.
	SubjectKey string
	// Decision is what was answered. Its StateRevision counts where HasState is set: zero is the state of an empty
	// store.
	Decision consent.Decision
	HasState bool
	// Latency is how long the decision took.
	Latency time.Duration
	// Masked are the paths of what was taken off the line, such as request.context.ip.
	Masked []string
	// Answers counts the checks that a near cache answered by the decision; zero: the line is the decision itself.
	Answers uint64
	// Dropped counts the lines that are missing before this one, which says nothing else.
	Dropped uint64
}

// Kind says what a line is.
type Kind uint8

// The kinds of lines.
const (
	Decided Kind = iota
	Reported
	Gap
)

// Kind says whether it is a decision, a near cache's report or a gap.
func (l *Line) Kind() Kind {
	switch {
	case l.Dropped > 0:
		return Gap
	case l.Answers > 0:
		return Reported
	}
	return Decided
}
