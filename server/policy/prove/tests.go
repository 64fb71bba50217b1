package prove

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/engine"
)

// errTestsTooSlow is the cause of a test run that takes longer than it may.
var errTestsTooSlow = errors.New("the tests take too long")

// test runs the tests (`opa test`) of the units that are not tested yet. A test that fails, errs or does not compile is a
// fault. The error is the context's.
func (a *admission) test(ctx context.Context, r *consent.PolicyReport) error {
	start := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, a.prover.options.TestTimeout, errTestsTooSlow)
	defer cancel()
	if err := a.testUnits(limited, r); err != nil {
		r.Faults = append(r.Faults, findings(policy.Faults(err))...)
	}
	r.Tests.Duration = time.Since(start)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("running the policies' tests: %w", context.Cause(ctx))
	case limited.Err() != nil:
		r.Faults = append(r.Faults, faultAt("", 0, fmt.Sprintf(
			"the set's tests (opa test) take longer than %v: make them fewer or faster", a.prover.options.TestTimeout)))
	case r.Tests == consent.PolicyTests{Duration: r.Tests.Duration}:
		r.Warnings = append(r.Warnings, faultAt("", 0, "the set has no tests: write some in *_test.rego beside the rules"))
	}
	return nil
}

// unitNames are the shared unit and the controllers.
func (a *admission) unitNames() []string {
	names := []string{""}
	for _, c := range a.set.Describe().Controllers {
		names = append(names, c.ID)
	}
	return names
}

// testUnits runs the tests of the units that are not known to pass, all at once, and takes over what is known of the others.
func (a *admission) testUnits(ctx context.Context, r *consent.PolicyReport) error {
	owners := map[string]string{} // by package
	for _, unit := range a.unitNames() {
		key := a.testKey(unit)
		if known, ok := a.prover.tested[key]; ok {
			a.tested[key] = known
			r.Tests.Passed += known.passed
			r.Tests.Skipped += known.skipped
			maps.Copy(a.fired, known.covered)
			continue
		}
		for _, p := range a.units.testPackages(unit) {
			owners[p] = unit
		}
	}
	if len(owners) == 0 {
		return nil
	}
	return a.runTests(ctx, owners, r)
}

func (a *admission) testKey(unit string) string { return unit + ":" + a.units.key(unit, true) }

// runTests runs the tests of some packages, given with the units that own them. Failed ones are added to the report; if none
// failed, the units are remembered.
func (a *admission) runTests(ctx context.Context, owners map[string]string, r *consent.PolicyReport) error {
	results, err := a.runner(sortedKeys(owners)).RunTests(ctx, nil)
	if err != nil {
		return err
	}
	counts := map[string]testedUnit{}
	for result := range results {
		u := counts[owners[result.Package]]
		switch {
		case result.Skip:
			u.skipped++
		case result.Pass():
			u.passed++
		default:
			r.Tests.Failed++
			r.Faults = append(r.Faults, testFault(result))
		}
		counts[owners[result.Package]] = u
	}
	for unit, u := range counts {
		r.Tests.Passed += u.passed
		r.Tests.Skipped += u.skipped
		if r.Tests.Failed == 0 && ctx.Err() == nil {
			u.covered = map[string]bool{}
			a.tested[a.testKey(unit)] = u
		}
	}
	return nil
}

func (a *admission) runner(packages []string) *tester.Runner {
	return tester.NewRunner().SetStore(inmem.NewFromObject(a.units.documents)).SetModules(a.units.modules).Filter(filterOf(packages))
}

// cover runs tests again for the rules that they cover: those beside some rules or, if all is set, all of them. Coverage
// makes tests take four times as long, so they are run without it first.
func (a *admission) cover(ctx context.Context, rules []engine.Rule, all bool) error {
	packages := map[string]bool{}
	for _, unit := range a.unitNames() {
		for _, p := range a.units.testPackages(unit) {
			if all || slices.ContainsFunc(rules, func(rule engine.Rule) bool { return a.units.beside(p, rule.File) }) {
				packages[p] = true
			}
		}
	}
	if len(packages) == 0 {
		return nil
	}
	tracer := cover.New()
	results, err := a.runner(sortedKeys(packages)).SetCoverageQueryTracer(tracer).RunTests(ctx, nil)
	if err != nil {
		return err
	}
	for range results { // they have passed before
	}
	covered := a.covered(tracer)
	maps.Copy(a.fired, covered)
	for _, u := range a.tested {
		maps.Copy(u.covered, covered)
	}
	return ctx.Err()
}

// filterOf matches the tests of the packages.
func filterOf(packages []string) string {
	quoted := make([]string, len(packages))
	for i, p := range packages {
		quoted[i] = regexp.QuoteMeta(p)
	}
	return "^(" + strings.Join(quoted, "|") + `)\.[^.]+$`
}

// covered are the rules whose heads were covered.
func (a *admission) covered(tracer *cover.Cover) map[string]bool {
	out := map[string]bool{}
	for file, report := range tracer.Report(a.units.modules).Files {
		for _, covered := range report.Covered {
			for line := covered.Start.Row; line <= covered.End.Row; line++ {
				if at, ok := a.lines[position(file, line)]; ok {
					out[at] = true
				}
			}
		}
	}
	return out
}

func testFault(r *tester.Result) consent.PolicyFinding {
	message := "test " + r.Name + " fails: mend the rule or the test (opa test -v shows why)"
	if r.Error != nil {
		message = "test " + r.Name + " fails: " + oneLine(r.Error.Error())
	}
	if r.Location == nil {
		return faultAt("", 0, message)
	}
	return faultAt(r.Location.File, r.Location.Row, message)
}

func position(file string, line int) string {
	return consent.PolicyFault{File: strings.TrimPrefix(file, "/"), Line: line}.Place()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
