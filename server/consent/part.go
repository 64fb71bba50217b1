package consent

import (
	"cmp"
	"slices"
	"time"
)

// Order is the position of what an event says in the canonical order in which a subject's history is folded: by the
// time it counts from, on a tie the more restrictive last (so that it wins), then by event id. It does not depend on
// the order of arrival.
type Order struct {
	At Instant
	// Rank is the restrictiveness among those of one instant.
	Rank uint8
	ID   string
}

// Compare returns a negative number if o comes before p, a positive one if it comes after, else 0.
func (o Order) Compare(p Order) int {
	return cmp.Or(cmp.Compare(o.At, p.At), cmp.Compare(o.Rank, p.Rank), cmp.Compare(o.ID, p.ID))
}

// The ranks. A consent's request comes after the grants of its instant: it displaces none, but must not count as older.
// The stages of an erasure come last, the later after the earlier, but for those that do not stand: a completion must
// end what else is of its instant.
const (
	rankPlain = iota
	rankRequest
	rankRestricting
	rankErasure
)

// field is which part of an event is meant, where it has several that count from times of their own.
type field uint8

const (
	whole field = iota
	fieldGPC
	fieldDNT
	fieldJurisdiction
	fieldAge
	fieldAccount
	fieldActivity
	fieldRetention
	fieldRelationship
)

// part is what an event says of one thing. Signals and profiles have a part for each field that is set, annulments and
// links none, every other event one; what was said under a shared id only those that restrict.
type part struct {
	// order.At is when it counts from.
	order Order
	entry *Entry
	field field
}

func (p *part) event() *Event { return &p.entry.Event }

// partsOf returns the parts of the entries in canonical order.
func partsOf(entries []Entry) []part {
	parts := make([]part, 0, len(entries))
	for i := range entries {
		parts = appendParts(parts, &entries[i])
	}
	slices.SortFunc(parts, func(a, b part) int { return a.order.Compare(b.order) })
	return parts
}

func appendParts(parts []part, e *Entry) []part {
	add := func(present bool, f field) {
		if !present {
			return
		}
		if p := newPart(e, f); !e.Shared || p.restricts() {
			parts = append(parts, p)
		}
	}
	switch f := e.Event.Fact.(type) {
	case Signals:
		add(f.GPC != nil, fieldGPC)
		add(f.DNT != nil, fieldDNT)
	case Profile:
		add(f.Jurisdiction != nil, fieldJurisdiction)
		add(f.Age != nil, fieldAge)
		add(f.AccountStatus != 0, fieldAccount)
		add(f.LastActivityAt != 0, fieldActivity)
		add(f.RetentionUntil != 0, fieldRetention)
		add(f.Relationship != nil, fieldRelationship)
	case Annulment, Link, Unlink, Sharing:
	default:
		add(true, whole)
	}
	return parts
}

func newPart(e *Entry, f field) part {
	p := part{entry: e, field: f}
	p.order = Order{At: min(e.Event.OccurredAt, maxInstant), ID: e.Event.ID}
	if e.RecordedAt != 0 {
		p.order.At = min(p.order.At, e.RecordedAt)
	}
	restricts := p.restricts()
	if restricts {
		p.order.At, p.order.Rank = endOfSecond(p.order.At), rankRestricting
	}
	switch f := e.Event.Fact.(type) {
	case Consent:
		if f.Status == Requested {
			p.order.Rank = rankRequest
		}
	case Erasure:
		if restricts {
			p.order.Rank = rankErasure + uint8(f.Stage)
		}
	}
	return p
}

const second = Instant(time.Second)

// endOfSecond is the last nanosecond of i's second: many systems keep whole seconds, and a withdrawal in the second of
// a grant must end it.
func endOfSecond(i Instant) Instant {
	into := i % second
	if into < 0 {
		into += second
	}
	return i - into + second - 1
}

// restricts reports whether the part only ever restricts: it counts without proof, from the end of its second, and also
// where an erasure that came later was completed.
func (p *part) restricts() bool {
	switch f := p.event().Fact.(type) {
	case Consent:
		return f.Status.Denies()
	case Objection:
		return !f.Lifted
	case Restriction:
		return !f.Lifted
	case OptOut:
		return !f.Lifted
	case Signals:
		return *f.signal(p.field)
	case Erasure:
		return f.Stage.Stands()
	case Profile:
		return p.field == fieldAccount && f.AccountStatus == AccountClosed
	}
	return false
}

// signal is the value of one that was seen.
func (f Signals) signal(field field) *bool {
	if field == fieldGPC {
		return f.GPC
	}
	return f.DNT
}

// proven reports whether the part counts as far as proof goes. An import without evidence never grants, lifts, cancels,
// reopens or clears, and an opt-out is lifted only with evidence.
func (p *part) proven() bool {
	if p.restricts() {
		return true
	}
	switch p.event().Fact.(type) {
	case OptOut:
		return p.event().Evidence != ""
	case Profile:
		return p.field != fieldAccount || !p.event().unproven()
	}
	return !p.event().unproven()
}

// ended reports whether an erasure that was completed at the given position ended the part for good: all before it but
// what restricts, and the whole profile. The stages of erasures themselves are not ended.
func (p *part) ended(completed Order) bool {
	if completed == (Order{}) || p.order.Compare(completed) >= 0 {
		return false
	}
	switch p.event().Fact.(type) {
	case Erasure:
		return false
	case Profile:
		return true
	}
	return !p.restricts()
}

// restrictsOnly reports whether all of the event restricts.
func (e *Event) restrictsOnly() bool {
	parts := appendParts(nil, &Entry{Event: *e})
	for i := range parts {
		if !parts[i].restricts() {
			return false
		}
	}
	return len(parts) > 0
}

// RecordableDuringErasure reports whether the event may be recorded while an erasure stands (GDPR-17), whatever is on
// record: refusals, withdrawals, invalidations, objections, restrictions, opt-outs, signals set to true and the stages
// of erasures that stand.
func (e *Event) RecordableDuringErasure() bool {
	_, profile := e.Fact.(Profile)
	return e.restrictsOnly() && !profile
}
