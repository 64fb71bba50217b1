package consent

import (
	"regexp"
	"time"
)

// MaxAhead is how far occurred_at may lie in the future, for writers whose clocks are ahead; MaxAheadRestricting where
// all of the event restricts.
const (
	MaxAhead            = Instant(time.Minute)
	MaxAheadRestricting = Instant(5 * time.Minute)
)

var (
	sourceForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	// evidenceForm is that of a URI, RFC 3986, as far as a scheme and the absence of white space go.
	evidenceForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[^\s\pZ\pC]+$`)
)

// Validate returns the faults of an event that arrives at now, with paths relative to the event; none if it may be
// recorded. It checks what the fields mean together; their forms (lengths, patterns, enumerations) are checked where
// they enter, by the rules in the proto files.
func (e *Event) Validate(now Instant) []Violation {
	f := faults{}
	f.occurredAt(e, now)
	if !sourceForm.MatchString(e.Source) {
		f.add("source", "must be [a-z][a-z0-9_]{0,63}, such as privacy_settings")
	}
	if e.Evidence != "" && !evidenceForm.MatchString(e.Evidence) {
		f.add("evidence", "must be a URI without white space, such as https://…, sha256:… or urn:paper:form-9")
	}
	switch fact := e.Fact.(type) {
	case nil:
		f.add("kind", "one of consent, objection, restriction, opt_out, signals, erasure, profile, annulment, sharing is required")
	case Consent:
		f.consent(fact, e.OccurredAt)
	case OptOut:
		f.evidence(fact.Kind == SaleOrSharing && fact.Lifted, e,
			"is required to lift a SALE_OR_SHARING opt-out: the confirmation of the opt-in (CCPA-7028)")
	case Erasure:
		f.evidence(fact.Stage == ErasureRestarted, e, "is required to restart after an erasure: what shows that the person came back")
	case Annulment:
		f.evidence(true, e, "is required to annul an event: what shows that it was recorded by mistake")
	case Link:
		f.evidence(e.Imported(), e, "is required of a link that is imported: what shows that the two ids are one person")
	case Unlink:
		f.evidence(true, e, "is required to part two ids: what shows that they are two people")
	case Sharing:
		f.evidence(e.Imported() && !fact.Shared, e, "is required of an import that takes a sharing back")
	case Profile:
		f.profile(fact)
	}
	return f.found
}

// faults collects the faults of an event.
type faults struct{ found []Violation }

func (f *faults) add(field, description string) {
	f.found = append(f.found, Violation{Field: field, Description: description})
}

func (f *faults) evidence(required bool, e *Event, description string) {
	if required && e.Evidence == "" {
		f.add("evidence", description)
	}
}

func (f *faults) occurredAt(e *Event, now Instant) {
	switch ahead := e.OccurredAt - now; {
	case e.OccurredAt <= 0:
		f.add("occurred_at", "must be after 1970-01-01T00:00:00Z")
	case ahead > MaxAheadRestricting && e.restrictsOnly():
		f.add("occurred_at", "is more than five minutes in the future")
	case ahead > MaxAhead && !e.restrictsOnly():
		f.add("occurred_at", "is more than a minute in the future")
	}
}

// bounded refuses an instant that no duration can be added to.
func (f *faults) bounded(field string, i Instant) {
	if i >= MaxInstant {
		f.add(field, "must be before 2200-01-01T00:00:00Z: leave it out to say never")
	}
}

func (f *faults) consent(c Consent, occurredAt Instant) {
	if c.Status == Given && c.NoticeVersion < 1 {
		f.add("consent.notice_version", "must be at least 1 for a given consent")
	}
	if c.Status == Given && c.GivenBy == ByController {
		f.add("consent.given_by", "the controller cannot give a consent for the subject")
	}
	if c.ExpiresAt == 0 {
		return
	}
	switch {
	case c.Status != Given:
		f.add("consent.expires_at", "belongs to a GIVEN consent alone: a refusal or a withdrawal does not end by itself")
	case c.ExpiresAt <= occurredAt:
		f.add("consent.expires_at", "must be after occurred_at")
	}
	f.bounded("consent.expires_at", c.ExpiresAt)
}

func (f *faults) profile(p Profile) {
	f.bounded("profile.last_activity_at", p.LastActivityAt)
	f.bounded("profile.retention_until", p.RetentionUntil)
	if p.Relationship != nil {
		f.bounded("profile.relationship.last_sale_at", p.Relationship.LastSaleAt)
	}
}
