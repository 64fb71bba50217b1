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
	// made are the events of each dimension's value, by the instant of the request.
	made map[consent.Instant][][][]consent.Event
	// states are the folded states of this walk, by the part of the point that they hang on.
	states map[point]*consent.State
	// buffer is fold's.
	buffer []consent.Event
	table  *table
	// recipient and country are the dimensions of the recipient's kind and country; known that of whether the subject is.
	recipient, country, known int
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

// NewSpace derives the space of a controller's purpose from the rules and data of the sets, around now. The table that
// invariants read is the last set's. The error is consent.ErrUnknownController, or says which file cannot be read.
func NewSpace(controller, purpose string, now consent.Instant, sets ...*policy.Set) (*Space, error) {
	v, err := newVocabulary(controller, now, sets)
	if err != nil {
		return nil, err
	}
	return v.space(controller, purpose), nil
}

func (v *vocabulary) space(controller, purpose string) *Space {
	s := &Space{
		controller: controller, purpose: purpose, now: v.now, table: v.table,
		made: map[consent.Instant][][][]consent.Event{}, states: map[point]*consent.State{},
	}
	others := v.otherPurposes(purpose)
	countries := v.countries()
	c := &consents{purpose: purpose, notice: v.table.notice(purpose), countries: v.countryCodes(), request: atRequest, grant: atGrant}
	covering := ""
	if r := v.table.Purposes[purpose]; r != nil {
		covering = r.CoveredBy
	}
	facts := func(name string, values []value) {
		s.dims = append(s.dims, dimension{name: name, values: values, state: true})
	}
	asked := func(name string, values []value) { s.dims = append(s.dims, dimension{name: name, values: values}) }
	facts("consent", append(c.coarse(), c.fine()...))
	facts("place", v.jurisdictions())
	facts("now", v.instants())
	s.named = len(s.dims)
	facts("recipient's consent", c.named())
	facts("other consents", elsewhereConsents(others, v.table, v.countryCodes(), covering))
	facts("objection", objections(purpose, others))
	facts("restriction", restrictions(purpose))
	facts("opt-out of sale", optOuts(consent.SaleOrSharing))
	facts("opt-out of sensitive use", optOuts(consent.SensitiveDataUse))
	facts("gpc", signals("gpc", gpc))
	facts("dnt", signals("dnt", dnt))
	facts("erasure", erasures())
	facts("account", accounts())
	facts("activity", v.table.activity())
	facts("retention", retentions())
	facts("age", v.agesKnown())
	facts("relationship", relationships(controller))
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

// canonical is the plainest point that makes the same case: of an unknown subject there are no facts.
func (s *Space) canonical(p point) point {
	if p[s.known] != 0 {
		for d := range s.dims {
			if s.dims[d].state && d != s.known && d != dimNow {
				p[d] = 0
			}
		}
	}
	return p
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

// Case is a request about a person, at an instant. It is valid, and must not be changed, while Walk shows it.
type Case struct {
	Request consent.Request
	State   *consent.State
	Now     consent.Instant

	space *Space
	at    point
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
	*c = Case{Now: s.nowAt(p), space: s, at: p, Request: consent.Request{
		Subject: consent.Subject{Controller: s.controller, ID: "subject"}, Purpose: s.purpose,
	}}
	key := p
	for d := range s.dims {
		if s.dims[d].state {
			continue
		}
		key[d] = 0
		if apply := s.dims[d].values[p[d]].request; apply != nil {
			apply(&c.Request)
		}
	}
	state, ok := s.states[key]
	if !ok {
		state = s.fold(key, c.Now)
		s.states[key] = state
	}
	c.State = state
}

func (s *Space) nowAt(p point) consent.Instant {
	if at := s.dims[dimNow].values[p[dimNow]].now; at != 0 {
		return at
	}
	return s.now
}

// fold is the state that a point's events add up to. A subject is known by a request for another purpose's consent.
func (s *Space) fold(p point, now consent.Instant) *consent.State {
	made := s.eventsAt(now)
	events := append(s.buffer[:0], made[len(s.dims)][0]...)
	for d := range s.dims {
		if s.dims[d].values[p[d]].unknown {
			return &consent.State{}
		}
		events = append(events, made[d][p[d]]...)
	}
	s.buffer = events
	return consent.Fold(events)
}

// eventsAt are the events of all values of all dimensions, and behind them those of every known subject.
func (s *Space) eventsAt(now consent.Instant) [][][]consent.Event {
	if made, ok := s.made[now]; ok {
		return made
	}
	made := make([][][]consent.Event, len(s.dims)+1)
	for d := range s.dims {
		made[d] = make([][]consent.Event, len(s.dims[d].values))
		for i, v := range s.dims[d].values {
			if v.events != nil {
				made[d][i] = numbered(s.dims[d].name, v.events(now))
			}
		}
	}
	known := consent.Consent{Purpose: "unrelated_purpose", Status: consent.Requested}
	made[len(s.dims)] = [][]consent.Event{numbered("known", eventsAt(now+atProfile, known))}
	s.made[now] = made
	return made
}

func numbered(name string, events []consent.Event) []consent.Event {
	for i := range events {
		events[i].ID = name + "-" + strconv.Itoa(i)
	}
	return events
}
