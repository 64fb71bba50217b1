package prove

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/engine"
)

// monotonicity is the id of the invariant that compares two cases.
const monotonicity = "MONOTONIC"

const monotonicityWords = "a withdrawal, objection, restriction, opt-out, signal or erasure never turns DENY into ALLOW"

// wellFormed is the id of the invariant that the policy always answers.
const wellFormed = "TOTAL"

// sameAnswer is the id of the invariant that the engines agree.
const sameAnswer = "ENGINES"

const sameAnswerWords = "the compiled engine and OPA give one answer"

// violation is a case that breaks an invariant.
type violation struct {
	invariant invariant
	at        point
	// before is, for monotonicity, the case that is denied; at is one restricting event after it.
	before point
	// err is what the policy failed with.
	err error
	// count is how many cases of the space break it.
	count int
}

// proof is the proof of one controller's purpose. It is for one goroutine.
type proof struct {
	ctx   context.Context
	set   *policy.Set
	space *Space
	// tracked is asked which rules fired; nil: nobody wants to know.
	tracked *policy.Set
	fired   []bool
	// prints are the answers for which tracked was asked.
	prints map[uint64]bool
	// trackAll asks tracked about every case.
	trackAll bool
	decider  *Decider

	invariants []invariant
	found      map[string]*violation
	allowed    int
	reasons    map[consent.ReasonCode]int
}

func newProof(ctx context.Context, set *policy.Set, s *Space) *proof {
	return &proof{
		ctx: ctx, set: set, space: s, decider: NewDecider(set, s.controller), invariants: append(general(), statutes()...),
		found: map[string]*violation{}, reasons: map[consent.ReasonCode]int{}, prints: map[uint64]bool{},
	}
}

// run walks the space, and notes the answers in seen. It returns how many cases that were.
func (p *proof) run(seen map[point]Answer) (cases int, err error) {
	w := &walk{space: p.space, ctx: p.ctx, show: p.ask, seen: seen}
	if err := w.run(); err != nil {
		return len(w.seen), err
	}
	p.monotonic(w)
	return len(w.seen), w.err
}

// ask decides a case and looks at the decision.
func (p *proof) ask(c *Case) Answer {
	d, err := p.decider.Decide(p.ctx, c)
	if err != nil {
		p.note(violation{invariant: invariant{id: wellFormed, words: "the policy gives one well-formed answer to every case"}, at: c.at, err: err})
		return Answer{Reasons: maxValues, Fingerprint: 1}
	}
	a := AnswerOf(&d)
	if err := p.decider.Difference(p.ctx, c, a); err != nil {
		p.note(violation{invariant: invariant{id: sameAnswer, words: sameAnswerWords}, at: c.at, err: err})
	}
	p.track(c, a)
	if !a.Allowed {
		for _, r := range d.Reasons {
			p.reasons[r.Code]++
		}
		return a
	}
	p.allowed++
	f := newFacts(c, d.Basis)
	for _, i := range p.invariants {
		if i.broken(f) {
			p.note(violation{invariant: i, at: c.at})
		}
	}
	return a
}

func (p *proof) track(c *Case, a Answer) {
	if p.tracked == nil || p.prints[a.Fingerprint] && !p.trackAll {
		return
	}
	p.prints[a.Fingerprint] = true
	p.tracked.Fired(p.ctx, &c.Request, c.State, c.Now, func(rule int) { p.fired[rule] = true })
}

// note keeps the plainest violation of each invariant.
func (p *proof) note(v violation) {
	old := p.found[v.invariant.id]
	if old == nil {
		v.count = 1
		p.found[v.invariant.id] = &v
		return
	}
	old.count++
	if weight(v.at) < weight(old.at) {
		v.count = old.count
		*old = v
	}
}

// weight is how many dimensions are not plain.
func weight(p point) (n int) {
	for _, v := range p {
		if v != 0 {
			n++
		}
	}
	return n
}

// monotonic compares each case that is allowed with those from which one restricting event leads to it.
func (p *proof) monotonic(w *walk) {
	allowed := make([]point, 0, p.allowed)
	for at, a := range w.seen {
		if a.Allowed {
			allowed = append(allowed, at)
		}
	}
	slices.SortFunc(allowed, func(a, b point) int { return slices.Compare(a[:], b[:]) })
	for _, at := range allowed {
		p.compare(w, at)
	}
}

func (p *proof) compare(w *walk, at point) {
	w.hub = at
	for d := range p.space.dims {
		for _, from := range p.space.dims[d].values[at[d]].from {
			if before := w.space.canonical(with(at, d, from)); w.err == nil && !w.ask(before).Allowed && w.err == nil {
				p.note(violation{invariant: invariant{id: monotonicity, words: monotonicityWords}, at: at, before: before})
			}
		}
	}
}

// breaks reports whether a case breaks the same invariant as v.
func (p *proof) breaks(v *violation, at point) bool {
	d, err := p.evaluate(at)
	switch {
	case v.invariant.id == sameAnswer:
		var c Case
		p.space.build(&c, at)
		return err == nil && difference(p.ctx, p.set, &c, AnswerOf(&d)) != nil
	case v.invariant.id == wellFormed:
		return err != nil
	case err != nil || d.Effect != consent.Allow:
		return false
	case v.invariant.id == monotonicity:
		before, err := p.evaluate(v.beforeOf(at))
		return err == nil && before.Effect == consent.Deny
	}
	var c Case
	p.space.build(&c, at)
	return v.invariant.broken(newFacts(&c, d.Basis))
}

// beforeOf is at without the restricting event.
func (v *violation) beforeOf(at point) point {
	for d := range at {
		if v.at[d] != v.before[d] {
			at[d] = v.before[d]
		}
	}
	return at
}

func (p *proof) evaluate(at point) (consent.Decision, error) {
	var c Case
	p.space.build(&c, at)
	return p.set.Evaluate(p.ctx, &c.Request, c.State, c.Now)
}

// shrink makes every dimension as plain as it may be: values stand in the order of what they say.
func (p *proof) shrink(v *violation) {
	for changed := true; changed; {
		changed = false
		for d := range v.at {
			if v.at[d] == 0 || v.invariant.id == monotonicity && v.at[d] != v.before[d] {
				continue
			}
			for value := range v.at[d] {
				if plainer := with(v.at, d, value); p.breaks(v, plainer) {
					v.before, v.at = v.beforeOf(plainer), plainer
					changed = true
					break
				}
			}
		}
	}
}

// result is what was found of one purpose.
type result struct {
	controller, purpose string
	cases, allowed      int
	violations          []violation
	reasons             map[consent.ReasonCode]int
	space               *Space
	truncated           bool
	err                 error
}

// job is a purpose to prove.
type job struct{ controller, purpose string }

// proveAll proves the jobs, as many at once as there are workers.
func (a *admission) proveAll(ctx context.Context, jobs []job) ([]result, error) {
	results := make([]result, len(jobs))
	rules := a.tracked.Rules()
	next := make(chan int)
	var mu sync.Mutex // guards a.fired
	var workers sync.WaitGroup
	for range a.prover.options.Workers {
		workers.Go(func() {
			w := workspace{fired: make([]bool, len(rules)), seen: map[point]Answer{}}
			for i := range next {
				results[i] = a.proveGuarded(ctx, jobs[i], w)
			}
			mu.Lock()
			defer mu.Unlock()
			a.note(rules, w.fired)
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	workers.Wait()
	for i := range results {
		if err := results[i].err; err != nil {
			return nil, fmt.Errorf("enumerating %s of %s: %w", jobs[i].purpose, jobs[i].controller, err)
		}
	}
	return results, nil
}

func (a *admission) note(rules []engine.Rule, fired []bool) {
	for i, f := range fired {
		if f {
			a.fired[a.lines[position(rules[i].File, rules[i].Row)]] = true
		}
	}
}

// workspace is what a worker uses for one purpose after the other: the rules that fired, and the memory for the cases of one.
type workspace struct {
	fired []bool
	seen  map[point]Answer
}

// proveGuarded makes an error of a panic: a set of policies must not end the process that looks at it.
func (a *admission) proveGuarded(ctx context.Context, j job, w workspace) (r result) {
	defer func() {
		if cause := recover(); cause != nil {
			r = result{controller: j.controller, purpose: j.purpose, err: fmt.Errorf("panic: %v\n%s", cause, debug.Stack())}
		}
	}()
	return a.proveOne(ctx, j, w)
}

func (a *admission) proveOne(ctx context.Context, j job, w workspace) result {
	clear(w.seen)
	r := result{controller: j.controller, purpose: j.purpose}
	r.space = a.vocabularies[j.controller].space(j.controller, j.purpose)
	p := newProof(ctx, a.set, r.space)
	p.tracked, p.fired, p.trackAll = a.tracked, w.fired, a.trackAll
	r.cases, r.err = p.run(w.seen)
	if errors.Is(r.err, errTooLarge) {
		r.truncated, r.err = true, nil
	}
	if r.err != nil {
		return r
	}
	for _, id := range sortedKeys(p.found) {
		v := p.found[id]
		p.shrink(v)
		r.violations = append(r.violations, *v)
	}
	r.allowed, r.reasons = p.allowed, p.reasons
	r.space.made = nil
	return r
}

// jobs are the purposes of some controllers. Of those that rules and data cannot tell apart, one stands for all.
func (a *admission) jobs(controllers []string) (jobs []job) {
	for _, c := range a.set.Describe().Controllers {
		if !slices.Contains(controllers, c.ID) {
			continue
		}
		v := a.vocabularies[c.ID]
		seen := map[string]bool{}
		for _, purpose := range c.Purposes {
			if key := v.purposeKey(purpose.Name); !seen[key] {
				seen[key] = true
				jobs = append(jobs, job{c.ID, purpose.Name})
			}
		}
	}
	return jobs
}

// purposeKey is equal for two purposes that differ in name and clause alone, neither of whose names nor parts of them any
// rule or other row mentions.
func (v *vocabulary) purposeKey(purpose string) string {
	if v.mentioned(purpose) {
		return "name:" + purpose
	}
	return "row:" + v.rows[purpose]
}

func (v *vocabulary) mentioned(purpose string) bool {
	for c := range v.constants {
		if len(c) > 1 && strings.Contains(purpose, c) {
			return true
		}
	}
	return v.values[purpose]
}
