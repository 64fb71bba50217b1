package fake

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/pebble"
)

// calls are those that were made. All methods may be called concurrently.
type calls struct {
	mu sync.Mutex
	// all is guarded by mu.
	all []proto.Message
}

func (c *calls) add(m proto.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, m)
}

// from returns those from a position on.
func (c *calls) from(first int) []proto.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]proto.Message(nil), c.all[min(max(first, 0), len(c.all)):]...)
}

// authorizer decides, and keeps what was asked.
type authorizer struct {
	*authz.Authorizer
	rules func() *ruleset
	calls *calls
}

// arrive finds the rule of each request, and then keeps the call: who sees a call can rely on its rule being used up.
func (a *authorizer) arrive(ctx context.Context, c authz.Consistency, requests ...*consent.Request) context.Context {
	ctx, asking := ask(ctx, false)
	asking.rules, asking.found = a.rules(), make(map[*consent.Request]*rule, len(requests))
	for _, r := range requests {
		if _, err := asking.rules.Purposes(r.Subject.Controller); err == nil {
			asking.found[r] = asking.rules.find(question{callCheck, r}, false)
		}
		a.calls.add(asked(r, c))
	}
	return ctx
}

// Check implements grpcapi.Authorizer.
func (a *authorizer) Check(ctx context.Context, r *consent.Request, c authz.Consistency) (consent.Decision, error) {
	return a.Authorizer.Check(a.arrive(ctx, c, r), r, c)
}

// BatchCheck implements grpcapi.Authorizer. A fake remembers no answers: each is decided.
func (a *authorizer) BatchCheck(
	ctx context.Context, all []consent.Request, _ []*authz.Kept, c authz.Consistency,
) ([]authz.Result, error) {
	requests := make([]*consent.Request, len(all))
	for i := range all {
		requests[i] = &all[i]
	}
	return a.Authorizer.BatchCheck(a.arrive(ctx, c, requests...), all, nil, c)
}

// ListPurposes implements grpcapi.Authorizer.
func (a *authorizer) ListPurposes(ctx context.Context, r *consent.Request, c authz.Consistency) ([]authz.PurposeDecision, error) {
	ctx, _ = ask(ctx, false)
	return a.Authorizer.ListPurposes(ctx, r, c)
}

// asked is a check as it came.
func asked(r *consent.Request, c authz.Consistency) *consentv1.CheckRequest {
	m := &consentv1.CheckRequest{
		Controller: r.Subject.Controller, SubjectId: r.Subject.ID, Purpose: r.Purpose, DataCategories: r.DataCategories,
	}
	if r.Recipient != (consent.Recipient{}) {
		m.Recipient = &consentv1.Recipient{
			Kind: consentv1.RecipientKind(r.Recipient.Kind), Id: r.Recipient.ID, Country: r.Recipient.Country,
		}
	}
	if r.Context != nil {
		m.Context, _ = structpb.NewStruct(r.Context) // it was one
	}
	switch {
	case c.Token != "":
		m.Consistency = &consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: c.Token}}
	case c.Freshness == consent.FullyConsistent:
		m.Consistency = &consentv1.Consistency{Requirement: &consentv1.Consistency_FullyConsistent{FullyConsistent: true}}
	}
	return m
}

// recorder has a rule's error in place of its decision.
type recorder struct{}

// Recorded implements authz.Recorder.
func (recorder) Recorded(ctx context.Context, d *authz.Decided) error {
	if a, ok := ctx.Value(askingKey{}).(*asking); ok {
		return a.errs[d.Request]
	}
	return nil
}

// ledger is the store, where no rule is for what is recorded.
type ledger struct {
	*pebble.Store
	server *Server
}

// Record implements grpcapi.Ledger.
func (l ledger) Record(ctx context.Context, batch consent.Batch) (consent.Recorded, error) {
	request := &consent.Request{Subject: batch.Subject}
	if r := l.server.current().find(question{callRecord, request}, false); r != nil {
		if !wait(ctx, batch.RecordedAt.Time().Add(r.delay)) {
			return consent.Recorded{}, ctx.Err()
		}
		if r.err != nil {
			return consent.Recorded{}, r.err
		}
	}
	return l.Store.Record(ctx, batch)
}
