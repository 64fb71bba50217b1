package servertest_test

import (
	"time"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

const sharing = "affiliate_sharing"

// toPartner names the recipient that share asks for.
func toPartner(c *consentv1.ConsentEvent) {
	c.Recipients, c.Countries = []string{"partner"}, []string{"US"}
}

// recipientStories: what is said of all is said of each, and the answer does not call it nothing.
func recipientStories() []story {
	affiliate := consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE
	return []story{
		{"a late withdrawal ends the consent for a partner, though I agreed to the purpose again since", []step{
			record("tokyo", -9*day, livesIn("JP"), "COUNTED"),
			record("partner", -8*day, give(sharing, toPartner), "COUNTED"),
			record("again", -time.Hour, give(sharing), "COUNTED"),
			record("late", -7*day, withdraw(sharing), "COUNTED"),
			share(sharing, affiliate, "DENY CONSENT_WITHDRAWN"),
		}},
		{"a late withdrawal after which I agreed to the partner again too changes nothing", []step{
			record("partner", -8*day, give(sharing, toPartner), "COUNTED"),
			record("anew", -2*time.Hour, give(sharing, toPartner), "COUNTED"),
			record("again", -time.Hour, give(sharing), "COUNTED"),
			record("late", -7*day, withdraw(sharing), "SUPERSEDED by consent again"),
			share(sharing, affiliate, "ALLOW"),
		}},
	}
}
