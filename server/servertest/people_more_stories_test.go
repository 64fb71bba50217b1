package servertest_test

import "time"

// sharedStories: what restricts on an id that several people use counts for all of them, what grants on it for
// nobody.
func sharedStories() []story {
	return []story{
		{"a household's address", []step{
			says("home@example.com", "shared", -5*time.Hour, declared(true), "COUNTED"),
			says("account:1", "yes", -4*time.Hour, give(mail), "COUNTED"),
			says("account:2", "yes too", -4*time.Hour, give(mail), "COUNTED"),
			link("1", "account:1", "home@example.com", -3*time.Hour, "COUNTED"),
			link("2", "account:2", "home@example.com", -3*time.Hour, "COUNTED"),
			checks(mail, "ALLOW", "account:1", "account:2"),
			checks(mail, "DENY", "home@example.com"), // nobody's own: what the two gave is not given for it
			says("home@example.com", "no", -2*time.Hour, withdraw(mail), "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "account:1", "account:2", "home@example.com"),
			explains("account:2", mail, "home@example.com"),
			isPersonBeside([]string{"home@example.com"}, "account:1"),
			isPersonBeside([]string{"home@example.com"}, "account:2"),
			isShared("home@example.com", "account:1", "account:2"),
		}},
		{"one of the household stops, and the other is still mailed under her own id", []step{
			says("home@example.com", "shared", -5*time.Hour, declared(true), "COUNTED"),
			says("account:1", "yes", -4*time.Hour, give(mail), "COUNTED"),
			says("account:2", "yes too", -4*time.Hour, give(mail), "COUNTED"),
			link("1", "account:1", "home@example.com", -3*time.Hour, "COUNTED"),
			link("2", "account:2", "home@example.com", -3*time.Hour, "COUNTED"),
			says("account:1", "no", -2*time.Hour, object(mail), "COUNTED"),
			checks(mail, "DENY OBJECTED", "account:1"),
			checks(mail, "ALLOW", "account:2"),
			checks(mail, "DENY SUBJECT_UNKNOWN", "home@example.com"), // nothing was said under it but who it is
			explains("home@example.com", mail, "account:1"),
		}},
		{"a grant on the till counts for nobody", []step{
			says("till-4", "shared", -5*time.Hour, declared(true), "COUNTED"),
			link("1", "account:1", "till-4", -3*time.Hour, "COUNTED"),
			says("till-4", "yes", -2*time.Hour, give(mail), "UNPROVEN"),
			says("account:1", "home", -2*time.Hour, livesIn("DE"), "COUNTED"),
			checks(mail, "DENY CONSENT_MISSING", "account:1", "till-4"),
		}},
		{"an address that turns out to be shared", []step{
			says("account:1", "yes", -5*time.Hour, give(mail), "COUNTED"),
			link("1", "account:1", "home@example.com", -4*time.Hour, "COUNTED"),
			link("2", "account:2", "home@example.com", -3*time.Hour, "FAILED_PRECONDITION"),
			says("home@example.com", "shared", -2*time.Hour, declared(true), "COUNTED"),
			link("2", "account:2", "home@example.com", -time.Hour, "COUNTED"),
			checks(mail, "ALLOW", "account:1"),
			isShared("home@example.com", "account:1", "account:2"),
			says("home@example.com", "mine", 0, declared(false), "FAILED_PRECONDITION events[0]"), // two people have it
			part("3", "account:2", "home@example.com", -time.Minute, "COUNTED"),
			says("home@example.com", "mine", 0, declared(false), "COUNTED"),
			isPerson("account:1", "home@example.com"),
			checks(mail, "ALLOW", "home@example.com"),
		}},
		{"two shared ids are linked", []step{
			says("till-4", "a", -time.Hour, declared(true), "COUNTED"),
			says("home@example.com", "b", -time.Hour, declared(true), "COUNTED"),
			link("1", "till-4", "home@example.com", 0, "FAILED_PRECONDITION"),
		}},
		{"a suppression list is loaded before anybody signs up", []step{
			says("ada@example.com", "listed", -30*day, object(), "COUNTED", from("import")),
			says("account:7", "home", -day, livesIn("DE"), "COUNTED"),
			checks(counting, "ALLOW", "account:7"),
			link("sign-up", "account:7", "ada@example.com", -time.Hour, "COUNTED"),
			checks(counting, "DENY OBJECTED", "account:7", "ada@example.com"),
			explains("account:7", counting, "ada@example.com"),
			isPerson("account:7", "ada@example.com"),
		}},
		{"a consent that is newer than the list counts, as it does under one id", []step{
			says("ada@example.com", "listed", -30*day, object(), "COUNTED", from("import")),
			says("account:7", "yes", -day, give(mail), "COUNTED"),
			link("sign-up", "account:7", "ada@example.com", -time.Hour, "COUNTED"),
			says("one", "1", -30*day, object(), "COUNTED"),
			says("one", "2", -day, give(mail), "COUNTED"),
			checks(mail, "ALLOW", "account:7", "ada@example.com", "one"),
			says("account:8", "yes too", -40*day, give(mail), "COUNTED"), // and one that is older does not
			says("b@example.com", "listed too", -30*day, object(), "COUNTED", from("import")),
			link("sign-up 2", "account:8", "b@example.com", -time.Hour, "COUNTED"),
			checks(mail, "DENY OBJECTED", "account:8", "b@example.com"),
		}},
		{"a suppressed address that a family shares", []step{
			says("home@example.com", "listed", -30*day, object(mail), "COUNTED", from("import")),
			says("home@example.com", "shared", -20*day, declared(true), "COUNTED"),
			says("account:1", "yes", -40*day, give(mail), "COUNTED"),
			says("account:2", "yes too", -40*day, give(mail), "COUNTED"),
			link("1", "account:1", "home@example.com", -time.Hour, "COUNTED"),
			link("2", "account:2", "home@example.com", -time.Hour, "COUNTED"),
			checks(mail, "DENY OBJECTED", "account:1", "account:2"),
			says("account:1", "lifted", 0, liftObjection(mail), "COUNTED"), // a later choice of hers
			checks(mail, "ALLOW", "account:1"),
			checks(mail, "DENY OBJECTED", "account:2"),
		}},
	}
}

func personAnnulmentStories() []story {
	return []story{
		{"a mail scanner followed the link of an address, and the account's page takes it back", []step{
			says("account:7", "yes", -3*time.Hour, give(mail), "COUNTED"),
			link("1", "account:7", "ada@example.com", -2*time.Hour, "COUNTED"),
			says("ada@example.com", "scanner", -time.Hour, withdraw(mail), "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "account:7"),
			says("account:7", "mistake", 0, annul("scanner"), "COUNTED", proof("urn:ticket:1")),
			checks(mail, "ALLOW", "account:7", "ada@example.com"),
			isPerson("account:7", "ada@example.com"),
			part("2", "account:7", "ada@example.com", 0, "COUNTED"),
			checks(mail, "ALLOW", "account:7"),
			checks(mail, "DENY CONSENT_MISSING", "ada@example.com"), // the annulment stays with what it annulled
		}},
		{"a link was a mistake", []step{
			says("account:7", "yes", -3*time.Hour, give(mail), "COUNTED"),
			says("cookie:c", "no", -2*time.Hour, withdraw(mail), "COUNTED"),
			link("1", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			checks(mail, "DENY CONSENT_WITHDRAWN", "account:7"),
			says("cookie:c", "mistake", 0, annul("1"), "COUNTED", proof("urn:ticket:1")),
			checks(mail, "ALLOW", "account:7"),
			isPerson("account:7"), isPerson("cookie:c"),
		}},
		{"a parting was a mistake", []step{
			link("1", "account:7", "cookie:c", -3*time.Hour, "COUNTED"),
			says("cookie:c", "no", -2*time.Hour, object(), "COUNTED"),
			part("2", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			says("account:7", "mistake", 0, annul("2"), "COUNTED", proof("urn:ticket:1")),
			checks(mail, "DENY OBJECTED", "account:7", "cookie:c"),
			isPerson("account:7", "cookie:c"),
		}},
		{"an event of somebody else is no event of mine", []step{
			says("cookie:c", "no", -2*time.Hour, object(), "COUNTED"),
			says("account:7", "mistake", 0, annul("no"), "FAILED_PRECONDITION annulment.event_id", proof("urn:ticket:1")),
		}},
	}
}

func personErasureStories() []story {
	return []story{
		{"an erasure is of the person", []step{
			says("account:7", "yes", -3*day, give(mail), "COUNTED"),
			says("cookie:c", "stop", -3*day, object(counting), "COUNTED"),
			link("1", "account:7", "cookie:c", -2*day, "COUNTED"),
			says("cookie:c", "erase", -day, erase(requested), "COUNTED"),
			checks(mail, "DENY ERASURE_REQUESTED", "account:7", "cookie:c"),
			link("2", "account:7", "cookie:d", -time.Hour, "FAILED_PRECONDITION"),
			part("3", "account:7", "cookie:c", -time.Hour, "FAILED_PRECONDITION"),
			says("account:7", "done", -time.Hour, erase(completed), "COUNTED"),
			says("cookie:c", "back without proof", 0, erase(restarted), "INVALID_ARGUMENT evidence"),
			says("cookie:c", "back", 0, erase(restarted), "COUNTED", proof("urn:form:1")),
			checks(mail, "DENY CONSENT_MISSING", "account:7", "cookie:c"),
			checks(counting, "DENY OBJECTED", "account:7", "cookie:c"), // the old stops stay
			isPerson("account:7", "cookie:c"),
			says("cookie:c", "new", 0, give(mail), "COUNTED"),
			checks(mail, "ALLOW", "account:7", "cookie:c"),
		}},
		{"one of the household is erased, and the others go on", []step{
			says("till-4", "shared", -5*day, declared(true), "COUNTED"),
			link("1", "account:1", "till-4", -4*day, "COUNTED"),
			link("2", "account:2", "till-4", -4*day, "COUNTED"),
			says("account:2", "yes", -3*day, give(mail), "COUNTED"),
			says("account:1", "erase", -2*day, erase(requested), "COUNTED"),
			says("account:1", "done", -day, erase(completed), "COUNTED"),
			checks(mail, "ALLOW", "account:2"),
			checks(mail, "DENY ERASURE_REQUESTED", "account:1"),
			link("3", "account:3", "till-4", 0, "COUNTED"),
		}},
		{"what an erasure ended does not come back with a parting", []step{
			says("ada@example.com", "yes", -5*day, give(mail), "COUNTED"),
			says("account:7", "home", -5*day, livesIn("DE"), "COUNTED"),
			link("1", "account:7", "ada@example.com", -4*day, "COUNTED"),
			checks(mail, "ALLOW", "account:7", "ada@example.com"),
			says("account:7", "done", -2*day, erase(completed), "COUNTED"),
			says("ada@example.com", "back", -day, erase(restarted), "COUNTED", proof("urn:form:1")),
			part("2", "account:7", "ada@example.com", -time.Hour, "COUNTED"),
			checks(mail, "DENY CONSENT_MISSING", "ada@example.com"),
			lists("ada@example.com", "yes under ada@example.com", "1 under ada@example.com", "done under account:7",
				"back under ada@example.com", "2 under ada@example.com"),
			isPerson("ada@example.com"),
			link("3", "account:8", "ada@example.com", -time.Minute, "COUNTED"),
			checks(mail, "DENY CONSENT_MISSING", "account:8"),
			isPerson("account:8", "ada@example.com"),
		}},
		{"who comes back comes back under the ids that the person has then", []step{
			says("cookie:c", "yes", -5*day, give(mail), "COUNTED"),
			link("1", "account:7", "cookie:c", -4*day, "COUNTED"),
			says("account:7", "done", -2*day, erase(completed), "COUNTED"),
			says("account:7", "back", -day, erase(restarted), "COUNTED", proof("urn:form:1")),
			part("2", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			checks(mail, "DENY ERASURE_REQUESTED", "cookie:c"),
			says("cookie:c", "not yet", -time.Minute, give(mail), "FAILED_PRECONDITION events[0]"),
			says("cookie:c", "back too", -time.Minute, erase(restarted), "COUNTED", proof("urn:form:2")),
			checks(mail, "DENY CONSENT_MISSING", "cookie:c"),
			isPerson("cookie:c"), isPerson("account:7"),
		}},
		{"an id comes back after the erasure with a new account", []step{
			says("ada@example.com", "no", -5*day, object(counting), "COUNTED"),
			says("account:7", "yes", -5*day, give(mail), "COUNTED"),
			link("1", "account:7", "ada@example.com", -4*day, "COUNTED"),
			says("account:7", "erase", -3*day, erase(requested), "COUNTED"),
			says("account:7", "done", -2*day, erase(completed), "COUNTED"),
			link("2", "account:8", "ada@example.com", -day, "FAILED_PRECONDITION"), // the erasure stands
			says("ada@example.com", "back", -day, erase(restarted), "COUNTED", proof("urn:form:1")),
			part("3", "account:7", "ada@example.com", -time.Hour, "COUNTED"),
			link("2", "account:8", "ada@example.com", -time.Minute, "COUNTED"),
			says("account:8", "yes again", 0, give(mail), "COUNTED"),
			checks(mail, "ALLOW", "account:8", "ada@example.com"),
			checks(counting, "DENY OBJECTED", "account:8", "ada@example.com"), // the old stop came with the address
			checks(mail, "DENY", "account:7"),
		}},
	}
}

func personPastStories() []story {
	return []story{
		{"before the link and after it", []step{
			says("account:7", "yes", -time.Hour, give(mail), "COUNTED"),
			says("cookie:c", "no", -30*time.Minute, withdraw(mail), "COUNTED"),
			later(10 * time.Hour),
			link("1", "account:7", "cookie:c", 0, "COUNTED"),
			later(10 * time.Hour),
			checks(mail, "DENY CONSENT_WITHDRAWN", "account:7"),
			asOf(15*time.Hour, 0, mail, "ALLOW", "account:7"),
			asOf(5*time.Hour, 0, mail, "DENY CONSENT_WITHDRAWN", "account:7", "cookie:c"),
			named("account:7", 15*time.Hour, 0, "account:7"),
			named("account:7", 5*time.Hour, 0, "account:7", "cookie:c"),
		}},
		{"a link that was found late had occurred before", []step{
			says("account:7", "yes", -time.Hour, give(mail), "COUNTED"),
			says("cookie:c", "no", -30*time.Minute, withdraw(mail), "COUNTED"),
			later(10 * time.Hour),
			link("1", "account:7", "cookie:c", -10*time.Hour, "COUNTED"),
			later(time.Hour),
			asOf(5*time.Hour, 0, mail, "DENY CONSENT_WITHDRAWN", "account:7"),          // as it was
			asOf(5*time.Hour, 5*time.Hour, mail, "ALLOW", "account:7"),                 // as it was known then
			asOf(time.Minute, 5*time.Hour, mail, "ALLOW", "account:7"),                 // nothing more was known
			asOf(time.Minute, time.Minute, mail, "DENY CONSENT_WITHDRAWN", "cookie:c"), // as checks said a minute ago
			named("cookie:c", 5*time.Hour, 5*time.Hour, "cookie:c"),
			named("cookie:c", 5*time.Hour, 0, "account:7", "cookie:c"),
		}},
		{"as they were before they were parted", []step{
			link("1", "account:7", "cookie:c", -time.Hour, "COUNTED"),
			says("cookie:c", "no", -30*time.Minute, object(), "COUNTED"),
			says("account:7", "yes", -30*time.Minute, give(mail), "COUNTED"),
			later(10 * time.Hour),
			part("2", "account:7", "cookie:c", 0, "COUNTED"),
			later(time.Hour),
			checks(mail, "ALLOW", "account:7"),
			asOf(5*time.Hour, 0, mail, "DENY OBJECTED", "account:7", "cookie:c"),
			named("account:7", 5*time.Hour, 0, "account:7", "cookie:c"),
		}},
	}
}
