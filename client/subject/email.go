package subject

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The bounds of an address, in bytes of UTF-8 (RFC 5321 and 3696).
const (
	maxEmailBytes = 254
	maxLocalBytes = 64
	// maxGivenBytes bounds the work before it: what is longer is no address, however it is composed.
	maxGivenBytes = 1024
)

// NormalizeEmail returns the one spelling of an e-mail address: trimmed, NFC, lower-cased before and after the @ (by Unicode's
// default, without a locale: I is i in Turkey too), the domain in ASCII by UTS #46, nontransitional. Dots, and what follows
// a plus, stay: whether they matter is the mail provider's rule. ς is σ before the @, because programs that lower-case Greek
// do not agree on it.
//
// Refused, with an *Error: quoted local parts, comments, display names, hidden characters, domains that are incomplete or
// not valid, more than 64 bytes before the @ or 254 in all. Dots may stand anywhere before the @: some providers have given
// out such addresses.
func NormalizeEmail(address string) (string, error) {
	if !utf8.ValidString(address) {
		return "", emailError("is not valid Unicode: decode it as UTF-8")
	}
	text := trim(address)
	if len(text) > maxGivenBytes {
		return "", emailError("is longer than %d bytes", maxEmailBytes)
	}
	text = norm.NFC.String(text)
	if err := onlyAddress(text); err != nil {
		return "", err
	}
	local, domain, err := parts(lower(text))
	if err != nil {
		return "", err
	}
	if domain, err = asciiDomain(domain); err != nil {
		return "", err
	}
	normal := strings.ReplaceAll(local, "ς", "σ") + "@" + domain
	if len(normal) > maxEmailBytes {
		return "", emailError("is longer than %d bytes", maxEmailBytes)
	}
	return normal, nil
}

// joiners do not show either, but IDNA has rules for where a domain may have them.
var joiners = strings.NewReplacer("\u200C", "", "\u200D", "")

// onlyAddress refuses what is more than an address, or is none that can be compared.
func onlyAddress(text string) error {
	switch {
	case text == "":
		return emailError("is empty")
	case strings.ContainsAny(text, "<>"):
		return emailError("has a name or angle brackets around it: give the address alone")
	case strings.Contains(text, `"`):
		return emailError("has a quoted part, which is not supported")
	case strings.ContainsAny(text, "()"):
		return emailError("has a comment: leave out what stands in parentheses")
	}
	local, domain, _ := strings.Cut(text, "@")
	if r, found := hidden(local + joiners.Replace(domain)); found {
		return emailError("has the character %U, a space or one that does not show: type the address anew", r)
	}
	return nil
}

// parts splits an address at its @ and checks what stands before it.
func parts(text string) (local, domain string, err error) {
	if strings.Count(text, "@") != 1 {
		return "", "", emailError("must have one @")
	}
	local, domain, _ = strings.Cut(text, "@")
	switch {
	case local == "":
		return "", "", emailError("has nothing before the @")
	case len(local) > maxLocalBytes:
		return "", "", emailError("has more than %d bytes before the @", maxLocalBytes)
	}
	for _, r := range local {
		if r < utf8.RuneSelf && !isAlphanumeric(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r) {
			return "", "", emailError("has the character %U before the @, which is not supported", r)
		}
	}
	return local, domain, nil
}

// isAlphanumeric is of text that is lower-cased.
func isAlphanumeric(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }
