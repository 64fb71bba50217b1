package law

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// The tables of the law that the invariants stand on. They repeat what policies/lib has as data, on purpose: an
// edit of the data that takes a protection away must be found. A change of the law changes both.

// The places of which invariants speak by name. Probes are a few of different law.
const (
	germany      = "DE"
	greatBritain = "GB"
	denmark      = "DK"
	japan        = "JP"
	california   = "US-CA"
)

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

// askForSpecial are the states besides California that ask a consent for special categories, honourGPC those that
// honour Global Privacy Control, each from its date on.
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

// Places are the codes of the places of which the invariants say something of their own, each once, sorted.
func Places() []string {
	named := []string{germany, greatBritain, denmark, japan, california}
	all := slices.Concat(named, eea, keys(territories), keys(youngerConsent), keys(askForSpecial), keys(honourGPC))
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// Probes are the codes of a few places of different law: of Europe, Japan and California.
func Probes() []string { return []string{germany, japan, california} }

// Standing is equal for two places that no invariant tells apart at an instant or later.
func Standing(place string, now consent.Instant) string {
	own, country := "", countryOf(place)
	if place == california || country == greatBritain || country == japan || country == denmark && now < danishAct {
		own = country
	}
	return fmt.Sprintf("%q in the EEA: %t, of age at %d, special categories %d, signals %d", own, slices.Contains(eea, country),
		consentAge(country, now), begins(askForSpecial, place, now), begins(honourGPC, place, now))
}

// begins is when a state's act begins, or now if it has begun; absent: it has none.
func begins(since map[string]consent.Instant, place string, now consent.Instant) consent.Instant {
	if from, ok := since[place]; ok {
		return max(from, now)
	}
	return 0
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// date is the beginning of a day of the law's tables.
func date(day string) consent.Instant {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err) // the tables are constant
	}
	return consent.InstantOf(t)
}
