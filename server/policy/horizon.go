package policy

import (
	"math"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// horizon knows every instant at which time alone could change a decision of one controller. Policies compare times
// only through lib/clock, and hand it times of the state and of the data: so these are the instants in the state, those
// plus each duration that the controller declares, the anniversaries by which ages grow, and the effective_from dates
// of all tables.
type horizon struct {
	// durations are the controller's declared durations in nanoseconds.
	durations []consent.Instant
	// dates are the effective_from dates of all tables, sorted.
	dates []consent.Instant
}

// next returns the first such instant after now; absent if there is none. It may be early, never late.
func (h *horizon) next(s *consent.State, now consent.Instant) consent.Instant {
	f := first{now: now, durations: h.durations}
	for _, d := range h.dates {
		f.take(d)
	}
	f.state(s)
	if s.Age.At != 0 {
		f.take(nextAnniversary(s.Age.At, now))
	}
	return f.at
}

// first is the first instant after now of those that it was shown.
type first struct {
	now, at   consent.Instant
	durations []consent.Instant
}

func (f *first) take(i consent.Instant) {
	if i > f.now && (f.at == 0 || i < f.at) {
		f.at = i
	}
}

// instant takes i and i plus each duration.
func (f *first) instant(i consent.Instant) {
	if i == 0 {
		return
	}
	f.take(i)
	for _, d := range f.durations {
		if i <= math.MaxInt64-d { // else it comes after the last instant there is
			f.take(i + d)
		}
	}
}

func (f *first) state(s *consent.State) {
	f.instant(s.LastActivityAt.Value)
	f.instant(s.RetentionUntil.Value)
	f.instant(s.Erasure.At)
	f.instant(s.Relationship.Value.LastSaleAt)
	f.instant(s.GPC.Since)
	f.instant(s.DNT.Since)
	for _, m := range s.OptOuts {
		f.instant(m.At)
	}
	for i := range s.Consents {
		f.record(&s.Consents[i].Own)
		for j := range s.Consents[i].Recipients {
			f.record(&s.Consents[i].Recipients[j].Record)
		}
	}
	for i := range s.Objections {
		f.instant(s.Objections[i].At)
	}
	for i := range s.Restrictions {
		f.instant(s.Restrictions[i].At)
	}
}

func (f *first) record(r *consent.Record) {
	f.instant(r.ExpiresAt)
	f.instant(r.GivenAt)
	f.instant(r.DeniedAt)
	f.instant(r.RequestedAt)
	f.instant(r.RequestedBeforeGivenAt)
}

// lastDay is the day of the last instant that there is.
var lastDay = consent.Instant(math.MaxInt64).Time()

// nextAnniversary is the first midnight (UTC) after now at which yearsBetween(at, ·) grows; absent if no instant is so
// late.
func nextAnniversary(at, now consent.Instant) consent.Instant {
	today := now.Time()
	born, month, day := at.Time().Date()
	for year := max(today.Year(), born+1); ; year++ {
		// time.Date turns 29 February into 1 March where there is none.
		anniversary := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		switch {
		case anniversary.After(lastDay):
			return 0
		case anniversary.After(today):
			return consent.InstantOf(anniversary)
		}
	}
}
