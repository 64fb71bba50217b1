package prove

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// DefaultTestTimeout bounds how long the set's own tests may take.
const DefaultTestTimeout = 60 * time.Second

// Options say how a set is admitted. The zero value is the production setting.
type Options struct {
	// Now is the instant around which cases are made; zero means the system's clock.
	Now consent.Instant
	// TestTimeout bounds the set's own tests, the first time; zero means DefaultTestTimeout.
	TestTimeout time.Duration
	// Workers is how many purposes are proven at once; zero means half the processors, so that checks find the other half.
	Workers int
	// Trusted is a set of policies that was proven and tested elsewhere, as the embedded ones are by this package's test: units
	// that mean what they mean there are not proven again. Nil: there is none.
	Trusted fs.FS
	// Known is a set of policies whose shared rules are known to fire for some controller: where one of them stands unchanged and
	// this set's controllers have no use for it, that is no warning. Nil: there is none.
	Known fs.FS
	// SkipTests leaves the set's own tests and cases out: for those who run them otherwise.
	SkipTests bool
}

// admission is one admission under way.
type admission struct {
	prover       *Prover
	set, tracked *policy.Set
	units        *units
	lines        lines
	vocabularies map[string]*vocabulary
	// ran is whether some tests or cases were run, and not all known to pass.
	ran bool
	// trackAll has tracked asked about every case, not of one for each answer only.
	trackAll bool
	// fired are the rules that fired in the enumeration, covered those that did in a test or case, as lines number them.
	fired, covered map[string]bool
	// faulty are the controllers in which the enumeration found a fault; warnings are what else it found of a controller.
	faulty   map[string]bool
	warnings map[string][]consent.PolicyFinding
	// memory is what the prover is to remember.
	memory *memory
}

// Admit is New(o).Admit: for those who admit one set.
func Admit(ctx context.Context, fsys fs.FS, set *policy.Set, o Options) (consent.PolicyReport, error) {
	return New(o).Admit(ctx, fsys, set)
}

// add adds what was found of a purpose to the report, but for the invariants that it breaks.
func (a *admission) add(r *consent.PolicyReport, found *result) {
	i := slices.IndexFunc(r.Controllers, func(c consent.EnumeratedController) bool { return c.ID == found.controller })
	c := &r.Controllers[i]
	c.Proven++
	c.Cases += found.cases
	c.Allowed += found.allowed
	table := a.tableOf(found.controller)
	if len(found.violations) > 0 {
		a.faulty[found.controller] = true
	}
	if found.truncated {
		w := faultAt(table, 0, fmt.Sprintf(
			"purposes.%s: more than %d cases: the rest was not looked at: compare with fewer constants", found.purpose, maxCases))
		r.Warnings = append(r.Warnings, w)
		a.warnings[found.controller] = append(a.warnings[found.controller], w)
		return
	}
	failing := slices.ContainsFunc(found.violations, func(v violation) bool { return v.invariant.id == wellFormed })
	if found.allowed == 0 && !failing && !a.vocabularies[found.controller].table.Purposes[found.purpose].Prohibited {
		a.faulty[found.controller] = true
		r.Faults = append(r.Faults, faultAt(table, 0, fmt.Sprintf(
			"purposes.%s: no case is allowed (of %d: %s): mend the rule that denies them all, or say prohibited: true",
			found.purpose, found.cases, commonest(found.reasons))))
	}
}

// tableOf is the file that has a controller's table.
func (a *admission) tableOf(controller string) string { return a.set.Tree().Tables[controller].File() }

// commonest names the reasons that deny most.
func commonest(reasons map[consent.ReasonCode]int) string {
	codes := sortedKeys(reasons)
	slices.SortStableFunc(codes, func(a, b consent.ReasonCode) int { return reasons[b] - reasons[a] })
	var out []string
	for _, c := range codes[:min(len(codes), 3)] {
		out = append(out, fmt.Sprintf("%s %d times", c, reasons[c]))
	}
	return strings.Join(out, ", ")
}
