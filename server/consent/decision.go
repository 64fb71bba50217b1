package consent

import "time"

// Request asks whether a subject's data may be used for a purpose.
type Request struct {
	Subject Subject
	// Purpose is why data are to be processed, [a-z][a-z0-9_]{0,63}.
	Purpose string
	// DataCategories are dotted keys; naming a parent names all under it. Empty: the request names none.
	DataCategories []string
	// Recipient is who gets the data. The zero value: they stay with the controller.
	Recipient Recipient
	// Context holds facts about the request as JSON values: nil, bool, float64, string, []any, map[string]any.
	Context map[string]any
}

// Recipient is who gets the data (GDPR Art. 4(9)).
type Recipient struct {
	// Kind is what the recipient is to the controller; zero: there is none.
	Kind RecipientKind
	// ID names it as consents do; may be empty.
	ID string
	// Country is an ISO 3166-1 alpha-2 code; empty: domestic, no transfer rule applies.
	Country string
}

// Decision is the answer to a request. The zero value denies.
//
// A Decision may be shared between goroutines as long as nobody changes it.
type Decision struct {
	Effect Effect
	// Reasons says why, in order of precedence; never empty in a decision that a policy made.
	Reasons []Reason
	// Basis is the legal basis in effect, on Deny too; zero where the purpose is undeclared or prohibited.
	Basis Basis
	// Obligations are what the caller must also do, whatever the effect.
	Obligations []Obligation
	// PermittedDataCategories are those of the request that are permitted.
	PermittedDataCategories []string
	// ValidUntil is the first instant at which time alone could change the decision; absent if none can. It may be early,
	// never late.
	ValidUntil Instant
	// PolicyRevision is the digest of the policies that decided.
	PolicyRevision string
	// StateRevision is the store's revision as of which the state was read: no change up to it is missing from the state.
	// Zero with DegradedDenied, which rests on no state.
	StateRevision Revision
	// ID names this decision in logs.
	ID string
	// Degraded says that the state could not be read, and how the decision was made all the same; zero: it was read.
	Degraded Degradation
	// StateAge is, of DegradedStale, how long ago the node last knew that no change was missing from the state.
	StateAge time.Duration
}

// Reason is one reason for a decision.
type Reason struct {
	Code ReasonCode
	// Clause is that of the privacy policy, or the id of the statute's rule.
	Clause string
}

// Obligation is something the caller must also do.
type Obligation struct {
	Code       ObligationCode
	Parameters Parameters
}

// Parameters are those of an obligation; only the ones that its code names are set.
type Parameters struct {
	// Country belongs to TransferSafeguards.
	Country string
	// Categories belongs to ExcludeDataCategories; sorted.
	Categories []string
	// Signal belongs to RecordSignal: "gpc" or "dnt".
	Signal string
	// Time belongs to ReaskNotBefore.
	Time Instant
}

// Failed is the decision of a policy that erred, was undefined or gave a malformed answer.
func Failed() Decision {
	return Decision{Effect: Deny, Reasons: []Reason{{Code: PolicyError}}}
}
