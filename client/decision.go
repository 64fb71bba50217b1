package client

import (
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Decision is the answer to a check. The zero value denies. A Decision may be shared between goroutines as long as
// nobody changes it.
type Decision struct {
	// Allowed is true only where the server said ALLOW and this package understood the obligations that the permission
	// depends on: an obligation of an unknown code cannot be met, so it denies.
	Allowed bool
	// Reasons says why, in order of precedence.
	Reasons []*consentv1.Reason
	// LegalBasis is the one in effect, on a denial too; unspecified where the purpose is undeclared or prohibited.
	LegalBasis consentv1.LegalBasis
	// Obligations are what you must also do, whether allowed or denied.
	Obligations []*consentv1.Obligation
	// PermittedDataCategories are those of the request that are permitted.
	PermittedDataCategories []string
	// ValidUntil is the first instant at which time alone could change the decision; zero if none can. It does not say
	// that no event will change it sooner.
	ValidUntil time.Time
	// ConsistencyToken stands for the state that was read; hand it to AtLeastAsFresh.
	ConsistencyToken string
	// PolicyRevision is the digest of the policies that decided.
	PolicyRevision string
	// ID names the decision in logs.
	ID string
	// Degraded says that the server could not read the subject's state, and decided as the controller declares for then;
	// unspecified: it could. Such a decision is for this check alone: ask again rather than keep it.
	Degraded consentv1.Degradation
	// StateAge is, of Degradation_DEGRADATION_STALE, how old the state may be by which it was decided; else zero.
	StateAge time.Duration
}

// String gives the decision and its reasons for people: "DENY: CONSENT_MISSING (jasminai §3.7)".
func (d Decision) String() string {
	effect := "DENY"
	if d.Allowed {
		effect = "ALLOW"
	}
	reasons := make([]string, len(d.Reasons))
	for i, r := range d.Reasons {
		reasons[i] = reasonText(r)
	}
	if d.Degraded != 0 {
		effect += " (degraded: " + EnumName(d.Degraded) + ")"
	}
	if len(reasons) == 0 {
		return effect
	}
	return effect + ": " + strings.Join(reasons, ", ")
}

func reasonText(r *consentv1.Reason) string {
	if r.GetClause() == "" {
		return EnumName(r.GetCode())
	}
	return EnumName(r.GetCode()) + " (" + r.GetClause() + ")"
}

// decisionOf converts an answer; nil gives the zero decision.
func decisionOf(response *consentv1.CheckResponse) Decision {
	d := Decision{
		Allowed:                 allows(response),
		Reasons:                 response.GetReasons(),
		LegalBasis:              response.GetLegalBasis(),
		Obligations:             response.GetObligations(),
		PermittedDataCategories: response.GetPermittedDataCategories(),
		ConsistencyToken:        response.GetConsistencyToken(),
		PolicyRevision:          response.GetPolicyRevision(),
		ID:                      response.GetDecisionId(),
		Degraded:                response.GetDegraded(),
		StateAge:                response.GetStateAge().AsDuration(),
	}
	if response.GetValidUntil().IsValid() {
		d.ValidUntil = response.GetValidUntil().AsTime()
	}
	return d
}

// allows is the only place that turns an answer into a permission. An unreadable valid_until would come out as "never
// ends", so it denies.
func allows(response *consentv1.CheckResponse) bool {
	if response.GetDecision() != consentv1.Decision_DECISION_ALLOW {
		return false
	}
	if response.GetValidUntil() != nil && !response.GetValidUntil().IsValid() {
		return false
	}
	for _, o := range response.GetObligations() {
		if _, known := consentv1.ObligationCode_name[int32(o.GetCode())]; !known || o.GetCode() == 0 {
			return false
		}
	}
	return true
}

// EnumName is the bare form of an enum value: CONSENT_MISSING for REASON_CODE_CONSENT_MISSING. A value that this
// package does not know gives its number, the zero value UNSPECIFIED.
func EnumName(value protoreflect.Enum) string {
	values := value.Descriptor().Values()
	known := values.ByNumber(value.Number())
	if known == nil {
		return strconv.Itoa(int(value.Number()))
	}
	return strings.TrimPrefix(string(known.Name()), EnumPrefix(value.Descriptor()))
}

// EnumPrefix is what precedes the bare form in the names of an enum's values: REASON_CODE_.
func EnumPrefix(enum protoreflect.EnumDescriptor) string {
	return strings.TrimSuffix(string(enum.Values().ByNumber(0).Name()), "UNSPECIFIED")
}
