package admission

import (
	"cmp"
	"context"
	"errors"
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
	"github.com/consentd/consentd/server/policy/space"
	"github.com/consentd/consentd/server/policy/tree"
)

// Prover admits sets of policies, one after the other. It remembers what it has proven and tested of the units of
// the last set that was admitted and of the last that was refused, and does not do it again where a unit means the
// same. All methods may be called concurrently; they wait for each other.
type Prover struct {
	options Options
	mu      sync.Mutex
	// trusted is what of Options.Known is trusted, nil before the first admission; admitted and refused are of the
	// last sets that were.
	trusted, admitted, refused *memory
	// slow is the set that ran out of time last, and how many times in a row it did.
	slow struct {
		revision string
		times    int
	}
	// known are the shared rules of Options.Known, as ruleKey has them.
	known map[string]bool
}

// New returns a prover that remembers nothing.
func New(o Options) *Prover {
	o.TestTimeout = cmp.Or(o.TestTimeout, DefaultTestTimeout)
	o.Workers = cmp.Or(o.Workers, max(1, runtime.GOMAXPROCS(0)/2))
	return &Prover{options: o, admitted: newMemory(), refused: newMemory()}
}

// Admit is New(o).Admit: for those who admit one set.
func Admit(ctx context.Context, fsys fs.FS, set *policy.Set, o Options) (consent.PolicyReport, error) {
	return New(o).Admit(ctx, fsys, set)
}

// Admit proves the invariants of a set that was loaded from fsys, and runs its own tests and cases, which stand in
// fsys too. The error is a *Refused with the report's faults, or says why admission could not be done: the context
// ended, a file cannot be read, or the tests ran out of time (*consent.UnfinishedError).
func (p *Prover) Admit(ctx context.Context, fsys fs.FS, set *policy.Set) (consent.PolicyReport, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	report := consent.PolicyReport{Revision: set.Revision()}
	if err := p.know(); err != nil {
		return report, err
	}
	a, err := p.begin(fsys, set)
	if refused, ok := errors.AsType[*Refused](err); ok {
		report.Faults = refused.Faults
	}
	if err != nil {
		return report, err
	}
	// Where nothing is new no rule can have become dead, and none is tracked.
	silent, settled := a.settled()
	if !settled {
		if err := a.track(); err != nil {
			return report, err
		}
	}
	if err := a.enumerate(ctx, &report); err != nil {
		return report, err
	}
	if err := a.proveAccess(ctx, &report); err != nil {
		return report, err
	}
	if !p.options.SkipTests {
		if err := a.test(ctx, &report); err != nil {
			p.interrupted(a, err)
			return report, err
		}
	}
	if !settled {
		if silent, err = a.findSilent(ctx); err != nil {
			return report, err
		}
	}
	a.unfired(&report, silent)
	p.remember(a, silent, len(report.Faults) > 0)
	if len(report.Faults) > 0 {
		return report, &Refused{Faults: report.Faults}
	}
	return report, nil
}

// maxTimeouts is how many times longer than the first time the tests of a set may take that ran out of time before: a
// machine that is busy, or was paused, is given more each time.
const maxTimeouts = 8

// testTimeout bounds the tests of a set.
func (p *Prover) testTimeout(revision string) time.Duration {
	timeout := p.options.TestTimeout
	if p.slow.revision == revision {
		timeout *= time.Duration(min(1<<min(p.slow.times, 8), maxTimeouts))
	}
	return timeout
}

// interrupted notes a set that ran out of time. What was proven of it need not be proven again.
func (p *Prover) interrupted(a *attempt, err error) {
	if _, ok := errors.AsType[*consent.UnfinishedError](err); !ok {
		return
	}
	if p.slow.revision != a.set.Revision() {
		p.slow.revision, p.slow.times = a.set.Revision(), 0
	}
	p.slow.times++
	p.refused = a.memory
}

// know reads the rules of Options.Known and, where they are to be trusted, takes its units for proven and tested;
// once.
func (p *Prover) know() error {
	if p.trusted != nil {
		return nil
	}
	trusted := newMemory()
	if p.options.Known != nil {
		known, err := tree.Read(p.options.Known)
		if err == nil && p.options.TrustKnown {
			err = p.trust(known, trusted)
		}
		if err == nil {
			p.known, err = sharedRules(known)
		}
		if err != nil {
			return fmt.Errorf("reading the known policies: %w", err)
		}
	}
	p.trusted = trusted
	return nil
}

// trust takes the units of a set for proven and tested.
func (p *Prover) trust(t *tree.Tree, m *memory) error {
	set, err := policy.LoadTree(t, policy.Options{})
	if err != nil {
		return err
	}
	a, err := p.begin(p.options.Known, set)
	if err != nil {
		return err
	}
	for _, at := range a.lines {
		a.fired[at] = true
	}
	for _, c := range set.Describe().Controllers {
		report := consent.EnumeratedController{ID: c.ID, Purposes: len(c.Purposes)}
		m.proven[a.provenKey(c.ID)] = provenUnit{report: report, fired: a.firedOf(c.ID), allTracked: true}
	}
	for _, unit := range a.unitNames() {
		m.tested[a.testKey(unit)] = testedUnit{covered: a.firedOf(unit)}
	}
	return nil
}

// remember keeps what an admission proved and tested: of a set that is refused beside what is in force, so that
// taking an edit back proves nothing again.
func (p *Prover) remember(a *attempt, silent []silentRule, refused bool) {
	a.memory.silent = map[string][]silentRule{a.wholeKey(): silent}
	if refused {
		p.refused = a.memory
		return
	}
	p.admitted, p.refused = a.memory, newMemory()
}

// track loads the set again, with its rules tracked.
func (a *attempt) track() error {
	tracked, err := policy.LoadTree(a.set.Tree(), policy.Options{TrackRules: true})
	if err != nil {
		return fmt.Errorf("loading the policies again: %w", err)
	}
	a.tracked = tracked.Detached()
	return nil
}

// begin reads what the space is derived from.
func (p *Prover) begin(fsys fs.FS, set *policy.Set) (*attempt, error) {
	controllers := set.Describe().Controllers
	u, err := readUnits(set.Tree(), controllers)
	if err == nil {
		err = u.readCases(fsys, controllers)
	}
	if err != nil {
		return nil, &Refused{Faults: findings(policy.Faults(err))}
	}
	a := &attempt{
		prover: p, set: set.Detached(), units: u, lines: u.lines(), memory: newMemory(),
		now: cmp.Or(p.options.Now, consent.InstantOf(time.Now())), vocabularies: map[string]*space.Vocabulary{},
		fired: map[string]bool{}, covered: map[string]bool{}, faulty: map[string]bool{}, unwalked: map[string]bool{},
	}
	for _, c := range controllers {
		if a.vocabularies[c.ID], err = space.NewVocabulary(c.ID, a.now, set); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// enumerate proves the controllers that are not proven yet and adds what it finds to the report.
func (a *attempt) enumerate(ctx context.Context, r *consent.PolicyReport) error {
	start := time.Now()
	var fresh []string
	for _, c := range a.set.Describe().Controllers {
		r.Controllers = append(r.Controllers, consent.EnumeratedController{ID: c.ID, Purposes: len(c.Purposes)})
		if known, ok := a.prover.provenBefore(a.provenKey(c.ID)); ok {
			r.Controllers[len(r.Controllers)-1] = known.report
			maps.Copy(a.fired, known.fired)
			a.memory.proven[a.provenKey(c.ID)] = known
			continue
		}
		fresh = append(fresh, c.ID)
	}
	var results []result
	if len(fresh) > 0 {
		var err error
		if results, err = a.proveAll(ctx, a.jobs(fresh)); err != nil {
			return err
		}
		if err := a.compareEngines(ctx, results); err != nil {
			return err
		}
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
func (a *attempt) firedOf(controller string) map[string]bool {
	out := maps.Clone(a.fired)
	maps.DeleteFunc(out, func(rule string, _ bool) bool {
		return strings.HasPrefix(rule, tree.Folder) && !strings.HasPrefix(rule, tree.Folder+controller+"/")
	})
	return out
}

// provenKey is that of a controller's proof: what it means, and which versions of tables are in force.
func (a *attempt) provenKey(controller string) string {
	return fmt.Sprintf("%s:%d:%s", controller, a.vocabularies[controller].Begun(), a.units.key(controller, false))
}

// remember keeps the proofs of the controllers in which no fault was found.
func (a *attempt) remember(r *consent.PolicyReport, fresh []string) {
	for _, c := range r.Controllers {
		if slices.Contains(fresh, c.ID) && !a.faulty[c.ID] {
			a.memory.proven[a.provenKey(c.ID)] = provenUnit{report: c, fired: a.firedOf(c.ID)}
		}
	}
}
