package consent

import (
	"cmp"
	"math"
	"slices"
)

// Order is an event's position in the canonical order in which a subject's events are folded: by occurred_at, on a tie
// the more restrictive last (so that it wins), then by event id. It is a total order of all events of a subject, whatever
// the order in which they arrived.
type Order struct {
	At Instant
	// Rank is the event's restrictiveness among those of the same instant.
	Rank uint64
	// Expiry is that of a consent; the earlier is the more restrictive, none is the least.
	Expiry Instant
	ID     string
}

// Compare returns a negative number if o comes before p, a positive one if it comes after, else 0.
func (o Order) Compare(p Order) int {
	return cmp.Or(
		cmp.Compare(o.At, p.At),
		cmp.Compare(o.Rank, p.Rank),
		cmp.Compare(expiryRank(p.Expiry), expiryRank(o.Expiry)),
		cmp.Compare(o.ID, p.ID),
	)
}

func expiryRank(i Instant) Instant {
	if i == 0 {
		return math.MaxInt64
	}
	return i
}

// Order returns the event's position in canonical order.
func (e *Event) Order() Order {
	o := Order{At: e.OccurredAt, ID: e.ID}
	switch f := e.Fact.(type) {
	case Consent:
		o.Rank, o.Expiry = consentRank(f, e.Evidence != ""), f.ExpiresAt
	case Objection, Restriction, OptOut, Signals:
		if e.restricts() {
			o.Rank = 1
		}
	}
	return o
}

// consentRank orders the consents of one instant: grants, then requests (which displace nothing, but must not count as
// older than a grant of the same instant), then denials. Of two grants the one that permits less is the more restrictive:
// not explicit, without evidence, to an older notice.
func consentRank(c Consent, evidence bool) uint64 {
	switch {
	case c.Status.Denies():
		return 2 << 40
	case c.Status == Requested:
		return 1 << 40
	}
	rank := uint64(math.MaxUint32 - c.NoticeVersion)
	if !evidence {
		rank |= 1 << 34
	}
	if !c.Explicit {
		rank |= 1 << 35
	}
	return rank
}

func sortEvents(events []Event) {
	slices.SortFunc(events, func(a, b Event) int { return a.Order().Compare(b.Order()) })
}
