package authz

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/consentd/consentd/server/consent"
)

// pending is one request and the state it is decided on.
type pending struct {
	request  *consent.Request
	snapshot *consent.Snapshot
}

// out returns a decision that is given out, of which observers have been told.
func (a *Authorizer) out(ctx context.Context, call call, request *consent.Request, d consent.Decision) (consent.Decision, error) {
	if !a.observed() {
		return d, nil
	}
	if err := a.tell(ctx, Decided{Request: request, Now: call.now, Began: call.began}, d); err != nil {
		return consent.Decision{}, err
	}
	return d, nil
}

func (a *Authorizer) observed() bool { return len(a.config.Observers) > 0 || a.config.Recorder != nil }

// telling is what observers are told, with the decision.
type telling struct {
	told     Decided
	decision consent.Decision
}

// tellings are those that are free: each check is told of, and two more allocations were two more than it had.
var tellings = sync.Pool{New: func() any { return new(telling) }}

// tell tells the recorder, whose error is the call's, and then the observers.
func (a *Authorizer) tell(ctx context.Context, told Decided, d consent.Decision) error {
	t := tellings.Get().(*telling)
	t.told, t.decision = told, d
	t.told.Decision = &t.decision
	defer func() {
		*t = telling{} // it holds nothing of the request
		tellings.Put(t)
	}()
	if a.config.Recorder != nil {
		if err := a.config.Recorder.Recorded(ctx, &t.told); err != nil {
			return err
		}
	}
	for _, o := range a.config.Observers {
		o.Decided(ctx, &t.told)
	}
	return nil
}

// standing is decide on a state that counts still when the decision is there: this process may have been stopped in
// between, and others may take it for gone. Where it does not, the state is read once more, past every cache, and
// stands in the place of the other.
func (a *Authorizer) standing(ctx context.Context, call call, p pending) (consent.Decision, error) {
	d, err := a.decide(ctx, call, p)
	if err != nil || p.snapshot.Until == 0 || a.config.Holds == nil || a.config.Holds(p.snapshot.Until) {
		return d, err
	}
	call.freshness = consent.FullyConsistent
	fresh, err := a.read(ctx, call, p.request.Subject)
	if err != nil {
		return consent.Decision{}, err
	}
	*p.snapshot = fresh
	return a.decide(ctx, call, p)
}

// decide returns a well-formed decision, or the error of a context that ended before there was one.
func (a *Authorizer) decide(ctx context.Context, call call, p pending) (consent.Decision, error) {
	if err := ctx.Err(); err != nil {
		return consent.Decision{}, err
	}
	d, failure := a.evaluate(ctx, call, p)
	if err := ctx.Err(); err != nil {
		return consent.Decision{}, err
	}
	if failure == nil {
		failure = Malformed(&d, p.request)
	}
	if failure != nil {
		a.report(ctx, p.request, failure)
		d = consent.Failed()
	}
	d.PolicyRevision = call.policies.Revision()
	d.StateRevision = p.snapshot.AsOf
	d.ID = newID()
	return d, nil
}

// evaluate asks the policies; a panic is an error.
func (a *Authorizer) evaluate(ctx context.Context, call call, p pending) (d consent.Decision, err error) {
	if a.config.Steps != nil {
		done := a.config.Steps(ctx, Evaluating)
		defer func() { done(err) }()
	}
	defer func() {
		if p := recover(); p != nil {
			d, err = consent.Decision{}, fmt.Errorf("policy panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return call.policies.Decide(ctx, p.request, p.snapshot, call.now), nil
}

// report counts the failure of a policy and logs every first, second, fourth, eighth, …: a policy that fails on each
// check must not fill the disk. It names no subject.
func (a *Authorizer) report(ctx context.Context, request *consent.Request, err error) {
	n := a.failures.Add(1)
	if n&(n-1) != 0 {
		return
	}
	a.config.Log.ErrorContext(ctx, "policy failed, denied", "controller", request.Subject.Controller, "purpose", request.Purpose,
		"failures", n, "err", err)
}

// Malformed says why a policy's answer cannot be given to anybody; nil if it can. Policies check their own answers:
// this is the last look at what would otherwise be acted upon.
func Malformed(d *consent.Decision, request *consent.Request) error {
	switch {
	case d.Effect != consent.Allow && d.Effect != consent.Deny:
		return fmt.Errorf("effect is %v", d.Effect)
	case len(d.Reasons) == 0:
		return errors.New("no reasons")
	case d.Basis != 0 && !d.Basis.Known():
		return fmt.Errorf("legal basis is %v", d.Basis)
	case d.Effect == consent.Allow && d.Basis == 0:
		return errors.New("ALLOW without a legal basis")
	case d.ValidUntil < 0:
		return fmt.Errorf("valid until %d", d.ValidUntil)
	}
	if err := malformedReasons(d); err != nil {
		return err
	}
	for i := range d.Obligations {
		if !complete(&d.Obligations[i]) {
			return fmt.Errorf("obligation %v with parameters %+v", d.Obligations[i].Code, d.Obligations[i].Parameters)
		}
	}
	return malformedCategories(d, request)
}

// malformedReasons: ALLOW needs BASIS_HOLDS and nothing else, DENY anything else. That the state could not be read is
// no reason of a policy's.
func malformedReasons(d *consent.Decision) error {
	for _, r := range d.Reasons {
		if holds := r.Code == consent.BasisHolds; !r.Code.Known() || holds != (d.Effect == consent.Allow) {
			return fmt.Errorf("%v because of %v", d.Effect, r.Code)
		}
		if (r.Code == consent.StateUnavailable) != (d.Degraded == consent.DegradedDenied) {
			return fmt.Errorf("%v of a decision that is degraded as %d", r.Code, d.Degraded)
		}
	}
	return nil
}

// complete reports whether an obligation has the parameters without which nobody can meet it.
func complete(o *consent.Obligation) bool {
	switch p := &o.Parameters; o.Code {
	case consent.TransferSafeguards:
		return p.Country != ""
	case consent.ExcludeDataCategories:
		return len(p.Categories) > 0
	case consent.RecordSignal:
		return p.Signal == "gpc" || p.Signal == "dnt"
	case consent.ReaskNotBefore:
		return p.Time > 0
	default:
		return o.Code.Known()
	}
}

// malformedCategories: what is permitted was asked for, and on ALLOW it is all of that.
func malformedCategories(d *consent.Decision, request *consent.Request) error {
	asked, permitted := request.DataCategories, d.PermittedDataCategories
	if slices.Equal(asked, permitted) {
		return nil
	}
	for _, category := range permitted {
		if !slices.Contains(asked, category) {
			return fmt.Errorf("permits %q, which was not asked for", category)
		}
	}
	if d.Effect == consent.Deny {
		return nil
	}
	for _, category := range asked {
		if !slices.Contains(permitted, category) {
			return fmt.Errorf("ALLOW that does not permit %q", category)
		}
	}
	return nil
}

// ids are some that are ready, in one string: a string for each was a third of what the answer to a check that is
// remembered takes, and its only allocation.
type ids struct {
	text string
}

const (
	idBytes = 32
	// idsAtOnce: whoever keeps an id keeps the memory of so many.
	idsAtOnce = 16
)

var idPool = sync.Pool{New: func() any { return new(ids) }}

// newID returns 128 random bits in hexadecimal. The generator is per core and needs no lock; a counter would be a cache
// line that all cores share.
func newID() string {
	ready := idPool.Get().(*ids)
	if ready.text == "" {
		ready.text = newIDs()
	}
	id := ready.text[:idBytes]
	ready.text = ready.text[idBytes:]
	idPool.Put(ready)
	return id
}

func newIDs() string {
	var bits [idsAtOnce * idBytes / 2]byte
	for i := 0; i < len(bits); i += 8 {
		binary.LittleEndian.PutUint64(bits[i:], rand.Uint64())
	}
	var text [idsAtOnce * idBytes]byte
	hex.Encode(text[:], bits[:])
	return string(text[:])
}
