package prove

import (
	"slices"
	"strconv"
	"strings"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// Space is the finite space of requests about one purpose, and of people, that the rules of one or several sets can tell
// apart. It is for one goroutine.
type Space struct {
	controller, purpose string
	now                 consent.Instant
	dims                []dimension
	// made is what events make.
	made  map[madeKey]*made
	table *table
	// recipient and country are the dimensions of the recipient's kind and country; known that of whether the subject is, erasure
	// that of erasures.
	recipient, country, known, erasure int
	// named is that of the consent record of the request's recipient.
	named int
	// probes are a few places of different law.
	probes []uint8
}

// point names a value of each dimension.
type point [maxDimensions]uint8

const (
	maxDimensions = 64
	maxValues     = 255
)

// The dimensions that have a role of their own.
const (
	dimConsent = iota
	dimPlace
	dimNow
	dimOthers // the first of the rest
)

// Spaces derives the spaces of a controller's purposes from the rules and data of the sets, around now. The table that
// invariants read is the last set's. The error is consent.ErrUnknownController. What it returns may be called
// concurrently.
func Spaces(controller string, now consent.Instant, sets ...*policy.Set) (of func(purpose string) *Space, err error) {
	var harvests []*harvest
	for _, set := range sets {
		harvests = append(harvests, harvestOf(set))
	}
	v, err := newVocabulary(controller, now, harvests...)
	if err != nil {
		return nil, err
	}
	return func(purpose string) *Space { return v.space(controller, purpose) }, nil
}

func (v *vocabulary) space(controller, purpose string) *Space {
	s := &Space{
		controller: controller, purpose: purpose, now: v.now, table: v.table,
		made: map[madeKey]*made{},
	}
	others := v.otherPurposes(purpose)
	countries := v.countries()
	c := &consents{purpose: purpose, notice: v.table.NoticeOf(purpose), countries: v.countryCodes(), request: atRequest, grant: atGrant}
	covering := ""
	if r := v.table.Purposes[purpose]; r != nil {
		covering = r.CoveredBy
	}
	facts := func(name string, values []value) {
		s.dims = append(s.dims, dimension{name: name, values: values, state: true})
	}
	profile := func(name string, values []value) {
		s.dims = append(s.dims, dimension{name: name, values: values, state: true, profile: true})
	}
	consents := func(name string, values []value) {
		s.dims = append(s.dims, dimension{name: name, values: values, state: true, consents: true})
	}
	asked := func(name string, values []value) { s.dims = append(s.dims, dimension{name: name, values: values}) }
	consents("consent", append(c.coarse(), c.fine()...))
	profile("place", v.jurisdictions())
	facts("now", v.instants())
	s.named = len(s.dims)
	consents("recipient's consent", c.named())
	consents("other consents", elsewhereConsents(others, v.table, v.countryCodes(), covering))
	facts("objection", objections(purpose, others))
	facts("restriction", restrictions(purpose))
	facts("opt-out of sale", optOuts(consent.SaleOrSharing))
	facts("opt-out of sensitive use", optOuts(consent.SensitiveDataUse))
	facts("gpc", signals("gpc", gpc))
	facts("dnt", signals("dnt", dnt))
	s.erasure = len(s.dims)
	facts("erasure", erasures())
	profile("account", accounts())
	profile("activity", v.table.activity())
	profile("retention", retentions())
	profile("age", v.agesKnown())
	profile("relationship", relationships(controller))
	s.known = len(s.dims)
	facts("known", []value{{}, {label: "unknown subject", unknown: true}})
	s.recipient = len(s.dims)
	asked("recipient", v.recipientKinds())
	s.country = len(s.dims)
	asked("country", countries)
	asked("data", v.dataCategories())
	for _, name := range sortedKeys(v.flags) {
		asked(name, flagValues(name))
	}
	for _, name := range sortedKeys(v.facts) {
		asked(name, v.factValues(name, purpose, others))
	}
	s.bound()
	for i, p := range s.dims[dimPlace].values {
		if slices.Contains([]string{"", "lives in DE", "lives in JP", "lives in US-CA"}, p.label) {
			s.probes = append(s.probes, uint8(i))
		}
	}
	return s
}

// canonical is the plainest point that makes the same case: of an unknown subject there are no facts, and none of the profile after an
// erasure that was completed.
func (s *Space) canonical(p point) point {
	unknown := p[s.known] != 0
	if !unknown && s.ending(p) == 0 {
		return p
	}
	for d := range s.dims {
		if dim := &s.dims[d]; unknown && dim.state && d != s.known && d != dimNow || dim.profile {
			p[d] = 0
		}
	}
	return p
}

// ending is the value of the erasure, if it completes one; else 0.
func (s *Space) ending(p point) uint8 {
	if s.dims[s.erasure].values[p[s.erasure]].completes {
		return p[s.erasure]
	}
	return 0
}

// bound cuts what a point cannot name. It takes hundreds of constants or dozens of context keys to get there.
func (s *Space) bound() {
	s.dims = s.dims[:min(len(s.dims), maxDimensions)]
	for i := range s.dims {
		s.dims[i].values = s.dims[i].values[:min(len(s.dims[i].values), maxValues)]
	}
}

// otherPurposes are those that the table declares besides this one.
func (v *vocabulary) otherPurposes(purpose string) []string {
	return slices.DeleteFunc(sortedKeys(v.table.Purposes), func(p string) bool {
		return p == purpose || v.table.Purposes[p].Prohibited
	})
}

func (v *vocabulary) countryCodes() []string {
	return slices.DeleteFunc(v.placeCodes(), func(code string) bool { return len(code) != 2 })
}

// instants are now, and each later date from which a table's version counts.
func (v *vocabulary) instants() []value {
	out := []value{{}}
	for _, d := range sortedKeys(v.dates) {
		if d > v.now {
			out = append(out, value{label: "asked on " + d.Time().Format("2006-01-02"), now: d})
		}
	}
	return out
}

// Case is a request about a person, at an instant. It is valid, and must not be changed, while Walk shows it: the next one takes
// its place.
type Case struct {
	Request consent.Request
	State   *consent.State
	Now     consent.Instant

	space   *Space
	at, hub point
	state   consent.State
}

// Describe says in words who is asked about and what for, plain values left out.
func (c *Case) Describe() string { return c.space.describe(c.at) }

func (s *Space) describe(p point) string {
	var parts []string
	for d := range s.dims {
		if label := s.dims[d].values[p[d]].label; label != "" {
			parts = append(parts, label)
		}
	}
	if len(parts) == 0 {
		return "nothing recorded but that the subject is known"
	}
	return strings.Join(parts, "; ")
}

// build makes the case of a point.
func (s *Space) build(c *Case, p point) {
	c.Now, c.space, c.at = s.nowAt(p), s, p
	c.Request = consent.Request{Subject: consent.Subject{Controller: s.controller, ID: "subject"}, Purpose: s.purpose}
	for d := range s.dims {
		if apply := s.dims[d].values[p[d]].request; apply != nil {
			apply(&c.Request)
		}
	}
	c.State = &c.state
	s.fold(c.State, p, c.Now)
}

func (s *Space) nowAt(p point) consent.Instant {
	if at := s.dims[dimNow].values[p[dimNow]].now; at != 0 {
		return at
	}
	return s.now
}

// madeKey is what the state that values make depends on, besides them: the instant of the request, and the value of the erasure
// where it completes one, which ends what came before.
type madeKey struct {
	now    consent.Instant
	ending uint8
}

// made is what the events of values make.
type made struct {
	// events are those of each dimension's values, and parts the states that they make by themselves, or with those of the ending
	// erasure; nil: there are none.
	events [][][]consent.Event
	parts  [][]*consent.State
	// known are the events of every known subject: a request for another purpose's consent; ending those of the erasure.
	known, ending []consent.Event
	// consents are the states that known and the dimensions of consents make, by the point without the others.
	consents map[point]*consent.State
}

// fold makes the state that a point's events add up to. Events of consents are folded together. Those of the other dimensions are of
// kinds that do not meet in a fold, nor each other, but for an erasure that is completed, which all are folded with: each dimension
// has its own part of the state, which is folded once. A test holds that this is what folding all events makes.
func (s *Space) fold(state *consent.State, p point, now consent.Instant) {
	if s.dims[s.known].values[p[s.known]].unknown {
		*state = consent.State{}
		return
	}
	m := s.madeAt(madeKey{now, s.ending(p)})
	*state = *s.foldConsents(m, p)
	for d := range s.dims {
		if part := m.parts[d][p[d]]; part != nil && !s.dims[d].consents {
			merge(state, part)
		}
	}
}

func (s *Space) foldConsents(m *made, p point) *consent.State {
	for d := range s.dims {
		if !s.dims[d].consents {
			p[d] = 0
		}
	}
	state, ok := m.consents[p]
	if !ok {
		state = consent.Fold(append(s.events(m, p), m.ending...))
		m.consents[p] = state
	}
	return state
}

// events are all events of a point.
func (s *Space) events(m *made, p point) []consent.Event {
	events := slices.Clone(m.known)
	for d := range s.dims {
		events = append(events, m.events[d][p[d]]...)
	}
	return events
}

// merge takes over what a part has.
func merge(s, part *consent.State) {
	if s.Newest.Compare(part.Newest) < 0 {
		s.Newest = part.Newest
	}
	take(&s.Jurisdiction, part.Jurisdiction)
	take(&s.Age, part.Age)
	take(&s.AccountStatus, part.AccountStatus)
	take(&s.LastActivityAt, part.LastActivityAt)
	take(&s.RetentionUntil, part.RetentionUntil)
	take(&s.Relationship, part.Relationship)
	take(&s.Erasure, part.Erasure)
	take(&s.Completed, part.Completed)
	take(&s.GPC, part.GPC)
	take(&s.DNT, part.DNT)
	for i := range s.OptOuts {
		take(&s.OptOuts[i], part.OptOuts[i])
	}
	if part.Objections != nil {
		s.Objections = part.Objections
	}
	if part.Restrictions != nil {
		s.Restrictions = part.Restrictions
	}
}

func take[T comparable](to *T, from T) {
	var nothing T
	if from != nothing {
		*to = from
	}
}

func (s *Space) madeAt(key madeKey) *made {
	if m, ok := s.made[key]; ok {
		return m
	}
	m := &made{
		events: make([][][]consent.Event, len(s.dims)), parts: make([][]*consent.State, len(s.dims)),
		consents: map[point]*consent.State{},
	}
	if key.ending != 0 {
		erasure := &s.dims[s.erasure]
		m.ending = numbered(erasure.name, erasure.values[key.ending].events(key.now))
	}
	for d := range s.dims {
		m.events[d], m.parts[d] = make([][]consent.Event, len(s.dims[d].values)), make([]*consent.State, len(s.dims[d].values))
		for i, v := range s.dims[d].values {
			if v.events != nil {
				m.events[d][i] = numbered(s.dims[d].name, v.events(key.now))
				m.parts[d][i] = consent.Fold(slices.Concat(m.events[d][i], m.ending))
			}
		}
	}
	known := consent.Consent{Purpose: "unrelated_purpose", Status: consent.Requested}
	m.known = numbered("known", eventsAt(key.now+atProfile, known))
	s.made[key] = m
	return m
}

func numbered(name string, events []consent.Event) []consent.Event {
	for i := range events {
		events[i].ID = name + "-" + strconv.Itoa(i)
	}
	return events
}
