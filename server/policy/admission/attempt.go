package admission

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/space"
)

// attempt is one admission under way.
type attempt struct {
	prover       *Prover
	set, tracked *policy.Set
	units        *units
	lines        lines
	// now is the instant around which situations are made.
	now          consent.Instant
	vocabularies map[string]*space.Vocabulary
	// ran is whether some tests or cases were run, and not all known to pass.
	ran bool
	// trackAll has tracked asked about every situation, not about one for each answer only.
	trackAll bool
	// fired are the rules that fired in the enumeration, covered those that did in a test or case, as lines number
	// them.
	fired, covered map[string]bool
	// faulty are the controllers in which the enumeration found a fault; unwalked those of which not all was looked
	// at: nothing is known of rules of theirs that did not fire.
	faulty, unwalked map[string]bool
	// memory is what the prover is to remember.
	memory *memory
}

// add adds what was found of a purpose to the report, but for the invariants that it breaks.
func (a *attempt) add(r *consent.PolicyReport, found *result) {
	i := slices.IndexFunc(r.Controllers, func(c consent.EnumeratedController) bool { return c.ID == found.controller })
	c := &r.Controllers[i]
	c.Proven++
	c.Cases += found.cases
	c.Allowed += found.allowed
	table := a.tableOf(found.controller)
	if len(found.violations) > 0 {
		a.faulty[found.controller] = true
	}
	if found.tooLarge != nil {
		a.faulty[found.controller], a.unwalked[found.controller] = true, true
		r.Faults = append(r.Faults, faultAt(table, 0, fmt.Sprintf("purposes.%s: not proven: %v", found.purpose, found.tooLarge)))
		return
	}
	failing := slices.ContainsFunc(found.violations, func(v violation) bool { return v.invariant.ID == total.ID })
	if found.allowed == 0 && !failing && !a.set.Tree().Tables[found.controller].Purposes[found.purpose].Prohibited {
		a.faulty[found.controller] = true
		r.Faults = append(r.Faults, faultAt(table, 0, fmt.Sprintf(
			"purposes.%s: no case is allowed (of %d: %s): mend the rule that denies them all, or say prohibited: true",
			found.purpose, found.cases, commonest(found.reasons))))
	}
}

// tableOf is the file that has a controller's table.
func (a *attempt) tableOf(controller string) string { return a.set.Tree().Tables[controller].File() }

// commonest names the reasons that deny most.
func commonest(reasons map[consent.ReasonCode]int) string {
	codes := slices.Sorted(maps.Keys(reasons))
	slices.SortStableFunc(codes, func(a, b consent.ReasonCode) int { return reasons[b] - reasons[a] })
	var out []string
	for _, c := range codes[:min(len(codes), 3)] {
		out = append(out, fmt.Sprintf("%s %d times", c, reasons[c]))
	}
	return strings.Join(out, ", ")
}
