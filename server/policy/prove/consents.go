package prove

import (
	"strings"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// grant is a consent that was given.
type grant struct {
	explicit, evidence, asked, abroad bool
	notice                            uint32
	by                                consent.Actor
	// expires is when, from now, plus one: 1 is exactly now; zero: never.
	expires consent.Instant
}

// consents makes the values of the consent record of a purpose.
type consents struct {
	purpose   string
	notice    tree.Notice
	countries []string
	// recipients are those that the events name; none: the purpose as a whole.
	recipients []string
	// request and grant are when a consent is asked for and given.
	request, grant consent.Instant
}

func (c *consents) best() grant {
	return grant{explicit: true, evidence: true, asked: true, abroad: true, notice: max(c.notice.Version, 1)}
}

func (c *consents) plain() grant { return grant{notice: max(c.notice.Material, 1)} }

func (c *consents) given(g grant) value {
	return value{label: "consent given" + c.details(g), events: func(now consent.Instant) []consent.Event {
		var out []consent.Event
		if g.asked {
			out = append(out, eventsAt(now+c.request, c.fact(consent.Requested))...)
		}
		f := c.fact(consent.Given)
		f.NoticeVersion, f.Explicit, f.GivenBy = g.notice, g.explicit, g.by
		if g.abroad {
			f.Countries = c.countries
		}
		if g.expires != 0 {
			f.ExpiresAt = now + g.expires - 1
		}
		e := consent.Event{OccurredAt: now + c.grant, Source: "privacy_settings", Fact: f}
		if g.evidence {
			e.Evidence = "urn:evidence"
		}
		return append(out, e)
	}}
}

func (c *consents) details(g grant) string {
	parts := []string{" to notice " + itoa(int(g.notice))}
	add := func(is bool, s string) {
		if is {
			parts = append(parts, s)
		}
	}
	add(g.explicit, "explicit")
	add(g.evidence, "with evidence")
	add(g.asked, "on request")
	add(g.by != consent.BySubject, "by the "+strings.ToLower(g.by.String()))
	add(g.expires == 1, "expiring exactly now")
	add(g.expires > 1, "expiring in a nanosecond")
	return strings.Join(parts, ", ")
}

func (c *consents) fact(s consent.Status) consent.Consent {
	return consent.Consent{Purpose: c.purpose, Status: s, Recipients: c.recipients}
}

func (c *consents) at(at consent.Instant, s consent.Status) func(consent.Instant) []consent.Event {
	return once(at, c.fact(s))
}

// coarse are the values that meet all others.
func (c *consents) coarse() []value {
	best, plain := c.best(), c.plain()
	variant := func(g grant, change func(*grant)) value {
		change(&g)
		return c.given(g)
	}
	given := c.given(best).events
	out := []value{
		{},
		{label: "consent asked for", events: c.at(atRequest, consent.Requested)},
		c.given(plain),
		c.given(best),
		variant(plain, func(g *grant) { g.explicit = true }),
		variant(plain, func(g *grant) { g.by = consent.ByParent }),
		variant(best, func(g *grant) { g.by = consent.ByParent }),
		variant(best, func(g *grant) { g.expires = 1 }),
		{label: "consent refused", events: c.at(atDenial, consent.Refused), from: []uint8{0, 1}},
		{label: "consent given and withdrawn", events: both(given, c.at(atDenial, consent.Withdrawn)), from: []uint8{2, 3, 4, 5, 6, 7}},
		{label: "consent given and invalidated", events: both(given, c.at(atDenial, consent.Invalidated)), from: []uint8{2, 3, 4, 5, 6, 7}},
		{label: "consent given, withdrawn and asked for again", events: both(given, c.at(atDenial, consent.Withdrawn), c.at(atDenialEnd, consent.Requested))},
	}
	if c.notice.Material > 1 {
		out = append(out, variant(best, func(g *grant) { g.notice = c.notice.Material - 1 }))
	}
	old := *c
	old.request, old.grant = atOld, atOld+day
	long := old.given(best)
	long.label += ", years ago"
	out = append(out, long)
	for i := range out {
		out[i].coarse = true
	}
	return out
}

// indexes into coarse.
const (
	noConsent   = 0
	bestConsent = 3
)

// fine are the rest: every grant of the product of explicit, notice, actor and expiry, and histories.
func (c *consents) fine() []value {
	given := c.given(c.best()).events
	out := []value{
		{label: "consent given, and asked for again", events: both(given, c.at(atDenialEnd, consent.Requested))},
		{label: "consent withdrawn, and given again", events: func(now consent.Instant) []consent.Event {
			return append(eventsAt(now+atEarly, c.fact(consent.Withdrawn)), given(now)...)
		}},
		{label: "consent imported without proof", events: func(now consent.Instant) []consent.Event {
			f := c.fact(consent.Given)
			f.NoticeVersion = max(c.notice.Version, 1)
			return []consent.Event{{OccurredAt: now + c.grant, Source: "crm_" + consent.SourceImport, Fact: f}}
		}},
		{label: "consent withdrawn, never given", events: c.at(atDenial, consent.Withdrawn), from: []uint8{0, 1}},
		{label: "consent given at the instant of its withdrawal", events: both(given, c.at(c.grant, consent.Withdrawn)), from: []uint8{bestConsent}},
	}
	agent, byAgent := c.plain(), c.best()
	agent.by, byAgent.by = consent.ByAgent, consent.ByAgent
	unknown, byParent := c.best(), c.best()
	unknown.notice++
	byParent.notice, byParent.by = unknown.notice, consent.ByParent
	for _, g := range []grant{agent, byAgent, unknown, byParent} {
		out = append(out, c.given(g))
	}
	for _, g := range c.grants() {
		out = append(out, c.given(g))
	}
	return out
}

func (c *consents) grants() (out []grant) {
	for _, explicit := range []bool{false, true} {
		for _, version := range c.versions() {
			for _, by := range []consent.Actor{consent.BySubject, consent.ByParent} {
				for _, expires := range []consent.Instant{0, 1, 2} {
					out = append(out, grant{explicit: explicit, notice: version, by: by, expires: expires})
				}
			}
		}
	}
	return out
}

// versions are the notices just too old, just new enough, and current.
func (c *consents) versions() []uint32 {
	out := []uint32{max(c.notice.Material, 1)}
	if c.notice.Material > 1 {
		out = append(out, c.notice.Material-1)
	}
	if c.notice.Version > out[0] {
		out = append(out, c.notice.Version)
	}
	return out
}

// named are the values of the consent record of the purpose and the recipient.
func (c *consents) named() []value {
	named := *c
	named.recipients, named.request, named.grant = []string{partner}, atNamedAsk, atNamed
	other := named
	other.recipients = []string{"another-recipient"}
	best, plain := named.best(), named.plain()
	expired, byParent := best, best
	expired.expires, byParent.by = 1, consent.ByParent
	older := named
	older.request, older.grant = atRequest, atBetween
	given := named.given(best)
	list := []value{
		{},
		given,
		named.given(plain),
		named.given(byParent),
		named.given(expired),
		older.given(plain),
		{label: "consent asked for", events: named.at(atNamedAsk, consent.Requested)},
		{label: "consent refused", events: named.at(atDenial, consent.Refused), from: []uint8{0}},
		{label: "consent given and withdrawn", events: both(given.events, named.at(atDenial, consent.Withdrawn)), from: []uint8{1, 2, 3, 4}},
	}
	if c.notice.Material > 1 {
		outdated := best
		outdated.notice = c.notice.Material - 1
		list = append(list, named.given(outdated))
	}
	for i := range list {
		if i > 0 {
			list[i].label += ", for this recipient alone"
		}
	}
	foreign := other.given(other.best())
	foreign.label += ", for another recipient alone"
	return append(list, foreign)
}

// elsewhereConsents are consents to other purposes: all of them, and the one that the table names as covering this one.
func elsewhereConsents(others []string, t *table, countries []string, covering string) []value {
	of := func(purpose string) *consents {
		return &consents{purpose: purpose, notice: t.NoticeOf(purpose), countries: countries, request: atRequest, grant: atGrant}
	}
	var given, withdrawn []func(consent.Instant) []consent.Event
	for _, other := range others {
		c := of(other)
		given = append(given, c.given(c.best()).events)
		withdrawn = append(withdrawn, c.at(atDenial, consent.Withdrawn))
	}
	out := []value{{}}
	if len(others) > 0 {
		out = append(out,
			value{label: "consent given to all other purposes", events: both(given...)},
			value{label: "consent to all other purposes given and withdrawn", events: both(both(given...), both(withdrawn...)), from: []uint8{1}})
	}
	if covering == "" {
		return out
	}
	for _, v := range of(covering).coarse()[1:] {
		v.label += " (to " + covering + ")"
		v.from = nil
		out = append(out, v)
	}
	return out
}
