package law

import "github.com/consentd/consentd/server/consent"

// StaleConsent is the id of the invariant on what a purpose's row declares for when a state cannot be read.
const StaleConsent = "STALE-CONSENT"

// general hold for every controller, in every place.
func general() []Invariant {
	return []Invariant{
		{
			ID: "CONSENT",
			Words: "what rests on consent is allowed only with a given consent to this purpose and recipient, not withdrawn, " +
				"unexpired, to a current notice that was declared, by somebody old enough",
			Codes: consentCodes,
			broken: func(f *facts) bool {
				return f.restsOn(consent.BasisConsent, consent.BasisExplicitConsent) && !f.currentHolds()
			},
		},
		{
			ID:     "EXPLICIT",
			Words:  "what rests on explicit consent is allowed only with an explicit one",
			Codes:  []consent.ReasonCode{consent.ConsentNotExplicit},
			broken: func(f *facts) bool { return f.restsOn(consent.BasisExplicitConsent) && !f.current.Explicit },
		},
		{
			ID: StaleConsent,
			Words: "what rests on consent is never decided by a stale state, on which a withdrawal may be missing: it ends the " +
				"permission at once (GDPR Art. 7(3))",
			Codes: []consent.ReasonCode{consent.StateUnavailable},
			broken: func(f *facts) bool {
				return f.row.WhenUnavailable().When == consent.ServeStale &&
					f.restsOn(consent.BasisConsent, consent.BasisExplicitConsent, consent.BasisDeemedConsent)
			},
		},
		{
			ID:     "LEVEL-0",
			Words:  "a prohibited purpose is never allowed",
			Codes:  []consent.ReasonCode{consent.PurposeProhibited},
			broken: func(f *facts) bool { return f.row.Prohibited },
		},
		{
			ID:     "LEVEL-1",
			Words:  "an unknown subject is denied, legal obligations aside",
			Codes:  []consent.ReasonCode{consent.SubjectUnknown},
			broken: func(f *facts) bool { return !f.State.Known() && !f.declared(consent.BasisLegalObligation) },
		},
		{
			ID: "ERASURE",
			Words: "a standing erasure denies all but legal obligations, legal claims and what the table lists as " +
				"kept_after_erasure",
			Codes:  []consent.ReasonCode{consent.ReasonErasureRequested},
			broken: func(f *facts) bool { return f.State.Erasure.Value.Stands() && !f.kept() },
		},
		{
			ID:     "CLOSED",
			Words:  "a closed account denies all but legal obligations, legal claims and what the table lists as kept_after_erasure",
			Codes:  []consent.ReasonCode{consent.ReasonAccountClosed},
			broken: func(f *facts) bool { return f.State.AccountStatus.Value == consent.AccountClosed && !f.kept() },
		},
		{
			ID:     "DORMANT",
			Words:  "an account without activity for durations.dormancy is denied, with the exceptions of an erasure",
			Codes:  []consent.ReasonCode{consent.AccountDormant},
			broken: func(f *facts) bool { return f.dormant() && !f.kept() },
		},
		{
			ID:     "RETENTION",
			Words:  "where the table says that retention counts, its end denies, with the exceptions of an erasure",
			Codes:  []consent.ReasonCode{consent.RetentionExpired},
			broken: func(f *facts) bool { return f.retentionEnded() && !f.kept() },
		},
		{
			ID: "GDPR-18",
			Words: "a restriction on any ground denies everywhere, but for legal obligations, vital interests, legal claims, " +
				"storage and a later consent",
			Codes: []consent.ReasonCode{consent.Restricted},
			broken: func(f *facts) bool {
				return f.restricted() && !f.declared(consent.BasisLegalObligation, consent.BasisVitalInterests) &&
					!f.purpose("legal_claims", "storage")
			},
		},
		{
			ID: "GDPR-21",
			Words: "an objection denies everywhere, but for contract, legal obligations, vital interests, fraud prevention, " +
				"legal claims and a later consent",
			Codes:  []consent.ReasonCode{consent.Objected},
			broken: func(f *facts) bool { return f.objected() && !f.unconditional() && !f.compelling() },
		},
		{
			ID:     "GDPR-7-SWAP",
			Words:  "after a refusal, withdrawal or invalidation the purpose does not fall back to another basis",
			Codes:  []consent.ReasonCode{consent.ConsentRefused, consent.ConsentWithdrawn, consent.ConsentInvalidated},
			broken: func(f *facts) bool { return f.current.Status.Denies() && !f.unconditional() && !f.compelling() },
		},
		{
			ID: "AGE",
			Words: "who is known to be under the table's age is denied, but for legal obligations, legal claims, fraud prevention " +
				"and age verification",
			Codes:  []consent.ReasonCode{consent.UnderAge},
			broken: func(f *facts) bool { return f.younger(f.minimumAge()) && !f.ageExcepted(f.Request.Purpose) },
		},
	}
}

// consentCodes are the reasons with which a consent that is needed and does not hold is denied.
var consentCodes = []consent.ReasonCode{
	consent.ConsentMissing, consent.ConsentPending, consent.ConsentRefused, consent.ConsentWithdrawn, consent.ConsentInvalidated,
	consent.ConsentExpired, consent.ConsentOutdated, consent.NoticeUnknown, consent.ConsentByMinor,
}

// kept reports whether the purpose outlasts an erasure, a closed account and the like.
func (f *facts) kept() bool {
	return f.declared(consent.BasisLegalObligation) || f.purpose("legal_claims") || f.purpose(f.Table.KeptAfterErasure...)
}

// dormant reports whether the account has been without activity for as long as the controller declares.
func (f *facts) dormant() bool {
	d, ok := f.Table.Durations["dormancy"]
	last := f.State.LastActivityAt.Value
	return ok && last != 0 && f.Now >= last+consent.Instant(d.Days)*day
}

func (f *facts) retentionEnded() bool {
	until := f.State.RetentionUntil.Value
	return f.Table.Retention.Counts && until != 0 && f.Now >= until
}

// minimumAge is that of the controller, or where its table says so the local age of digital consent if that is
// higher.
func (f *facts) minimumAge() int {
	if f.Table.Age.Local && f.europe() {
		return max(f.Table.Age.Minimum, f.consentAge())
	}
	return f.Table.Age.Minimum
}
