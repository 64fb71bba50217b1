// Package explain tells the story of a decision: the facts that counted and the events behind them, the rules that held and
// those that nearly did, what would change the answer, and until when it holds.
//
// The decision that it explains is the one that a check gives: the same state, policies and instant, by the same engine;
// topdown decides it again, and an explanation on which the two do not agree is an error, never a story. Whether a fact
// counted is not guessed from the rules: the decision is made again without it. So is what would change the answer: the
// event or the request is made up, folded and decided on. Nothing is written.
//
// As of an instant, the state is folded from what was recorded by then and had occurred by then; the policies are those of
// now. An explanation costs thousands of decisions, so only a few are made at once, each within its caller's deadline.
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
	AnswerOn(context.Context, *consent.Request, consent.Snapshot, consent.Instant) (authz.Answer, error)
}

// Ledger reads a subject's events; store.Store is one.
type Ledger interface {
	Events(context.Context, consent.Subject, consent.Page) (consent.Entries, error)
}

// Config configures an Explainer.
type Config struct {
	// Authorizer and Ledger are required.
	Authorizer Authorizer
	Ledger     Ledger
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
	if c.Authorizer == nil || c.Ledger == nil {
		return nil, errors.New("explain: Authorizer and Ledger are required")
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
	// At is the instant as of which to answer; absent: now.
	At consent.Instant
	// Trace asks for OPA's own trace.
	Trace bool
}

// Story is an explained decision.
type Story struct {
	Decision consent.Decision
	// Now is the instant that was decided for.
	Now consent.Instant
	// AsOf: the state is that of an instant that the caller named.
	AsOf bool
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

// Explain decides a question and tells the story of the decision. Errors are those of checks; a topdown that disagrees is
// another one.
func (x *Explainer) Explain(ctx context.Context, q Question) (Story, error) {
	select {
	case x.slots <- struct{}{}:
		defer func() { <-x.slots }()
	case <-ctx.Done():
		return Story{}, ctx.Err()
	}
	answer, entries, err := x.answer(ctx, q)
	if err != nil {
		return Story{}, err
	}
	set, ok := answer.Policies.(*policy.Set)
	if !ok {
		return Story{}, fmt.Errorf("explaining: the active policies are %T, which cannot be explained", answer.Policies)
	}
	t := &teller{ctx: ctx, set: set.Detached(), request: q.Request, answer: answer, entries: entries}
	return t.tell(q)
}

// answer decides the question and returns the ledger that the state behind it was folded from.
func (x *Explainer) answer(ctx context.Context, q Question) (authz.Answer, []consent.Entry, error) {
	if q.At != 0 {
		entries, err := ReadLedger(ctx, x.config.Ledger, q.Request.Subject)
		if err != nil {
			return authz.Answer{}, nil, err
		}
		entries = asOf(entries, q.At)
		answer, err := x.config.Authorizer.AnswerOn(ctx, q.Request, fold(entries), q.At)
		return answer, entries, err
	}
	answer, err := x.config.Authorizer.Answer(ctx, q.Request, q.Consistency)
	if err != nil {
		return authz.Answer{}, nil, err
	}
	entries, err := ReadLedger(ctx, x.config.Ledger, q.Request.Subject)
	// What was recorded since is not part of the state that decided.
	return answer, upTo(entries, answer.Snapshot.Changed), err
}

// pageSize is how many entries are read at once.
const pageSize = 1000

// ReadLedger returns all of a subject's entries, in the order of recording.
func ReadLedger(ctx context.Context, ledger Ledger, subject consent.Subject) (all []consent.Entry, err error) {
	page := consent.Page{Limit: pageSize}
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

// StateAsOf folds what of a ledger was recorded by an instant and had occurred by then.
func StateAsOf(entries []consent.Entry, at consent.Instant) consent.Snapshot {
	return fold(asOf(entries, at))
}

func asOf(entries []consent.Entry, at consent.Instant) (kept []consent.Entry) {
	for _, e := range entries {
		if e.RecordedAt <= at && e.Event.OccurredAt <= at {
			kept = append(kept, e)
		}
	}
	return kept
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
