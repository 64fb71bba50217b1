// Package authz answers requests: it brings a subject's state and the active policies together and returns a decision.
//
// What it guarantees: ALLOW is only ever the well-formed answer of a policy that finished in time, on a state at least
// as fresh as was asked for. A policy that panics or answers nonsense is a denial for POLICY_ERROR, counted and logged.
// All else that goes wrong is an error, together with the zero decision, which denies; but where the state cannot be
// read, a purpose may be decided as its controller declares for that (degraded.go). Each call uses one set of
// policies, and one read of each subject's state, for all its decisions.
//
// Errors: consent.ErrUnknownController, consent.ErrBadToken, consent.ErrHistoryLost, consent.ErrUnavailable and context
// errors, wrapped.
package authz

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// States is where subject states come from: a cache or a store.
type States interface {
	// Snapshot returns a subject's state; an unknown subject is not an error. With FullyConsistent its AsOf is at least
	// what Applied was before.
	Snapshot(ctx context.Context, subject consent.Subject, freshness consent.Freshness) (consent.Snapshot, error)
	// Applied is a revision up to which every change is visible. It never decreases, unless history is lost.
	Applied() consent.Revision
	// Mark returns the mark of a revision of the store's history; false: the revision has none, because it is beyond the
	// newest that the store has, or was recorded before there were marks.
	Mark(ctx context.Context, revision consent.Revision) (mark consent.HistoryMark, found bool, err error)
}

// Awaiter is States to which changes come that others make: it waits, for a moment at most, until those up to a
// revision have come.
type Awaiter interface {
	Await(ctx context.Context, revision consent.Revision)
}

// Marks are the marks of the newest revisions, in memory.
type Marks interface {
	Get(r consent.Revision) (mark consent.HistoryMark, found bool)
}

// Policies is one immutable set of policies.
type Policies interface {
	// Revision is its digest.
	Revision() string
	// Purposes are those that a controller declares or prohibits, sorted; consent.ErrUnknownController if there is no
	// such controller. It is called by each check, so it should be a lookup; the result is not changed.
	Purposes(controller string) ([]string, error)
	// Declared is a purpose as its controller declares it; false: it does not. It is a lookup.
	Declared(controller, purpose string) (consent.Purpose, bool)
	// Decide never fails: what goes wrong is a denial for POLICY_ERROR. It keeps neither request nor snapshot.
	Decide(ctx context.Context, request *consent.Request, snapshot *consent.Snapshot, now consent.Instant) consent.Decision
}

// Config configures an Authorizer.
type Config struct {
	// States is required.
	States States
	// Policies returns the active set; required. It is called once per call, and must not return nil.
	Policies func() Policies
	// Stale is where old states come from while newer ones cannot be read; nil: there are none.
	Stale Stale
	// Footings tell on what decisions may be remembered; nil: none are.
	Footings Footings
	// StoreID identifies the store behind States; tokens carry it.
	StoreID [16]byte
	// Marks are what tokens carry; nil: tokens carry none.
	Marks Marks
	// Holds reports whether the Until of a state has not come. It is asked when a decision is there; nil: it never does.
	Holds func(until int64) bool
	// Now is the clock; nil means the system's.
	Now func() consent.Instant
	// Log receives the failures of policies; nil means slog.Default().
	Log *slog.Logger
	// Steps is told where a step of a call begins, with the call's context, and what it returns where it ends; nil:
	// nobody is.
	Steps func(ctx context.Context, step Step) func(error)
	// Observers are told of each decision that is given out, one after the other, but not of what explains or is as
	// of the past: nobody acts upon that.
	Observers []Observer
	// Recorder is told of the same, before them, and can refuse: a decision that must be on record and cannot is not
	// given out. Nil: nobody is.
	Recorder Recorder
}

// Recorder is an Observer whose error is the call's.
type Recorder interface {
	Recorded(ctx context.Context, d *Decided) error
}

// Step is a part of a call that takes time.
type Step string

// The steps.
const (
	// Reading is of a subject's state, from memory or from the store.
	Reading Step = "cache"
	// Evaluating is of policies.
	Evaluating Step = "policy"
	// Remembering is of what was decided before, where it is given again.
	Remembering Step = "answer"
)

// Observer is told of decisions, on the goroutine of the call and before its answer leaves: it must be quick.
type Observer interface {
	// Decided is told of one; of a batch's when the last was made, in their order. Nothing of it may be kept, as its
	// memory is used again: what is needed is copied. The context is the call's; package caller finds in it who asked.
	Decided(ctx context.Context, d *Decided)
}

// Decided is one decision that is given out.
type Decided struct {
	Request  *consent.Request
	Decision *consent.Decision
	// Now is the instant that was decided for.
	Now consent.Instant
	// Began is when the call did, by the monotonic clock; a batch's decisions share it.
	Began time.Time
}

// Reported says how many checks a client's near cache answered by a decision that was given out before.
type Reported struct {
	Count uint64
	// Request has the controller, the purpose, the data categories and the recipient's kind, and no subject.
	Request consent.Request
	// Decision has the effect and the id.
	Decision consent.Decision
}

// Reporter is told of what near caches report. Nothing of it may be kept.
type Reporter interface {
	Reported(ctx context.Context, r *Reported)
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	var faults []error
	if c.States == nil {
		faults = append(faults, errors.New("States is required"))
	}
	if c.Policies == nil {
		faults = append(faults, errors.New("Policies is required"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = func() consent.Instant { return consent.InstantOf(time.Now()) }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Authorizer decides. It is immutable but for a counter and a token; all methods may be called concurrently.
type Authorizer struct {
	config Config
	// failures counts the decisions that were denied because a policy panicked or answered nonsense: not all are
	// logged.
	failures atomic.Uint64
	// newest is the newest token that was encoded.
	newest atomic.Pointer[encodedToken]
}

// New returns an Authorizer. Its error says all that is wrong with config.
func New(config Config) (*Authorizer, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("authz: %w", err)
	}
	return &Authorizer{config: config.withDefaults()}, nil
}

// Consistency is how fresh a state a call demands.
type Consistency struct {
	Freshness consent.Freshness
	// Token is a consistency token: the state must be at least as fresh; empty: no demand.
	Token string
}

// call is what all decisions of one call share.
type call struct {
	policies  Policies
	now       consent.Instant
	freshness consent.Freshness
	// atLeast is the revision that every state must reflect, that of token; both are zero where none was given.
	atLeast consent.Revision
	token   wire.Token
	// began is when the call did; zero without observers.
	began time.Time
}

// begin begins a call whose decisions are for now.
func (a *Authorizer) begin(ctx context.Context, c Consistency) (call, error) {
	begun, err := a.prepare(ctx, c)
	if err != nil {
		return call{}, err
	}
	begun.now = a.config.Now()
	return begun, nil
}

// prepare is begin without an instant.
func (a *Authorizer) prepare(ctx context.Context, c Consistency) (call, error) {
	if err := ctx.Err(); err != nil {
		return call{}, err
	}
	token, err := a.parse(c.Token)
	if err == nil {
		err = a.confirm(ctx, token)
	}
	if err != nil {
		return call{}, err
	}
	policies := a.config.Policies()
	if policies == nil {
		return call{}, errors.New("no policies are active")
	}
	begun := call{policies: policies, freshness: c.Freshness, atLeast: consent.Revision(token.Revision), token: token}
	if a.observed() {
		begun.began = time.Now()
	}
	return begun, nil
}

// Check decides one request.
func (a *Authorizer) Check(ctx context.Context, request *consent.Request, c Consistency) (consent.Decision, error) {
	call, err := a.begin(ctx, c)
	if err != nil {
		return consent.Decision{}, err
	}
	if _, err := call.policies.Purposes(request.Subject.Controller); err != nil {
		return consent.Decision{}, err
	}
	var r reading
	r.snapshot, r.err = a.read(ctx, call, request.Subject)
	d, err := a.on(ctx, call, request, &r)
	if err != nil {
		return consent.Decision{}, err
	}
	return a.out(ctx, call, request, d)
}

// read returns a state that is as fresh as the call demands. A token may be of a change whose announcement has not
// reached the cache yet; then it is waited for, and after that the store is asked.
func (a *Authorizer) read(ctx context.Context, call call, subject consent.Subject) (_ consent.Snapshot, err error) {
	if a.config.Steps != nil {
		done := a.config.Steps(ctx, Reading)
		defer func() { done(err) }()
	}
	snapshot, err := a.config.States.Snapshot(ctx, subject, call.freshness)
	if err == nil && snapshot.AsOf < call.atLeast {
		snapshot, err = a.fresher(ctx, call, subject)
	}
	if err == nil {
		err = a.confirmAfter(ctx, call.token, &snapshot)
	}
	switch {
	case err != nil:
		return consent.Snapshot{}, fmt.Errorf("reading subject state: %w", err)
	case snapshot.AsOf < call.atLeast || snapshot.State == nil:
		return consent.Snapshot{}, fmt.Errorf("reading subject state: %w: as of %d, demanded %d",
			consent.ErrUnavailable, snapshot.AsOf, call.atLeast)
	}
	return snapshot, nil
}

// fresher reads again where a state was older than the call demands.
func (a *Authorizer) fresher(ctx context.Context, call call, subject consent.Subject) (consent.Snapshot, error) {
	if awaiter, ok := a.config.States.(Awaiter); ok && call.freshness == consent.MinimizeLatency {
		awaiter.Await(ctx, call.atLeast)
		snapshot, err := a.config.States.Snapshot(ctx, subject, call.freshness)
		if err != nil || snapshot.AsOf >= call.atLeast {
			return snapshot, err
		}
	}
	return a.config.States.Snapshot(ctx, subject, consent.FullyConsistent)
}
