package consent

import "time"

// MaxAhead is how far occurred_at may lie in the future, for writers whose clocks are ahead.
const MaxAhead = Instant(time.Minute)

// Validate returns the faults of an event that arrives at now, with paths relative to the event; none if it may be
// recorded. It checks what the fields mean together; their forms (lengths, patterns, enumerations) are checked where they
// enter, by the rules in the proto files.
func (e *Event) Validate(now Instant) []Violation {
	var faults []Violation
	add := func(field, description string) {
		faults = append(faults, Violation{Field: field, Description: description})
	}
	if e.OccurredAt <= 0 {
		add("occurred_at", "must be after 1970-01-01T00:00:00Z")
	}
	if e.OccurredAt > now+MaxAhead {
		add("occurred_at", "is more than a minute in the future")
	}
	switch f := e.Fact.(type) {
	case nil:
		add("kind", "one of consent, objection, restriction, opt_out, signals, erasure, profile is required")
	case Consent:
		faults = append(faults, f.validate(e.OccurredAt)...)
	case OptOut:
		if f.Kind == SaleOrSharing && f.Lifted && e.Evidence == "" {
			add("evidence", "is required to lift a SALE_OR_SHARING opt-out: the confirmation of the opt-in (CCPA-7028)")
		}
	}
	return faults
}

func (c Consent) validate(occurredAt Instant) (faults []Violation) {
	if c.Status == Given && c.NoticeVersion < 1 {
		faults = append(faults, Violation{"consent.notice_version", "must be at least 1 for a given consent"})
	}
	if c.Status == Given && c.GivenBy == ByController {
		faults = append(faults, Violation{"consent.given_by", "the controller cannot give a consent for the subject"})
	}
	if c.ExpiresAt != 0 && c.ExpiresAt <= occurredAt {
		faults = append(faults, Violation{"consent.expires_at", "must be after occurred_at"})
	}
	return faults
}
