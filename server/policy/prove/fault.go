package prove

import (
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// Fault is one reason why a set is refused, or a warning.
type Fault struct {
	consent.PolicyFault
	// Counterexample shows the fault; nil where it needs none.
	Counterexample *Counterexample
}

// Refused is the error of a set that is not admitted.
type Refused struct{ Faults []Fault }

// Error gives one line per fault.
func (e *Refused) Error() string { return e.faults().Error() }

// Unwrap returns the faults as a *consent.PolicyFaultsError, for those who do not show counterexamples.
func (e *Refused) Unwrap() error { return e.faults() }

func (e *Refused) faults() *consent.PolicyFaultsError {
	all := &consent.PolicyFaultsError{}
	for _, f := range e.Faults {
		all.Faults = append(all.Faults, f.PolicyFault)
	}
	return all
}

// faultAt is a fault at a line of a file, which may have a leading slash, as those of bundles do.
func faultAt(file string, line int, message string) Fault {
	return Fault{PolicyFault: consent.PolicyFault{File: strings.TrimPrefix(file, "/"), Line: line, Message: message}}
}

func faults(found []consent.PolicyFault) (out []Fault) {
	for _, f := range found {
		out = append(out, Fault{PolicyFault: f})
	}
	return out
}
