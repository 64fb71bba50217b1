package space

import (
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// When things happened, before now. A request for consent comes first, then the grant; what is early comes before
// both, what is between them after the request, what is late after all of consents. None is in the second of
// another: what restricts counts from the end of its own.
const (
	atProfile   = -100 * day
	atEarly     = -90 * day
	atRequest   = -80 * day
	atBetween   = -70 * day
	atGrant     = -60 * day
	atNamedAsk  = -55 * day
	atNamed     = -50 * day
	atDenial    = -20 * day
	atDenialEnd = -19 * day
	atLate      = -10 * day
	atLifted    = -9 * day
	atAgain     = -8 * day
	atAge       = -2 * day
	atErasure   = -day
	atRestart   = -day / 2
	// atOld is long before all else: who is 16 now, or 18, was a child below 13 then.
	atOld = -6 * 366 * day
	// atBirthday is when an age was recorded that has grown by a year since consents were given.
	atBirthday = -395 * day
)

// once is a value of events that depend on nothing.
func once(at consent.Instant, facts ...consent.Fact) func(consent.Instant) []consent.Event {
	return func(now consent.Instant) []consent.Event { return eventsAt(now+at, facts...) }
}

func eventsAt(at consent.Instant, facts ...consent.Fact) []consent.Event {
	var out []consent.Event
	for _, f := range facts {
		out = append(out, consent.Event{OccurredAt: at, Source: "privacy_settings", Evidence: "urn:evidence", Fact: f})
	}
	return out
}

// both is the events of several values.
func both(parts ...func(consent.Instant) []consent.Event) func(consent.Instant) []consent.Event {
	return func(now consent.Instant) (out []consent.Event) {
		for _, p := range parts {
			out = append(out, p(now)...)
		}
		return out
	}
}

// The codes of values from which a restricting event leads to another.
const (
	exempted = "exempted" // raised for all purposes, lifted for this one
	lifted   = "lifted"
	off      = "off"
)

// mark is something that is raised and lifted, for the purpose and for all.
type mark struct {
	// what says it for people, in the past tense; ground tells several in one dimension apart.
	what, ground string
	fact         func(purposes []string, lifted bool) consent.Fact
	purpose      string
	// others are the other purposes; none: it is not raised for them by name.
	others []string
}

func (m *mark) code(name string) string { return m.ground + name }

func (m *mark) values() []value {
	this, all := []string{m.purpose}, []string(nil)
	raise := func(at consent.Instant, purposes []string) func(consent.Instant) []consent.Event {
		return once(at, m.fact(purposes, false))
	}
	lift := func(purposes []string) func(consent.Instant) []consent.Event {
		return once(atLifted, m.fact(purposes, true))
	}
	exempt := both(raise(atLate, all), lift(this))
	fromPlain, fromExempted := []string{plain}, []string{m.code(exempted)}
	out := []value{
		{label: m.what + " this purpose", events: raise(atLate, this), from: fromPlain},
		{label: m.what + " all purposes", events: raise(atLate, all), from: fromPlain},
		{label: m.what + " this purpose, before any consent", events: raise(atEarly, this)},
		{label: m.what + " all purposes, before any consent", events: raise(atEarly, all)},
		{label: m.what + " this purpose, and lifted it", events: both(raise(atLate, this), lift(this))},
		{code: m.code(exempted), label: m.what + " all purposes, and lifted it for this one", events: exempt},
		{label: m.what + " this purpose, and lifted what was for all", events: both(raise(atLate, this), lift(all))},
		{
			label:  m.what + " all purposes, lifted it for this one, and again for this one",
			events: both(exempt, raise(atAgain, this)), from: fromExempted, probed: true,
		},
		{
			label:  m.what + " all purposes, lifted it for this one, and again for all",
			events: both(exempt, raise(atAgain, all)), from: fromExempted, probed: true,
		},
	}
	if len(m.others) > 0 {
		out = append(out, value{label: m.what + " all other purposes by name", events: raise(atLate, m.others), from: fromPlain})
	}
	return out
}

// inTwoForms are the first values of a mark: for the purpose, and for all.
func (m *mark) inTwoForms() []value { return m.values()[:2] }

func objections(purpose string, others []string) []value {
	m := mark{what: "objected to", purpose: purpose, others: others, fact: func(purposes []string, lifted bool) consent.Fact {
		return consent.Objection{Purposes: purposes, Lifted: lifted}
	}}
	return append([]value{plainValue()}, m.values()...)
}

// restrictions are those on the first ground in all forms, and on each other ground for the purpose and for all.
func restrictions(purpose string) []value {
	out := []value{plainValue()}
	for g := consent.AccuracyContested; g <= consent.ObjectionPending; g++ {
		m := mark{what: "restricted (" + g.String() + ")", ground: g.String(), purpose: purpose}
		m.fact = func(purposes []string, lifted bool) consent.Fact {
			return consent.Restriction{Ground: g, Purposes: purposes, Lifted: lifted}
		}
		if g == consent.AccuracyContested {
			out = append(out, m.values()...)
		} else {
			out = append(out, m.inTwoForms()...)
		}
	}
	return out
}

func optOuts(kind consent.OptOutKind) []value {
	raised := func(at consent.Instant) func(consent.Instant) []consent.Event {
		return once(at, consent.OptOut{Kind: kind})
	}
	name := "opted out (" + kind.String() + ")"
	ended := both(raised(atLate), once(atLifted, consent.OptOut{Kind: kind, Lifted: true}))
	return []value{
		plainValue(),
		{label: name, events: raised(atLate), from: []string{plain}},
		{label: name + " before any consent", events: raised(atEarly)},
		{label: name + " between the request for consent and the grant", events: raised(atBetween)},
		{code: lifted, label: name + " and lifted it", events: ended},
		{label: name + ", lifted it, and again", events: both(ended, raised(atAgain)), from: []string{lifted}, probed: true},
	}
}

func signals(name string, fact func(on bool) consent.Fact) []value {
	return []value{
		plainValue(),
		{label: name + " signal stored", events: once(atLate, fact(true)), from: []string{plain}},
		{label: name + " signal stored before any consent", events: once(atEarly, fact(true))},
		{code: off, label: name + " signal off", events: once(atLate, fact(false))},
		{label: name + " signal stored, and off", events: both(once(atLate, fact(true)), once(atLifted, fact(false))), probed: true},
		{
			label: name + " signal off, and stored", from: []string{off}, probed: true,
			events: both(once(atLate, fact(false)), once(atAgain, fact(true))),
		},
	}
}

func gpc(on bool) consent.Fact { return consent.Signals{GPC: &on} }
func dnt(on bool) consent.Fact { return consent.Signals{DNT: &on} }

func erasures() []value {
	out := []value{plainValue()}
	for s := consent.ErasureRequested; s <= consent.ErasureCancelled; s++ {
		v := value{label: "erasure " + s.String(), events: once(atErasure, consent.Erasure{Stage: s})}
		if s.Stands() {
			v.from = []string{plain}
		}
		v.completes = s == consent.ErasureCompleted
		v.probed = v.completes // no place is left
		out = append(out, v)
	}
	completed := once(atErasure, consent.Erasure{Stage: consent.ErasureCompleted})
	return append(out, value{
		label: "erasure COMPLETED and RESTARTED", completes: true,
		events: both(completed, once(atRestart, consent.Erasure{Stage: consent.ErasureRestarted})),
	})
}

func accounts() []value {
	return []value{
		{},
		{label: "account ACTIVE", events: once(atProfile, consent.Profile{AccountStatus: consent.AccountActive})},
		{label: "account CLOSED", events: once(atLate, consent.Profile{AccountStatus: consent.AccountClosed})},
	}
}

// around are values of an instant of the profile: an hour before the instants from now, and at them.
func around(label string, offsets []consent.Instant, fact func(at consent.Instant) consent.Fact) []value {
	out := []value{{}}
	for _, o := range offsets {
		out = append(out, value{
			label:  label + " " + offsetText(o),
			events: func(now consent.Instant) []consent.Event { return eventsAt(now+atProfile, fact(now+o)) },
		})
	}
	return out
}

// activities are just too recent for each declared duration, and just old enough.
func activities(t *tree.Table) []value {
	offsets := []consent.Instant{-day}
	for _, name := range sortedKeys(t.Durations) {
		d := consent.Instant(t.Durations[name].Days) * day
		offsets = append(offsets, -d+1, -d)
	}
	return around("last active", offsets, func(at consent.Instant) consent.Fact { return consent.Profile{LastActivityAt: at} })
}

func retentions() []value {
	return around("to be kept until", []consent.Instant{1, 0}, func(at consent.Instant) consent.Fact {
		return consent.Profile{RetentionUntil: at}
	})
}

// ages are none, and for each bound just below it, at it, and grown to it since consents were given.
func (v *Vocabulary) agesKnown() []value {
	years := map[int]bool{}
	for bound := range v.ages {
		years[bound-1], years[bound] = true, true
	}
	aged := func(label string, at consent.Instant, y int) value {
		age := consent.Age{Min: int16(y), Max: int16(y)}
		return value{label: label + itoa(y), events: once(at, consent.Profile{Age: &age})}
	}
	out := []value{{}}
	for _, y := range sortedKeys(years) {
		out = append(out, aged("aged ", atAge, y))
	}
	for _, bound := range sortedKeys(v.ages) {
		out = append(out, aged("a year older now than at any grant, when aged ", atBirthday, bound-1))
	}
	return out
}

func relationships(controller string) []value {
	relationship := func(sold bool, entity string, offered bool) func(consent.Instant) []consent.Event {
		return func(now consent.Instant) []consent.Event {
			r := consent.Relationship{SellingEntity: entity, OptOutOffered: offered}
			if sold {
				r.LastSaleAt = now + atEarly
			}
			return eventsAt(now+atProfile, consent.Profile{Relationship: &r})
		}
	}
	return []value{
		{},
		{label: "customer, opt-out offered", events: relationship(true, controller, true)},
		{label: "customer, no opt-out offered", events: relationship(true, controller, false)},
		{label: "customer of another company", events: relationship(true, "another-company", true)},
		{label: "opt-out offered, nothing sold", events: relationship(false, controller, true)},
	}
}
