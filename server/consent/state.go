package consent

// State is what all of a subject's events add up to, and what policies read. The zero value is the state of a subject
// for whom nothing was ever recorded.
//
// A State is built by FoldEntries and Advance. Once it is shared it must not be changed: Advance works on a copy. All
// its times are those from which events count: occurred_at or recorded_at, the earlier, and for what restricts the end
// of that second. It is compact on purpose, slices sorted by their key and no maps: it lives in the cache by the
// million.
type State struct {
	// Recorded is whether anything but links was ever recorded under an id of the subject, also if nothing of it
	// counts.
	Recorded bool
	// Newest is the position in canonical order of what was folded last; zero: nothing was.
	Newest Order

	Jurisdiction   Dated[string]
	Age            Dated[Age]
	AccountStatus  Dated[AccountStatus]
	LastActivityAt Dated[Instant]
	RetentionUntil Dated[Instant]
	Relationship   Dated[Relationship]
	// Erasure is the newest stage that counts, Completed the newest completion.
	Erasure   Dated[Stage]
	Completed Completion
	GPC, DNT  Signal
	// OptOuts is indexed by OptOutKind-1.
	OptOuts [2]Mark
	// Consents is sorted by purpose.
	Consents []PurposeConsents
	// Objections is sorted by purpose; the empty purpose stands for all.
	Objections []PurposeMark
	// Restrictions is sorted by ground, then purpose; the empty purpose stands for all.
	Restrictions []GroundMark
}

// Known reports whether anything was ever recorded for the subject.
func (s *State) Known() bool { return s.Recorded }

// Empty reports whether nothing is known and nothing counts: also an unknown subject may borrow what restricts.
func (s *State) Empty() bool { return !s.Recorded && s.Newest == Order{} }

// Completion is the completion of an erasure.
type Completion struct {
	// At is when it counts from; absent: none was completed.
	At Instant
	// Open is whether nobody restarted since.
	Open bool
}

// Dated is a value and when the event that set it counts from; absent: never set.
type Dated[T any] struct {
	Value T
	At    Instant
}

// Signal is what was seen of a browser signal.
type Signal struct {
	// Value is whether it was ever true: that opts out and stays.
	Value bool
	// Since is the start of the newest unbroken run of true or, where Value is false, when that was last seen.
	Since Instant
	// Broken is whether a false was seen after the newest run: the next true is a new signal.
	Broken bool
	// At is when the signal was last seen; absent: never.
	At Instant
}

// Mark is something that is raised and lifted: an objection, a restriction, an opt-out. The newest event decides.
type Mark struct {
	Raised bool
	// At is when it was raised or lifted; absent: by no event that counts.
	At Instant
}

// PurposeMark is a mark on a purpose; the empty purpose stands for all.
type PurposeMark struct {
	Purpose string
	Mark
}

// GroundMark is a restriction on one ground; the empty purpose stands for all.
type GroundMark struct {
	Ground  Ground
	Purpose string
	Mark
}

// PurposeConsents are the consent records of one purpose. It exists as soon as anything was recorded for the purpose,
// also an event that does not count.
type PurposeConsents struct {
	Purpose string
	// Own is the record of the purpose as a whole; its Status is zero where there is none.
	Own Record
	// Recipients is sorted by recipient id.
	Recipients []RecipientRecord
}

// RecipientRecord is the consent record of a purpose and one recipient.
type RecipientRecord struct {
	Recipient string
	Record
}

// Record is a consent record: the event that decides, and when each kind of event was last seen.
type Record struct {
	// Status is that of the event that decides: the newest grant or denial or, where there is neither, Requested.
	Status Status
	// Denied is which kind of denial DeniedAt was.
	Denied Status
	// GivenBy, Explicit, Evidence, NoticeVersion, ExpiresAt and Countries are those of the event that decides.
	GivenBy       Actor
	Explicit      bool
	Evidence      bool
	NoticeVersion uint32
	ExpiresAt     Instant
	Countries     []string
	// GivenAt is when it was last given.
	GivenAt Instant
	// DeniedAt is when it was last refused, withdrawn or invalidated.
	DeniedAt Instant
	// RequestedAt is when it was last requested.
	RequestedAt Instant
	// RequestedBeforeGivenAt is the last request that is older than the last grant.
	RequestedBeforeGivenAt Instant
}
