// Package diff previews a candidate set of policies: how its decisions differ from those of the active set, or of
// one that was in force before, over the states that the rules of both can tell apart, over stored subjects, and
// over recorded decisions.
//
// Both sets decide by the compiled engine, on one prepared input each state, off the request path: by half the
// processors, so that checks are not starved, and one comparison at a time. Memory is bounded: stored subjects are
// streamed, and a sample is the only thing kept of them. The active set decides as it does for checks, but is not
// counted, logged or shadowed here.
//
// A comparison that cannot be finished is an error, never a result that looks whole.
package diff

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/source"
)

// Over is what is compared.
type Over uint8

// What can be compared.
const (
	States Over = iota + 1
	Subjects
	Decisions
)

// Store is where stored subjects and their ledgers are; store.Store is one.
type Store interface {
	Scan(context.Context, string, func(consent.Subject, consent.Snapshot) error) error
	Events(context.Context, consent.Subject, consent.Page) (consent.Entries, error)
}

// Config configures a Differ.
type Config struct {
	// Active returns the set in force; required.
	Active func() *policy.Set
	// Kept returns a set that was in force by its revision; required. Its errors are *consent.PolicyNotKeptError
	// and the context's.
	Kept func(ctx context.Context, revision string) (*policy.Set, error)
	// Store is required.
	Store Store
	// Now is the clock; nil means the system's.
	Now func() consent.Instant
	// Workers is how many goroutines decide; zero means half the processors.
	Workers int
}

// Differ compares. All methods may be called concurrently; one comparison is made at a time.
type Differ struct {
	config Config
	busy   sync.Mutex
}

// New returns a Differ. Its error says what of config is missing.
func New(c Config) (*Differ, error) {
	if c.Active == nil || c.Kept == nil || c.Store == nil {
		return nil, errors.New("diff: Active, Kept and Store are required")
	}
	if c.Now == nil {
		c.Now = func() consent.Instant { return consent.InstantOf(time.Now()) }
	}
	if c.Workers == 0 {
		c.Workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return &Differ{config: c}, nil
}

// Recorded is a decision that was made.
type Recorded struct {
	Request consent.Request
	// At is when it was made.
	At     consent.Instant
	Effect consent.Effect
	// Codes are the codes of its reasons, each once.
	Codes []consent.ReasonCode
}

// Request says what to compare.
type Request struct {
	// Files are the candidate's; none: the candidate is the active set.
	Files []consent.PolicyFile
	// From is the revision of a kept set to compare with; empty: the active one.
	From string
	// States asks for the states that the rules can tell apart.
	States bool
	// Sample is how many stored subjects to compare, picked by a hash of their ids; AllSubjects compares all.
	Sample      int
	AllSubjects bool
	// Decisions are recorded ones.
	Decisions []Recorded
	// Examples is how many examples each difference keeps.
	Examples int
	// Progress is told how far the comparison is, by one goroutine at a time; total is 0 where it is not known.
	Progress func(over Over, done, total uint64)
}

// Side is one set's decision, as far as differences are told apart.
type Side struct {
	Effect consent.Effect
	Basis  consent.Basis
	// Codes are those of the reasons, each once, in their order, as text for comparison.
	codes string
}

// Codes are those of the reasons, each once, in their order; none: the set has no such controller, or the basis is
// another.
func (s Side) Codes() (codes []consent.ReasonCode) {
	for i := range len(s.codes) {
		codes = append(codes, consent.ReasonCode(s.codes[i]))
	}
	return codes
}

// Key tells differences apart.
type Key struct {
	Over                Over
	Controller, Purpose string
	Recipient           consent.RecipientKind
	Before, After       Side
}

// Example is an instance of a difference.
type Example struct {
	Subject consent.Subject
	// Description is the class of people, of an enumerated state.
	Description string
	// At is when a recorded decision was made.
	At consent.Instant
}

// Difference is a group of decisions that differ in one way.
type Difference struct {
	Key
	Count uint64
	// Examples are a few, the first in the order of their ids.
	Examples []Example
	// Rules are the rules that gave the reasons which one side alone has, as topdown tells for the first example
	// that came.
	Rules []policy.Rule
}

// Total sums up what was compared.
type Total struct {
	Over Over
	// Subjects counts people, or classes of people; Compared their decisions.
	Subjects, Compared uint64
	// Allowed are those from DENY to ALLOW, Denied those from ALLOW to DENY, Changed those that differ otherwise.
	Allowed, Denied, Changed uint64
	// NotReproduced counts recorded decisions that the active set makes otherwise on the state as of then.
	NotReproduced uint64
	Took          time.Duration
}

// Result is a whole comparison.
type Result struct {
	ActiveRevision, CandidateRevision string
	Totals                            []Total
	// Differences are sorted: to ALLOW, to DENY, others; each by count.
	Differences []Difference
	// Omitted counts differences beyond maxDifferences, which are in the totals only.
	Omitted uint64
}

// maxDifferences bounds the groups that are kept.
const maxDifferences = 2000

// Compare compares the active set, or a kept one, with a candidate. The error is consent.ErrBusy, a
// *consent.PolicyFaultsError about the candidate, a *consent.PolicyNotKeptError, a store's, or that of a context
// that ended.
func (d *Differ) Compare(ctx context.Context, r Request) (Result, error) {
	if !d.busy.TryLock() {
		return Result{}, consent.ErrBusy
	}
	defer d.busy.Unlock()
	var p *pair
	err := guarded(func() (err error) {
		p, err = d.pair(ctx, &r)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	c := &comparison{config: d.config, pair: p, request: r, now: d.config.Now()}
	result := Result{ActiveRevision: p.before.Revision(), CandidateRevision: p.after.Revision()}
	var all tally
	for _, part := range c.parts() {
		began := time.Now()
		found, err := part(ctx)
		if err != nil {
			return Result{}, fmt.Errorf("comparing policies: %w", err)
		}
		found.total.Took = time.Since(began)
		result.Totals = append(result.Totals, found.total)
		all.merge(found, r.Examples)
	}
	result.Omitted = all.omitted
	result.Differences = all.sorted()
	return result, ctx.Err()
}

// parts are the comparisons that were asked for.
func (c *comparison) parts() (parts []func(context.Context) (*tally, error)) {
	if c.request.States {
		parts = append(parts, c.states)
	}
	if c.request.AllSubjects || c.request.Sample > 0 {
		parts = append(parts, c.subjects)
	}
	if len(c.request.Decisions) > 0 {
		parts = append(parts, c.decisions)
	}
	return parts
}

// pair is the two sets, loaded by one loader, so that a prepared state serves both.
type pair struct {
	loader        *policy.Loader
	before, after *policy.Set
}

// pair loads both sets anew.
func (d *Differ) pair(ctx context.Context, r *Request) (*pair, error) {
	active := d.config.Active()
	before := active
	if r.From != "" {
		var err error
		if before, err = d.config.Kept(ctx, r.From); err != nil {
			return nil, err
		}
	}
	list := r.Files
	if len(list) == 0 {
		list = active.Describe().Files
	}
	candidate, err := source.NewFiles(list)
	if err != nil {
		return nil, &consent.PolicyFaultsError{Faults: policy.Faults(err)}
	}
	p := &pair{loader: policy.NewLoader(policy.Options{Logger: discard(), ShadowRate: -1})}
	if p.before, err = p.again(before); err != nil {
		return nil, err
	}
	if p.after, err = p.loader.Read(candidate.FS()); err != nil {
		return nil, &consent.PolicyFaultsError{Faults: policy.Faults(err)}
	}
	return p, nil
}

// again loads a set by the loader of the pair.
func (p *pair) again(set *policy.Set) (*policy.Set, error) {
	files, err := source.NewFiles(set.Describe().Files)
	if err != nil {
		return nil, err
	}
	again, err := p.loader.Read(files.FS())
	if err != nil {
		return nil, fmt.Errorf("loading the policies %s again: %w", set.Revision(), err)
	}
	return again, nil
}

// controllers are those of either set, with the purposes of either.
func (p *pair) controllers() map[string][]string {
	all := map[string][]string{}
	for _, set := range []*policy.Set{p.before, p.after} {
		for _, c := range set.Describe().Controllers {
			purposes, _ := set.Purposes(c.ID) // it is the set's own
			all[c.ID] = append(all[c.ID], purposes...)
		}
	}
	for id, purposes := range all {
		slices.Sort(purposes)
		all[id] = slices.Compact(purposes)
	}
	return all
}

// decide decides by one of the sets. A set without the controller denies without a reason.
func decide(ctx context.Context, set *policy.Set, q policy.Question) consent.Decision {
	if _, err := set.Purposes(q.Request.Subject.Controller); err != nil {
		return consent.Decision{Effect: consent.Deny}
	}
	return set.Decide(ctx, q.Request, q.Snapshot, q.Now)
}

// rules are those that gave the reasons which one side alone has: in the active set what is gone, in the candidate
// what is new. An explanation that fails leaves them out.
func (p *pair) rules(ctx context.Context, q policy.Question, before, after Side) []policy.Rule {
	return append(giving(ctx, p.before, q, minus(before, after)), giving(ctx, p.after, q, minus(after, before))...)
}

// minus are the codes of one side that the other does not have, but for BASIS_HOLDS, which no rule gives.
func minus(a, b Side) (codes []consent.ReasonCode) {
	for _, code := range a.Codes() {
		if code != consent.BasisHolds && !slices.Contains(b.Codes(), code) {
			codes = append(codes, code)
		}
	}
	return codes
}

func giving(ctx context.Context, set *policy.Set, q policy.Question, codes []consent.ReasonCode) (rules []policy.Rule) {
	if len(codes) == 0 {
		return nil
	}
	t, err := set.Trace(ctx, q, policy.TraceOptions{FiredOnly: true})
	if err != nil {
		return nil
	}
	for _, f := range t.Fired {
		if slices.ContainsFunc(f.Reasons, func(r consent.Reason) bool { return slices.Contains(codes, r.Code) }) {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}
