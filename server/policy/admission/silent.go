package admission

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// silentRule is a rule that fired in no case and in no test.
type silentRule struct {
	// id is the rule as lines number it: it is found again when comments move it.
	id, path string
	// unneeded says that no decision asks for the rule, whatever its conditions: its name may be misspelt.
	unneeded bool
}

// file is where the rule stands.
func (r silentRule) file() string {
	file, _, _ := strings.Cut(r.id, "#")
	return file
}

// sharedRules are those of a set, as ruleKey has them.
func sharedRules(t *tree.Tree) (map[string]bool, error) {
	modules, err := t.All()
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, m := range modules {
		if m.Package.Path.HasPrefix(ast.MustParseRef(tree.Rules)) {
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

// findSilent returns the rules that fired in no case and in no test, in the order of files and lines. Shared rules
// that are known are left out.
func (a *attempt) findSilent(ctx context.Context) ([]silentRule, error) {
	if err := a.coverSilent(ctx); err != nil {
		return nil, err
	}
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
func (a *attempt) rememberFired(controllers []string) {
	for _, id := range controllers {
		if u, ok := a.memory.proven[a.provenKey(id)]; ok {
			u.fired, u.allTracked = a.firedOf(id), true
			a.memory.proven[a.provenKey(id)] = u
		}
	}
}

// silentRules are those that no decision needs, and those of which nothing at their line fired, once for each line.
func (a *attempt) silentRules() []silentRule {
	out := append(a.unneededRules(), a.unfiredRules()...)
	at := a.positions()
	slices.SortFunc(out, func(x, y silentRule) int {
		return cmp.Or(strings.Compare(x.file(), y.file()), compareBool(x.unneeded, y.unneeded), cmp.Compare(at[x.id], at[y.id]))
	})
	return out
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// unneededRules are those, tests aside, that the compiled decisions do not have. Where the compiler leaves a
// decision to topdown nothing is known of its rules.
func (a *attempt) unneededRules() (out []silentRule) {
	needed := map[string]bool{}
	for _, rule := range a.tracked.Rules() {
		needed[a.lines[position(rule.File, rule.Row)]] = true
	}
	paths := map[string]bool{}
	byID := a.units.rulesByID()
	for id, rule := range byID {
		if needed[id] {
			paths[rule.Ref().GroundPrefix().String()] = true
		}
	}
	for _, c := range a.set.Describe().Controllers {
		if !paths[ast.MustParseRef(fmt.Sprintf("%s[%q].decision", tree.Rules, c.ID)).String()] {
			return nil
		}
	}
	seen := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		rule, path := byID[id], byID[id].Ref().GroundPrefix().String()
		file, _, _ := strings.Cut(id, "#")
		if paths[path] || seen[path] || tree.IsTest(file) || tree.OfAccess(rule.Module) || a.prover.known[ruleKey(rule)] {
			continue
		}
		seen[path] = true
		out = append(out, silentRule{id: id, path: path, unneeded: true})
	}
	return out
}

// unfiredRules are those of which nothing at their line fired, once for each line.
func (a *attempt) unfiredRules() (out []silentRule) {
	byID, seen := a.units.rulesByID(), map[string]bool{}
	for _, rule := range a.tracked.Rules() {
		id := a.lines[position(rule.File, rule.Row)]
		if id == "" || a.fired[id] || a.covered[id] || seen[id] || a.prover.known[ruleKey(byID[id])] || a.unwalked[controllerOf(id)] {
			continue
		}
		seen[id] = true
		out = append(out, silentRule{id: id, path: rule.Path})
	}
	return out
}

// controllersOf are the controllers that have one of the rules of their own and were not looked at for all of them.
func (a *attempt) controllersOf(rules []silentRule) (ids []string) {
	for _, rule := range rules {
		id := controllerOf(rule.id)
		if id != "" && !rule.unneeded && !slices.Contains(ids, id) && !a.memory.proven[a.provenKey(id)].allTracked {
			ids = append(ids, id)
		}
	}
	return ids
}

// controllerOf is the controller whose rule has the id; empty: it is a shared one.
func controllerOf(id string) string {
	own, ok := strings.CutPrefix(id, tree.Folder)
	if !ok {
		return ""
	}
	controller, _, _ := strings.Cut(own, "/")
	return controller
}

// unfired reports the rules that fired nowhere: one finding for each file, and one for those there that no
// decision needs. Those of a controller are faults. Those of shared packages are warnings: a pack may serve
// controllers that this set does not have.
func (a *attempt) unfired(r *consent.PolicyReport, silent []silentRule) {
	at := a.positions()
	for i := 0; i < len(silent); {
		file, n := silent[i].file(), i
		for n < len(silent) && strings.HasPrefix(silent[n].id, file+"#") && silent[n].unneeded == silent[i].unneeded {
			n++
		}
		if f := unfiredFinding(file, silent[i:n], at); strings.HasPrefix(file, tree.Folder) {
			r.Faults = append(r.Faults, f)
		} else {
			r.Warnings = append(r.Warnings, f)
		}
		i = n
	}
}

// positions are the lines of the rules by their ids.
func (a *attempt) positions() map[string]int {
	out := map[string]int{}
	for place, id := range a.lines {
		if _, line, ok := strings.Cut(place, ":"); ok {
			out[id], _ = strconv.Atoi(line) // position wrote it
		}
	}
	return out
}

func unfiredFinding(file string, silent []silentRule, at map[string]int) consent.PolicyFinding {
	what, remedy := "fires in no case and in no test", "mend its conditions, remove it, or show by a test or case when it fires"
	if silent[0].unneeded {
		what, remedy = "is needed by no decision", "mend its name, refer to it from what decides, or remove it"
	}
	others := ""
	if rest := silent[1:]; len(rest) > 0 {
		lines := make([]string, len(rest))
		for i, rule := range rest {
			lines[i] = strconv.Itoa(at[rule.id])
		}
		others = fmt.Sprintf(" (the same holds here for line %s)", strings.Join(lines, ", "))
	}
	return faultAt(file, at[silent[0].id], fmt.Sprintf("%s %s: %s%s", silent[0].path, what, remedy, others))
}
