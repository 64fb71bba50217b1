package app

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
	"github.com/consentd/consentd/server/policy/source"
)

// prover proves candidates: those that are to be put in force, and those that CheckPolicy asks about. Each of the
// two has a memory of its own, and one candidate is proven at a time in each. What a candidate for activation has
// in common with the embedded policies is not proven again: their proof is a test of package admission.
type prover struct {
	admission, checks *admission.Prover
}

func newProver(testTimeout time.Duration) *prover {
	return &prover{
		admission: admission.New(admission.Options{Known: policies.FS, TrustKnown: true, TestTimeout: testTimeout}),
		checks:    admission.New(admission.Options{Known: policies.FS, TestTimeout: testTimeout}),
	}
}

// admit is asked before a set is put in force.
func (p *prover) admit(ctx context.Context, files fs.FS, set *policy.Set) error {
	_, err := p.admission.Admit(ctx, files, set)
	return err
}

// CheckPolicy puts files through all that a set must pass before it is put in force.
func (p *prover) CheckPolicy(ctx context.Context, list []consent.PolicyFile) (consent.PolicyReport, error) {
	files, err := source.NewFiles(list)
	if err != nil {
		return refusal(err), nil
	}
	set, err := policy.Load(files.FS(), policy.Options{})
	if err != nil {
		return refusal(err), nil
	}
	report, err := p.checks.Admit(ctx, files.FS(), set)
	if _, refused := errors.AsType[*admission.Refused](err); refused {
		return report, nil
	}
	return report, err
}

// refusal is the report on what does not load.
func refusal(err error) (r consent.PolicyReport) {
	for _, f := range policy.Faults(err) {
		r.Faults = append(r.Faults, consent.PolicyFinding{PolicyFault: f})
	}
	return r
}
