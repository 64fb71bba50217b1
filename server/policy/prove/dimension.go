package prove

import (
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// dimension is something about a person or a request that the rules can tell apart, with the values that it can have. Value
// 0 is the plain one: nothing recorded, nothing said.
type dimension struct {
	name   string
	values []value
	// state says that the values are facts of the subject; else they are of the request.
	state bool
	// consents says that the facts are consents, which are folded together; profile that they are of the profile, which an erasure
	// that is completed ends.
	consents, profile bool
}

// value is one value of a dimension. All times are relative to now.
type value struct {
	// label describes it for people; empty: nothing to say.
	label string
	// events are what was recorded, given now; nil: nothing.
	events func(now consent.Instant) []consent.Event
	// request changes the request; nil: not at all.
	request func(*consent.Request)
	// from are the values from which one restricting event leads here that is newer than all that was recorded of the same thing,
	// and than all consents: a withdrawal, an objection, a restriction, an opt-out, a signal, an erasure.
	from []uint8
	// unknown says that nothing was ever recorded, whatever the other dimensions say.
	unknown bool
	// completes says that the events complete an erasure, which ends what others say, the whole profile too.
	completes bool
	// now is the instant of the request; absent: that of the space.
	now consent.Instant
	// class is, of a recipient, what the law takes it for.
	class int
	// rare marks a value that only the first place is asked: a form that no place gives another meaning.
	rare bool
	// probed marks one that only the places of different law are asked: it combines what others have one by one.
	probed bool
	// coarse marks the consents that meet every value of every other dimension; the others meet every place.
	coarse bool
}

// When things happened, before now. A request for consent comes first, then the grant; what is early comes before both, what
// is between them after the request, what is late after all of consents. None is in the second of another: what restricts
// counts from the end of its own.
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

// marks are the values of something that is raised and lifted, for the purpose and for all.
func marks(what string, fact func(purposes []string, lifted bool) consent.Fact, purpose string, others []string) []value {
	this, all := []string{purpose}, []string(nil)
	raised := func(at consent.Instant, purposes []string) func(consent.Instant) []consent.Event {
		return once(at, fact(purposes, false))
	}
	lifted := func(purposes []string) func(consent.Instant) []consent.Event {
		return once(atLifted, fact(purposes, true))
	}
	exempted := both(raised(atLate, all), lifted(this))
	out := []value{
		{label: what + " this purpose", events: raised(atLate, this), from: []uint8{0}},
		{label: what + " all purposes", events: raised(atLate, all), from: []uint8{0}},
		{label: what + " this purpose, before any consent", events: raised(atEarly, this)},
		{label: what + " all purposes, before any consent", events: raised(atEarly, all)},
		{label: what + " this purpose, and lifted it", events: both(raised(atLate, this), lifted(this))},
		{label: what + " all purposes, and lifted it for this one", events: exempted},
		{label: what + " this purpose, and lifted what was for all", events: both(raised(atLate, this), lifted(all))},
		{
			label:  what + " all purposes, lifted it for this one, and again for this one",
			events: both(exempted, raised(atAgain, this)), from: []uint8{6}, probed: true,
		},
		{
			label:  what + " all purposes, lifted it for this one, and again for all",
			events: both(exempted, raised(atAgain, all)), from: []uint8{6}, probed: true,
		},
	}
	if len(others) > 0 {
		out = append(out, value{label: what + " all other purposes by name", events: raised(atLate, others), from: []uint8{0}})
	}
	return out
}

func objections(purpose string, others []string) []value {
	return append([]value{{}}, marks("objected to", func(purposes []string, lifted bool) consent.Fact {
		return consent.Objection{Purposes: purposes, Lifted: lifted}
	}, purpose, others)...)
}

// restrictions are those on the first ground in all forms, and on each other ground for the purpose and for all.
func restrictions(purpose string) []value {
	out := []value{{}}
	for g := consent.AccuracyContested; g <= consent.ObjectionPending; g++ {
		forms := marks("restricted ("+g.String()+")", func(purposes []string, lifted bool) consent.Fact {
			return consent.Restriction{Ground: g, Purposes: purposes, Lifted: lifted}
		}, purpose, nil)
		if g != consent.AccuracyContested {
			forms = forms[:2]
		}
		out = append(out, forms...)
	}
	return out
}

func optOuts(kind consent.OptOutKind) []value {
	raised := func(at consent.Instant) func(consent.Instant) []consent.Event {
		return once(at, consent.OptOut{Kind: kind})
	}
	name := "opted out (" + kind.String() + ")"
	lifted := both(raised(atLate), once(atLifted, consent.OptOut{Kind: kind, Lifted: true}))
	return []value{
		{},
		{label: name, events: raised(atLate), from: []uint8{0}},
		{label: name + " before any consent", events: raised(atEarly)},
		{label: name + " between the request for consent and the grant", events: raised(atBetween)},
		{label: name + " and lifted it", events: lifted},
		{label: name + ", lifted it, and again", events: both(lifted, raised(atAgain)), from: []uint8{4}, probed: true},
	}
}

func signals(name string, fact func(on bool) consent.Fact) []value {
	return []value{
		{},
		{label: name + " signal stored", events: once(atLate, fact(true)), from: []uint8{0}},
		{label: name + " signal stored before any consent", events: once(atEarly, fact(true))},
		{label: name + " signal off", events: once(atLate, fact(false))},
		{label: name + " signal stored, and off", events: both(once(atLate, fact(true)), once(atLifted, fact(false))), probed: true},
		{
			label: name + " signal off, and stored", from: []uint8{3}, probed: true,
			events: both(once(atLate, fact(false)), once(atAgain, fact(true))),
		},
	}
}

func gpc(on bool) consent.Fact { return consent.Signals{GPC: &on} }
func dnt(on bool) consent.Fact { return consent.Signals{DNT: &on} }

func erasures() []value {
	out := []value{{}}
	for s := consent.ErasureRequested; s <= consent.ErasureCancelled; s++ {
		v := value{label: "erasure " + s.String(), events: once(atErasure, consent.Erasure{Stage: s})}
		if s.Stands() {
			v.from = []uint8{0}
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

// activity is just too recent for each declared duration, and just old enough.
func (t *table) activity() []value {
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
func (v *vocabulary) agesKnown() []value {
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

func (v *vocabulary) jurisdictions() []value {
	out := []value{{}}
	for _, code := range v.placeCodes() {
		out = append(out, value{label: "lives in " + code, events: once(atProfile, consent.Profile{Jurisdiction: &code})})
	}
	return out
}

// elsewhere is a place that no law pack knows; subdivision a part of a country of the EEA.
const (
	elsewhere   = "BR"
	subdivision = "DE-BY"
)

// placeCodes are the codes that rules and data name, one for each group that they do not tell apart, two that they need not name,
// and those that the law names and they forgot.
func (v *vocabulary) placeCodes() []string {
	keys := sortedKeys(v.places)
	for _, code := range []string{elsewhere, subdivision, "DE", "GB", "JP", "US", "US-CA", "US-CO"} {
		if !v.places[code] {
			keys = append(keys, code)
		}
	}
	keys = v.alike(keys, func(code string) []string {
		if len(code) > 2 {
			return []string{code[:2], "-"}
		}
		return nil
	})
	for _, code := range lawfulPlaces() {
		if !v.places[code] && !slices.Contains(keys, code) {
			keys = append(keys, code)
		}
	}
	return keys
}

// countries are the codes of countries among the places, of recipients; of a processor where the request names no recipient.
func (v *vocabulary) countries() []value {
	out := []value{{}}
	for _, code := range v.placeCodes() {
		if len(code) == 2 {
			out = append(out, value{label: "recipient in " + code, request: func(r *consent.Request) {
				if r.Recipient.Kind == 0 {
					r.Recipient.Kind, r.Recipient.ID = consent.Processor, partner
				}
				r.Recipient.Country = code
			}})
		}
	}
	return out
}

// partner is the id of the recipient that requests name.
const partner = "partner"

func (v *vocabulary) recipientKinds() []value {
	out := []value{{}}
	for _, id := range append([]string{partner}, sortedKeys(v.recipients)...) {
		for k := consent.Processor; k <= consent.Authority; k++ {
			label := "recipient " + k.String()
			if id != partner {
				label += " " + id
			}
			out = append(out, value{
				label: label, class: lawClass(k), request: func(r *consent.Request) { r.Recipient.Kind, r.Recipient.ID = k, id },
			})
		}
	}
	return out
}

// lawClass is 0 for a processor, as for the controller itself, 1 for those whom data may be given without being sold or
// shared (CCPA-120), 2 for all others.
func lawClass(k consent.RecipientKind) int {
	switch k {
	case consent.Processor:
		return 0
	case consent.Authority, consent.CorporateAffiliate:
		return 1
	}
	return 2
}

// dataCategories are none, one of each group that rules and data do not tell apart, a parent and a child of such, one that
// nothing names, and an ordinary one together with another.
func (v *vocabulary) dataCategories() []value {
	const ordinary = "user.unlisted"
	out := []value{{}}
	add := func(keys ...string) {
		out = append(out, value{label: "data " + join(keys), request: func(r *consent.Request) { r.DataCategories = keys }})
	}
	add(ordinary)
	keys := map[string]bool{}
	for key := range v.categories {
		keys[key], keys[key+".x"] = true, true
		for _, parent := range parents(key) {
			keys[parent] = true
		}
	}
	all := sortedKeys(keys)
	for _, key := range v.alike(all, func(key string) []string { return v.relatives(key, all) }) {
		add(key)
		if v.categories[key] {
			add(ordinary, key)
			out[len(out)-1].rare = true // of several categories each is looked at, or none is, wherever it is asked
		}
	}
	return out
}

// relatives are the categories above and below a key, each with its side.
func (v *vocabulary) relatives(key string, all []string) []string {
	var out []string
	for _, other := range all {
		if other != key && (under(other, key) || under(key, other)) && v.categories[other] {
			out = append(out, other)
		}
	}
	return out
}

// flagValues are absent, true, and the text "true", which is none.
func flagValues(name string) []value {
	set := func(v any) func(*consent.Request) { return func(r *consent.Request) { setContext(r, name, v) } }
	return []value{{}, {label: "context." + name, request: set(true)}, {label: "context." + name + ` = "true"`, request: set("true"), rare: true}}
}

func setContext(r *consent.Request, name string, v any) {
	if r.Context == nil {
		r.Context = map[string]any{}
	}
	r.Context[name] = v
}

// factValues are what a key of the context may hold that is no flag: a flag after all, what rules compare it with, purposes,
// and lists of purposes.
func (v *vocabulary) factValues(name, purpose string, others []string) []value {
	candidates := []any{true, purpose, "undeclared_purpose", []any{}, []any{purpose}, []any{purpose, 1.0}}
	for _, s := range sortedKeys(v.constants) {
		if slices.Contains(v.compared[name], s) {
			candidates = append(candidates, s)
		}
	}
	var all []any
	for _, other := range others {
		all = append(all, other)
	}
	if len(others) > 0 {
		candidates = append(candidates, others[0], []any{others[0]}, append(all, purpose))
	}
	for _, other := range []string{"affiliate_sharing", "service_delivery"} {
		if slices.Contains(others, other) && other != others[0] {
			candidates = append(candidates, other)
		}
	}
	out := []value{{}}
	for _, c := range candidates {
		out = append(out, value{label: "context." + name + " = " + text(c), request: func(r *consent.Request) { setContext(r, name, c) }})
	}
	return out
}
