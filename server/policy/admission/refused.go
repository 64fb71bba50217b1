package admission

import (
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// Refused is the error of a set that is not admitted.
type Refused struct{ Faults []consent.PolicyFinding }

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
func faultAt(file string, line int, message string) consent.PolicyFinding {
	return consent.PolicyFinding{PolicyFault: consent.PolicyFault{File: strings.TrimPrefix(file, "/"), Line: line, Message: message}}
}

func findings(found []consent.PolicyFault) (out []consent.PolicyFinding) {
	for _, f := range found {
		out = append(out, consent.PolicyFinding{PolicyFault: f})
	}
	return out
}
