package consent_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/consentd/consentd/server/consent"
)

func TestIdentityIsBoundedAndStaysDistinct(t *testing.T) {
	long := strings.Repeat("é", 1500)
	seen := map[consent.Identity]string{}
	for name, id := range map[string]string{
		"short": "mailer", "at the bound": strings.Repeat("a", consent.MaxIdentityBytes), "a byte over": strings.Repeat("a", 257),
		"long": long + "1", "another with the same beginning": long + "2", "cut within a letter": "a" + long, "no UTF-8": "a\xff",
		"other that is no UTF-8": "a\xfe",
	} {
		got := consent.Identity{Kind: "token", ID: id, Issuer: id}.Bounded()
		if len(got.ID) > consent.MaxIdentityBytes || !utf8.ValidString(got.ID) || got.ID != got.Issuer || got.Kind != "token" {
			t.Errorf("%s: kept as %q, %d bytes", name, got.ID, len(got.ID))
		}
		if len(id) <= consent.MaxIdentityBytes && utf8.ValidString(id) && got.ID != id {
			t.Errorf("%s: %q is kept as %q", name, id, got.ID)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%s and %s are kept as one: %q", name, other, got.ID)
		}
		if seen[got] = name; got.Bounded() != got {
			t.Errorf("%s: what is bounded changes again", name)
		}
	}
}

func TestIdentityInWords(t *testing.T) {
	for want, id := range map[string]consent.Identity{
		"": {}, "key:mailer": {Kind: "key", ID: "mailer"},
		"token:7 https://id.example": {Kind: "token", ID: "7", Issuer: "https://id.example"},
	} {
		if got := id.String(); got != want || id.IsZero() != (want == "") {
			t.Errorf("%#v reads %q, zero %v", id, got, id.IsZero())
		}
	}
}
