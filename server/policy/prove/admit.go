package prove

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
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
	// TestTimeout bounds the set's own tests; zero means DefaultTestTimeout.
	TestTimeout time.Duration
	// SkipTests leaves the set's own tests out: for those who run them otherwise.
	SkipTests bool
}

// Report is what admission found.
type Report struct {
	// Revision is the digest of the set.
	Revision string
	// Controllers is sorted by id.
	Controllers []ControllerReport
	// Cases is how many cases were decided, in Enumeration.
	Cases       int
	Enumeration time.Duration
	// Tests are the set's own.
	Tests TestCounts
	// Faults is empty if the set is admitted.
	Faults []Fault
	// Warnings do not keep a set out.
	Warnings []Fault
}

// ControllerReport is what was enumerated of one controller.
type ControllerReport struct {
	ID string
	// Purposes is how many it declares or prohibits; Proven how many of them were enumerated: of those that nothing tells
	// apart, one stands for all.
	Purposes, Proven int
	// Cases is how many cases were decided, Allowed how many of them ALLOW.
	Cases, Allowed int
}

// admission is one admission under way.
type admission struct {
	set          *policy.Set
	tracked      *policy.Set
	vocabularies map[string]*vocabulary

	mu sync.Mutex
	// fired are the rules of tracked that fired in some case.
	fired []bool
}

// Admit proves the invariants of a set that was loaded from fsys, and runs its own tests, which stand in fsys too. The error is a
// *Refused with the report's faults, or says why admission could not be done: the context ended, a file cannot be read.
func Admit(ctx context.Context, fsys fs.FS, set *policy.Set, o Options) (Report, error) {
	if o.Now == 0 {
		o.Now = consent.InstantOf(time.Now())
	}
	if o.TestTimeout == 0 {
		o.TestTimeout = DefaultTestTimeout
	}
	a, err := newAdmission(fsys, set, o.Now)
	if err != nil {
		return Report{}, err
	}
	r := Report{Revision: set.Revision()}
	if err := a.enumerate(ctx, &r); err != nil {
		return r, err
	}
	run := testRun{}
	if !o.SkipTests {
		if run, err = runTests(ctx, fsys, o.TestTimeout); err != nil {
			return r, err
		}
		a.tests(&r, &run)
	}
	a.unfired(&r, &run)
	if len(r.Faults) > 0 {
		return r, &Refused{Faults: r.Faults}
	}
	return r, nil
}

func newAdmission(fsys fs.FS, set *policy.Set, now consent.Instant) (*admission, error) {
	tracked, err := policy.Load(fsys, policy.Options{TrackRules: true})
	if err != nil {
		return nil, fmt.Errorf("loading the policies again: %w", err)
	}
	if tracked.Revision() != set.Revision() {
		return nil, fmt.Errorf("the files changed while they were loaded: revision %s, was %s", tracked.Revision(), set.Revision())
	}
	a := &admission{
		set: set.Detached(), tracked: tracked.Detached(), vocabularies: map[string]*vocabulary{},
		fired: make([]bool, len(tracked.Rules())),
	}
	for _, c := range set.Describe().Controllers {
		if a.vocabularies[c.ID], err = newVocabulary(c.ID, now, []*policy.Set{set}); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// enumerate proves all purposes and adds what it finds to the report.
func (a *admission) enumerate(ctx context.Context, r *Report) error {
	start := time.Now()
	jobs, _ := a.jobs()
	results, err := a.proveAll(ctx, jobs)
	if err != nil {
		return err
	}
	for _, c := range a.set.Describe().Controllers {
		r.Controllers = append(r.Controllers, ControllerReport{ID: c.ID, Purposes: len(c.Purposes)})
	}
	for i := range results {
		a.add(ctx, r, &results[i])
	}
	r.Enumeration = time.Since(start)
	return nil
}

func (a *admission) add(ctx context.Context, r *Report, found *result) {
	i := slices.IndexFunc(r.Controllers, func(c ControllerReport) bool { return c.ID == found.controller })
	c := &r.Controllers[i]
	c.Proven++
	c.Cases += found.cases
	c.Allowed += found.allowed
	r.Cases += found.cases
	for i := range found.violations {
		r.Faults = append(r.Faults, a.fault(ctx, found, &found.violations[i]))
	}
	table := "controllers/" + found.controller + "/data.yaml"
	if found.truncated {
		r.Warnings = append(r.Warnings, Fault{File: table, Message: fmt.Sprintf(
			"%s: more than %d cases: the rest was not looked at; compare with fewer constants", found.purpose, maxCases)})
		return
	}
	if found.allowed == 0 && !a.vocabularies[found.controller].table.Purposes[found.purpose].Prohibited {
		r.Faults = append(r.Faults, Fault{File: table, Message: fmt.Sprintf(
			"purposes.%s: no case is allowed (of %d: %s); mend the rule that denies them all, or say prohibited: true",
			found.purpose, found.cases, commonest(found.reasons))})
	}
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

func (a *admission) tests(r *Report, run *testRun) {
	r.Tests = run.counts
	r.Faults = append(r.Faults, run.faults...)
	if run.counts.Passed+run.counts.Failed == 0 && len(run.faults) == 0 {
		r.Warnings = append(r.Warnings, Fault{Message: "the set has no tests; write some in *_test.rego beside the rules"})
	}
}

// unfired reports the rules that fired in no case and in no test. Those of a controller are faults. Those of shared packages
// are warnings: a pack may serve controllers that this set does not have.
func (a *admission) unfired(r *Report, run *testRun) {
	fired := map[string]bool{}
	rules := a.tracked.Rules()
	for i, rule := range rules {
		at := position(rule.File, rule.Row)
		fired[at] = fired[at] || a.fired[i] || run.covered[at]
	}
	for _, rule := range rules {
		at := position(rule.File, rule.Row)
		if fired[at] {
			continue
		}
		fired[at] = true
		f := Fault{File: rule.File, Line: rule.Row, Message: fmt.Sprintf(
			"%s fires in no case and in no test; mend its conditions, remove it, or show by a test when it fires", rule.Path)}
		if strings.HasPrefix(rule.File, controllerFolder) {
			r.Faults = append(r.Faults, f)
		} else {
			r.Warnings = append(r.Warnings, f)
		}
	}
}
