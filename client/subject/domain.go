package subject

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The bounds of a domain name, in bytes of ASCII (RFC 1035).
const (
	maxDomainBytes = 253
	maxLabelBytes  = 63
)

var errEmptyPart = emailError("has a domain with an empty part between dots")

var errIDN = emailError("has a domain that is no valid internationalised domain name")

// dots are the other characters that UTS #46 takes for dots.
var dots = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

// asciiDomain returns the domain of an address, which is NFC and lower-cased, in ASCII. Only what is not ASCII yet, or
// begins as an encoded name does, goes to IDNA: the implementations of other languages differ in what they refuse of the rest.
func asciiDomain(given string) (string, error) {
	domain := dots.Replace(given)
	labels := strings.Split(domain, ".")
	encoded := false
	for _, label := range labels {
		encoded = encoded || strings.HasPrefix(label, "xn--")
	}
	switch {
	case domain == "":
		return "", emailError("has nothing after the @")
	case slices.Contains(labels, ""):
		return "", errEmptyPart
	case len(labels) == 1:
		return "", emailError("has a domain without a dot: write all of it, such as example.com")
	}
	if err := asciiLetters(domain); err != nil {
		return "", err
	}
	if encoded || !isASCII(domain) {
		var err error
		if domain, err = internationalised(domain); err != nil {
			return "", errIDN
		}
	}
	if err := dnsName(domain); err != nil {
		return "", err
	}
	return domain, nil
}

// asciiLetters refuses ASCII that no domain name has.
func asciiLetters(domain string) error {
	for _, r := range domain {
		if r < utf8.RuneSelf && !isAlphanumeric(r) && r != '-' && r != '.' {
			return emailError("has the character %U in its domain, which no domain has", r)
		}
	}
	return nil
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// dnsName refuses what is no name of a host in the DNS.
func dnsName(domain string) error {
	if len(domain) > maxDomainBytes {
		return emailError("has a domain of more than %d bytes", maxDomainBytes)
	}
	var last string
	for last = range strings.SplitSeq(domain, ".") {
		switch {
		case last == "":
			return errEmptyPart
		case len(last) > maxLabelBytes:
			return emailError("has a domain with a part of more than %d bytes", maxLabelBytes)
		case strings.HasPrefix(last, "-") || strings.HasSuffix(last, "-"):
			return emailError("has a domain with a part that begins or ends with a hyphen")
		}
	}
	if strings.Trim(last, "0123456789") == "" {
		return emailError("has a number for a domain: write the domain's name")
	}
	return nil
}

// lookup is UTS #46, nontransitional: ß, ς and joiners stay what they are. Its own look at hyphens is at the third and fourth
// byte, and IDNA's is at the third and fourth character.
var lookup = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.BidiRule(),
	idna.CheckHyphens(false), idna.CheckJoiners(true))

var errLabel = errors.New("a label that IDNA 2008 does not allow")

// internationalised returns a domain in ASCII, so that it is a valid DNS name and has letters, marks and digits alone.
func internationalised(domain string) (string, error) {
	ascii, err := lookup.ToASCII(domain)
	if err != nil {
		return "", err
	}
	decoded, err := lookup.ToUnicode(ascii)
	if err != nil {
		return "", err
	}
	for label := range strings.SplitSeq(decoded, ".") {
		if runes := []rune(label); !lettersAlone(runes) || misplacedHyphen(runes) {
			return "", errLabel
		}
	}
	return ascii, dnsName(ascii)
}

// misplacedHyphen reports whether a label begins or ends with a hyphen, or looks like an encoded one.
func misplacedHyphen(label []rune) bool {
	n := len(label)
	return n > 0 && (label[0] == '-' || label[n-1] == '-') || n > 3 && label[2] == '-' && label[3] == '-'
}

// signsAllowed and lettersRefused are what IDNA 2008 excepts from its rule (RFC 5892, 2.6 and 2.9).
var (
	signsAllowed   = []rune{'-', '\u06FD', '\u06FE', '\u0F0B', '\u200C', '\u200D', '\u3007'}
	lettersRefused = &unicode.RangeTable{R16: []unicode.Range16{
		{Lo: 0x0640, Hi: 0x0640, Stride: 1}, {Lo: 0x07FA, Hi: 0x07FA, Stride: 1}, {Lo: 0x1100, Hi: 0x11FF, Stride: 1},
		{Lo: 0x302E, Hi: 0x302F, Stride: 1}, {Lo: 0x3031, Hi: 0x3035, Stride: 1}, {Lo: 0x303B, Hi: 0x303B, Stride: 1},
		{Lo: 0xA960, Hi: 0xA97F, Stride: 1}, {Lo: 0xD7B0, Hi: 0xD7FF, Stride: 1},
	}}
)

// lettersAlone reports whether a label has what IDNA 2008 lets into one: no signs and emoji, which UTS #46 alone would pass.
// Of the characters that are right in one context, the Catalan dot may be there, and the joiners, whose context lookup checks.
func lettersAlone(label []rune) bool {
	for i, r := range label {
		switch {
		case unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !unicode.Is(lettersRefused, r), slices.Contains(signsAllowed, r):
		case r == '·' && i > 0 && i+1 < len(label) && label[i-1] == 'l' && label[i+1] == 'l':
		default:
			return false
		}
	}
	return true
}
