package law

import (
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// statutes are the least that the law of a place asks of every controller.
func statutes() []Invariant { return slices.Concat(european(), american(), japanese()) }

// sensitiveCodes are the reasons with which special categories are denied.
var sensitiveCodes = []consent.ReasonCode{consent.SensitiveDataNotPermitted, consent.ConsentNotExplicit}

// european are those of the GDPR and of the directive on privacy in electronic communications.
func european() []Invariant {
	return []Invariant{
		{
			ID:     "GDPR-6-DEEMED",
			Words:  "under the GDPR a deemed consent is none: it needs a given one, anonymized data aside",
			Codes:  consentCodes,
			broken: func(f *facts) bool { return f.gdpr() && f.deemed() && !f.currentHolds() },
		},
		{
			ID: "GDPR-8",
			Words: "under the GDPR a child below the local age of digital consent needs the parent's consent where the purpose " +
				"rests on consent",
			Codes: []consent.ReasonCode{consent.UnderAge},
			broken: func(f *facts) bool {
				return f.gdpr() && f.younger(f.consentAge()) && f.needsConsent() && !f.ageExcepted(f.Request.Purpose) &&
					!(f.currentHolds() && f.current.GivenBy == consent.ByParent)
			},
		},
		{
			ID:    "GDPR-9",
			Words: "under the GDPR special categories need a valid explicit consent",
			Codes: sensitiveCodes,
			broken: func(f *facts) bool {
				return f.gdpr() && f.asksFor(special) && !f.specialExcepted() && !f.covered(explicit)
			},
		},
		{
			ID:     "GDPR-21-MARKETING",
			Words:  "under the GDPR an objection to direct marketing is absolute",
			Codes:  []consent.ReasonCode{consent.Objected},
			broken: func(f *facts) bool { return f.gdpr() && f.marketing() && f.objected() },
		},
		{
			ID: "EPRIV-13",
			Words: "under the GDPR marketing messages need a given consent, unless the table says eprivacy: controller_policy or " +
				"the soft opt-in holds",
			Codes:  consentCodes,
			broken: func(f *facts) bool { return f.eprivacy() && !f.softOptIn() && !f.currentHolds() },
		},
	}
}

// american are those of California, some of which hold everywhere, and of the other states.
func american() []Invariant {
	return []Invariant{
		{
			ID:     "CCPA-120",
			Words:  "an opt-out of sale or sharing denies it everywhere, until consent was asked for and given, both after it",
			Codes:  []consent.ReasonCode{consent.OptedOut},
			broken: func(f *facts) bool { return f.saleOrSharing() && f.optedOut() },
		},
		{
			ID:     "CCPA-120-MINOR",
			Words:  "in California the data of who is under 16 are sold or shared only with a consent, the parent's if under 13",
			Codes:  []consent.ReasonCode{consent.UnderAge},
			broken: func(f *facts) bool { return f.ccpa() && f.saleOrSharing() && f.younger(16) && !f.minorOptedIn() },
		},
		{
			ID: "CCPA-GPC",
			Words: "Global Privacy Control, stored or on the request, denies sale and sharing in California and the states that " +
				"honour it",
			Codes: []consent.ReasonCode{consent.GPCOptOut},
			broken: func(f *facts) bool {
				return (f.ccpa() || f.stateAsks(honourGPC)) && f.saleOrSharing() && f.signalled()
			},
		},
		{
			ID: "CCPA-121",
			Words: "in California who limited the use of sensitive data keeps them to what is necessary, until an explicit consent " +
				"comes later",
			Codes:  sensitiveCodes,
			broken: func(f *facts) bool { return f.ccpa() && f.asksFor(limitable) && f.limited() },
		},
		{
			ID:    "US-STATES",
			Words: "other states of the US, each from the date of its act, need a given consent for special categories",
			Codes: sensitiveCodes,
			broken: func(f *facts) bool {
				return f.stateAsks(askForSpecial) && f.asksFor(special) && !f.specialExcepted() && !f.covered(anyConsent)
			},
		},
	}
}

// japanese are those of the APPI and of the act on marketing mail.
func japanese() []Invariant {
	return []Invariant{
		{
			ID:    "APPI-20-2",
			Words: "in Japan special categories need a given consent",
			Codes: sensitiveCodes,
			broken: func(f *facts) bool {
				return f.appi() && f.asksFor(special) && !f.specialExcepted() && !f.covered(anyConsent)
			},
		},
		{
			ID: "APPI-27",
			Words: "in Japan sharing with a third party needs a consent that names it, anonymized data aside, unless the table says " +
				"appi_third_party: controller_policy",
			Codes:  consentCodes,
			broken: func(f *facts) bool { return f.appi() && f.thirdParty() && !f.namedValid() },
		},
		{
			ID: "APPI-28",
			Words: "in Japan a recipient abroad needs a consent that names its country, equivalent measures and anonymized data " +
				"aside",
			Codes:  []consent.ReasonCode{consent.TransferNotConsented},
			broken: func(f *facts) bool { return f.appi() && f.transferUnconsented() },
		},
		{
			ID:     "JPMAIL-3",
			Words:  "in Japan marketing messages need a given consent, unless the table says jpmail: controller_policy",
			Codes:  consentCodes,
			broken: func(f *facts) bool { return f.appi() && f.marketing() && !f.accepts("jpmail") && !f.currentHolds() },
		},
	}
}

// deemed reports whether the purpose rests on a deemed consent to data that are about somebody.
func (f *facts) deemed() bool { return f.restsOn(consent.BasisDeemedConsent) && !f.flag("anonymized") }

// eprivacy reports whether a marketing message needs a consent under the directive.
func (f *facts) eprivacy() bool {
	return f.gdpr() && f.marketing() && !f.accepts("eprivacy")
}

// needsConsent reports whether the GDPR pack asks a given consent of the purpose here.
func (f *facts) needsConsent() bool {
	switch f.Basis {
	case consent.BasisConsent, consent.BasisExplicitConsent:
		return true
	case consent.BasisDeemedConsent:
		return !f.flag("anonymized")
	}
	return f.eprivacy() && !f.softOptIn()
}

// optedOut reports whether an opt-out of sale stands: it ends with a consent that was asked for and given after it.
func (f *facts) optedOut() bool {
	m := f.State.OptOuts[consent.SaleOrSharing-1]
	return m.Raised && !(f.givenAfter(m.At) && f.current.RequestedBeforeGivenAt > m.At)
}

// minorOptedIn reports whether who is under 16 consented to the sale, or the parent of who is under 13.
func (f *facts) minorOptedIn() bool {
	if !f.currentHolds() {
		return false
	}
	if f.younger(13) {
		return f.current.GivenBy == consent.ByParent
	}
	return f.current.GivenBy == consent.BySubject || f.current.GivenBy == consent.ByAgent
}

// signalled: a signal on the request always counts, a stored one until a consent with evidence was given later.
func (f *facts) signalled() bool {
	stored := f.State.GPC
	return f.flag("gpc") || stored.Value && !(f.givenAfter(stored.Since) && f.current.Evidence)
}

// limited reports whether the use of sensitive data is limited to what is necessary.
func (f *facts) limited() bool {
	m := f.State.OptOuts[consent.SensitiveDataUse-1]
	return m.Raised && !f.unconditional() && !f.compelling() && !(f.givenAfter(m.At) && f.current.Explicit)
}

// thirdParty reports whether Japan asks a consent that names the recipient.
func (f *facts) thirdParty() bool {
	kind := f.Request.Recipient.Kind
	return f.sharing() && kind != 0 && kind != consent.Processor && !f.thirdPartyExcepted()
}

// thirdPartyExcepted: of anonymized data, and where the pack accepts the controller's own rule, Japan asks no such
// consent.
func (f *facts) thirdPartyExcepted() bool {
	return f.flag("anonymized") || f.accepts("appi_third_party")
}

// namedValid reports whether a consent that names the recipient holds.
func (f *facts) namedValid() bool {
	r, ok := f.named(f.Request.Purpose)
	return ok && f.holds(&r, f.Request.Purpose)
}

// transferUnconsented reports whether the data go abroad without a consent that names the country.
func (f *facts) transferUnconsented() bool {
	excepted := f.thirdPartyExcepted() || f.flag("equivalent_measures") || f.declared(consent.BasisLegalObligation) ||
		f.purpose("legal_claims")
	named := f.currentHolds() && f.namesCountry()
	return f.abroad() && !excepted && !named
}

// namesCountry reports whether the consent names the recipient's country, or a territory or another part of it.
func (f *facts) namesCountry() bool {
	return slices.ContainsFunc(f.current.Countries, func(code string) bool {
		return countryOf(code) == countryOf(f.Request.Recipient.Country)
	})
}
