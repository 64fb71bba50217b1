package prove

import (
	"slices"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// The tables of the law that the invariants stand on. They repeat what policies/lib has as data, on purpose: an edit of the
// data that takes a protection away must be found. A change of the law changes both.

// eea is the European Economic Area.
var eea = []string{
	"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU",
	"LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
}

// territories have codes of their own and count as a country of the EEA.
var territories = map[string]string{"AX": "FI", "GF": "FR", "GP": "FR", "MF": "FR", "MQ": "FR", "RE": "FR", "YT": "FR"}

// countryOf is the country that a code is in, or counts as.
func countryOf(code string) string {
	country := code[:min(len(code), 2)]
	if of, ok := territories[country]; ok {
		return of
	}
	return country
}

// youngerConsent is the age of digital consent where it is below 16 (GDPR Art. 8(1)).
var youngerConsent = map[string]int{
	"BE": 13, "EE": 13, "FI": 13, "LV": 13, "MT": 13, "PT": 13, "SE": 13, "GB": 13, "NO": 13, "IS": 13,
	"AT": 14, "BG": 14, "CY": 14, "ES": 14, "IT": 14, "LT": 14,
	"CZ": 15, "FR": 15, "GR": 15, "SI": 15,
}

const defaultConsentAge = 16

// danishAct is when the age of digital consent in Denmark became 15; before it was 13.
var danishAct = date("2024-01-01")

// special are the special categories (GDPR Art. 9, APPI Art. 2(3)); limitable those of CCPA 1798.121 beside them.
var (
	special = []string{
		"user.biometric", "user.demographic.political_opinion", "user.demographic.race_ethnicity",
		"user.demographic.religious_belief", "user.demographic.sexual_orientation", "user.genetic", "user.health_and_medical",
		"user.sensitive", "user.trade_union",
	}
	limitable = append(slices.Clone(special), "user.location.precise")
)

// askForSpecial are the states besides California that ask a consent for special categories, honourGPC those that honour Global
// Privacy Control, each from its date on.
var (
	askForSpecial = map[string]consent.Instant{
		"US-VA": date("2023-01-01"), "US-CO": date("2023-07-01"), "US-CT": date("2023-07-01"), "US-OR": date("2024-07-01"),
		"US-TX": date("2024-07-01"), "US-MT": date("2024-10-01"), "US-DE": date("2025-01-01"), "US-NE": date("2025-01-01"),
		"US-NH": date("2025-01-01"), "US-NJ": date("2025-01-15"), "US-TN": date("2025-07-01"), "US-MN": date("2025-07-31"),
		"US-MD": date("2025-10-01"), "US-IN": date("2026-01-01"), "US-KY": date("2026-01-01"), "US-RI": date("2026-01-01"),
	}
	honourGPC = map[string]consent.Instant{
		"US-CO": date("2024-07-01"), "US-CT": date("2025-01-01"), "US-MT": date("2025-01-01"), "US-NE": date("2025-01-01"),
		"US-NH": date("2025-01-01"), "US-TX": date("2025-01-01"), "US-NJ": date("2025-07-15"), "US-MN": date("2025-07-31"),
		"US-MD": date("2025-10-01"), "US-DE": date("2026-01-01"), "US-OR": date("2026-01-01"),
	}
)

// lawfulPlaces are the places that the tables above name.
func lawfulPlaces() []string {
	return slices.Concat(eea, sortedKeys(territories), sortedKeys(askForSpecial), sortedKeys(honourGPC))
}

// date is the beginning of a day of the law's tables.
func date(day string) consent.Instant {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err) // the tables are constant
	}
	return consent.InstantOf(t)
}

// stateAsks reports whether the subject lives in a state of the table whose date has come.
func (f *facts) stateAsks(since map[string]consent.Instant) bool {
	from, ok := since[f.jurisdiction()]
	return ok && f.c.Now >= from
}

func (f *facts) jurisdiction() string { return f.c.State.Jurisdiction.Value }

func (f *facts) country() string { return countryOf(f.jurisdiction()) }

// europe is the EEA and Great Britain.
func (f *facts) europe() bool { return f.country() == "GB" || slices.Contains(eea, f.country()) }

func (f *facts) gdpr() bool { return f.europe() || f.table.pack("gdpr", f.jurisdiction()) }

func (f *facts) ccpa() bool {
	return f.jurisdiction() == "US-CA" || f.table.pack("ccpa", f.jurisdiction())
}

func (f *facts) appi() bool { return f.country() == "JP" || f.table.pack("appi", f.jurisdiction()) }

// consentAge is the age of digital consent of the place.
func (f *facts) consentAge() int {
	switch age, ok := youngerConsent[f.country()]; {
	case ok:
		return age
	case f.country() == "DK" && f.c.Now < danishAct:
		return 13
	case f.country() == "DK":
		return 15
	}
	return defaultConsentAge
}

// abroad reports whether the recipient is in a country that Japan does not recognize as equivalent.
func (f *facts) abroad() bool {
	c := countryOf(f.c.Request.Recipient.Country)
	return c != "" && c != "JP" && c != "GB" && !slices.Contains(eea, c)
}

// anniversaries counts those of from's day that have begun by to; that of 29 February is 1 March.
func anniversaries(from, to time.Time) int {
	years := to.Year() - from.Year()
	if to.Month() < from.Month() || to.Month() == from.Month() && to.Day() < from.Day() {
		years--
	}
	return max(years, 0)
}

// invariant is something that no ALLOW may break.
type invariant struct {
	// id is that of the rule in the documentation.
	id string
	// words say it for people.
	words string
	// codes are the reasons with which it is denied.
	codes []consent.ReasonCode
	// broken reports that a case which is allowed must not be.
	broken func(*facts) bool
}

// general hold for every controller, in every place.
func general() []invariant {
	return []invariant{
		{"CONSENT", "what rests on consent is allowed only with a given consent to this purpose and recipient, not withdrawn, unexpired, to a current notice that was declared, by somebody old enough",
			[]consent.ReasonCode{
				consent.ConsentMissing, consent.ConsentPending, consent.ConsentRefused, consent.ConsentWithdrawn,
				consent.ConsentInvalidated, consent.ConsentExpired, consent.ConsentOutdated, consent.NoticeUnknown,
				consent.ConsentByMinor,
			},
			func(f *facts) bool {
				return (f.basis == consent.BasisConsent || f.basis == consent.BasisExplicitConsent) && !f.currentHolds()
			}},
		{"EXPLICIT", "what rests on explicit consent is allowed only with an explicit one",
			[]consent.ReasonCode{consent.ConsentNotExplicit},
			func(f *facts) bool { return f.basis == consent.BasisExplicitConsent && !f.current.Explicit }},
		{"LEVEL-0", "a prohibited purpose is never allowed", []consent.ReasonCode{consent.PurposeProhibited},
			func(f *facts) bool { return f.row.Prohibited }},
		{"LEVEL-1", "an unknown subject is denied, legal obligations aside", []consent.ReasonCode{consent.SubjectUnknown},
			func(f *facts) bool { return !f.c.State.Known() && !f.declared(consent.BasisLegalObligation) }},
		{"ERASURE", "a standing erasure denies all but legal obligations, legal claims and what the table lists as kept_after_erasure",
			[]consent.ReasonCode{consent.ReasonErasureRequested},
			func(f *facts) bool { return f.c.State.Erasure.Value.Stands() && !f.kept() }},
		{"CLOSED", "a closed account denies all but legal obligations, legal claims and what the table lists as kept_after_erasure",
			[]consent.ReasonCode{consent.ReasonAccountClosed},
			func(f *facts) bool { return f.c.State.AccountStatus.Value == consent.AccountClosed && !f.kept() }},
		{"DORMANT", "an account without activity for durations.dormancy is denied, with the exceptions of an erasure",
			[]consent.ReasonCode{consent.AccountDormant}, func(f *facts) bool { return f.dormant() && !f.kept() }},
		{"RETENTION", "where the table says that retention counts, its end denies, with the exceptions of an erasure",
			[]consent.ReasonCode{consent.RetentionExpired},
			func(f *facts) bool {
				until := f.c.State.RetentionUntil.Value
				return f.table.Retention.Counts && until != 0 && f.c.Now >= until && !f.kept()
			}},
		{"GDPR-18", "a restriction on any ground denies everywhere, but for legal obligations, vital interests, legal claims, storage and a later consent",
			[]consent.ReasonCode{consent.Restricted},
			func(f *facts) bool {
				return f.restricted() && !f.declared(consent.BasisLegalObligation, consent.BasisVitalInterests) &&
					!f.purpose("legal_claims", "storage")
			}},
		{"GDPR-21", "an objection denies everywhere, but for contract, legal obligations, vital interests, fraud prevention, legal claims and a later consent",
			[]consent.ReasonCode{consent.Objected},
			func(f *facts) bool { return f.objected() && !f.unconditional() && !f.compelling() }},
		{"GDPR-7-SWAP", "after a refusal, withdrawal or invalidation the purpose does not fall back to another basis",
			[]consent.ReasonCode{consent.ConsentRefused, consent.ConsentWithdrawn, consent.ConsentInvalidated},
			func(f *facts) bool { return f.current.Status.Denies() && !f.unconditional() && !f.compelling() }},
		{"AGE", "who is known to be under the table's age is denied, but for legal obligations, legal claims, fraud prevention and age verification",
			[]consent.ReasonCode{consent.UnderAge}, func(f *facts) bool { return f.younger(f.minimumAge()) && !f.ageExcepted(f.c.Request.Purpose) }},
	}
}

func (f *facts) kept() bool {
	return f.declared(consent.BasisLegalObligation) || f.purpose("legal_claims") || f.purpose(f.table.KeptAfterErasure...)
}

func (f *facts) dormant() bool {
	d, ok := f.table.Durations["dormancy"]
	last := f.c.State.LastActivityAt.Value
	return ok && last != 0 && f.c.Now >= last+consent.Instant(d.Days)*day
}

func (f *facts) minimumAge() int {
	if f.table.Age.Local && f.europe() {
		return max(f.table.Age.Minimum, f.consentAge())
	}
	return f.table.Age.Minimum
}

// statutes are the least that the law of a place asks of every controller.
func statutes() []invariant {
	consentCodes := general()[0].codes
	sensitive := []consent.ReasonCode{consent.SensitiveDataNotPermitted, consent.ConsentNotExplicit}
	return []invariant{
		{"GDPR-6-DEEMED", "under the GDPR a deemed consent is none: it needs a given one, anonymized data aside", consentCodes,
			func(f *facts) bool {
				return f.gdpr() && f.basis == consent.BasisDeemedConsent && !f.flag("anonymized") && !f.currentHolds()
			}},
		{"GDPR-8", "under the GDPR a child below the local age of digital consent needs the parent's consent where the purpose rests on consent",
			[]consent.ReasonCode{consent.UnderAge},
			func(f *facts) bool {
				return f.gdpr() && f.younger(f.consentAge()) && f.restsOnConsent() && !f.ageExcepted(f.c.Request.Purpose) &&
					!(f.currentHolds() && f.current.GivenBy == consent.ByParent)
			}},
		{"GDPR-9", "under the GDPR special categories need a valid explicit consent", sensitive,
			func(f *facts) bool {
				return f.gdpr() && f.asksFor(special) && !f.specialExcepted() && !f.covered(explicit)
			}},
		{"GDPR-21-MARKETING", "under the GDPR an objection to direct marketing is absolute", []consent.ReasonCode{consent.Objected},
			func(f *facts) bool { return f.gdpr() && f.marketing() && f.objected() }},
		{"EPRIV-13", "under the GDPR marketing messages need a given consent, unless the table says eprivacy: controller_policy or the soft opt-in holds",
			consentCodes,
			func(f *facts) bool { return f.eprivacy() && !f.softOptIn() && !f.currentHolds() }},
		{"CCPA-120", "an opt-out of sale or sharing denies it everywhere, until consent was asked for and given, both after it",
			[]consent.ReasonCode{consent.OptedOut}, func(f *facts) bool { return f.saleOrSharing() && f.optedOut() }},
		{"CCPA-120-MINOR", "in California the data of who is under 16 are sold or shared only with a consent, the parent's if under 13",
			[]consent.ReasonCode{consent.UnderAge},
			func(f *facts) bool { return f.ccpa() && f.saleOrSharing() && f.younger(16) && !f.minorOptedIn() }},
		{"CCPA-GPC", "Global Privacy Control, stored or on the request, denies sale and sharing in California and the states that honour it",
			[]consent.ReasonCode{consent.GPCOptOut},
			func(f *facts) bool {
				return (f.ccpa() || f.stateAsks(honourGPC)) && f.saleOrSharing() && f.signalled()
			}},
		{"CCPA-121", "in California who limited the use of sensitive data keeps them to what is necessary, until an explicit consent comes later",
			sensitive, func(f *facts) bool { return f.ccpa() && f.asksFor(limitable) && f.limited() }},
		{"US-STATES", "other states of the US, each from the date of its act, need a given consent for special categories", sensitive,
			func(f *facts) bool {
				return f.stateAsks(askForSpecial) && f.asksFor(special) && !f.specialExcepted() && !f.covered(anyConsent)
			}},
		{"APPI-20-2", "in Japan special categories need a given consent", sensitive,
			func(f *facts) bool {
				return f.appi() && f.asksFor(special) && !f.specialExcepted() && !f.covered(anyConsent)
			}},
		{"APPI-27", "in Japan sharing with a third party needs a consent that names it, anonymized data aside, unless the table says appi_third_party: controller_policy",
			consentCodes, func(f *facts) bool { return f.appi() && f.thirdParty() && !f.namedValid() }},
		{"APPI-28", "in Japan a recipient abroad needs a consent that names its country, equivalent measures and anonymized data aside",
			[]consent.ReasonCode{consent.TransferNotConsented}, func(f *facts) bool { return f.appi() && f.transferUnconsented() }},
		{"JPMAIL-3", "in Japan marketing messages need a given consent, unless the table says jpmail: controller_policy", consentCodes,
			func(f *facts) bool {
				return f.appi() && f.marketing() && !f.table.accepts(f.c.Request.Purpose, "jpmail") && !f.currentHolds()
			}},
	}
}

func (f *facts) eprivacy() bool {
	return f.gdpr() && f.marketing() && !f.table.accepts(f.c.Request.Purpose, "eprivacy")
}

// restsOnConsent reports whether the GDPR pack asks a given consent of the purpose here.
func (f *facts) restsOnConsent() bool {
	switch f.basis {
	case consent.BasisConsent, consent.BasisExplicitConsent:
		return true
	case consent.BasisDeemedConsent:
		return !f.flag("anonymized")
	}
	return f.eprivacy() && !f.softOptIn()
}

func (f *facts) optedOut() bool {
	m := f.c.State.OptOuts[consent.SaleOrSharing-1]
	return m.Raised && !(f.givenAfter(m.At) && f.current.RequestedBeforeGivenAt > m.At)
}

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
	stored := f.c.State.GPC
	return f.flag("gpc") || stored.Value && !(f.givenAfter(stored.Since) && f.current.Evidence)
}

func (f *facts) limited() bool {
	m := f.c.State.OptOuts[consent.SensitiveDataUse-1]
	return m.Raised && !f.unconditional() && !f.compelling() && !(f.givenAfter(m.At) && f.current.Explicit)
}

// thirdParty reports whether Japan asks a consent that names the recipient.
func (f *facts) thirdParty() bool {
	kind := f.c.Request.Recipient.Kind
	return f.sharing() && kind != 0 && kind != consent.Processor && !f.thirdPartyExcepted()
}

func (f *facts) thirdPartyExcepted() bool {
	return f.flag("anonymized") || f.table.accepts(f.c.Request.Purpose, "appi_third_party")
}

func (f *facts) namedValid() bool {
	r, ok := f.named(f.c.Request.Purpose)
	return ok && f.holds(&r, f.c.Request.Purpose)
}

func (f *facts) transferUnconsented() bool {
	excepted := f.thirdPartyExcepted() || f.flag("equivalent_measures") || f.declared(consent.BasisLegalObligation) || f.purpose("legal_claims")
	named := f.currentHolds() && f.namesCountry()
	return f.abroad() && !excepted && !named
}

// namesCountry reports whether the consent names the recipient's country, or a territory or another part of it.
func (f *facts) namesCountry() bool {
	return slices.ContainsFunc(f.current.Countries, func(code string) bool {
		return countryOf(code) == countryOf(f.c.Request.Recipient.Country)
	})
}
