package diff

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/space"
)

// comparison is one under way.
type comparison struct {
	config  Config
	pair    *pair
	request Request
	now     consent.Instant
}

// worker compares for one goroutine.
type worker struct {
	*comparison
	ctx   context.Context
	tally *tally
}

// workers runs work on several goroutines until feed is done and its channel is empty, and adds up what they counted.
func workers[T any](
	ctx context.Context, c *comparison, over Over, feed func(context.Context, chan<- T) error, work func(*worker, T) error,
) (*tally, error) {
	group, inner := errgroup.WithContext(ctx)
	jobs := make(chan T, c.config.Workers)
	group.Go(func() error {
		defer close(jobs)
		return guarded(func() error { return feed(inner, jobs) })
	})
	tallies := make([]*tally, c.config.Workers)
	for i := range tallies {
		w := &worker{comparison: c, ctx: inner, tally: newTally(over)}
		tallies[i] = w.tally
		group.Go(func() error {
			for job := range jobs {
				if err := guarded(func() error { return work(w, job) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := newTally(over)
	for _, t := range tallies {
		all.add(t, c.request.Examples)
	}
	// A context that ended leaves denials behind, which no result may count.
	return all, ctx.Err()
}

// guarded turns a panic into an error: a candidate must not end the process.
func guarded(f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return f()
}

// send hands a job over, or gives up when the context ends.
func send[T any](ctx context.Context, jobs chan<- T, job T) error {
	select {
	case jobs <- job:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// weigh compares two decisions on a question, and notes how they differ.
func (w *worker) weigh(q policy.Question, before, after Side, e Example) {
	if !w.tally.count(before, after) {
		return
	}
	k := Key{
		Over: w.tally.total.Over, Controller: q.Request.Subject.Controller, Purpose: q.Request.Purpose,
		Recipient: q.Request.Recipient.Kind, Before: before, After: after,
	}
	w.tally.note(k, e, w.request.Examples, func() []policy.Rule { return w.pair.rules(w.ctx, q, before, after) })
}

// ask decides a question by both sets, and notes how they differ.
func (w *worker) ask(q policy.Question, e Example) (before, after consent.Decision) {
	before, after = decide(w.ctx, w.pair.before, q), decide(w.ctx, w.pair.after, q)
	w.weigh(q, sideOf(&before), sideOf(&after), e)
	return before, after
}

// purpose is a job of the enumeration.
type purpose struct {
	controller, name string
	vocabulary       *space.Vocabulary
}

// states compares over the states that the rules of either set can tell apart, purpose by purpose.
func (c *comparison) states(ctx context.Context) (*tally, error) {
	var all []purpose
	for controller, purposes := range c.pair.controllers() {
		var vocabulary *space.Vocabulary
		if err := guarded(func() (err error) {
			vocabulary, err = space.NewVocabulary(controller, c.now, c.pair.with(controller)...)
			return err
		}); err != nil {
			return nil, err
		}
		for _, p := range purposes {
			all = append(all, purpose{controller, p, vocabulary})
		}
	}
	meter := c.meter(States, uint64(len(all)))
	feed := func(ctx context.Context, jobs chan<- purpose) error {
		for _, p := range all {
			if err := send(ctx, jobs, p); err != nil {
				return err
			}
		}
		return nil
	}
	return workers(ctx, c, States, feed, func(w *worker, p purpose) error {
		defer meter.add(1)
		return w.enumerate(p)
	})
}

// enumerate walks the space of one purpose.
func (w *worker) enumerate(p purpose) error {
	before, after := newWalked(w.pair.before, p.controller), newWalked(w.pair.after, p.controller)
	err := p.vocabulary.Space(p.name).Walk(w.ctx, func(c *space.Situation) space.Answer {
		w.tally.total.Subjects++
		was, is := before.decide(w.ctx, c), after.decide(w.ctx, c)
		a, b := sideOf(&was), sideOf(&is)
		if a != b {
			q := policy.Question{Request: &c.Request, Snapshot: &consent.Snapshot{State: c.State}, Now: c.Now}
			w.weigh(q, a, b, Example{Description: c.Describe()})
		} else {
			w.tally.count(a, b)
		}
		return space.Combine(space.AnswerOf(&was), space.AnswerOf(&is))
	})
	if errors.Is(err, space.ErrTooLarge) {
		sets := w.pair.with(p.controller)
		return &consent.PolicyFaultsError{Faults: []consent.PolicyFault{{
			File:    sets[len(sets)-1].Tree().Tables[p.controller].File(),
			Message: fmt.Sprintf("purposes.%s: its states cannot be compared: %v", p.name, err),
		}}}
	}
	return err
}

// walked decides the cases of a walk by one set.
type walked struct {
	set     *policy.Set
	decider *space.Decider
}

func newWalked(set *policy.Set, controller string) walked {
	return walked{set, space.NewDecider(set, controller)}
}

// decide is like the function of that name.
func (s walked) decide(ctx context.Context, c *space.Situation) consent.Decision {
	if d, err := s.decider.Decide(ctx, c); err == nil {
		d.PolicyRevision = s.set.Revision()
		return d
	}
	return decide(ctx, s.set, policy.Question{Request: &c.Request, Snapshot: &consent.Snapshot{State: c.State}, Now: c.Now})
}

// with are the sets that have a controller.
func (p *pair) with(controller string) (sets []*policy.Set) {
	for _, set := range []*policy.Set{p.before, p.after} {
		if _, err := set.Purposes(controller); err == nil {
			sets = append(sets, set)
		}
	}
	return sets
}

// stored is a subject and its state, as a scan showed it.
type stored struct {
	subject  consent.Subject
	snapshot consent.Snapshot
}

// batch is how many subjects are handed over at once.
const batch = 64

// subjects compares stored subjects, all or a sample.
func (c *comparison) subjects(ctx context.Context) (*tally, error) {
	controllers := c.pair.controllers()
	feed, total := c.scan, uint64(0)
	if !c.request.AllSubjects {
		sample, err := c.sample(ctx)
		if err != nil {
			return nil, err
		}
		total = uint64(len(sample))
		feed = func(ctx context.Context, jobs chan<- []stored) error {
			for chunk := range slices.Chunk(sample, batch) {
				if err := send(ctx, jobs, chunk); err != nil {
					return err
				}
			}
			return nil
		}
	}
	meter := c.meter(Subjects, total)
	return workers(ctx, c, Subjects, feed, func(w *worker, list []stored) error {
		for _, s := range list {
			w.person(s, controllers[s.subject.Controller])
		}
		meter.add(uint64(len(list)))
		return w.ctx.Err()
	})
}

// scan hands all stored subjects over.
func (c *comparison) scan(ctx context.Context, jobs chan<- []stored) error {
	var list []stored
	err := c.config.Store.Scan(ctx, "", func(subject consent.Subject, snapshot consent.Snapshot) error {
		if list = append(list, stored{subject, snapshot}); len(list) < batch {
			return nil
		}
		full := list
		list = nil
		return send(ctx, jobs, full)
	})
	if err == nil && len(list) > 0 {
		err = send(ctx, jobs, list)
	}
	return err
}

// person compares all purposes for one subject, as ListPurposes asks them. Where neither set permits that without a
// recipient, each kind of recipient is asked about.
func (w *worker) person(s stored, purposes []string) {
	if len(purposes) == 0 {
		return
	}
	w.tally.total.Subjects++
	s.snapshot.Prepared, _ = w.pair.loader.Prepare(s.snapshot.State)
	for _, p := range purposes {
		r := consent.Request{Subject: s.subject, Purpose: p}
		before, after := w.ask(policy.Question{Request: &r, Snapshot: &s.snapshot, Now: w.now}, Example{Subject: s.subject})
		if !needsRecipient(&before) || !needsRecipient(&after) {
			continue
		}
		for kind := consent.Processor; kind <= consent.Authority; kind++ {
			to := r
			to.Recipient.Kind = kind
			w.ask(policy.Question{Request: &to, Snapshot: &s.snapshot, Now: w.now}, Example{Subject: s.subject})
		}
	}
}

func needsRecipient(d *consent.Decision) bool {
	return slices.ContainsFunc(d.Reasons, func(r consent.Reason) bool { return r.Code == consent.RecipientNotPermitted })
}

// decisions replays recorded decisions on the states as of then. The ledgers of a subject's person are read once.
func (c *comparison) decisions(ctx context.Context) (*tally, error) {
	sorted := slices.Clone(c.request.Decisions)
	slices.SortStableFunc(sorted, func(a, b Recorded) int { return compareSubjects(a.Request.Subject, b.Request.Subject) })
	meter := c.meter(Decisions, uint64(len(sorted)))
	feed := func(ctx context.Context, jobs chan<- []Recorded) error {
		for len(sorted) > 0 {
			n := 1
			for n < len(sorted) && sorted[n].Request.Subject == sorted[0].Request.Subject {
				n++
			}
			if err := send(ctx, jobs, sorted[:n]); err != nil {
				return err
			}
			sorted = sorted[n:]
		}
		return nil
	}
	return workers(ctx, c, Decisions, feed, func(w *worker, list []Recorded) error {
		defer meter.add(uint64(len(list)))
		return w.replay(list)
	})
}

// replay replays the decisions about one subject.
func (w *worker) replay(list []Recorded) error {
	subject := list[0].Request.Subject
	ledgers := explain.NewLedgers(w.ctx, w.config.Store, subject.Controller)
	w.tally.total.Subjects++
	for i := range list {
		r := &list[i]
		snapshot, err := ledgers.StateAsOf(subject.ID, explain.Past{At: r.At, KnownAt: r.At})
		if err != nil {
			return err
		}
		q := policy.Question{Request: &r.Request, Snapshot: &snapshot, Now: r.At}
		before, after := decide(w.ctx, w.pair.before, q), decide(w.ctx, w.pair.after, q)
		recorded, active, candidate := r.side(), sideOf(&before), sideOf(&after)
		active.Basis, candidate.Basis = 0, 0 // a record does not say on which basis
		if recorded != active {
			w.tally.total.NotReproduced++
		}
		w.weigh(q, recorded, candidate, Example{Subject: r.Request.Subject, At: r.At})
	}
	return w.ctx.Err()
}

func (r *Recorded) side() Side {
	d := consent.Decision{Effect: r.Effect}
	for _, code := range r.Codes {
		d.Reasons = append(d.Reasons, consent.Reason{Code: code})
	}
	return sideOf(&d)
}

// meter tells how far a comparison is, a few times a second.
type meter struct {
	c     *comparison
	over  Over
	total uint64
	done  atomic.Uint64
	mu    struct {
		sync.Mutex
		last time.Time
	}
}

const meterInterval = 200 * time.Millisecond

func (c *comparison) meter(over Over, total uint64) *meter {
	return &meter{c: c, over: over, total: total}
}

func (m *meter) add(n uint64) {
	done := m.done.Add(n)
	if m.c.request.Progress == nil || !m.mu.TryLock() {
		return
	}
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.mu.last) >= meterInterval || done == m.total {
		m.mu.last = now
		m.c.request.Progress(m.over, done, m.total)
	}
}
