// Package law is what the law asks of every decision, in Go: invariants that no ALLOW may break, whatever a
// controller's policy says. Package admission holds every ALLOW of a set of policies against them before the set
// is put in force.
//
// It stands apart from the policies on purpose. The rules in Rego and these are two statements of one law, written
// twice, so that a mistake in one is found by the other; nothing here is derived from rules or shared data. Of the
// controller's table it takes what the controller declares (bases, notices, settings, its own age), because the
// law leaves that to it.
//
// It reads like a statute: general.go is what holds everywhere, statutes.go what the law of a place adds, each
// invariant with the id that the documentation knows; tables.go the ages, dates, places and categories; facts.go
// and places.go the terms in which they are written. A change of the law changes both, this and policies/lib.
//
// Everything may be called concurrently.
package law

import (
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// Invariant is something that no ALLOW may break.
type Invariant struct {
	// ID is that of the rule in the documentation.
	ID string
	// Words say it for people.
	Words string
	// Codes are the reasons with which it is denied.
	Codes []consent.ReasonCode

	broken func(*facts) bool
}

// Allow is a request that a policy allowed.
type Allow struct {
	Request *consent.Request
	State   *consent.State
	Now     consent.Instant
	// Basis is the one that the decision names.
	Basis consent.Basis
	// Table is the controller's; it has a row for the request's purpose.
	Table *tree.Table
}

// invariants are all; immutable.
var invariants = slices.Concat(general(), statutes())

// Breaks are the invariants that the decision breaks; none: the law has nothing against it.
func (a *Allow) Breaks() (broken []Invariant) {
	f := a.facts()
	for i := range invariants {
		if invariants[i].broken(f) {
			broken = append(broken, invariants[i])
		}
	}
	return broken
}
