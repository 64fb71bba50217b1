package servertest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// TestPeople plays what happens to people who are known by several ids, through the API. Whoever is said to be one
// person is asked about by every way there is, under each id.
func TestPeople(t *testing.T) {
	s := newStage(t)
	dial := func(o ...client.Option) *client.Client {
		c, err := client.Dial(s.Addr, o...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	s.doors = &doors{
		t: t, streams: dial(), unary: dial(client.WithoutCoalescing()), near: dial(client.WithNearCache(client.NearCacheConfig{})),
	}
	awaitNear(t, s.doors.near)
	t.Run("links", func(t *testing.T) { s.play(t, linkStories()) })
	t.Run("partings", func(t *testing.T) { s.play(t, partingStories()) })
	t.Run("refusals", func(t *testing.T) { s.play(t, refusedLinkStories()) })
	t.Run("shared", func(t *testing.T) { s.play(t, sharedStories()) })
	t.Run("annulments", func(t *testing.T) { s.play(t, personAnnulmentStories()) })
	t.Run("erasure", func(t *testing.T) { s.play(t, personErasureStories()) })
	t.Run("past", func(t *testing.T) { s.play(t, personPastStories()) })
	t.Run("reports", func(t *testing.T) { s.play(t, reportedStories()) })
	if s.doors.compared < 1000 || s.doors.allowed == 0 || s.doors.near.NearCacheStats().Hits < 100 {
		t.Errorf("%d answers compared, %d ALLOW, %d from the near cache: the test says little",
			s.doors.compared, s.doors.allowed, s.doors.near.NearCacheStats().Hits)
	}
}

func linkStories() []story {
	return []story{
		{"I said no before I signed in, and was mailed under my account", []step{
			says("account:7", "grant", -2*day, give(mail), "COUNTED"),
			says("cookie:c", "no", -day, withdraw(mail), "COUNTED"),
			checks(mail, "ALLOW", "account:7"),
			link("login", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "account:7", "cookie:c"),
			isPerson("account:7", "cookie:c"),
			explains("account:7", mail, "cookie:c"),
			lists("cookie:c", "grant under account:7", "no under cookie:c", "login under account:7"),
		}},
		{"I agreed again, under another id", []step{
			says("cookie:c", "no", -2*day, withdraw(mail), "COUNTED"),
			link("login", "account:7", "cookie:c", -day, "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "account:7"),
			says("account:7", "yes", -time.Hour, give(mail), "COUNTED"),
			checks(mail, "ALLOW", "account:7", "cookie:c"),
			explains("cookie:c", mail, "account:7"),
			isPerson("cookie:c", "account:7"),
		}},
		{"a late stop under one id is older than a choice under another", []step{
			link("login", "account:7", "cookie:c", -3*day, "COUNTED"),
			says("account:7", "yes", -day, give(mail), "COUNTED"),
			says("cookie:c", "no", -2*day, withdraw(mail), "SUPERSEDED by consent yes"),
			checks(mail, "ALLOW", "account:7", "cookie:c"),
		}},
		{"two ids of whom nothing is known stay unknown", []step{
			link("login", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			checks(counting, "DENY SUBJECT_UNKNOWN", "account:7", "cookie:c"),
			isPerson("account:7", "cookie:c"),
			says("cookie:c", "home", -time.Minute, livesIn("DE"), "COUNTED"),
			checks(counting, "ALLOW", "account:7", "cookie:c"),
			part("apart", "account:7", "cookie:c", 0, "COUNTED"),
			checks(counting, "DENY SUBJECT_UNKNOWN", "account:7"),
		}},
		{"a phone, an account, an address and a cookie are one person by a chain", []step{
			link("1", "account:7", "cookie:c", -4*time.Hour, "COUNTED"),
			link("2", "account:7", "ada@example.com", -3*time.Hour, "COUNTED"),
			link("3", "cookie:c", "device:d", -2*time.Hour, "COUNTED"),
			says("account:7", "yes", -time.Hour, give(mail), "COUNTED"),
			isPerson("account:7", "cookie:c", "ada@example.com", "device:d"),
			says("device:d", "no", 0, withdraw(mail), "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "account:7", "cookie:c", "ada@example.com", "device:d"),
			isPerson("account:7", "cookie:c", "ada@example.com", "device:d"),
		}},
		{"two people who turn out to be one", []step{
			link("1", "account:7", "cookie:a", -4*time.Hour, "COUNTED"),
			link("2", "row-9", "cookie:b", -4*time.Hour, "COUNTED"),
			says("cookie:b", "no", -3*time.Hour, object(counting), "COUNTED"),
			says("cookie:a", "home", -3*time.Hour, livesIn("DE"), "COUNTED"),
			checks(counting, "ALLOW", "account:7", "cookie:a"),
			link("3", "account:7", "row-9", -time.Hour, "COUNTED"),
			checks(counting, "DENY OBJECTED", "account:7", "cookie:a", "row-9", "cookie:b"),
			isPerson("account:7", "cookie:a", "row-9", "cookie:b"),
		}},
		{"the link is delivered three times, the last time the other way round", []step{
			link("login", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			link("login", "account:7", "cookie:c", -time.Hour, "DUPLICATE"),
			link("login", "cookie:c", "account:7", -time.Hour, "DUPLICATE"),
			link("login", "account:7", "cookie:d", -time.Hour, "ALREADY_EXISTS"),
			link("login", "account:7", "cookie:c", -2*time.Hour, "ALREADY_EXISTS"),
			isPerson("account:7", "cookie:c"),
		}},
		{"the address is written in other letters", []step{
			says(" Ada@Example.COM", "no", -time.Hour, object(mail), "COUNTED"),
			says("account:7", "yes", -2*time.Hour, give(mail), "COUNTED"),
			link("sign-up", "account:7", "ada@example.com", -time.Minute, "COUNTED"),
			checks(mail, "DENY OBJECTED", "account:7", "ADA@EXAMPLE.com"),
			isPerson("account:7", "ada@example.com"),
		}},
		{"a browser that sends GPC counts for the account", []step{
			says("account:7", "home", -2*time.Hour, livesIn("US-CA"), "COUNTED"),
			says("cookie:c", "gpc", -time.Hour, gpc(true), "COUNTED"),
			link("login", "account:7", "cookie:c", -time.Minute, "COUNTED"),
			checks("sale_of_data", "DENY GPC_OPT_OUT", "account:7", "cookie:c"),
			isPerson("account:7", "cookie:c"),
		}},
	}
}

func partingStories() []story {
	return []story{
		{"two colleagues used one browser, and are parted", []step{
			says("account:7", "yes", -3*day, give(mail), "COUNTED"),
			says("cookie:c", "no", -2*day, withdraw(mail), "COUNTED"),
			link("login", "account:7", "cookie:c", -day, "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "account:7"),
			part("apart", "cookie:c", "account:7", -time.Hour, "COUNTED"), // in either order
			checks(mail, "ALLOW", "account:7"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "cookie:c"),
			isPerson("account:7"), isPerson("cookie:c"),
			lists("cookie:c", "no under cookie:c", "login under cookie:c", "apart under cookie:c"),
			part("apart", "account:7", "cookie:c", -time.Hour, "DUPLICATE"),
		}},
		{"what was said while they were one stays where it was said", []step{
			link("login", "account:7", "cookie:c", -3*day, "COUNTED"),
			says("account:7", "yes", -2*day, give(mail), "COUNTED"),
			says("cookie:c", "no", -day, withdraw(mail), "COUNTED"),
			part("apart", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			checks(mail, "ALLOW", "account:7"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "cookie:c"),
		}},
		{"a pair that is parted is one person still, by a third id", []step{
			link("1", "account:7", "cookie:a", -4*time.Hour, "COUNTED"),
			link("2", "account:7", "cookie:b", -3*time.Hour, "COUNTED"),
			link("3", "row-9", "account:7", -3*time.Hour, "COUNTED"),
			part("4", "account:7", "cookie:a", -2*time.Hour, "COUNTED"),
			isPerson("account:7", "cookie:b", "row-9"), isPerson("cookie:a"),
			link("5", "row-9", "cookie:a", -time.Hour, "COUNTED"),
			isPerson("account:7", "cookie:a", "cookie:b", "row-9"),
		}},
		{"a link that arrives after the parting which it came before", []step{
			link("1", "account:7", "cookie:c", -4*time.Hour, "COUNTED"),
			part("2", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			link("3", "account:7", "cookie:c", -2*time.Hour, "SUPERSEDED by unlink 2"),
			isPerson("account:7"), isPerson("cookie:c"),
			link("4", "account:7", "cookie:c", -time.Minute, "COUNTED"),
			isPerson("account:7", "cookie:c"),
		}},
		{"a link and a parting of one instant: the link stands, for it restricts more", []step{
			link("1", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			part("2", "account:7", "cookie:c", -time.Hour, "SUPERSEDED by link 1"),
			isPerson("account:7", "cookie:c"),
		}},
	}
}

func refusedLinkStories() []story {
	full := []step{}
	for i := range 63 {
		full = append(full, link(fmt.Sprint(i), "account:7", fmt.Sprint("cookie:", i), -time.Hour, "COUNTED"))
	}
	full = append(full,
		link("65th", "account:7", "cookie:64", -time.Minute, "FAILED_PRECONDITION"),
		checks(mail, "DENY SUBJECT_UNKNOWN", "cookie:64"),
		part("apart", "account:7", "cookie:3", -time.Second, "COUNTED"),
		link("64th", "account:7", "cookie:64", 0, "COUNTED"),
		says("cookie:64", "no", 0, object(), "COUNTED"),
		checks(mail, "DENY OBJECTED", "cookie:0", "cookie:62", "account:7"),
	)
	return []story{
		{"a person of 65 ids", full},
		{"an address of one account is given for another", []step{
			link("1", "account:7", "ada@example.com", -2*time.Hour, "COUNTED"),
			link("2", "account:8", "ada@example.com", -time.Hour, "FAILED_PRECONDITION"),
			isPerson("account:7", "ada@example.com"), isPerson("account:8"),
			part("3", "account:7", "ada@example.com", -time.Minute, "COUNTED"),
			link("2", "account:8", "ada@example.com", 0, "COUNTED"),
			isPerson("account:8", "ada@example.com"),
		}},
		{"an id is linked with itself", []step{link("1", "account:7", "account:7", 0, "INVALID_ARGUMENT linked_id")}},
		{"two ids that are not linked are parted", []step{
			part("1", "account:7", "cookie:c", 0, "FAILED_PRECONDITION"),
			link("2", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			part("3", "account:7", "cookie:c", -time.Minute, "COUNTED"),
			part("4", "account:7", "cookie:c", 0, "FAILED_PRECONDITION"),
		}},
		{"a link among other events", []step{
			says("account:7", "1", 0, func(e *consentv1.Event) {
				e.Kind = &consentv1.Event_Link{Link: &consentv1.LinkEvent{With: "cookie:c"}}
			}, "INVALID_ARGUMENT link"),
		}},
		{"a link of the next hour", []step{link("1", "account:7", "cookie:c", time.Hour, "INVALID_ARGUMENT occurred_at")}},
	}
}
