package space

import (
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// Situation is a request about a person in some state, at an instant. One that a walk shows is valid, and must not
// be changed, while it is shown: the next one takes its place.
type Situation struct {
	Request consent.Request
	State   *consent.State
	Now     consent.Instant

	space   *Space
	at, hub Point
	state   consent.State
}

// Point names the situation in its space.
func (c *Situation) Point() Point { return c.at }

// Describe says in words who is asked about and what for, plain values left out.
func (c *Situation) Describe() string { return c.space.describe(c.at) }

// Situation returns the situation that a point names. It stays valid.
func (s *Space) Situation(p Point) *Situation {
	c := &Situation{}
	s.build(c, p)
	return c
}

func (s *Space) describe(p Point) string {
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

// build makes the situation of a point.
func (s *Space) build(c *Situation, p Point) {
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

func (s *Space) nowAt(p Point) consent.Instant {
	if at := s.dims[dimNow].values[p[dimNow]].now; at != 0 {
		return at
	}
	return s.now
}
