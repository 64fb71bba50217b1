package consent

import "strings"

// Event is one thing that happened to a subject's consent state. It is immutable once recorded.
type Event struct {
	// ID is the idempotency key, unique per controller; 1 to MaxIDBytes bytes.
	ID string
	// OccurredAt is when it happened, by the writer's clock.
	OccurredAt Instant
	// Source is where it came from, such as cookie_banner or import.
	Source string
	// Evidence is a URI that proves it; may be empty.
	Evidence string
	// Fact is what happened; never nil.
	Fact Fact
}

// SourceImport is the source of events that were taken over from elsewhere; so are those that begin with it and "_", or
// end with "_" and it. Without evidence they count only where they restrict, or are a field of a profile.
const SourceImport = "import"

// Imported reports whether the event was taken over from elsewhere.
func (e *Event) Imported() bool {
	return e.Source == SourceImport ||
		strings.HasPrefix(e.Source, SourceImport+"_") || strings.HasSuffix(e.Source, "_"+SourceImport)
}

// Fact is what happened: one of Consent, Objection, Restriction, OptOut, Signals, Erasure, Profile, Annulment, Link,
// Unlink and Sharing.
type Fact interface {
	// KindName is the name of the kind of event, as the API has it.
	KindName() string
}

// Consent is the change of a consent record: that of the purpose or, where Recipients are named, those of the purpose
// and each recipient. It replaces the whole record.
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

// Signals are browser signals. True opts out and stays; false undoes nothing, but the next true is a new signal; nil
// was not seen and changes nothing.
type Signals struct{ GPC, DNT *bool }

// Erasure is a step of an erasure.
type Erasure struct{ Stage Stage }

// CompletesErasure reports whether the event says that an erasure was carried out. Of a person it stands in the ledgers
// of all ids that the person has when it is recorded.
func (e *Event) CompletesErasure() bool {
	f, ok := e.Fact.(Erasure)
	return ok && f.Stage == ErasureCompleted
}

// Annulment says that an event of the subject was recorded by mistake: it counts nowhere any more.
type Annulment struct{ EventID string }

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

// Relationship is what the soft opt-in depends on (Directive 2002/58/EC Art. 13(2)).
type Relationship struct {
	LastSaleAt    Instant
	SellingEntity string
	OptOutOffered bool
}

// KindName implements Fact.
func (Consent) KindName() string { return "consent" }

// KindName implements Fact.
func (Objection) KindName() string { return "objection" }

// KindName implements Fact.
func (Restriction) KindName() string { return "restriction" }

// KindName implements Fact.
func (OptOut) KindName() string { return "opt_out" }

// KindName implements Fact.
func (Signals) KindName() string { return "signals" }

// KindName implements Fact.
func (Erasure) KindName() string { return "erasure" }

// KindName implements Fact.
func (Profile) KindName() string { return "profile" }

// KindName implements Fact.
func (Annulment) KindName() string { return "annulment" }

// Entry is an event as the ledger keeps it.
type Entry struct {
	Event Event
	// RecordedAt is when it was recorded, by the server's clock.
	RecordedAt Instant
	// Revision is that of the change which recorded it; the events of one batch share it.
	Revision Revision
	// By is who recorded it; zero: it is not known, because the server did not ask, or did not keep it then.
	By Identity
	// SubjectID is the id under which it was said; a link is said under both. Who reads the ledger sets it.
	SubjectID string
	// Shared says that it was said under a shared id, or of a subject that is one: only what restricts of it counts.
	Shared bool
	// Borrowed says that it was said under an id that is not the subject's own: it does not make the subject known, and
	// is not the subject's to annul.
	Borrowed bool
}

// unproven reports whether the event was imported without evidence (GDPR-7-1).
func (e *Event) unproven() bool { return e.Imported() && e.Evidence == "" }
