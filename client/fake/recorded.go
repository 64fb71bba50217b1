package fake

import (
	"github.com/consentd/consentd/server/consent"
)

// recordedWord is the decision of rules that follow what was recorded.
const recordedWord = "RECORDED"

// withheld is why what is on record denies a purpose, and until when it does not; zero: it allows, for ever. It is
// simpler than the policies, and where it differs it denies.
func withheld(s *consent.State, purpose string, now consent.Instant) (why consent.ReasonCode, until consent.Instant) {
	covers := func(marked string) bool { return marked == "" || marked == purpose }
	if s.Erasure.Value.Stands() {
		return consent.ReasonErasureRequested, 0
	}
	for _, m := range s.Restrictions {
		if m.Raised && covers(m.Purpose) {
			return consent.Restricted, 0
		}
	}
	for _, m := range s.Objections {
		if m.Raised && covers(m.Purpose) {
			return consent.Objected, 0
		}
	}
	for i := range s.Consents {
		if s.Consents[i].Purpose == purpose {
			return unconsented(&s.Consents[i].Own, now)
		}
	}
	return consent.ConsentMissing, 0
}

// unconsented is withheld for a consent record.
func unconsented(r *consent.Record, now consent.Instant) (why consent.ReasonCode, until consent.Instant) {
	switch r.Status {
	case consent.Given:
		if r.ExpiresAt != 0 && now >= r.ExpiresAt {
			return consent.ConsentExpired, 0
		}
		return 0, r.ExpiresAt
	case consent.Requested:
		return consent.ConsentPending, 0
	case consent.Refused:
		return consent.ConsentRefused, 0
	case consent.Withdrawn:
		return consent.ConsentWithdrawn, 0
	case consent.Invalidated:
		return consent.ConsentInvalidated, 0
	}
	return consent.ConsentMissing, 0
}
