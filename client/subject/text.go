package subject

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// trim leaves out white space, as Unicode has it, at both ends. unicode.IsSpace is that property.
func trim(text string) string { return strings.TrimFunc(text, unicode.IsSpace) }

// lower is Unicode's default lower-casing of each character by itself: without a locale, so that I is i in Turkey too, and
// without context, so that Σ is σ at the end of a word too. The result is NFC.
func lower(text string) string {
	var out strings.Builder
	for _, r := range text {
		if r == 'İ' { // the one character whose lower case is two
			out.WriteString("i\u0307")
			continue
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return norm.NFC.String(out.String())
}

// unseen is what does not show although it counts as a letter or a mark; the other invisible characters are formats.
var unseen = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x034F, Hi: 0x034F, Stride: 1}, {Lo: 0x115F, Hi: 0x1160, Stride: 1}, {Lo: 0x17B4, Hi: 0x17B5, Stride: 1},
		{Lo: 0x180B, Hi: 0x180F, Stride: 1}, {Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xFE00, Hi: 0xFE0F, Stride: 1},
		{Lo: 0xFFA0, Hi: 0xFFA0, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0xE0100, Hi: 0xE01EF, Stride: 1}},
}

// hidden returns the first character that no reader sees: a space, a control, a format, one for private use, one that the
// Unicode version of this program has not assigned. What a later one assigns is refused, so that it cannot become two ids.
func hidden(text string) (rune, bool) {
	for _, r := range text {
		if !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) || unicode.Is(unseen, r) {
			return r, true
		}
	}
	return 0, false
}
