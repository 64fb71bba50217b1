package admission

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/engine"
	"github.com/consentd/consentd/server/policy/law"
	"github.com/consentd/consentd/server/policy/space"
)

// The invariants that are about the policy itself, not about what it allows.
var (
	// monotonic compares two situations.
	monotonic = law.Invariant{
		ID:    "MONOTONIC",
		Words: "a withdrawal, objection, restriction, opt-out, signal or erasure never turns DENY into ALLOW",
	}
	// total: the policy always answers.
	total = law.Invariant{ID: "TOTAL", Words: "the policy gives one well-formed answer to every case"}
	// stale is about what a purpose declares for when a state cannot be read.
	stale = law.Invariant{
		ID: "STALE-ACT",
		Words: "what an objection, opt-out or signal of the subject ends by itself is never decided by a stale state, on which it may " +
			"be missing (GDPR Art. 21; CCPA 1798.120, .121)",
	}
	// engines agree.
	engines = law.Invariant{ID: "ENGINES", Words: "the compiled engine and OPA give one answer"}
)

// violation is a situation that breaks an invariant.
type violation struct {
	invariant law.Invariant
	// at is the situation; for monotonic it is allowed, and denied before the restricting event.
	at space.Step
	// cause is what the policy failed with, or how the engines differ; nil where it answers.
	cause error
	// count is how many situations of the space break it.
	count int
}

// proof is the proof of one controller's purpose. It is for one goroutine.
type proof struct {
	ctx        context.Context
	set        *policy.Set
	controller string
	purpose    string
	space      *space.Space
	decider    *space.Decider
	tracker    tracker
	// firsts are the first situations with each answer.
	firsts map[space.Answer]space.Point

	broken  map[string]*violation
	allowed int
	reasons map[consent.ReasonCode]int
}

func (a *attempt) newProof(ctx context.Context, j job, s *space.Space) *proof {
	return &proof{
		ctx: ctx, set: a.set, controller: j.controller, purpose: j.purpose, space: s, decider: space.NewDecider(a.set, j.controller),
		firsts: map[space.Answer]space.Point{}, broken: map[string]*violation{}, reasons: map[consent.ReasonCode]int{},
	}
}

// run walks the space. It returns how many situations that were.
func (p *proof) run(w *space.Walker) (cases int, err error) {
	if err = w.Walk(p.ctx, p.space, p.ask); err == nil {
		err = w.Freed(func(s space.Step) { p.note(violation{invariant: monotonic, at: s}) })
	}
	if err == nil && p.servesStale() && p.broken[law.StaleConsent] == nil {
		w.Opposed(func(s space.Step) { p.note(violation{invariant: stale, at: s}) })
	}
	return w.Shown(), err
}

// ask decides a situation and looks at the decision.
func (p *proof) ask(c *space.Situation) space.Answer {
	d, err := p.decider.Decide(p.ctx, c)
	if err != nil {
		p.note(violation{invariant: total, at: space.Stay(c.Point()), cause: err})
		return space.Unanswered
	}
	a := space.AnswerOf(&d)
	_, known := p.firsts[a]
	if !known {
		p.firsts[a] = c.Point()
	}
	p.tracker.track(p.ctx, c, known)
	if !a.Allowed {
		for _, r := range d.Reasons {
			p.reasons[r.Code]++
		}
		return a
	}
	p.allowed++
	for _, i := range p.breaks(c, d.Basis) {
		p.note(violation{invariant: i, at: space.Stay(c.Point())})
	}
	return a
}

// breaks are the invariants of the law that an ALLOW breaks.
func (p *proof) breaks(c *space.Situation, basis consent.Basis) []law.Invariant {
	allow := law.Allow{Request: &c.Request, State: c.State, Now: c.Now, Basis: basis, Table: p.set.Tree().Tables[p.controller]}
	return allow.Breaks()
}

// note keeps the plainest violation of each invariant.
func (p *proof) note(v violation) {
	known := p.broken[v.invariant.ID]
	if known == nil {
		v.count = 1
		p.broken[v.invariant.ID] = &v
		return
	}
	known.count++
	if v.at.After.Weight() < known.at.After.Weight() {
		v.count = known.count
		*known = v
	}
}

// still reports whether a step breaks the same invariant as v.
func (p *proof) still(v *violation, at space.Step) bool {
	c := p.space.Situation(at.After)
	d, err := p.evaluate(c)
	switch {
	case v.invariant.ID == engines.ID:
		return err == nil && space.Difference(p.ctx, p.set, c, space.AnswerOf(&d)) != nil
	case v.invariant.ID == total.ID:
		return err != nil
	case err == nil && v.invariant.ID == stale.ID:
		before, err := p.evaluate(p.space.Situation(at.Before))
		return err == nil && before.Effect == consent.Allow && d.Effect == consent.Deny
	case err != nil || d.Effect != consent.Allow:
		return false
	case v.invariant.ID == monotonic.ID:
		before, err := p.evaluate(p.space.Situation(at.Before))
		return err == nil && before.Effect == consent.Deny
	}
	return slices.ContainsFunc(p.breaks(c, d.Basis), func(i law.Invariant) bool { return i.ID == v.invariant.ID })
}

func (p *proof) evaluate(c *space.Situation) (consent.Decision, error) {
	return p.set.Evaluate(p.ctx, &c.Request, c.State, c.Now)
}

// plainest are the violations, each as plain as it may be, in the order of the invariants' ids.
func (p *proof) plainest() (out []violation) {
	for _, id := range slices.Sorted(maps.Keys(p.broken)) {
		v := p.broken[id]
		v.at = p.space.Plainest(v.at, func(s space.Step) bool { return p.still(v, s) })
		out = append(out, *v)
	}
	return out
}

// tracker notes which rules fire. It may be asked about each answer once, or about every situation.
type tracker struct {
	// set has its rules tracked; nil: nobody wants to know.
	set   *policy.Set
	fired []bool
	all   bool
}

// track notes the rules that fire in a situation; known says that its answer was seen before.
func (t *tracker) track(ctx context.Context, c *space.Situation, known bool) {
	if t.set != nil && (t.all || !known) {
		t.set.Fired(ctx, &c.Request, c.State, c.Now, func(rule int) { t.fired[rule] = true })
	}
}

// result is what a proof found of one purpose.
type result struct {
	job
	cases, allowed int
	violations     []violation
	reasons        map[consent.ReasonCode]int
	space          *space.Space
	firsts         map[space.Answer]space.Point
	// tooLarge wraps space.ErrTooLarge where not all of the space was looked at.
	tooLarge error
	err      error
}

// job is a purpose to admission.
type job struct{ controller, purpose string }

// proveAll proves the jobs, as many at once as there are workers.
func (a *attempt) proveAll(ctx context.Context, jobs []job) ([]result, error) {
	results := make([]result, len(jobs))
	rules := a.tracked.Rules()
	var mu sync.Mutex // guards a.fired
	a.eachWorker(len(jobs), func(next <-chan int) {
		fired, walker := make([]bool, len(rules)), &space.Walker{}
		for i := range next {
			results[i] = a.guarded(jobs[i], func(r *result) { a.proveOne(ctx, r, walker, fired) })
		}
		mu.Lock()
		defer mu.Unlock()
		a.noteFired(rules, fired)
	})
	return results, firstError(results)
}

// eachWorker hands the numbers below n out to as many workers as there are to be.
func (a *attempt) eachWorker(n int, work func(next <-chan int)) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range a.prover.options.Workers {
		workers.Go(func() { work(next) })
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
}

func firstError(results []result) error {
	for i := range results {
		if err := results[i].err; err != nil {
			return fmt.Errorf("enumerating %s of %s: %w", results[i].purpose, results[i].controller, err)
		}
	}
	return nil
}

func (a *attempt) noteFired(rules []engine.Rule, fired []bool) {
	for i, f := range fired {
		if f {
			a.fired[a.lines[position(rules[i].File, rules[i].Row)]] = true
		}
	}
}

// guarded makes an error of a panic: a set of policies must not end the process that looks at it.
func (a *attempt) guarded(j job, work func(*result)) (r result) {
	r.job = j
	defer func() {
		if cause := recover(); cause != nil {
			r = result{job: j, err: fmt.Errorf("panic: %v\n%s", cause, debug.Stack())}
		}
	}()
	work(&r)
	return r
}

func (a *attempt) proveOne(ctx context.Context, r *result, w *space.Walker, fired []bool) {
	r.space = a.vocabularies[r.controller].Space(r.purpose)
	defer r.space.Release()
	p := a.newProof(ctx, r.job, r.space)
	p.tracker = tracker{set: a.tracked, fired: fired, all: a.trackAll}
	r.cases, r.err = p.run(w)
	if errors.Is(r.err, space.ErrTooLarge) {
		r.tooLarge, r.err = r.err, nil
	}
	if r.err == nil {
		r.violations = p.plainest()
	}
	r.allowed, r.reasons, r.firsts = p.allowed, p.reasons, p.firsts
}

// jobs are the purposes of some controllers. Of those that rules and data cannot tell apart, one stands for all.
func (a *attempt) jobs(controllers []string) (jobs []job) {
	for _, c := range a.set.Describe().Controllers {
		if !slices.Contains(controllers, c.ID) {
			continue
		}
		v := a.vocabularies[c.ID]
		seen := map[string]bool{}
		for _, purpose := range c.Purposes {
			if key := v.Key(purpose.Name); !seen[key] {
				seen[key] = true
				jobs = append(jobs, job{c.ID, purpose.Name})
			}
		}
	}
	return jobs
}
