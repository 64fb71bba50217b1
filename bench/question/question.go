// Package question is what consentd and its peers are asked alike: is marketing_email or
// special_category_personalization allowed for subject N, where consent, objection and expiry decide.
//
// A Population is a function, not a table: subject N is computed from the seed, so that ten million of them take no
// memory in the load generator, and every answer can be compared with the truth.
package question

import (
	"strconv"
	"time"
)

// Purposes are those asked about.
var Purposes = [2]string{"marketing_email", "special_category_personalization"}

// Status is what a subject last said on a purpose.
type Status string

// The statuses that occur, in the words of the vocabulary.
const (
	None      Status = ""
	Given     Status = "GIVEN"
	Refused   Status = "REFUSED"
	Withdrawn Status = "WITHDRAWN"
)

// Consent is a subject's state for one purpose.
type Consent struct {
	Status Status
	// ExpiresAt is when a given consent ends by itself; zero: never.
	ExpiresAt time.Time
	// Objected: the subject objected to the purpose, after the consent.
	Objected bool
}

// Allowed is the answer to the question, at now.
func (c Consent) Allowed(now time.Time) bool {
	return c.Status == Given && !c.Objected && (c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt))
}

// Subject is a person and their consents, one per purpose of Purposes.
type Subject struct {
	ID       string
	Consents [2]Consent
}

// Population is a number of subjects. Its methods may be called concurrently.
type Population struct {
	// Size is how many subjects there are.
	Size int
	// Seed makes one population differ from another.
	Seed uint64
	// Start is the run's start; all times are distances from it of at least a day, so that no answer changes during a run.
	Start time.Time
}

// Times of what happened, as distances from the start of the run.
const (
	day = 24 * time.Hour
	// ConsentAt and ObjectionAt are when consents were given and refused, and objections raised; WithdrawnAt lies between.
	ConsentAt   = -30 * day
	WithdrawnAt = -10 * day
	ObjectionAt = -5 * day
	expired     = -1 * day
	expiring    = 365 * day
)

// ID is the id of subject n.
func (p Population) ID(n int) string { return "subject-" + strconv.Itoa(n) }

// Subject returns subject n, 0 <= n < Size: per purpose 70 % given (of these a quarter with an end to come and a tenth
// past it), 10 % withdrawn, 10 % refused, 10 % never asked; a tenth objected.
func (p Population) Subject(n int) Subject {
	s := Subject{ID: p.ID(n)}
	for i := range s.Consents {
		s.Consents[i] = p.consent(n, i)
	}
	return s
}

func (p Population) consent(n, purpose int) Consent {
	bits := mix(p.Seed ^ mix(uint64(2*n+purpose)))
	c := Consent{Objected: bits>>32%10 == 0}
	switch d := bits % 10; {
	case d < 7:
		c.Status = Given
		c.ExpiresAt = p.expiry(bits >> 16 % 20)
	case d == 7:
		c.Status = Withdrawn
	case d == 8:
		c.Status = Refused
	}
	return c
}

func (p Population) expiry(twentieths uint64) time.Time {
	switch {
	case twentieths < 2:
		return p.Start.Add(expired).Truncate(time.Second)
	case twentieths < 7:
		return p.Start.Add(expiring).Truncate(time.Second)
	}
	return time.Time{}
}

// Question is one check: a subject by number and a purpose by its place in Purposes.
type Question struct{ Subject, Purpose int }

// Truth is the right answer.
func (p Population) Truth(q Question) bool {
	return p.consent(q.Subject, q.Purpose).Allowed(p.Start)
}

// mix is the finalizer of splitmix64: it spreads a counter over all bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
