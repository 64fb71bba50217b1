package law

import (
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// stateAsks reports whether the subject lives in a state of the table whose date has come.
func (f *facts) stateAsks(since map[string]consent.Instant) bool {
	from, ok := since[f.jurisdiction()]
	return ok && f.Now >= from
}

func (f *facts) jurisdiction() string { return f.State.Jurisdiction.Value }

func (f *facts) country() string { return countryOf(f.jurisdiction()) }

// europe is the EEA and Great Britain.
func (f *facts) europe() bool {
	return f.country() == greatBritain || slices.Contains(eea, f.country())
}

func (f *facts) gdpr() bool { return f.europe() || f.applies("gdpr") }

func (f *facts) ccpa() bool {
	return f.jurisdiction() == california || f.applies("ccpa")
}

func (f *facts) appi() bool { return f.country() == japan || f.applies("appi") }

// consentAge is the age of digital consent of the place.
func (f *facts) consentAge() int { return consentAge(f.country(), f.Now) }

// consentAge is the age of digital consent in a country.
func consentAge(country string, at consent.Instant) int {
	switch age, ok := youngerConsent[country]; {
	case ok:
		return age
	case country == denmark && at < danishAct:
		return 13
	case country == denmark:
		return 15
	}
	return defaultConsentAge
}

// abroad reports whether the recipient is in a country that Japan does not recognize as equivalent.
func (f *facts) abroad() bool {
	c := countryOf(f.Request.Recipient.Country)
	return c != "" && c != japan && c != greatBritain && !slices.Contains(eea, c)
}
