// Package place checks the codes of places: ISO 3166-1 alpha-2 for countries, ISO 3166-2 for what is below them.
//
// A code that is not assigned finds no law: a person in "UK" would have none of the rights that she has in "GB". So
// such codes are refused where they enter, each with the code to write instead.
//
// Which countries there are comes from golang.org/x/text/language, less what the locale data beside the
// standard count as countries (notAssigned). Of subdivisions only those of the United States are known,
// because only they decide anything.
package place

import (
	"cmp"
	"fmt"
	"strings"

	"golang.org/x/text/language"
)

// Check returns an error that names the code to write, unless code is that of a jurisdiction: a country, or a country
// and a subdivision, as DE-BY. Of the subdivision the form is checked, and of the United States whether there is one.
// An empty code is the unknown place, and passes.
func Check(code string) error {
	if code == "" {
		return nil
	}
	return refusal("code of ISO 3166", code, advice(code))
}

// advice says what to write instead of the code of a jurisdiction; empty if it is one.
func advice(code string) string {
	if isCountry(code) {
		return ""
	}
	country, subdivision, below := strings.Cut(code, "-")
	switch {
	case !below || !isCountry(country):
		return near(code, true)
	case country == "US":
		return adviceForState(subdivision)
	case !isSubdivision(subdivision):
		return nearSubdivision(country, subdivision)
	}
	return ""
}

// CheckCountry returns an error that names the code to write, unless code is that of a country.
func CheckCountry(code string) error {
	if isCountry(code) {
		return nil
	}
	return refusal("country of ISO 3166-1", code, near(code, false))
}

// refusal is the error of a code that is no such thing; none if there is nothing to write instead.
func refusal(thing, code, write string) error {
	if write == "" {
		return nil
	}
	return &codeError{thing, code, write}
}

// codeError says that a code is none, and what to write.
type codeError struct{ thing, code, write string }

// Error implements error.
func (e *codeError) Error() string {
	const most = 40
	shown := e.code
	if len(shown) > most {
		shown = shown[:most] + "…"
	}
	return fmt.Sprintf("%q is no assigned %s: %s", shown, e.thing, e.write)
}

// assigned says of each pair of letters whether it is a country. Every check with a recipient asks, so it is a table.
var assigned = countries()

func countries() (table [26 * 26]bool) {
	for i := range table {
		code := string([]byte{'A' + byte(i/26), 'A' + byte(i%26)})
		region, err := language.ParseRegion(code)
		_, exception := notAssigned[code]
		table[i] = err == nil && region.IsCountry() && region.Canonicalize().String() == code && !exception
	}
	return table
}

func isCountry(code string) bool {
	return len(code) == 2 && isUpper(code[0]) && isUpper(code[1]) && assigned[int(code[0]-'A')*26+int(code[1]-'A')]
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isSubdivision(s string) bool {
	for i := range len(s) {
		if !isUpper(s[i]) && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 3
}

// near says what to write instead of a code whose country is none. below is whether a subdivision may be named.
func near(code string, below bool) string {
	if code == "" {
		return "write the code of the country, such as DE"
	}
	upper := strings.ToUpper(strings.TrimSpace(strings.ReplaceAll(code, "_", "-")))
	country, _, subdivided := strings.Cut(upper, "-")
	switch {
	case isCountry(country) && (!subdivided || !below):
		return "write " + country
	case isCountry(country) && upper != code:
		return cmp.Or(advice(upper), "write "+upper)
	}
	if instead, ok := notAssigned[country]; ok {
		return instead.text(below)
	}
	if region, err := language.ParseRegion(upper); err == nil && isCountry(region.Canonicalize().String()) {
		return "write " + region.Canonicalize().String() // of three letters, or digits
	}
	if named := byName(code); named != "" {
		return "write " + named
	}
	return "write the country's two capital letters, such as DE"
}

func nearSubdivision(country, subdivision string) string {
	if upper := strings.ToUpper(subdivision); isSubdivision(upper) {
		return "write " + country + "-" + upper
	}
	return fmt.Sprintf("write %s, or %[1]s- and one to three capital letters or digits", country)
}
