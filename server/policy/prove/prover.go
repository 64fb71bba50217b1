package prove

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// Prover admits sets of policies, one after the other. It remembers what it has proven and tested of the units of the last set,
// and does not do it again where a unit means the same. All methods may be called concurrently; they wait for each other.
type Prover struct {
	options Options
	mu      sync.Mutex
	// proven are units without fault, by their key, and tested units whose tests passed. Those that the last set did not have
	// are dropped.
	proven map[string]provenUnit
	tested map[string]testedUnit
	// trusting says that the units of Options.Trusted were taken over.
	trusting bool
}

// provenUnit is what was found of a controller.
type provenUnit struct {
	report consent.EnumeratedController
	// fired are the rules that fired, as lines number them.
	fired map[string]bool
	// trusted ones are never forgotten.
	trusted bool
}

// testedUnit is how the tests of a unit went.
type testedUnit struct {
	passed, skipped int
	covered         map[string]bool
	trusted         bool
}

// New returns a prover that remembers nothing.
func New(o Options) *Prover {
	o.TestTimeout = cmp.Or(o.TestTimeout, DefaultTestTimeout)
	o.Workers = cmp.Or(o.Workers, max(1, runtime.GOMAXPROCS(0)/2))
	return &Prover{options: o, proven: map[string]provenUnit{}, tested: map[string]testedUnit{}}
}

// Admit proves the invariants of a set that was loaded from fsys, and runs its own tests, which stand in fsys too. The error
// is a *Refused with the report's faults, or says why admission could not be done: the context ended, a file cannot be read.
func (p *Prover) Admit(ctx context.Context, fsys fs.FS, set *policy.Set) (consent.PolicyReport, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	report := consent.PolicyReport{Revision: set.Revision()}
	if err := p.trust(); err != nil {
		return report, err
	}
	a, err := p.begin(fsys, set)
	if err != nil {
		return report, err
	}
	if err := a.enumerate(ctx, &report); err != nil {
		return report, err
	}
	if !p.options.SkipTests {
		if err := a.test(ctx, &report); err != nil {
			return report, err
		}
	}
	if err := a.unfired(ctx, &report); err != nil {
		return report, err
	}
	p.remember(a)
	if len(report.Faults) > 0 {
		return report, &Refused{Faults: report.Faults}
	}
	return report, nil
}

// trust takes the units of Options.Trusted for proven and tested, once.
func (p *Prover) trust() error {
	if p.options.Trusted == nil || p.trusting {
		return nil
	}
	set, err := policy.Load(p.options.Trusted, policy.Options{})
	if err != nil {
		return fmt.Errorf("loading the trusted policies: %w", err)
	}
	a, err := p.begin(p.options.Trusted, set)
	if err != nil {
		return err
	}
	for _, at := range a.lines {
		a.fired[at] = true
	}
	for _, c := range set.Describe().Controllers {
		known := consent.EnumeratedController{ID: c.ID, Purposes: len(c.Purposes)}
		p.proven[a.provenKey(c.ID)] = provenUnit{report: known, fired: a.firedOf(c.ID), trusted: true}
	}
	for _, unit := range a.unitNames() {
		p.tested[a.testKey(unit)] = testedUnit{covered: a.firedOf(unit), trusted: true}
	}
	p.trusting = true
	return nil
}

// remember keeps what an admission proved, and what is trusted.
func (p *Prover) remember(a *admission) {
	maps.DeleteFunc(p.proven, func(_ string, u provenUnit) bool { return !u.trusted })
	maps.DeleteFunc(p.tested, func(_ string, u testedUnit) bool { return !u.trusted })
	maps.Copy(p.proven, a.proven)
	maps.Copy(p.tested, a.tested)
}

// begin loads the set again, with its rules tracked, and reads what the space is derived from.
func (p *Prover) begin(fsys fs.FS, set *policy.Set) (*admission, error) {
	tracked, err := policy.Load(fsys, policy.Options{TrackRules: true})
	if err != nil {
		return nil, fmt.Errorf("loading the policies again: %w", err)
	}
	if tracked.Revision() != set.Revision() {
		return nil, fmt.Errorf("the files changed while they were loaded: revision %s, was %s", tracked.Revision(), set.Revision())
	}
	controllers := set.Describe().Controllers
	u, err := readUnits(fsys, controllers)
	if err != nil {
		return nil, &Refused{Faults: findings(policy.Faults(err))}
	}
	a := &admission{
		prover: p, set: set.Detached(), tracked: tracked.Detached(), units: u, lines: u.lines(),
		vocabularies: map[string]*vocabulary{}, fired: map[string]bool{},
		proven: map[string]provenUnit{}, tested: map[string]testedUnit{},
	}
	now := cmp.Or(p.options.Now, consent.InstantOf(time.Now()))
	for _, c := range controllers {
		if a.vocabularies[c.ID], err = newVocabulary(c.ID, now, []*policy.Set{set}); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// enumerate proves the controllers that are not proven yet and adds what it finds to the report.
func (a *admission) enumerate(ctx context.Context, r *consent.PolicyReport) error {
	start := time.Now()
	var fresh []string
	for _, c := range a.set.Describe().Controllers {
		r.Controllers = append(r.Controllers, consent.EnumeratedController{ID: c.ID, Purposes: len(c.Purposes)})
		key := a.provenKey(c.ID)
		if known, ok := a.prover.proven[key]; ok {
			r.Controllers[len(r.Controllers)-1] = known.report
			maps.Copy(a.fired, known.fired)
			a.proven[key] = known
			continue
		}
		fresh = append(fresh, c.ID)
	}
	results, err := a.proveAll(ctx, a.jobs(fresh))
	if err != nil {
		return err
	}
	for i := range results {
		a.add(r, &results[i])
	}
	r.Faults = append(r.Faults, a.faults(ctx, results)...)
	a.remember(r, fresh)
	for _, c := range r.Controllers {
		r.Cases += c.Cases
	}
	r.Enumeration = time.Since(start)
	return nil
}

// firedOf are the rules that fired, those of other controllers aside.
func (a *admission) firedOf(controller string) map[string]bool {
	out := maps.Clone(a.fired)
	maps.DeleteFunc(out, func(rule string, _ bool) bool {
		return strings.HasPrefix(rule, controllerFolder) && !strings.HasPrefix(rule, controllerFolder+controller+"/")
	})
	return out
}

// provenKey is that of a controller's proof: what it means, and which versions of tables are in force.
func (a *admission) provenKey(controller string) string {
	v := a.vocabularies[controller]
	begun := 0
	for d := range v.dates {
		if d <= v.now {
			begun++
		}
	}
	return fmt.Sprintf("%s:%d:%s", controller, begun, a.units.key(controller, false))
}

// remember keeps the proofs of controllers without faults and warnings.
func (a *admission) remember(r *consent.PolicyReport, fresh []string) {
	if len(r.Faults)+len(r.Warnings) > 0 {
		return
	}
	for _, c := range r.Controllers {
		if slices.Contains(fresh, c.ID) {
			a.proven[a.provenKey(c.ID)] = provenUnit{report: c, fired: a.firedOf(c.ID)}
		}
	}
}
