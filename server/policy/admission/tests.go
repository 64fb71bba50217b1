package admission

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
)

// errTestsTooSlow is the cause of a test run that takes longer than it may.
var errTestsTooSlow = errors.New("the tests take too long")

// test runs the tests (`opa test`) and the cases of the units that are not tested yet. One that fails, errs or
// does not compile is a fault. The error is the context's, or a *consent.UnfinishedError where they take too long
// and nothing else is wrong.
func (a *attempt) test(ctx context.Context, r *consent.PolicyReport) error {
	start, before := time.Now(), slices.Clone(r.Faults)
	limit := a.prover.testTimeout(a.set.Revision())
	limited, cancel := context.WithTimeoutCause(ctx, limit, errTestsTooSlow)
	defer cancel()
	if err := a.testUnits(limited, r); err != nil {
		r.Faults = append(r.Faults, findings(policy.Faults(err))...)
	}
	a.testCases(limited, r)
	a.untested(r)
	r.Tests.Duration = time.Since(start)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("running the policies' tests: %w", context.Cause(ctx))
	case limited.Err() != nil && a.ran:
		r.Faults = before // what failed since may have been cut off
		if len(before) == 0 {
			return &consent.UnfinishedError{Limit: limit}
		}
	case r.Tests == consent.PolicyTests{Duration: r.Tests.Duration}:
		r.Warnings = append(r.Warnings, faultAt("", 0, "the set has no tests: write some in *_test.rego or *.cases beside the rules"))
	}
	return nil
}

// unitNames are the shared unit, that of access, and the controllers.
func (a *attempt) unitNames() []string {
	names := []string{"", accessUnit}
	for _, c := range a.set.Describe().Controllers {
		names = append(names, c.ID)
	}
	return names
}

// testUnits runs the tests of the units that are not known to pass, all at once, and takes over what is known of
// the others.
func (a *attempt) testUnits(ctx context.Context, r *consent.PolicyReport) error {
	owners := map[string]string{} // by package
	for _, unit := range a.unitNames() {
		key := a.testKey(unit)
		if known, ok := a.prover.testedBefore(key); ok {
			a.memory.tested[key] = known
			r.Tests.Passed += known.passed
			r.Tests.Skipped += known.skipped
			maps.Copy(a.covered, known.covered)
			continue
		}
		packages := a.units.testPackages(unit)
		if len(packages) == 0 {
			a.memory.tested[key] = testedUnit{}
		}
		for _, p := range packages {
			owners[p] = unit
		}
	}
	if len(owners) == 0 {
		return nil
	}
	return a.runTests(ctx, owners, r)
}

func (a *attempt) testKey(unit string) string { return unit + ":" + a.units.key(unit, true) }

// runTests runs the tests of some packages, given with the units that own them. Failed ones are added to the
// report; units in which none failed are remembered.
func (a *attempt) runTests(ctx context.Context, owners map[string]string, r *consent.PolicyReport) error {
	a.ran = true
	results, err := a.runner(slices.Sorted(maps.Keys(owners))).RunTests(ctx, nil)
	if err != nil {
		return err
	}
	counts, failed := map[string]testedUnit{}, map[string]bool{}
	for _, unit := range owners {
		counts[unit] = testedUnit{}
	}
	for result := range results {
		unit := owners[result.Package]
		u := counts[unit]
		switch {
		case result.Skip:
			u.skipped++
		case result.Pass():
			u.passed++
		default:
			failed[unit] = true
			r.Tests.Failed++
			r.Faults = append(r.Faults, testFault(result))
		}
		counts[unit] = u
	}
	wanted := func(pkg string) bool { _, ok := owners[pkg]; return ok }
	differing, err := a.set.CompareTests(ctx, a.units.modules, a.units.documents, wanted)
	if err != nil && ctx.Err() == nil {
		return err
	}
	for _, d := range differing {
		failed[owners[packageOf(d.Name)]] = true
		r.Tests.Failed++
		r.Faults = append(r.Faults, faultAt(d.Location.File, d.Location.Row, "test "+d.Name+": "+d.Error()))
	}
	for unit, u := range counts {
		r.Tests.Passed += u.passed
		r.Tests.Skipped += u.skipped
		if !failed[unit] && ctx.Err() == nil {
			a.memory.tested[a.testKey(unit)] = u
		}
	}
	return nil
}

// packageOf is the package of a rule's path.
func packageOf(path string) string { return path[:strings.LastIndex(path, ".")] }

func (a *attempt) runner(packages []string) *tester.Runner {
	return tester.NewRunner().SetStore(inmem.NewFromObject(a.units.documents)).SetModules(a.units.modules).
		SetTimeout(maxTimeouts * a.prover.options.TestTimeout).Filter(filterOf(packages)) // the limit of all is the context's
}

// coverSilent looks for the rules that tests make fire, where the enumeration did not: first in the tests beside
// such rules, then in all. Coverage makes tests take four times as long, so they were run without it before.
func (a *attempt) coverSilent(ctx context.Context) error {
	for _, all := range []bool{false, true} {
		silent := a.unfiredRules()
		if len(silent) == 0 || a.prover.options.SkipTests {
			return nil
		}
		if err := a.cover(ctx, func(tests string) bool {
			return all || slices.ContainsFunc(silent, func(r silentRule) bool { return a.units.beside(tests, r.file()) })
		}); err != nil {
			return fmt.Errorf("looking for the rules that tests cover: %w", err)
		}
	}
	return nil
}

// cover runs the tests of some packages for the rules that they cover.
func (a *attempt) cover(ctx context.Context, wanted func(tests string) bool) error {
	var packages []string
	for _, unit := range a.unitNames() {
		packages = append(packages, slices.DeleteFunc(a.units.testPackages(unit), func(p string) bool { return !wanted(p) })...)
	}
	if len(packages) == 0 {
		return nil
	}
	tracer := cover.New()
	results, err := a.runner(packages).SetCoverageQueryTracer(tracer).RunTests(ctx, nil)
	if err != nil {
		return err
	}
	for range results { // how they end is known
	}
	maps.Copy(a.covered, a.coveredBy(tracer))
	for _, unit := range a.unitNames() {
		if u, ok := a.memory.tested[a.testKey(unit)]; ok {
			u.covered = a.covered
			a.memory.tested[a.testKey(unit)] = u
		}
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

// coveredBy are the rules whose heads were covered.
func (a *attempt) coveredBy(tracer *cover.Cover) map[string]bool {
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
	message := "test " + r.Name + " fails: mend the rule or the test (consentctl policy test shows what it got)"
	if r.Error != nil {
		message = "test " + r.Name + " fails: " + policy.OneLine(r.Error.Error()) + ": mend the rule or the test"
	}
	if r.Location == nil {
		return faultAt("", 0, message)
	}
	return faultAt(r.Location.File, r.Location.Row, message)
}

func position(file string, line int) string {
	return consent.PolicyFault{File: strings.TrimPrefix(file, "/"), Line: line}.Place()
}
