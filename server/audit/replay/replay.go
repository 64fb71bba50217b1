// Package replay makes the decisions of a log again, and compares.
//
// A line names the policies that decided, the revision of the store as of which the state was read, and the instant.
// That of a denial because the state could not be read has none: it is held against what its policies declare for that.
// The state is folded from what the ledgers had up to that revision, with who was linked to whom then, so that what
// came later, or was being written at that very moment, changes nothing: a line either comes out the same, or something
// is wrong with the store, the policies, the log or the server. What cannot be made again is counted by its cause,
// never as the same.
package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/policy"
)

// Store is what is read of a store; store.Store is one.
type Store interface {
	explain.Ledger
	Person(context.Context, consent.Subject) (consent.Person, error)
	Scan(ctx context.Context, controller string, f func(consent.Subject, consent.Snapshot) error) error
	Applied() consent.Revision
}

// Policies has the sets that were in force; *archive.Archive is one. The error is a *consent.PolicyNotKeptError or the
// context's.
type Policies interface {
	Set(ctx context.Context, revision string) (*policy.Set, error)
}

// Config says what a Replayer works on.
type Config struct {
	// Store and Policies are required.
	Store    Store
	Policies Policies
	// Keys are those under which the log names subjects; none: subjects under keys are not replayed.
	Keys line.Keys
}

// Replayer replays lines. It is for one goroutine, and uses all processors.
type Replayer struct {
	config Config
	names  *names

	mu sync.Mutex
	// sets are those that were asked for; nil: not kept. Guarded by mu.
	sets map[string]*policy.Set
}

// New returns a Replayer.
func New(c Config) *Replayer {
	return &Replayer{config: c, names: newNames(c), sets: map[string]*policy.Set{}}
}

// Item is a line and where it stands.
type Item struct {
	Line line.Line
	// File and Number are where it stands.
	File   string
	Number int
}

// Why a line is not replayed.
const (
	Masked       = "fields that the decision may depend on were taken off the line"
	NoState      = "the line does not say on which state it was decided"
	StateAhead   = "the store does not have the state yet: it is an older copy"
	NotKept      = "the policies that decided are not kept"
	NoKey        = "the subject is named under a key that was not given"
	NotOnRecord  = "the subject, named under a key, is not on record"
	NoController = "the policies that decided have no such controller"
)

// Difference is a line that did not come out the same.
type Difference struct {
	Item
	// Replayed is what came out.
	Replayed consent.Decision
}

// Result is what came of lines.
type Result struct {
	// Decisions are the lines of decisions; each is among Same, Different or Skipped.
	Decisions, Same, Different uint64
	// Skipped counts those that were not replayed, by cause.
	Skipped map[string]uint64
	// Reports and Answers are the lines of near caches and the checks that they tell of, Missing the decisions that the
	// log says it lacks.
	Reports, Answers, Missing uint64
	// Differences are some of the lines that are Different.
	Differences []Difference
}

// maxDifferences bounds those that a result lists.
const maxDifferences = 100

// Add adds another result.
func (r *Result) Add(o Result) {
	r.Decisions += o.Decisions
	r.Same += o.Same
	r.Different += o.Different
	r.Reports += o.Reports
	r.Answers += o.Answers
	r.Missing += o.Missing
	for why, n := range o.Skipped {
		r.skip(why, n)
	}
	r.Differences = append(r.Differences, o.Differences...)
	r.Differences = r.Differences[:min(len(r.Differences), maxDifferences)]
}

func (r *Result) skip(why string, n uint64) {
	if r.Skipped == nil {
		r.Skipped = map[string]uint64{}
	}
	r.Skipped[why] += n
}

// Verify replays lines, each subject's together, so that its ledger is read once. The error is the store's or the
// context's.
func (r *Replayer) Verify(ctx context.Context, items []Item) (Result, error) {
	var whole Result
	decisions := slices.Clone(items)
	decisions = slices.DeleteFunc(decisions, func(i Item) bool { return !whole.count(&i.Line) })
	slices.SortStableFunc(decisions, func(a, b Item) int {
		x, y := &a.Line.Request.Subject, &b.Line.Request.Subject
		return cmp.Or(cmp.Compare(x.Controller, y.Controller), cmp.Compare(x.ID, y.ID),
			cmp.Compare(a.Line.Decision.StateRevision, b.Line.Decision.StateRevision))
	})
	groups := make(chan []Item)
	results := make(chan outcome)
	var workers sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for group := range groups {
				result, err := r.subject(ctx, group)
				results <- outcome{result, err}
			}
		})
	}
	go func() {
		bySubject(decisions, groups)
		workers.Wait()
		close(results)
	}()
	var failure error
	for o := range results {
		whole.Add(o.result)
		if failure == nil && o.err != nil {
			failure = o.err
			cancel() // the groups that remain fail at once
		}
	}
	return whole, failure
}

type outcome struct {
	result Result
	err    error
}

// count counts what is no decision; true: it is one.
func (r *Result) count(l *line.Line) bool {
	switch l.Kind() {
	case line.Gap:
		r.Missing += l.Dropped
	case line.Reported:
		r.Reports++
		r.Answers += l.Answers
	default:
		return true
	}
	return false
}

// bySubject sends sorted items, a subject's at a time.
func bySubject(items []Item, to chan<- []Item) {
	defer close(to)
	for len(items) > 0 {
		n, subject := 1, items[0].Line.Request.Subject
		for n < len(items) && items[n].Line.Request.Subject == subject {
			n++
		}
		to <- items[:n]
		items = items[n:]
	}
}

// subject replays the lines of one subject.
func (r *Replayer) subject(ctx context.Context, items []Item) (Result, error) {
	var result Result
	s := &states{ctx: ctx, replayer: r, controller: items[0].Line.Request.Subject.Controller}
	for i := range items {
		result.Decisions++
		why, replayed, err := r.replay(ctx, s, &items[i].Line)
		switch {
		case err != nil:
			return result, fmt.Errorf("%s:%d: %w", items[i].File, items[i].Number, err)
		case why != "":
			result.skip(why, 1)
		case same(&replayed, &items[i].Line):
			result.Same++
		default:
			result.Different++
			result.Differences = append(result.Differences, Difference{items[i], replayed})
		}
	}
	result.Differences = result.Differences[:min(len(result.Differences), maxDifferences)]
	return result, nil
}

// same reports whether a line's decision is the replayed one, but for what was taken off the line.
func same(replayed *consent.Decision, l *line.Line) bool {
	d := *replayed
	for _, path := range l.Masked {
		switch path {
		case "response.reasons":
			d.Reasons = nil
		case "response.obligations":
			d.Obligations = nil
		case "response.permitted_data_categories":
			d.PermittedDataCategories = nil
		}
	}
	return policy.SameDecision(&d, &l.Decision) && d.ValidUntil == l.Decision.ValidUntil && d.Degraded == l.Decision.Degraded
}

// replay decides a line's request again; why says why not.
func (r *Replayer) replay(ctx context.Context, s *states, l *line.Line) (why string, d consent.Decision, err error) {
	if why := r.replayable(l); why != "" {
		return why, d, nil
	}
	set, err := r.set(ctx, l.Decision.PolicyRevision)
	if set == nil {
		return NotKept, d, err
	}
	request := l.Request
	if _, err := set.Purposes(request.Subject.Controller); err != nil {
		return NoController, d, nil
	}
	if request.Context, err = l.Facts(); err != nil {
		return "", d, err
	}
	if request.Subject, why, err = r.names.subject(ctx, l); why != "" || err != nil {
		return why, d, err
	}
	if l.Decision.Degraded == consent.DegradedDenied {
		return "", unread(set, &request), nil
	}
	snapshot, err := s.at(request.Subject.ID, l.Decision.StateRevision)
	if err != nil {
		return "", d, err
	}
	d = set.Decide(ctx, &request, &snapshot, l.Time)
	d.Degraded = served(set, l)
	return "", d, nil
}

// unread is the decision of a request whose state could not be read, of a purpose denied then; else the zero one.
func unread(set *policy.Set, r *consent.Request) (d consent.Decision) {
	if p, _ := set.Declared(r.Subject.Controller, r.Purpose); p.Degraded.When == consent.DenyDegraded {
		d = consent.Unavailable(p.Clause)
	}
	return d
}

// served is what a decision on a state must say of itself: that the state may be stale, where the line says so and the
// policies let it be as old as that.
func served(set *policy.Set, l *line.Line) consent.Degradation {
	p, _ := set.Declared(l.Request.Subject.Controller, l.Request.Purpose)
	if l.Decision.Degraded == consent.DegradedStale && p.Degraded.When == consent.ServeStale &&
		l.Decision.StateAge <= p.Degraded.StaleLimit {
		return consent.DegradedStale
	}
	return 0
}

// replayable says why a line cannot be replayed, whatever the store and the policies; empty: it may be.
func (r *Replayer) replayable(l *line.Line) string {
	for _, path := range l.Masked {
		if path != "caller" && path != "latency_ns" && (len(path) < 9 || path[:9] != "response.") {
			return Masked
		}
	}
	switch {
	case !l.HasState && l.Decision.Degraded != consent.DegradedDenied || l.Decision.PolicyRevision == "":
		return NoState
	case l.Decision.StateRevision > r.config.Store.Applied():
		return StateAhead
	}
	return ""
}

// set returns a set of policies; nil: it is not kept.
func (r *Replayer) set(ctx context.Context, revision string) (*policy.Set, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if set, known := r.sets[revision]; known {
		return set, nil
	}
	set, err := r.config.Policies.Set(ctx, revision)
	if _, absent := errors.AsType[*consent.PolicyNotKeptError](err); err != nil && !absent {
		return nil, err
	}
	if set != nil {
		set = set.Detached()
	}
	r.sets[revision] = set
	return set, nil
}

// states folds the states of a controller's subjects, and keeps the last one.
type states struct {
	ctx        context.Context
	replayer   *Replayer
	controller string
	ledgers    *explain.Ledgers
	id         string
	// last is id's state from its AsOf on, before next; zero: for ever.
	last consent.Snapshot
	next consent.Revision
}

func (s *states) at(id string, revision consent.Revision) (consent.Snapshot, error) {
	if s.ledgers == nil {
		s.ledgers = explain.NewLedgers(s.ctx, s.replayer.config.Store, s.controller)
	} else if s.id == id && revision >= s.last.AsOf && (s.next == 0 || revision < s.next) {
		return s.last, nil
	}
	var err error
	if s.last, s.next, err = s.ledgers.StateAt(id, revision); err != nil {
		return consent.Snapshot{}, err
	}
	s.id = id
	return s.last, nil
}
