package servertest_test

import (
	"fmt"
	"testing"
	"time"
)

// reportedStories are what people reported of other systems, each with where.
func reportedStories() []story {
	return []story{
		{"mautic 5495: two known people on one browser are merged, and she who had not subscribed is mailed", []step{
			says("account:1", "yes", -3*day, give(mail), "COUNTED"),
			says("account:2", "no", -4*day, refuse(mail), "COUNTED"),
			link("1", "account:1", "cookie:c", -2*day, "COUNTED"),
			link("2", "account:2", "cookie:c", -day, "FAILED_PRECONDITION"), // they are not merged in silence
			checks(mail, "DENY CONSENT_REFUSED", "account:2"),
			checks(mail, "ALLOW", "account:1", "cookie:c"),
		}},
		{"mautic 6079: the browser goes on with the id of the contact that was merged away", []step{
			says("contact-b", "yes", -3*day, give(mail), "COUNTED"),
			link("merge", "contact-b", "contact-a", -2*day, "COUNTED"),
			says("contact-a", "no", -day, withdraw(mail), "COUNTED"), // a retired id is as good as any
			checks(mail, "DENY CONSENT_WITHDRAWN", "contact-a", "contact-b"),
			isPerson("contact-a", "contact-b"),
		}},
		{"SuiteCRM 7132: she unsubscribed as one lead, subscribed again as another, and the merge unsubscribes her", []step{
			says("lead-a", "yes", -9*day, give(mail), "COUNTED"),
			says("lead-a", "no", -8*day, withdraw(mail), "COUNTED"),
			says("lead-b", "yes again", -7*day, give(mail), "COUNTED"),
			link("merge", "lead-a", "lead-b", -day, "COUNTED"),
			checks(mail, "ALLOW", "lead-a", "lead-b"),
		}},
		{"the same, and she unsubscribed last", []step{
			says("lead-a", "yes", -9*day, give(mail), "COUNTED"),
			says("lead-b", "no", -8*day, withdraw(mail), "COUNTED"),
			link("merge", "lead-a", "lead-b", -day, "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "lead-a", "lead-b"),
		}},
		{"spree 14122: a guest unsubscribes by a mail's link, and the account of that address stays subscribed", []step{
			says("account:7", "yes", -9*day, give(mail), "COUNTED"),
			link("sign-up", "account:7", "guest@example.com", -8*day, "COUNTED"),
			says("guest@example.com", "no", -day, withdraw(mail), "COUNTED", from("unsubscribe_link")),
			checks(mail, "DENY CONSENT_WITHDRAWN", "account:7", "guest@example.com"),
		}},
		{"scandipwa 3777: a guest subscribes, creates an account, and is unsubscribed by that", []step{
			says("guest@example.com", "yes", -2*day, give(mail), "COUNTED"),
			link("sign-up", "account:7", "guest@example.com", -day, "COUNTED"),
			says("account:7", "home", -day, livesIn("DE"), "COUNTED"),
			checks(mail, "ALLOW", "account:7", "guest@example.com"),
		}},
		{"dada-mail 787, ynewsletter 60: an address on the block list is written in capitals by the sign-up form", []step{
			says("ada.lovelace@example.com", "listed", -30*day, object(mail), "COUNTED", from("import")),
			says("account:7", "yes", -40*day, give(mail), "COUNTED"),
			link("sign-up", "account:7", "Ada.Lovelace@Example.com", -day, "COUNTED"),
			checks(mail, "DENY OBJECTED", "account:7", "ADA.LOVELACE@EXAMPLE.COM"),
			isPerson("account:7", "ada.lovelace@example.com"),
		}},
		{"mailchimp for CiviCRM 195: children have the address of a parent", []step{
			says("family@example.com", "shared", -9*day, declared(true), "COUNTED"),
			says("contact-parent", "yes", -8*day, give(mail), "COUNTED"),
			says("contact-child", "no", -8*day, refuse(mail), "COUNTED"),
			link("1", "contact-parent", "family@example.com", -7*day, "COUNTED"),
			link("2", "contact-child", "family@example.com", -7*day, "COUNTED"),
			checks(mail, "ALLOW", "contact-parent"), // the child's refusal is the child's
			checks(mail, "DENY CONSENT_REFUSED", "contact-child"),
			says("family@example.com", "none of us", -day, object(mail), "COUNTED"),
			checks(mail, "DENY OBJECTED", "contact-parent"),
		}},
		{"mailchimp for CiviCRM 203: a contact has the same address twice", []step{
			link("home", "contact-1", "ada@example.com", -3*day, "COUNTED"),
			link("work", "contact-1", "Ada@example.com", -2*day, "COUNTED"),
			says("ada@example.com", "no", -day, object(), "COUNTED"),
			checks(mail, "DENY OBJECTED", "contact-1"),
			isPerson("contact-1", "ada@example.com"),
			part("not home", "contact-1", "ada@example.com", 0, "COUNTED"), // parts the pair, however often it was linked
			isPerson("contact-1"),
		}},
		{"mailchimp for CiviCRM 114: an unsubscribe of the second address", []step{
			says("contact-1", "yes", -9*day, give(mail), "COUNTED"),
			link("1", "contact-1", "home@example.com", -8*day, "COUNTED"),
			link("2", "contact-1", "work@example.com", -8*day, "COUNTED"),
			says("work@example.com", "no", -day, withdraw(mail), "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "contact-1", "home@example.com", "work@example.com"),
		}},
		{"posthog-js 148: an agent logs in as the customer, and the two become one", []step{
			says("account:agent", "no", -9*day, object(), "COUNTED"),
			says("account:7", "yes", -8*day, give(mail), "COUNTED"),
			link("1", "account:agent", "cookie:agent", -8*day, "COUNTED"),
			link("2", "account:7", "cookie:agent", -2*day, "FAILED_PRECONDITION"),
			link("3", "account:7", "account:agent", -day, "COUNTED"), // a backend that insists
			says("account:7", "mistake", 0, annul("3"), "COUNTED", proof("urn:ticket:1")),
			checks(mail, "ALLOW", "account:7"),
			checks(mail, "DENY", "account:agent", "cookie:agent"),
			isPerson("account:7"), isPerson("account:agent", "cookie:agent"),
		}},
		{"rybbit 1098: a shared computer's id is to be pointed at account after account", []step{
			says("device:kiosk", "shared", -9*day, declared(true), "COUNTED"),
			link("1", "account:1", "device:kiosk", -8*day, "COUNTED"),
			link("2", "account:2", "device:kiosk", -7*day, "COUNTED"),
			says("account:1", "yes", -6*day, give(mail), "COUNTED"),
			checks(mail, "DENY", "account:2"),
			checks(mail, "ALLOW", "account:1"),
		}},
		{"NPSP 987: a merge takes the loser's whole household along", []step{
			says("home-1", "shared", -9*day, declared(true), "COUNTED"),
			says("home-2", "shared too", -9*day, declared(true), "COUNTED"),
			link("1", "contact-1", "home-1", -8*day, "COUNTED"),
			link("2", "contact-2", "home-1", -8*day, "COUNTED"),
			link("3", "duplicate-1", "home-2", -8*day, "COUNTED"),
			link("4", "contact-3", "home-2", -8*day, "COUNTED"),
			says("contact-3", "no", -7*day, object(counting), "COUNTED"),
			says("contact-2", "at home", -7*day, livesIn("DE"), "COUNTED"),
			link("merge", "contact-1", "duplicate-1", -day, "COUNTED"),
			isPersonBeside([]string{"home-1", "home-2"}, "contact-1", "duplicate-1"),
			isPersonBeside([]string{"home-1"}, "contact-2"),
			isPersonBeside([]string{"home-2"}, "contact-3"),
			checks(counting, "ALLOW", "contact-2"),
			checks(counting, "DENY OBJECTED", "contact-3"),
		}},
		{"social 633: three records of one partner are merged, in any order", []step{
			says("partner-a", "yes", -9*day, give(mail), "COUNTED"),
			says("partner-c", "no", -8*day, withdraw(mail), "COUNTED"),
			link("bc", "partner-b", "partner-c", -2*day, "COUNTED"),
			link("ab", "partner-a", "partner-b", -day, "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "partner-a", "partner-b", "partner-c"),
			isPerson("partner-a", "partner-b", "partner-c"),
		}},
	}
}

// TestPeopleSurviveARestart: who is who, and what was said of them, is on disk once it is acknowledged.
func TestPeopleSurviveARestart(t *testing.T) {
	s := newStage(t)
	var before, after []step
	for i := range 20 {
		account, cookie := fmt.Sprint("account:", i), fmt.Sprint("cookie:", i)
		before = append(before,
			says(account, fmt.Sprint("yes", i), -3*time.Hour, give(mail), "COUNTED"),
			says(cookie, fmt.Sprint("no", i), -2*time.Hour, withdraw(mail), "COUNTED"),
			link(fmt.Sprint("link", i), account, cookie, -time.Hour, "COUNTED"),
		)
		if i%2 == 0 {
			before = append(before, part(fmt.Sprint("part", i), account, cookie, -time.Minute, "COUNTED"))
			after = append(after, checks(mail, "ALLOW", account))
		} else {
			after = append(after, checks(mail, "DENY CONSENT_WITHDRAWN", account),
				lists(account, fmt.Sprintf("yes%d under %s", i, account), fmt.Sprintf("no%d under %s", i, cookie),
					fmt.Sprintf("link%d under %s", i, account)))
		}
		after = append(after, checks(mail, "DENY CONSENT_WITHDRAWN", cookie))
	}
	s.play(t, []story{{"many people", append(append(before, restart), after...)}})
}
