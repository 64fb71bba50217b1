// Package explain tells the story of a decision: the facts that counted and the events behind them, the rules that held
// and those that nearly did, what would change the answer, and until when it holds.
//
// The decision that it explains is the one that a check gives: the same state, policies and instant, by the same
// engine; topdown decides it again, and an explanation on which the two do not agree is an error, never a story.
// Whether a fact counted is not guessed from the rules: the decision is made again without it. So is what would change
// the answer: the event or the request is made up, folded and decided on. Nothing is written.
//
// As of the past, the state is folded from what had occurred by one instant and was recorded by another (Past), and
// decided on by the policies that were in force at the first, or by those of now where they are asked for. An
// explanation costs thousands of decisions, so only a few are made at once, each within its caller's deadline.
package explain

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// Authorizer decides as checks are decided; *authz.Authorizer is one.
type Authorizer interface {
	Answer(context.Context, *consent.Request, authz.Consistency) (authz.Answer, error)
	AnswerOn(context.Context, *consent.Request, authz.Ground) (authz.Answer, error)
	ListPurposesOn(context.Context, *consent.Request, authz.Ground) ([]authz.PurposeDecision, error)
}

// Ledger reads a subject's events; store.Store is one.
type Ledger interface {
	Events(context.Context, consent.Subject, consent.Page) (consent.Entries, error)
}

// Config configures an Explainer.
type Config struct {
	// Authorizer, Ledger, Active and History are required. Active returns the set in force, which is never nil.
	Authorizer Authorizer
	Ledger     Ledger
	Active     func() *policy.Set
	History    History
	// AtOnce is how many explanations are made at once; others wait. Zero means half the processors.
	AtOnce int
}

// Explainer explains. All methods may be called concurrently.
type Explainer struct {
	config Config
	slots  chan struct{}
}

// New returns an Explainer. Its error says what of config is missing.
func New(c Config) (*Explainer, error) {
	if c.Authorizer == nil || c.Ledger == nil || c.Active == nil || c.History == nil {
		return nil, errors.New("explain: Authorizer, Ledger, Active and History are required")
	}
	if c.AtOnce == 0 {
		c.AtOnce = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return &Explainer{config: c, slots: make(chan struct{}, c.AtOnce)}, nil
}

// Question says what to explain.
type Question struct {
	Request     *consent.Request
	Consistency authz.Consistency
	// Past says as of when to answer; nil: now.
	Past *Past
	// Current asks for the policies of now instead of those of then.
	Current bool
	// Trace asks for OPA's own trace.
	Trace bool
}

// Story is an explained decision.
type Story struct {
	Decision consent.Decision
	// Person is who the subject's id names, as linked as of then.
	Person consent.Person
	// Now is the instant that was decided for.
	Now consent.Instant
	// AsOf says as of when the state is, and Policies which policies decided, where the question was about the past;
	// else nil.
	AsOf     *AsOf
	Policies *Deciding
	// Annulled are the entries that count no more, because they were recorded by mistake.
	Annulled []consent.AnnulledEntry
	// Facts are what is on record for the subject, those that decided first.
	Facts []Fact
	// Rules are those that held, those that gave a reason or an obligation first.
	Rules []Fired
	// Near are the rules that lacked one condition.
	Near []Near
	// Changes are what would change the answer: to ALLOW or, of an ALLOW, to DENY.
	Changes []Change
	// Obligations are those of the decision in words, in their order.
	Obligations []string
	// Until says why the decision is valid until then; nil where time alone cannot change it.
	Until *Until
	// Failure is what failed, of a POLICY_ERROR.
	Failure string
	// Trace is OPA's own, if it was asked for.
	Trace string
}

// Fired is a rule that held.
type Fired = policy.Fired

// Near is a rule that nearly held.
type Near struct {
	policy.Near
	// With is what would make it hold; may be empty.
	With []string
}

// Explain decides a question and tells the story of the decision. Errors are those of checks; a topdown that disagrees
// is another one.
func (x *Explainer) Explain(ctx context.Context, q Question) (Story, error) {
	select {
	case x.slots <- struct{}{}:
		defer func() { <-x.slots }()
	case <-ctx.Done():
		return Story{}, ctx.Err()
	}
	var a answered
	var err error
	if q.Past != nil {
		a, err = x.answerAsOf(ctx, q)
	} else {
		a, err = x.answer(ctx, q)
	}
	if err != nil {
		return Story{}, err
	}
	set, ok := a.Policies.(*policy.Set)
	if !ok {
		return Story{}, fmt.Errorf("explaining: the active policies are %T, which cannot be explained", a.Policies)
	}
	t := &teller{ctx: ctx, set: set.Detached(), request: q.Request, answered: a, known: map[string]policy.Hints{}}
	return t.tell(q)
}

// answered is a decision and all that is told of it.
type answered struct {
	authz.Answer
	// graph says who is who, and entries are those that the state was folded from.
	graph   *consent.Graph
	entries []consent.Entry
	// asOf and deciding are nil unless the question was about the past.
	asOf     *AsOf
	deciding *Deciding
}

// answer decides a question about now.
func (x *Explainer) answer(ctx context.Context, q Question) (answered, error) {
	answer, err := x.config.Authorizer.Answer(ctx, q.Request, q.Consistency)
	if err != nil {
		return answered{}, err
	}
	id := q.Request.Subject.ID
	g, err := x.ledgers(ctx, q.Request.Subject).gather(id, func(entries []consent.Entry) []consent.Entry {
		// What was recorded since is not part of the state that decided.
		return upTo(entries, answer.Snapshot.Changed)
	})
	if err != nil {
		return answered{}, err
	}
	return answered{Answer: answer, graph: g, entries: g.Entries(id)}, nil
}

// answerAsOf decides a question about the past.
func (x *Explainer) answerAsOf(ctx context.Context, q Question) (answered, error) {
	set, deciding, err := x.policies(ctx, q.Past.At, q.Current)
	if err != nil {
		return answered{}, err
	}
	id := q.Request.Subject.ID
	g, as, err := x.ledgers(ctx, q.Request.Subject).past(id, *q.Past)
	if err != nil {
		return answered{}, err
	}
	kept := g.Entries(id)
	ground := authz.Ground{Snapshot: fold(kept), Policies: set, Now: q.Past.At}
	answer, err := x.config.Authorizer.AnswerOn(ctx, q.Request, ground)
	return answered{Answer: answer, graph: g, entries: kept, asOf: &as, deciding: &deciding}, err
}

func asNotKept(err error) (*consent.PolicyNotKeptError, bool) {
	return errors.AsType[*consent.PolicyNotKeptError](err)
}

// pageSize is how many entries are read at once.
const pageSize = 1000

func (x *Explainer) ledgers(ctx context.Context, subject consent.Subject) *Ledgers {
	return NewLedgers(ctx, x.config.Ledger, subject.Controller)
}

// readLedger returns all that was said under an id itself, in the order of recording.
func readLedger(ctx context.Context, ledger Ledger, subject consent.Subject) (all []consent.Entry, err error) {
	page := consent.Page{Limit: pageSize, Alone: true}
	for {
		found, err := ledger.Events(ctx, subject, page)
		if err != nil {
			return nil, fmt.Errorf("reading the subject's ledger: %w", err)
		}
		all = append(all, found.Entries...)
		if found.Next == "" {
			return all, nil
		}
		page.After = found.Next
	}
}

func upTo(entries []consent.Entry, revision consent.Revision) (kept []consent.Entry) {
	for _, e := range entries {
		if e.Revision <= revision {
			kept = append(kept, e)
		}
	}
	return kept
}

func fold(entries []consent.Entry) consent.Snapshot {
	var changed consent.Revision
	for _, e := range entries {
		changed = max(changed, e.Revision)
	}
	return consent.Snapshot{State: consent.FoldEntries(entries), Changed: changed, AsOf: changed}
}
