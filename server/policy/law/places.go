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
func (f *facts) europe() bool { return f.country() == "GB" || slices.Contains(eea, f.country()) }

func (f *facts) gdpr() bool { return f.europe() || f.applies("gdpr") }

func (f *facts) ccpa() bool {
	return f.jurisdiction() == "US-CA" || f.applies("ccpa")
}

func (f *facts) appi() bool { return f.country() == "JP" || f.applies("appi") }

// consentAge is the age of digital consent of the place.
func (f *facts) consentAge() int {
	switch age, ok := youngerConsent[f.country()]; {
	case ok:
		return age
	case f.country() == "DK" && f.Now < danishAct:
		return 13
	case f.country() == "DK":
		return 15
	}
	return defaultConsentAge
}

// abroad reports whether the recipient is in a country that Japan does not recognize as equivalent.
func (f *facts) abroad() bool {
	c := countryOf(f.Request.Recipient.Country)
	return c != "" && c != "JP" && c != "GB" && !slices.Contains(eea, c)
}
