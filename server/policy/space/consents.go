package space

import (
	"cmp"
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

// full is the grant that every rule accepts, bare the least that is one.
func (c *consents) full() grant {
	return grant{explicit: true, evidence: true, asked: true, abroad: true, notice: max(c.notice.Version, 1)}
}

func (c *consents) bare() grant { return grant{notice: max(c.notice.Material, 1)} }

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

// The codes of consents to which others refer.
const (
	asked = "asked"
	best  = "best" // what most rules accept: where the search for a case that is allowed begins
	ofAll = "of all"
)

// coarse are the values that meet all others.
func (c *consents) coarse() []value {
	full, bare := c.full(), c.bare()
	grants := []value{
		c.given(bare),
		c.best(),
		c.variant(bare, func(g *grant) { g.explicit = true }),
		c.variant(bare, func(g *grant) { g.by = consent.ByParent }),
		c.variant(full, func(g *grant) { g.by = consent.ByParent }),
		c.variant(full, func(g *grant) { g.expires = 1 }),
	}
	given, from := c.given(full).events, coded(grants)
	withdrawn := both(given, c.at(atDenial, consent.Withdrawn))
	request := value{code: asked, label: "consent asked for", events: c.at(atRequest, consent.Requested)}
	out := append([]value{plainValue(), request}, grants...)
	out = append(out,
		value{label: "consent refused", events: c.at(atDenial, consent.Refused), from: []string{plain, asked}},
		value{label: "consent given and withdrawn", events: withdrawn, from: from},
		value{label: "consent given and invalidated", events: both(given, c.at(atDenial, consent.Invalidated)), from: from},
		value{
			label:  "consent given, withdrawn and asked for again",
			events: both(withdrawn, c.at(atDenialEnd, consent.Requested)),
		})
	if c.notice.Material > 1 {
		out = append(out, c.variant(full, func(g *grant) { g.notice = c.notice.Material - 1 }))
	}
	out = append(out, c.longAgo())
	for i := range out {
		out[i].coarse = true
	}
	return out
}

func (c *consents) best() value {
	v := c.given(c.full())
	v.code = best
	return v
}

// variant is a grant with a change.
func (c *consents) variant(g grant, change func(*grant)) value {
	change(&g)
	return c.given(g)
}

// coded gives each of the values that has none a code, and returns the codes: for a withdrawal, which leads away
// from all of them.
func coded(list []value) (codes []string) {
	for i := range list {
		list[i].code = cmp.Or(list[i].code, "grant "+itoa(i))
		codes = append(codes, list[i].code)
	}
	return codes
}

// longAgo is the best grant, of years ago.
func (c *consents) longAgo() value {
	old := *c
	old.request, old.grant = atOld, atOld+day
	v := old.given(old.full())
	v.label += ", years ago"
	return v
}

// fine are the rest: every grant of the product of explicit, notice, actor and expiry, and histories.
func (c *consents) fine() []value {
	given := c.given(c.full()).events
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
		{label: "consent withdrawn, never given", events: c.at(atDenial, consent.Withdrawn), from: []string{plain, asked}},
		{
			label:  "consent given at the instant of its withdrawal",
			events: both(given, c.at(c.grant, consent.Withdrawn)), from: []string{best},
		},
	}
	agent, byAgent := c.bare(), c.full()
	agent.by, byAgent.by = consent.ByAgent, consent.ByAgent
	unknown, byParent := c.full(), c.full()
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
	full, bare := named.full(), named.bare()
	older := named
	older.request, older.grant = atRequest, atBetween
	grants := []value{
		named.given(full),
		named.given(bare),
		named.variant(full, func(g *grant) { g.by = consent.ByParent }),
		named.variant(full, func(g *grant) { g.expires = 1 }),
	}
	from := coded(grants)
	list := append(grants,
		older.given(bare),
		value{label: "consent asked for", events: named.at(atNamedAsk, consent.Requested)},
		value{label: "consent refused", events: named.at(atDenial, consent.Refused), from: []string{plain}},
		value{
			label:  "consent given and withdrawn",
			events: both(grants[0].events, named.at(atDenial, consent.Withdrawn)), from: from,
		})
	if c.notice.Material > 1 {
		list = append(list, named.variant(full, func(g *grant) { g.notice = c.notice.Material - 1 }))
	}
	for i := range list {
		list[i].label += ", for this recipient alone"
	}
	other := named
	other.recipients = []string{"another-recipient"}
	foreign := other.given(other.full())
	foreign.label += ", for another recipient alone"
	return append(append([]value{plainValue()}, list...), foreign)
}

// toOthers makes the values of consents to other purposes than the one that is asked about.
type toOthers struct {
	purposes []string
	// covering is the purpose that the table names as covering this one; empty: none.
	covering  string
	table     *tree.Table
	countries []string
}

func (o *toOthers) consents(purpose string) *consents {
	return &consents{
		purpose: purpose, notice: o.table.NoticeOf(purpose), countries: o.countries, request: atRequest, grant: atGrant,
	}
}

// values are consents to all other purposes at once, and to the covering one by itself.
func (o *toOthers) values() []value {
	var given, withdrawn []func(consent.Instant) []consent.Event
	for _, purpose := range o.purposes {
		c := o.consents(purpose)
		given = append(given, c.given(c.full()).events)
		withdrawn = append(withdrawn, c.at(atDenial, consent.Withdrawn))
	}
	out := []value{plainValue()}
	if len(o.purposes) > 0 {
		ended := both(both(given...), both(withdrawn...))
		out = append(out,
			value{code: ofAll, label: "consent given to all other purposes", events: both(given...)},
			value{label: "consent to all other purposes given and withdrawn", events: ended, from: []string{ofAll}})
	}
	if o.covering == "" {
		return out
	}
	for _, v := range o.consents(o.covering).coarse()[1:] { // the first is none at all
		v.label += " (to " + o.covering + ")"
		v.code, v.from = "", nil
		out = append(out, v)
	}
	return out
}
