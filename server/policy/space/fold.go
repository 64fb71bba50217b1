package space

import (
	"slices"
	"strconv"

	"github.com/consentd/consentd/server/consent"
)

// madeKey is what the state that values make depends on, besides them: the instant of the request, and the value
// of the erasure where it completes one, which ends what came before.
type madeKey struct {
	now    consent.Instant
	ending uint8
}

// made is what the events of values make.
type made struct {
	// events are those of each dimension's values, and parts the states that they make by themselves, or with
	// those of the ending erasure; nil: there are none.
	events [][][]consent.Event
	parts  [][]*consent.State
	// known are the events of every known subject: a request for another purpose's consent; ending those of the
	// erasure.
	known, ending []consent.Event
	// consents are the states that known and the dimensions of consents make, by the point without the others.
	consents map[Point]*consent.State
}

// fold makes the state that a point's events add up to. Events of consents are folded together. Those of the other
// dimensions are of kinds that do not meet in a fold, nor each other, but for an erasure that is completed, which
// all are folded with: each dimension has its own part of the state, which is folded once. A test holds that this
// is what folding all events makes.
func (s *Space) fold(state *consent.State, p Point, now consent.Instant) {
	if s.dims[s.known].values[p[s.known]].unknown {
		*state = consent.State{}
		return
	}
	m := s.madeAt(madeKey{now, s.ending(p)})
	*state = *s.foldConsents(m, p)
	for d := range s.dims {
		if part := m.parts[d][p[d]]; part != nil && s.dims[d].kind != ofConsent {
			merge(state, part)
		}
	}
}

func (s *Space) foldConsents(m *made, p Point) *consent.State {
	for d := range s.dims {
		if s.dims[d].kind != ofConsent {
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
func (s *Space) events(m *made, p Point) []consent.Event {
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

// Release frees what the space keeps of the situations that it made; it makes it again where it is asked for more.
func (s *Space) Release() { s.made = nil }

func (s *Space) madeAt(key madeKey) *made {
	if m, ok := s.made[key]; ok {
		return m
	}
	m := &made{
		events: make([][][]consent.Event, len(s.dims)), parts: make([][]*consent.State, len(s.dims)),
		consents: map[Point]*consent.State{},
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
	if s.made == nil {
		s.made = map[madeKey]*made{}
	}
	s.made[key] = m
	return m
}

func numbered(name string, events []consent.Event) []consent.Event {
	for i := range events {
		events[i].ID = name + "-" + strconv.Itoa(i)
	}
	return events
}
