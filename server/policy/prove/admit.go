package prove

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/engine"
)

// DefaultTestTimeout bounds how long the set's own tests may take.
const DefaultTestTimeout = 60 * time.Second

// Options say how a set is admitted. The zero value is the production setting.
type Options struct {
	// Now is the instant around which cases are made; zero means the system's clock.
	Now consent.Instant
	// TestTimeout bounds the set's own tests; zero means DefaultTestTimeout.
	TestTimeout time.Duration
	// Workers is how many purposes are proven at once; zero means half the processors, so that checks find the other half.
	Workers int
	// Trusted is a set of policies that was proven and tested elsewhere, as the embedded ones are by this package's test: units
	// that mean what they mean there are not proven again. Nil: there is none.
	Trusted fs.FS
	// SkipTests leaves the set's own tests out: for those who run them otherwise.
	SkipTests bool
}

// admission is one admission under way.
type admission struct {
	prover       *Prover
	set, tracked *policy.Set
	units        *units
	lines        lines
	vocabularies map[string]*vocabulary
	// trackAll has tracked asked about every case, not of one for each answer only.
	trackAll bool
	// fired are the rules that fired in some case or test, as lines number them.
	fired map[string]bool
	// proven and tested are what the prover is to remember.
	proven map[string]provenUnit
	tested map[string]testedUnit
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
	if found.truncated {
		r.Warnings = append(r.Warnings, faultAt(table, 0, fmt.Sprintf(
			"purposes.%s: more than %d cases: the rest was not looked at: compare with fewer constants", found.purpose, maxCases)))
		return
	}
	failing := slices.ContainsFunc(found.violations, func(v violation) bool { return v.invariant.id == wellFormed })
	if found.allowed == 0 && !failing && !a.vocabularies[found.controller].table.Purposes[found.purpose].Prohibited {
		r.Faults = append(r.Faults, faultAt(table, 0, fmt.Sprintf(
			"purposes.%s: no case is allowed (of %d: %s): mend the rule that denies them all, or say prohibited: true",
			found.purpose, found.cases, commonest(found.reasons))))
	}
}

// tableOf is the file that has a controller's table.
func (a *admission) tableOf(controller string) string {
	for _, f := range a.set.Describe().Files {
		if path.Dir(f.Path) == controllerFolder+controller && path.Ext(f.Path) != ".rego" {
			return f.Path
		}
	}
	return "data.json"
}

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

// unfired reports the rules that fired in no case and in no test. Those of a controller are faults. Those of shared packages
// are warnings: a pack may serve controllers that this set does not have.
func (a *admission) unfired(ctx context.Context, r *consent.PolicyReport) error {
	silent, err := a.coveredOr(ctx, a.silentRules())
	if err != nil {
		return err
	}
	if again := a.controllersOf(silent); len(again) > 0 {
		// Rules were looked at in one case for each answer; before a controller's rule is a fault, all cases are.
		a.trackAll = true
		if _, err := a.proveAll(ctx, a.jobs(again)); err != nil {
			return err
		}
		silent = a.silentRules()
	}
	for _, rule := range silent {
		f := faultAt(rule.File, rule.Row, rule.Path+
			" fires in no case and in no test: mend its conditions, remove it, or show by a test when it fires")
		if strings.HasPrefix(f.File, controllerFolder) {
			r.Faults = append(r.Faults, f)
		} else {
			r.Warnings = append(r.Warnings, f)
		}
	}
	return nil
}

// coveredOr returns the rules that no test covers either. The tests beside them are looked at first.
func (a *admission) coveredOr(ctx context.Context, silent []engine.Rule) ([]engine.Rule, error) {
	for _, all := range []bool{false, true} {
		if len(silent) == 0 || a.prover.options.SkipTests {
			return silent, nil
		}
		if err := a.cover(ctx, silent, all); err != nil {
			return nil, fmt.Errorf("looking for the rules that tests cover: %w", err)
		}
		silent = a.silentRules()
	}
	return silent, nil
}

// silentRules are those of which nothing at their line fired, once for each line.
func (a *admission) silentRules() (out []engine.Rule) {
	seen := map[string]bool{}
	for _, rule := range a.tracked.Rules() {
		at := a.lines[position(rule.File, rule.Row)]
		if at != "" && !a.fired[at] && !seen[at] {
			seen[at] = true
			out = append(out, rule)
		}
	}
	return out
}

// controllersOf are the controllers that have one of the rules of their own.
func (a *admission) controllersOf(rules []engine.Rule) (ids []string) {
	for _, rule := range rules {
		if own, ok := strings.CutPrefix(strings.TrimPrefix(rule.File, "/"), controllerFolder); ok {
			if id, _, _ := strings.Cut(own, "/"); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
