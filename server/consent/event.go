package consent

// Event is one thing that happened to a subject's consent state. It is immutable once recorded.
type Event struct {
	// ID is the idempotency key, unique per controller; 1 to MaxIDBytes bytes.
	ID string
	// OccurredAt is when it happened, by the writer's clock.
	OccurredAt Instant
	// Source is where it came from, such as cookie_banner or import.
	Source string
	// Evidence is a URI or hash that proves it; may be empty.
	Evidence string
	// Fact is what happened; never nil.
	Fact Fact
}

// SourceImport is the source of events that were taken over from elsewhere. Without evidence they count only where they
// restrict.
const SourceImport = "import"

// Fact is what happened: one of Consent, Objection, Restriction, OptOut, Signals, Erasure and Profile.
type Fact interface{ fact() }

// Consent is the change of a consent record: that of the purpose or, where Recipients are named, those of the purpose and
// each recipient. It replaces the whole record.
type Consent struct {
	Purpose string
	Status  Status
	// NoticeVersion is the version of the notice shown; at least 1 where Status is Given.
	NoticeVersion uint32
	Explicit      bool
	GivenBy       Actor
	// Recipients are the ids that it names.
	Recipients []string
	// Countries are the ISO 3166-1 codes that it names.
	Countries []string
	// ExpiresAt is when the consent ends by itself; absent: never.
	ExpiresAt Instant
}

// Objection is an objection to purposes (none: all), or the lifting of one (GDPR Art. 21).
type Objection struct {
	Purposes []string
	Lifted   bool
}

// Restriction freezes the processing for purposes (none: all) on one ground, or lifts that (GDPR Art. 18).
type Restriction struct {
	Ground   Ground
	Purposes []string
	Lifted   bool
}

// OptOut is a statutory opt-out or its lifting.
type OptOut struct {
	Kind   OptOutKind
	Lifted bool
}

// Signals are browser signals; one that is nil was not seen and changes nothing.
type Signals struct{ GPC, DNT *bool }

// Erasure is a step of an erasure.
type Erasure struct{ Stage Stage }

// Profile states facts about the subject; only what is set changes.
type Profile struct {
	// Jurisdiction is an ISO 3166-1 or 3166-2 code; empty: unknown; nil: unchanged.
	Jurisdiction *string
	// Age is nil where neither bound is stated; stating one replaces both.
	Age *Age
	// AccountStatus is zero where it is unchanged.
	AccountStatus AccountStatus
	// LastActivityAt is absent where it is unchanged.
	LastActivityAt Instant
	// RetentionUntil is absent where it is unchanged.
	RetentionUntil Instant
	// Relationship is nil where it is unchanged.
	Relationship *Relationship
}

// Unbounded is the age bound that says nothing.
const Unbounded = -1

// Age is what was known of an age in full years, on the day of the event. A bound is Unbounded where it is not known.
type Age struct{ Min, Max int16 }

// Relationship is what the soft opt-in hangs on (Directive 2002/58/EC Art. 13(2)).
type Relationship struct {
	LastSaleAt    Instant
	SellingEntity string
	OptOutOffered bool
}

func (Consent) fact()     {}
func (Objection) fact()   {}
func (Restriction) fact() {}
func (OptOut) fact()      {}
func (Signals) fact()     {}
func (Erasure) fact()     {}
func (Profile) fact()     {}

// Entry is an event as the ledger keeps it.
type Entry struct {
	Event Event
	// RecordedAt is when it was recorded, by the server's clock.
	RecordedAt Instant
	// Revision is that of the change which recorded it; the events of one batch share it.
	Revision Revision
}

// Restricts reports whether the event only ever restricts: such events count even from an import without evidence, and
// are all that is recorded while an erasure stands (profiles excepted: Closed restricts, but is not recorded then).
func (e *Event) restricts() bool {
	switch f := e.Fact.(type) {
	case Consent:
		return f.Status.Denies()
	case Objection:
		return !f.Lifted
	case Restriction:
		return !f.Lifted
	case OptOut:
		return !f.Lifted
	case Signals:
		return (f.GPC == nil || *f.GPC) && (f.DNT == nil || *f.DNT)
	}
	return false
}

// RecordableDuringErasure reports whether the event may be recorded while an erasure stands (GDPR-17): refusals,
// withdrawals, invalidations, objections, restrictions, opt-outs, signals set to true, and further erasure stages.
func (e *Event) RecordableDuringErasure() bool {
	if _, ok := e.Fact.(Erasure); ok {
		return true
	}
	return e.restricts()
}

// unproven reports whether the event was imported without evidence (GDPR-7-1).
func (e *Event) unproven() bool { return e.Source == SourceImport && e.Evidence == "" }
