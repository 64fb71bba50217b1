package consent

import "fmt"

// names is the bare names of an enumeration, by value. The empty name marks a value that
// has none, such as an absent one.
type names []string

func (n names) name(i uint8) string {
	if n.known(i) {
		return n[i]
	}
	return fmt.Sprintf("UNKNOWN(%d)", i)
}

// known reports whether a value has a name.
func (n names) known(i uint8) bool { return int(i) < len(n) && n[i] != "" }

func (n names) value(name string) (uint8, bool) {
	for i, s := range n {
		if s == name && s != "" {
			return uint8(i), true
		}
	}
	return 0, false
}

// Status is the status of a consent as it is recorded (W3C DPV). EXPIRED, OUTDATED and PENDING are derived by policies,
// never stored. The zero value means that there is none.
type Status uint8

// The statuses.
const (
	Requested Status = iota + 1
	Given
	Refused
	Withdrawn
	Invalidated
)

var statusNames = names{"", "REQUESTED", "GIVEN", "REFUSED", "WITHDRAWN", "INVALIDATED"}

// String returns the bare name, such as GIVEN.
func (s Status) String() string { return statusNames.name(uint8(s)) }

// ParseStatus returns the status of that bare name.
func ParseStatus(name string) (Status, bool) {
	v, ok := statusNames.value(name)
	return Status(v), ok
}

// Denies reports whether s is a refusal, a withdrawal or an invalidation.
func (s Status) Denies() bool { return s == Refused || s == Withdrawn || s == Invalidated }

// Actor is who acted in a consent event. The zero value is BySubject.
type Actor uint8

// The actors.
const (
	BySubject Actor = iota
	ByParent
	ByAgent
	ByController
)

var actorNames = names{"SUBJECT", "PARENT", "AGENT", "CONTROLLER"}

// String returns the bare name, such as PARENT.
func (a Actor) String() string { return actorNames.name(uint8(a)) }

// ParseActor returns the actor of that bare name.
func ParseActor(name string) (Actor, bool) {
	v, ok := actorNames.value(name)
	return Actor(v), ok
}

// Ground is why processing is restricted (GDPR Art. 18(1)).
type Ground uint8

// The grounds.
const (
	AccuracyContested Ground = iota + 1
	UnlawfulProcessing
	DataNeededForClaims
	ObjectionPending
)

var groundNames = names{"", "ACCURACY_CONTESTED", "UNLAWFUL_PROCESSING", "DATA_NEEDED_FOR_CLAIMS", "OBJECTION_PENDING"}

// String returns the bare name, such as ACCURACY_CONTESTED.
func (g Ground) String() string { return groundNames.name(uint8(g)) }

// ParseGround returns the ground of that bare name.
func ParseGround(name string) (Ground, bool) {
	v, ok := groundNames.value(name)
	return Ground(v), ok
}

// OptOutKind is a statutory opt-out (CCPA 1798.120, .121).
type OptOutKind uint8

// The opt-outs.
const (
	SaleOrSharing OptOutKind = iota + 1
	SensitiveDataUse
)

var optOutNames = names{"", "SALE_OR_SHARING", "SENSITIVE_DATA_USE"}

// String returns the bare name, such as SALE_OR_SHARING.
func (k OptOutKind) String() string { return optOutNames.name(uint8(k)) }

// ParseOptOutKind returns the kind of that bare name.
func ParseOptOutKind(name string) (OptOutKind, bool) {
	v, ok := optOutNames.value(name)
	return OptOutKind(v), ok
}

// Stage is how far an erasure has come (GDPR Art. 17). The zero value means that there is none.
type Stage uint8

// The stages.
const (
	ErasureRequested Stage = iota + 1
	ErasureInProgress
	ErasureCompleted
	ErasureCancelled
	ErasureRestarted
)

var stageNames = names{"", "REQUESTED", "IN_PROGRESS", "COMPLETED", "CANCELLED", "RESTARTED"}

// String returns the bare name, such as IN_PROGRESS.
func (s Stage) String() string { return stageNames.name(uint8(s)) }

// ParseStage returns the stage of that bare name.
func ParseStage(name string) (Stage, bool) {
	v, ok := stageNames.value(name)
	return Stage(v), ok
}

// Stands reports whether an erasure in stage s forbids what it covers: in every stage but the last two.
func (s Stage) Stands() bool { return s != 0 && s != ErasureCancelled && s != ErasureRestarted }

// AccountStatus is the status of the subject's account. The zero value means that it was never recorded.
type AccountStatus uint8

// The account statuses.
const (
	AccountActive AccountStatus = iota + 1
	AccountClosed
)

var accountNames = names{"", "ACTIVE", "CLOSED"}

// String returns the bare name, such as CLOSED.
func (s AccountStatus) String() string { return accountNames.name(uint8(s)) }

// ParseAccountStatus returns the status of that bare name.
func ParseAccountStatus(name string) (AccountStatus, bool) {
	v, ok := accountNames.value(name)
	return AccountStatus(v), ok
}

// RecipientKind is what a recipient is to the controller. The zero value means that no recipient is named: the
// data stay with the controller.
type RecipientKind uint8

// The kinds of recipient.
const (
	Processor RecipientKind = iota + 1
	Affiliate
	CorporateAffiliate
	ReferralPartner
	AdvertisingPartner
	ThirdParty
	Authority
)

var recipientNames = names{
	"", "PROCESSOR", "AFFILIATE", "CORPORATE_AFFILIATE", "REFERRAL_PARTNER", "ADVERTISING_PARTNER", "THIRD_PARTY", "AUTHORITY",
}

// String returns the bare name, such as PROCESSOR.
func (k RecipientKind) String() string { return recipientNames.name(uint8(k)) }

// ParseRecipientKind returns the kind of that bare name.
func ParseRecipientKind(name string) (RecipientKind, bool) {
	v, ok := recipientNames.value(name)
	return RecipientKind(v), ok
}

// Basis is a legal basis (GDPR Art. 6 and 9, APPI, policy texts). The zero value means none.
type Basis uint8

// The legal bases.
const (
	BasisConsent Basis = iota + 1
	BasisExplicitConsent
	BasisContract
	BasisLegalObligation
	BasisVitalInterests
	BasisPublicTask
	BasisLegitimateInterests
	BasisNotifiedPurpose
	BasisDeemedConsent
	BasisAnonymizedInformation
)

var basisNames = names{
	"", "CONSENT", "EXPLICIT_CONSENT", "CONTRACT", "LEGAL_OBLIGATION", "VITAL_INTERESTS", "PUBLIC_TASK",
	"LEGITIMATE_INTERESTS", "NOTIFIED_PURPOSE", "DEEMED_CONSENT", "ANONYMIZED_INFORMATION",
}

// String returns the bare name, such as CONTRACT.
func (b Basis) String() string { return basisNames.name(uint8(b)) }

// Known reports whether b is one of the bases above.
func (b Basis) Known() bool { return basisNames.known(uint8(b)) }

// ParseBasis returns the basis of that bare name.
func ParseBasis(name string) (Basis, bool) {
	v, ok := basisNames.value(name)
	return Basis(v), ok
}

// Effect is the answer to a request. The zero value is Deny, so that whatever was forgotten denies.
type Effect uint8

// The effects.
const (
	Deny Effect = iota
	Allow
)

var effectNames = names{"DENY", "ALLOW"}

// String returns the bare name, ALLOW or DENY.
func (e Effect) String() string { return effectNames.name(uint8(e)) }

// ParseEffect returns the effect of that bare name.
func ParseEffect(name string) (Effect, bool) {
	v, ok := effectNames.value(name)
	return Effect(v), ok
}

// ReasonCode says why a decision was made. The values are those of the wire; the order in which reasons
// are reported is the policies'.
type ReasonCode uint8

// The reason codes.
const (
	BasisHolds ReasonCode = iota + 1
	PurposeNotDeclared
	PurposeProhibited
	SubjectUnknown
	ReasonErasureRequested
	ReasonAccountClosed
	AccountDormant
	RetentionExpired
	Restricted
	UnderAge
	OptedOut
	GPCOptOut
	Objected
	ConsentMissing
	ConsentPending
	ConsentRefused
	ConsentWithdrawn
	ConsentInvalidated
	ConsentExpired
	ConsentOutdated
	ConsentNotExplicit
	DataCategoryNotPermitted
	DataCategoryUnspecified
	SensitiveDataNotPermitted
	RecipientNotPermitted
	TransferNotConsented
	NotAnonymized
	ProcessorNotInstructed
	PolicyError
	ConsentByMinor
	NoticeUnknown
	StateUnavailable
)

var reasonNames = names{
	"", "BASIS_HOLDS", "PURPOSE_NOT_DECLARED", "PURPOSE_PROHIBITED", "SUBJECT_UNKNOWN", "ERASURE_REQUESTED", "ACCOUNT_CLOSED",
	"ACCOUNT_DORMANT", "RETENTION_EXPIRED", "RESTRICTED", "UNDER_AGE", "OPTED_OUT", "GPC_OPT_OUT", "OBJECTED",
	"CONSENT_MISSING", "CONSENT_PENDING", "CONSENT_REFUSED", "CONSENT_WITHDRAWN", "CONSENT_INVALIDATED", "CONSENT_EXPIRED",
	"CONSENT_OUTDATED", "CONSENT_NOT_EXPLICIT", "DATA_CATEGORY_NOT_PERMITTED", "DATA_CATEGORY_UNSPECIFIED",
	"SENSITIVE_DATA_NOT_PERMITTED", "RECIPIENT_NOT_PERMITTED", "TRANSFER_NOT_CONSENTED", "NOT_ANONYMIZED",
	"PROCESSOR_NOT_INSTRUCTED", "POLICY_ERROR", "CONSENT_BY_MINOR", "NOTICE_UNKNOWN", "STATE_UNAVAILABLE",
}

// String returns the bare name, such as CONSENT_MISSING.
func (c ReasonCode) String() string { return reasonNames.name(uint8(c)) }

// Known reports whether c is one of the codes above.
func (c ReasonCode) Known() bool { return reasonNames.known(uint8(c)) }

// ParseReasonCode returns the reason code of that bare name.
func ParseReasonCode(name string) (ReasonCode, bool) {
	v, ok := reasonNames.value(name)
	return ReasonCode(v), ok
}

// ObligationCode names what the caller must also do.
type ObligationCode uint8

// The obligations.
const (
	DeactivateAccount ObligationCode = iota + 1
	AccountMayBeLimited
	AggregateOnly
	BinaryResultOnly
	TransferSafeguards
	IncludeUnsubscribe
	ExcludeDataCategories
	RecordSignal
	ReaskNotBefore
	ConfirmRecipientConsent
)

var obligationNames = names{
	"", "DEACTIVATE_ACCOUNT", "ACCOUNT_MAY_BE_LIMITED", "AGGREGATE_ONLY", "BINARY_RESULT_ONLY", "TRANSFER_SAFEGUARDS",
	"INCLUDE_UNSUBSCRIBE", "EXCLUDE_DATA_CATEGORIES", "RECORD_SIGNAL", "REASK_NOT_BEFORE", "CONFIRM_RECIPIENT_CONSENT",
}

// String returns the bare name, such as AGGREGATE_ONLY.
func (c ObligationCode) String() string { return obligationNames.name(uint8(c)) }

// Known reports whether c is one of the obligations above.
func (c ObligationCode) Known() bool { return obligationNames.known(uint8(c)) }

// ParseObligationCode returns the obligation code of that bare name.
func ParseObligationCode(name string) (ObligationCode, bool) {
	v, ok := obligationNames.value(name)
	return ObligationCode(v), ok
}

// Effectiveness is what an event came to when it was recorded. The zero value means that it was not.
type Effectiveness uint8

// What an event comes to.
const (
	// Counted: it counts.
	Counted Effectiveness = iota + 1
	// Superseded: something on record outranks all of it.
	Superseded
	// Unproven: it does not count for lack of evidence.
	Unproven
	// Annulled: a later event of its batch annulled it.
	Annulled
	// Duplicate: it had been recorded before.
	Duplicate
)

var effectivenessNames = names{"", "COUNTED", "SUPERSEDED", "UNPROVEN", "ANNULLED", "DUPLICATE"}

// String returns the bare name, such as COUNTED.
func (e Effectiveness) String() string { return effectivenessNames.name(uint8(e)) }
