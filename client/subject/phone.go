package subject

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// The bounds of a number, in digits (ITU-T E.164).
const (
	minPhoneDigits = 8
	maxPhoneDigits = 15
)

// between is what people write between digits: spaces, hyphens, dots.
const between = " \u00A0\u2009\u202F-\u2010\u2011\u2012\u2013."

// trunk is a 0 after the code of a country within which, and there alone, it is dialled first. There are countries whose numbers
// begin with 0, such as Italy; of those that are not here it is not known.
var trunk = regexp.MustCompile(`^(?:20|27|31|32|33|41|43|44|46|49|60|61|62|63|64|66|81|82|84|86|90|91|92|98)0`)

// NormalizePhone returns the one spelling of a phone number, that of E.164: + and 8 to 15 digits. Spaces, hyphens, dots and
// parentheses are left out.
//
// Refused, with an *Error: a number without + and country code, 00 for +, a trunk prefix ("+49 (0)30", "+49 030"), extensions, letters, and digits
// other than 0 to 9. Whether the number exists is not looked at.
func NormalizePhone(number string) (string, error) {
	if !utf8.ValidString(number) {
		return "", phoneError("is not valid Unicode: decode it as UTF-8")
	}
	text := without(between, trim(number))
	if strings.Contains(text, "(0)") {
		return "", phoneError("has (0), which is dialled within the country alone: leave it out")
	}
	text = without("()", text)
	digits, international := strings.CutPrefix(text, "+")
	switch {
	case text == "":
		return "", phoneError("is empty")
	case strings.HasPrefix(text, "00"):
		return "", phoneError("begins with 00: write + and the country code")
	case !international:
		return "", phoneError("must begin with + and the country code, such as +49 30 1234567")
	}
	if err := e164(digits); err != nil {
		return "", err
	}
	return text, nil
}

// e164 refuses what cannot stand after the + of a number.
func e164(digits string) error {
	for _, r := range digits {
		if r < '0' || r > '9' {
			return phoneError("has the character %U: after the + come digits, spaces, hyphens, dots and parentheses", r)
		}
	}
	switch {
	case strings.HasPrefix(digits, "0"):
		return phoneError("begins with +0, and no country code does")
	case trunk.MatchString(digits):
		return phoneError("has a 0 after the country code, which is dialled within the country alone: leave it out")
	case len(digits) < minPhoneDigits:
		return phoneError("has fewer than %d digits", minPhoneDigits)
	case len(digits) > maxPhoneDigits:
		return phoneError("has more than %d digits", maxPhoneDigits)
	}
	return nil
}

func without(characters, text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(characters, r) {
			return -1
		}
		return r
	}, text)
}
