package admission

import (
	"reflect"
	"strings"
)

// RanCases stands for the last run of cases of the set in force: it is another after each.
func (p *Prover) RanCases() (run uintptr) {
	for key, u := range p.admitted.tested {
		if strings.HasPrefix(key, "cases:") {
			run = reflect.ValueOf(u.covered).Pointer()
		}
	}
	return run
}

// Proof stands for the last proof of the only controller of the set that was admitted last, or else refused last:
// it is another after each.
func (p *Prover) Proof() (proof uintptr) {
	for _, m := range []*memory{p.admitted, p.refused} {
		for _, u := range m.proven {
			proof = reflect.ValueOf(u.fired).Pointer()
		}
	}
	return proof
}
