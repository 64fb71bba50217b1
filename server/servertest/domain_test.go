package servertest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

const (
	requested = consentv1.ErasureStage_ERASURE_STAGE_REQUESTED
	completed = consentv1.ErasureStage_ERASURE_STAGE_COMPLETED
	cancelled = consentv1.ErasureStage_ERASURE_STAGE_CANCELLED
	restarted = consentv1.ErasureStage_ERASURE_STAGE_RESTARTED

	day      = 24 * time.Hour
	mail     = "marketing_email"
	sensing  = "special_category_personalization" // needs an explicit consent
	counting = "product_analytics"                // rests on legitimate interests
	ours     = "storage"                          // rests on a contract
)

func explicit(c *consentv1.ConsentEvent) { c.Explicit = true }

func toNotice(version uint32) func(*consentv1.ConsentEvent) {
	return func(c *consentv1.ConsentEvent) { c.NoticeVersion = version }
}

// expiring ends a consent so long from the system's time, which stories begin at.
func expiring(in time.Duration) func(*consentv1.ConsentEvent) {
	return func(c *consentv1.ConsentEvent) { c.ExpiresAt = timestamppb.New(time.Now().Add(in)) }
}

// TestStories plays what people reported, through the API.
func TestStories(t *testing.T) {
	s := newStage(t)
	t.Run("time", func(t *testing.T) { s.play(t, timeStories()) })
	t.Run("outcomes", func(t *testing.T) { s.play(t, outcomeStories()) })
	t.Run("recipients", func(t *testing.T) { s.play(t, recipientStories()) })
	t.Run("scopes", func(t *testing.T) { s.play(t, scopeStories()) })
	t.Run("signals", func(t *testing.T) { s.play(t, signalStories()) })
	t.Run("erasure", func(t *testing.T) { s.play(t, erasureStories()) })
	t.Run("annulment", func(t *testing.T) { s.play(t, annulmentStories()) })
	t.Run("imports", func(t *testing.T) { s.play(t, importStories()) })
	t.Run("expiry", func(t *testing.T) { s.play(t, expiryStories()) })
	t.Run("lists", func(t *testing.T) { s.play(t, listStories()) })
}

// timeStories: an event counts from when it occurred or was recorded, the earlier; what restricts from the end of its
// second.
func timeStories() []story {
	return []story{
		{"a phone's clock runs ahead when I agree, and then I refuse", []step{
			record("grant", 55*time.Second, give(mail), "COUNTED"),
			later(time.Second),
			record("refusal", 0, refuse(mail), "COUNTED"),
			check(mail, "DENY CONSENT_REFUSED"),
			later(2 * time.Minute), // the minute has passed
			check(mail, "DENY CONSENT_REFUSED"),
		}},
		{"a cancellation stamped ahead does not outlive the next request to erase", []step{
			record("grant", -day, give(mail), "COUNTED"),
			record("first", -time.Hour, erase(requested), "COUNTED"),
			record("cancelled", 55*time.Second, erase(cancelled), "COUNTED"),
			check(mail, "ALLOW"),
			later(time.Second),
			record("second", 0, erase(requested), "COUNTED"),
			later(2 * time.Minute),
			check(mail, "DENY ERASURE_REQUESTED"),
		}},
		{"a lifting stamped ahead does not outlive the next objection", []step{
			record("first", -time.Hour, object(counting), "COUNTED"),
			record("lifted", 55*time.Second, liftObjection(counting), "COUNTED"),
			check(counting, "ALLOW"),
			later(time.Second),
			record("second", 0, object(counting), "COUNTED"),
			later(2 * time.Minute),
			check(counting, "DENY OBJECTED"),
		}},
		{"I signed up and unsubscribed within a second, and the mailer keeps whole seconds", []step{
			record("sign-up", -time.Hour+700*time.Millisecond, give(mail), "COUNTED"),
			record("unsubscribe", -time.Hour, withdraw(mail), "COUNTED"),
			check(mail, "DENY CONSENT_WITHDRAWN"),
		}},
		{"the same, and the unsubscribe arrived first", []step{
			record("unsubscribe", -time.Hour, withdraw(mail), "COUNTED"),
			record("sign-up", -time.Hour+700*time.Millisecond, give(mail), "SUPERSEDED by consent unsubscribe"),
			check(mail, "DENY CONSENT_WITHDRAWN"),
			record("again", -time.Hour+time.Second, give(mail), "COUNTED"), // the next second
			check(mail, "ALLOW"),
		}},
		{"an unsubscribe whose clock is four minutes ahead is taken, a grant is not", []step{
			record("unsubscribe", 4*time.Minute, withdraw(mail), "COUNTED"),
			check(mail, "DENY CONSENT_WITHDRAWN"),
			record("grant", 61*time.Second, give(mail), "INVALID_ARGUMENT occurred_at"),
			record("far", 5*time.Minute+time.Second, withdraw(mail), "INVALID_ARGUMENT occurred_at"),
			record("next", time.Second, give(mail), "SUPERSEDED by consent unsubscribe"), // counts from now: the same second
			later(2 * time.Second),
			record("then", 0, give(mail), "COUNTED"),
			check(mail, "ALLOW"),
		}},
		{"two grants of one instant are as explicit as the weaker", []step{
			record("a", -time.Hour, give(sensing, explicit), "COUNTED"),
			check(sensing, "ALLOW"),
			record("b", -time.Hour, give(sensing), "COUNTED"),
			check(sensing, "DENY CONSENT_NOT_EXPLICIT"),
		}},
		{"whatever their ids and their order", []step{
			record("b", -time.Hour, give(sensing), "COUNTED"),
			record("a", -time.Hour, give(sensing, explicit), "COUNTED"),
			record("c", -time.Hour, give(sensing, explicit), "COUNTED"),
			check(sensing, "DENY CONSENT_NOT_EXPLICIT"),
		}},
		{"and to the older of their notices", []step{
			record("b", -time.Hour, give(mail), "COUNTED"),
			record("a", -time.Hour, give(mail, toNotice(1)), "COUNTED"),
			check(mail, "DENY CONSENT_OUTDATED"),
		}},
	}
}

// outcomeStories: the answer says what became of each event.
func outcomeStories() []story {
	return []story{
		{"an unsubscribe of last week arrives today, after I agreed again", []step{
			record("old", -8*day, give(mail), "COUNTED"),
			record("new", -time.Hour, give(mail), "COUNTED"),
			record("late", -7*day, withdraw(mail), "SUPERSEDED by consent new"),
			check(mail, "ALLOW"),
		}},
		{"a webhook is delivered three times", []step{
			record("grant", -2*time.Hour, give(mail), "COUNTED"),
			record("out", -time.Hour, withdraw(mail), "COUNTED"),
			record("grant", -2*time.Hour, give(mail), "DUPLICATE"),
			record("out", -time.Hour, withdraw(mail), "DUPLICATE"),
			check(mail, "DENY CONSENT_WITHDRAWN"),
			record("out", -time.Hour, withdraw(counting), "ALREADY_EXISTS id"),
		}},
		{"a webhook is repeated after the erasure was asked for", []step{
			record("grant", -2*time.Hour, give(mail), "COUNTED"),
			record("erasure", -time.Hour, erase(requested), "COUNTED"),
			record("grant", -2*time.Hour, give(mail), "DUPLICATE"),
			record("other", -2*time.Hour, give(mail), "FAILED_PRECONDITION events[0]"),
		}},
		{"an unsubscribe for a misspelt purpose", []step{
			record("grant", -2*time.Hour, give(mail), "COUNTED"),
			record("out", -time.Hour, withdraw("marketing_emial"), "COUNTED PURPOSE_NOT_DECLARED marketing_emial near marketing_email"),
			record("all", -time.Hour, object("newsfeed", mail), "COUNTED PURPOSE_NOT_DECLARED newsfeed"),
			check("marketing_emial", "DENY PURPOSE_NOT_DECLARED"),
		}},
		{"a notice that nobody can have been shown", []step{
			record("grant", -time.Hour, give(mail, toNotice(4)), "COUNTED NOTICE_UNKNOWN marketing_email"),
		}},
		{"a batch that says all of it", []step{func(t *testing.T, s *scene) {
			s.send(t, []string{"SUPERSEDED by consent b", "COUNTED", "ANNULLED", "COUNTED", "UNPROVEN", "DUPLICATE"},
				s.eventAt("a", -3*time.Hour, refuse(mail), nil),
				s.eventAt("b", -2*time.Hour, give(mail), nil),
				s.eventAt("c", -time.Hour, withdraw(mail), nil),
				s.eventAt("d", 0, annul("c"), []detail{proof("urn:ticket:1")}),
				s.eventAt("e", -time.Hour, give(ours), []detail{from("import")}),
				s.eventAt("b", -2*time.Hour, give(mail), nil),
			)
		}, check(mail, "ALLOW")}},
	}
}

// scopeStories: what names a purpose and what is for all are two records.
func scopeStories() []story {
	return []story{
		{"I objected to analytics, then to all, and took the latter back", []step{
			record("one", -4*time.Hour, object(counting), "COUNTED"),
			record("all", -3*time.Hour, object(), "COUNTED"),
			check("product_improvement", "DENY OBJECTED"),
			record("lifted", -2*time.Hour, liftObjection(), "COUNTED"),
			check(counting, "DENY OBJECTED"),
			check("product_improvement", "ALLOW"),
		}},
		{"I objected to all, but for analytics", []step{
			record("all", -4*time.Hour, object(), "COUNTED"),
			record("but", -3*time.Hour, liftObjection(counting), "COUNTED"),
			check(counting, "ALLOW"),
			check("product_improvement", "DENY OBJECTED"),
			record("again", -2*time.Hour, object(), "COUNTED"),
			check(counting, "DENY OBJECTED"),
		}},
		{"a restriction of all is lifted, that of analytics stands", []step{
			record("one", -4*time.Hour, restrict(counting), "COUNTED"),
			record("all", -3*time.Hour, restrict(), "COUNTED"),
			check(mail, "DENY RESTRICTED"),
			record("lifted", -2*time.Hour, liftRestriction(), "COUNTED"),
			check(counting, "DENY RESTRICTED"),
			check("product_improvement", "ALLOW"),
		}},
	}
}

// signalStories: what a browser does not send undoes nothing.
func signalStories() []story {
	partner := consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE
	return []story{
		{"my phone sends GPC, the office computer does not", []step{
			record("home", -5*time.Hour, livesIn("US-CA"), "COUNTED"),
			record("grant", -5*time.Hour, give("affiliate_sharing"), "COUNTED"),
			record("phone", -3*time.Hour, gpc(true), "COUNTED"),
			share("affiliate_sharing", partner, "DENY GPC_OPT_OUT"),
			record("office", -2*time.Hour, gpc(false), "COUNTED"),
			share("affiliate_sharing", partner, "DENY GPC_OPT_OUT"),
		}},
		{"the office computer alone has no signal", []step{
			record("home", -5*time.Hour, livesIn("US-CA"), "COUNTED"),
			record("grant", -5*time.Hour, give("affiliate_sharing"), "COUNTED"),
			record("office", -2*time.Hour, gpc(false), "COUNTED"),
			share("affiliate_sharing", partner, "ALLOW"),
		}},
		{"a run of the signal is as old as its start", []step{
			record("first", -5*time.Hour, gpc(true), "COUNTED"),
			record("second", -3*time.Hour, gpc(true), "COUNTED"),
			signal("gpc", true, -5*time.Hour),
			record("false", -2*time.Hour, gpc(false), "COUNTED"),
			signal("gpc", true, -5*time.Hour),
			record("third", -time.Hour, gpc(true), "COUNTED"),
			signal("gpc", true, -time.Hour),
		}},
	}
}

// signal expects the value of a signal, and that it counts since the second that lies so far from now.
func signal(name string, value bool, since time.Duration) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		response, err := s.Consents.GetSubject(t.Context(), &consentv1.GetSubjectRequest{Controller: "example", SubjectId: s.subject})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(response.GetState().GetSignals(), func(g *consentv1.SignalState) bool { return g.GetSignal() == name })
		if i < 0 {
			t.Fatalf("no signal %s in %v", name, response.GetState())
		}
		got, want := response.GetState().GetSignals()[i], time.Unix(0, s.clock.Load()).Add(since)
		if got.GetValue() != value || !got.GetSince().AsTime().Truncate(time.Second).Equal(want) {
			t.Errorf("%s is %v, want %v since the second of %v", name, got, value, want)
		}
	}
}

// erasureStories: what was erased stays erased.
func erasureStories() []story {
	return []story{
		{"I changed my mind before anything was erased", []step{
			record("grant", -3*day, give(mail), "COUNTED"),
			record("ask", -2*day, erase(requested), "COUNTED"),
			check(mail, "DENY ERASURE_REQUESTED"),
			record("restart", -day, erase(restarted), "FAILED_PRECONDITION erasure.stage", proof("urn:ticket:1")),
			record("cancel", -day, erase(cancelled), "COUNTED"),
			check(mail, "ALLOW"),
		}},
		{"an erasure that is done cannot be called off", []step{
			record("grant", -3*day, give(mail), "COUNTED"),
			record("done", -2*day, erase(completed), "COUNTED"),
			record("cancel", -day, erase(cancelled), "FAILED_PRECONDITION erasure.stage"),
			record("before", -3*day, erase(cancelled), "FAILED_PRECONDITION erasure.stage"),
			check(mail, "DENY ERASURE_REQUESTED"),
		}},
		{"a retry queue delivers my old sign-up after I was erased and came back", []step{
			record("objection", -5*day, object(counting), "COUNTED"),
			record("done", -3*day, erase(completed), "COUNTED"),
			record("back", -2*day, erase(restarted), "COUNTED", proof("urn:ticket:2")),
			record("queued", -4*day, give(mail), "SUPERSEDED by erasure done"),
			check(mail, "DENY CONSENT_MISSING"),
			check(counting, "DENY OBJECTED"), // what restricts was not ended
			record("new", -day, give(mail), "COUNTED"),
			check(mail, "ALLOW"),
		}},
		{"coming back needs proof", []step{
			record("done", -3*day, erase(completed), "COUNTED"),
			record("back", -2*day, erase(restarted), "INVALID_ARGUMENT evidence"),
		}},
		{"while it stands only what restricts is recorded, back-dated or not", []step{
			record("grant", -4*day, give(mail), "COUNTED"),
			record("ask", -3*day, erase(requested), "COUNTED"),
			record("new", -day, give(mail), "FAILED_PRECONDITION events[0]"),
			record("dated", -5*day, give(mail), "FAILED_PRECONDITION events[0]"),
			record("profile", -day, livesIn("DE"), "FAILED_PRECONDITION events[0]"),
			record("lifting", -day, liftObjection(), "FAILED_PRECONDITION events[0]"),
			record("false", -day, gpc(false), "FAILED_PRECONDITION events[0]"),
			record("out", -day, withdraw(mail), "COUNTED"),
			record("objection", -day, object(), "COUNTED"),
			record("signal", -day, gpc(true), "COUNTED"),
		}},
		{"in one second the later stage wins", []step{
			record("done", -day, erase(completed), "COUNTED"),
			record("asked", -day+900*time.Millisecond, erase(requested), "SUPERSEDED by erasure done"),
			record("back", -day+time.Second, erase(restarted), "COUNTED", proof("urn:ticket:3")),
			check(ours, "ALLOW"),
		}},
	}
}

// annulmentStories: what was recorded by mistake counts nowhere.
func annulmentStories() []story {
	ticket := proof("https://support.example/77")
	return []story{
		{"a mail scanner followed the unsubscribe link", []step{
			record("grant", -3*day, give(mail), "COUNTED"),
			record("scanner", -2*day, withdraw(mail), "COUNTED", from("unsubscribe_link")),
			check(mail, "DENY CONSENT_WITHDRAWN"),
			record("mistake", -day, annul("scanner"), "COUNTED", ticket),
			check(mail, "ALLOW"),
			restart,
			check(mail, "ALLOW"),
			record("mistake", -day, annul("scanner"), "DUPLICATE", ticket),
			record("twice", -day, annul("scanner"), "SUPERSEDED by annulment mistake", ticket),
			record("scanner", -2*day, withdraw(mail), "DUPLICATE", from("unsubscribe_link")), // and stays annulled
			check(mail, "ALLOW"),
			listed("grant", "scanner", "mistake", "twice"),
		}},
		{"an agent recorded the consent of somebody else", []step{
			record("wrong", -3*day, give(mail), "COUNTED"),
			check(mail, "ALLOW"),
			record("mistake", -day, annul("wrong"), "COUNTED", ticket),
			check(mail, "DENY CONSENT_MISSING"), // and not SUBJECT_UNKNOWN
			restart,
			check(mail, "DENY CONSENT_MISSING"),
		}},
		{"what cannot be annulled", []step{
			record("grant", -3*day, give(mail), "COUNTED"),
			record("no proof", -day, annul("grant"), "INVALID_ARGUMENT evidence"),
			record("unknown", -day, annul("nothing"), "FAILED_PRECONDITION annulment.event_id", ticket),
			record("stranger's", -day, func(e *consentv1.Event) {
				e.Kind = &consentv1.Event_Annulment{
					Annulment: &consentv1.AnnulmentEvent{EventId: "an agent recorded the consent of somebody else/wrong"},
				}
			}, "FAILED_PRECONDITION annulment.event_id", ticket),
			record("mistake", -day, annul("grant"), "COUNTED", ticket),
			record("of that", -day, annul("mistake"), "FAILED_PRECONDITION annulment.event_id", ticket),
			record("done", -day, erase(completed), "COUNTED"),
			record("undone", 0, annul("done"), "FAILED_PRECONDITION annulment.event_id", ticket),
		}},
		{"the request to erase was somebody else's", []step{
			record("grant", -3*day, give(mail), "COUNTED"),
			record("wrong", -2*day, erase(requested), "COUNTED"),
			record("other", -day, annul("grant"), "FAILED_PRECONDITION events[0]", ticket),
			record("mistake", -day, annul("wrong"), "COUNTED", ticket),
			check(mail, "ALLOW"),
		}},
	}
}

// listed expects these events, and no others, in the ledger.
func listed(ids ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		response, err := s.Consents.ListEvents(t.Context(), &consentv1.ListEventsRequest{Controller: "example", SubjectId: s.subject})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range response.GetEntries() {
			got = append(got, strings.TrimPrefix(e.GetEvent().GetId(), s.subject+"/"))
		}
		if !slices.Equal(got, ids) {
			t.Errorf("the ledger has %q, want %q", got, ids)
		}
	}
}

// importStories: what was taken over without proof never grants.
func importStories() []story {
	return []story{
		{"the old system's list of subscribers, without proof", []step{
			record("a", -day, give(mail), "UNPROVEN", from("import")),
			record("b", -day, give(mail), "UNPROVEN", from("import_mailchimp")),
			record("c", -day, give(mail), "UNPROVEN", from("crm_import")),
			check(mail, "DENY CONSENT_MISSING"),
			record("proven", -day, give(mail), "COUNTED", from("crm_import"), proof("sha256:9f86d081")),
			check(mail, "ALLOW"),
		}},
		{"the old system's list of unsubscribes needs none", []step{
			record("grant", -2*day, give(mail), "COUNTED"),
			record("out", -day, withdraw(mail), "COUNTED", from("import")),
			check(mail, "DENY CONSENT_WITHDRAWN"),
		}},
		{"an import lifts nothing", []step{
			record("raised", -2*day, object(counting), "COUNTED", from("import")),
			record("lifted", -day, liftObjection(counting), "UNPROVEN", from("import")),
			check(counting, "DENY OBJECTED"),
		}},
		{"importer is not import", []step{
			record("grant", -day, give(mail), "COUNTED", from("importer")),
			check(mail, "ALLOW"),
		}},
	}
}

// expiryStories: a consent ends at an instant, a refusal does not.
func expiryStories() []story {
	return []story{
		{"a consent for a month", []step{
			record("grant", -day, give(mail, expiring(30*day)), "COUNTED"),
			check(mail, "ALLOW"),
			later(31 * day),
			check(mail, "DENY CONSENT_EXPIRED"),
		}},
		{"nobody withdraws for a while", []step{
			record("grant", -2*time.Hour, give(mail), "COUNTED"),
			record("pause", -time.Hour, of(mail, consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN, expiring(400*day)),
				"INVALID_ARGUMENT consent.expires_at"),
			check(mail, "ALLOW"),
		}},
	}
}

// listStories: what went wrong with mailing lists elsewhere.
func listStories() []story {
	return []story{
		{"unsubscribing from the newsletter must not stop password resets", []step{
			record("grant", -2*day, give(mail), "COUNTED"),
			record("out", -day, withdraw(mail), "COUNTED"),
			check(mail, "DENY CONSENT_WITHDRAWN"),
			check("service_messages", "ALLOW"),
		}},
		{"the weekly list is imported over those who unsubscribed", []step{
			record("grant", -9*day, give(mail), "COUNTED"),
			record("out", -2*day, withdraw(mail), "COUNTED"),
			record("list", -day, give(mail), "UNPROVEN", from("import")),
			check(mail, "DENY CONSENT_WITHDRAWN"),
			record("dated", -3*day, give(mail), "SUPERSEDED by consent out", from("import"), proof("urn:form:9")),
			check(mail, "DENY CONSENT_WITHDRAWN"),
		}},
		{"a sync takes over sign-ups that nobody confirmed", []step{
			record("asked", -2*day, of(mail, consentv1.ConsentStatus_CONSENT_STATUS_REQUESTED), "COUNTED"),
			check(mail, "DENY CONSENT_PENDING"),
			record("confirmed", -day, give(mail), "COUNTED"),
			check(mail, "ALLOW"),
			record("asked again", -time.Hour, of(mail, consentv1.ConsentStatus_CONSENT_STATUS_REQUESTED), "COUNTED"),
			check(mail, "ALLOW"),
		}},
		{"I was deleted for good, and the form does not take me back", []step{
			record("grant", -9*day, give(mail), "COUNTED"),
			record("done", -3*day, erase(completed), "COUNTED"),
			record("form", -2*day, give(mail), "FAILED_PRECONDITION events[0]"),
			record("back", -2*day, erase(restarted), "COUNTED", proof("urn:form:10")),
			record("again", -day, give(mail), "COUNTED"),
			check(mail, "ALLOW"),
		}},
		{"the clock that stamps withdrawals is behind the one that stamps grants", []step{
			record("grant", -time.Hour+800*time.Millisecond, give(mail), "COUNTED"),
			record("out", -time.Hour+200*time.Millisecond, withdraw(mail), "COUNTED"),
			check(mail, "DENY CONSENT_WITHDRAWN"),
			// By more than the second it is older, and the caller is told.
			record("grant 2", -10*time.Minute, give(mail), "COUNTED"),
			record("out 2", -10*time.Minute-3*time.Second, withdraw(mail), "SUPERSEDED by consent grant 2"),
			check(mail, "ALLOW"),
		}},
		{"in, out, in and out again within a second", []step{
			record("1", -time.Hour+100*time.Millisecond, give(mail), "COUNTED"),
			record("2", -time.Hour+300*time.Millisecond, withdraw(mail), "COUNTED"),
			record("3", -time.Hour+500*time.Millisecond, give(mail), "SUPERSEDED by consent 2"),
			record("4", -time.Hour+700*time.Millisecond, withdraw(mail), "COUNTED"),
			check(mail, "DENY CONSENT_WITHDRAWN"),
		}},
	}
}

// A cache in a client must not answer from what an annulment took away, once that is acknowledged with a fence.
func TestAnAnnulmentIsFenced(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	c, err := client.Dial(s.Addr, client.WithTimeout(30*time.Second), client.WithNearCache(client.NearCacheConfig{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	recorded := given("wrong")
	if _, err := c.RecordEvents(t.Context(), batch(recorded)); err != nil {
		t.Fatal(err)
	}
	ask := client.NewCheck("example", "s", "ai_training")
	for before := c.NearCacheStats().Hits; c.NearCacheStats().Hits == before; {
		if d, err := c.Check(t.Context(), ask); err != nil || !d.Allowed {
			t.Fatalf("Check = %v, %v; want ALLOW", d, err)
		}
	}
	mistake := given("mistake")
	mistake.Evidence, mistake.Kind = "urn:ticket:1", &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: "wrong"}}
	request := batch(mistake)
	request.Fence = true
	writer := consentv1.NewConsentServiceClient(s.Conn)
	if _, err := writer.RecordEvents(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if d, err := c.Check(t.Context(), ask); err != nil || d.Allowed {
		t.Errorf("Check = %v, %v; want DENY", d, err)
	}
}
