package admission

import (
	"slices"
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// memory is what was proven and tested of a set's units, by their keys. It does not change once it is a Prover's.
type memory struct {
	proven map[string]provenUnit
	tested map[string]testedUnit
	// silent are the set's rules that nothing made fire, by the key of the set as a whole.
	silent map[string][]silentRule
}

func newMemory() *memory {
	return &memory{proven: map[string]provenUnit{}, tested: map[string]testedUnit{}}
}

// provenUnit is what was found of a controller in which there is no fault.
type provenUnit struct {
	report consent.EnumeratedController
	// fired are the rules that fired, as lines number them; allTracked says that all cases were looked at for it.
	fired      map[string]bool
	allTracked bool
}

// testedUnit is how the tests or the cases of a unit went, of which none failed.
type testedUnit struct {
	passed, skipped int
	covered         map[string]bool
}

func (p *Prover) memories() []*memory { return []*memory{p.trusted, p.admitted, p.refused} }

func (p *Prover) provenBefore(key string) (u provenUnit, ok bool) {
	for _, m := range p.memories() {
		if m == nil {
			continue
		}
		if u, ok = m.proven[key]; ok {
			return u, true
		}
	}
	return u, false
}

func (p *Prover) testedBefore(key string) (u testedUnit, ok bool) {
	for _, m := range p.memories() {
		if m == nil {
			continue
		}
		if u, ok = m.tested[key]; ok {
			return u, true
		}
	}
	return u, false
}

// settled reports whether nothing is left to prove and to test, and which rules are then known to be silent.
func (a *attempt) settled() (silent []silentRule, ok bool) {
	trusted, known := true, true
	for _, key := range a.keys() {
		_, proven := a.prover.provenBefore(key)
		_, tested := a.prover.testedBefore(key)
		known = known && (proven || tested)
		_, proven = a.prover.trusted.proven[key]
		_, tested = a.prover.trusted.tested[key]
		trusted = trusted && (proven || tested)
	}
	if !known || trusted {
		return nil, known
	}
	for _, m := range []*memory{a.prover.admitted, a.prover.refused} {
		if silent, ok = m.silent[a.wholeKey()]; ok {
			return silent, true
		}
	}
	return nil, false
}

// keys are those of all that is to be proven and tested.
func (a *attempt) keys() (keys []string) {
	for _, c := range a.set.Describe().Controllers {
		keys = append(keys, a.provenKey(c.ID))
	}
	if a.prover.options.SkipTests {
		return keys
	}
	for _, unit := range a.unitNames() {
		if unit == accessUnit {
			continue // no decision depends on it
		}
		keys = append(keys, a.testKey(unit))
		if len(a.units.cases[unit]) > 0 {
			keys = append(keys, a.casesKey(unit))
		}
	}
	return keys
}

func (a *attempt) wholeKey() string {
	return strings.Join(slices.Sorted(slices.Values(a.keys())), "\n")
}
