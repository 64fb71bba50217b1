package prove

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// silentRule is a rule that fired in no case and in no test.
type silentRule struct {
	// id is the rule as lines number it: it is found again when comments move it.
	id, path string
}

// knownRules are the shared rules of a set, as ruleKey has them.
func knownRules(fsys fs.FS) (map[string]bool, error) {
	u, err := readUnits(fsys, nil)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, m := range u.modules {
		if m.Package.Path.HasPrefix(ast.MustParseRef(controllerPackages)) {
			continue
		}
		for _, r := range m.Rules {
			known[ruleKey(r)] = true
		}
	}
	return known, nil
}

// ruleKey is what a rule says and in which package, without comments and layout.
func ruleKey(r *ast.Rule) string { return r.Module.Package.Path.String() + "\n" + r.String() }

// findSilent returns the rules that fired in no case and in no test, in the order of files and lines. Shared rules that are
// known are left out.
func (a *admission) findSilent(ctx context.Context) ([]silentRule, error) {
	silent := a.silentRules()
	if again := a.controllersOf(silent); len(again) > 0 {
		// Rules were looked at in one case for each answer; before a controller's rule is a fault, all cases are.
		a.trackAll = true
		if _, err := a.proveAll(ctx, a.jobs(again)); err != nil {
			return nil, err
		}
		a.rememberFired(again)
		silent = a.silentRules()
	}
	return silent, nil
}

// rememberFired takes over into proofs what further rules fired.
func (a *admission) rememberFired(controllers []string) {
	for _, id := range controllers {
		if u, ok := a.memory.proven[a.provenKey(id)]; ok {
			u.fired, u.allTracked = a.firedOf(id), true
			a.memory.proven[a.provenKey(id)] = u
		}
	}
}

// silentRules are those of which nothing at their line fired, once for each line.
func (a *admission) silentRules() (out []silentRule) {
	rules := slices.SortedFunc(slices.Values(a.tracked.Rules()), func(a, b engine.Rule) int {
		return 2*strings.Compare(a.File, b.File) + min(max(a.Row-b.Row, -1), 1)
	})
	byID, seen := a.units.rulesByID(), map[string]bool{}
	for _, rule := range rules {
		id := a.lines[position(rule.File, rule.Row)]
		if id == "" || a.fired[id] || a.covered[id] || seen[id] || a.prover.known[ruleKey(byID[id])] {
			continue
		}
		seen[id] = true
		out = append(out, silentRule{id: id, path: rule.Path})
	}
	return out
}

// controllersOf are the controllers that have one of the rules of their own and were not looked at for all of them.
func (a *admission) controllersOf(rules []silentRule) (ids []string) {
	for _, rule := range rules {
		own, ok := strings.CutPrefix(rule.id, controllerFolder)
		id, _, _ := strings.Cut(own, "/")
		if ok && !slices.Contains(ids, id) && !a.memory.proven[a.provenKey(id)].allTracked {
			ids = append(ids, id)
		}
	}
	return ids
}

// unfired reports the rules that fired nowhere: one finding for each file. Those of a controller are faults. Those of shared
// packages are warnings: a pack may serve controllers that this set does not have.
func (a *admission) unfired(r *consent.PolicyReport, silent []silentRule) {
	at := a.positions()
	for i := 0; i < len(silent); {
		file, _, _ := strings.Cut(silent[i].id, "#")
		n := i
		for n < len(silent) && strings.HasPrefix(silent[n].id, file+"#") {
			n++
		}
		if f := unfiredFinding(file, silent[i:n], at); strings.HasPrefix(file, controllerFolder) {
			r.Faults = append(r.Faults, f)
		} else {
			r.Warnings = append(r.Warnings, f)
		}
		i = n
	}
}

// positions are the lines of the rules by their ids.
func (a *admission) positions() map[string]int {
	out := map[string]int{}
	for place, id := range a.lines {
		if _, line, ok := strings.Cut(place, ":"); ok {
			out[id], _ = strconv.Atoi(line) // position wrote it
		}
	}
	return out
}

func unfiredFinding(file string, silent []silentRule, at map[string]int) consent.PolicyFinding {
	const remedy = "mend its conditions, remove it, or show by a test or case when it fires"
	first := at[silent[0].id]
	if len(silent) == 1 {
		return faultAt(file, first, fmt.Sprintf("%s fires in no case and in no test: %s", silent[0].path, remedy))
	}
	rest := make([]string, 0, len(silent)-1)
	for _, rule := range silent[1:] {
		rest = append(rest, itoa(at[rule.id]))
	}
	return faultAt(file, first, fmt.Sprintf("%s fires in no case and in no test, nor do %d more rules here (lines %s): %s",
		silent[0].path, len(rest), join(rest), strings.ReplaceAll(remedy, "its conditions", "their conditions")))
}
