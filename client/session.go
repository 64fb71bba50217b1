package client

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Session reads its own writes, whichever node answers: what was recorded through it is part of the state behind every
// check that starts after RecordEvents returned. It carries the newest consistency token from writes to checks that name
// no consistency of their own. Make one where you would carry a token by hand, for example per request that you serve; a
// Session may be used from many goroutines and needs no closing.
//
// A Client over several addresses is one session by itself.
type Session struct {
	client *Client
	fresh  freshness
}

// Session begins a session.
func (c *Client) Session() *Session { return &Session{client: c} }

// Check is Client.Check on a state that reflects the session's writes.
func (s *Session) Check(ctx context.Context, request *consentv1.CheckRequest) (Decision, error) {
	return s.client.check(ctx, request, &s.fresh)
}

// Allowed is Client.Allowed on a state that reflects the session's writes.
func (s *Session) Allowed(ctx context.Context, request *consentv1.CheckRequest) bool {
	return allowed(ctx, s, request)
}

// Guard is Client.Guard on a state that reflects the session's writes.
func (s *Session) Guard(ctx context.Context, request *consentv1.CheckRequest, run func(context.Context, []*consentv1.Obligation) error) error {
	return guard(ctx, s, request, run)
}

// BatchCheck is Client.BatchCheck on states that reflect the session's writes.
func (s *Session) BatchCheck(ctx context.Context, request *consentv1.BatchCheckRequest) ([]Result, error) {
	return s.client.batchCheck(ctx, request, &s.fresh)
}

// ListPurposes is Client.ListPurposes on a state that reflects the session's writes.
func (s *Session) ListPurposes(ctx context.Context, request *consentv1.ListPurposesRequest) ([]PurposeDecision, error) {
	return s.client.listPurposes(ctx, request, &s.fresh)
}

// RecordEvents is Client.RecordEvents; what follows in the session reflects it.
func (s *Session) RecordEvents(ctx context.Context, request *consentv1.RecordEventsRequest) (*consentv1.RecordEventsResponse, error) {
	response, err := s.client.RecordEvents(ctx, request)
	s.fresh.written(response, err)
	return response, err
}

// ConsistencyToken stands for the newest write of the session, to be handed to another process; empty: there was none.
func (s *Session) ConsistencyToken() string {
	if w := s.fresh.newest.Load(); w != nil {
		return w.token
	}
	return ""
}

// freshness is the newest write that later checks must reflect. The zero value and nil demand nothing. It is safe for
// concurrent use.
type freshness struct {
	newest atomic.Pointer[write]
	// lenient forgets a token that the server does not know and asks again, fully consistent: its store was replaced, and
	// what was written to the old one is no longer there to be read. A session ends with its store; a client goes on.
	lenient bool
}

// write is immutable.
type write struct {
	token    string
	revision uint64
	demand   *consentv1.Consistency
}

// revision is the newest write's; 0: there was none.
func (f *freshness) revision() uint64 {
	if f == nil {
		return 0
	}
	if w := f.newest.Load(); w != nil {
		return w.revision
	}
	return 0
}

// written remembers a write, unless a newer one is known: of writes made at once the answers come in any order.
func (f *freshness) written(response *consentv1.RecordEventsResponse, err error) {
	if f == nil || err != nil || response.GetConsistencyToken() == "" {
		return
	}
	w := &write{token: response.GetConsistencyToken(), revision: response.GetRevision()}
	w.demand = AtLeastAsFresh(w.token)
	for {
		before := f.newest.Load()
		if before != nil && before.revision > w.revision || f.newest.CompareAndSwap(before, w) {
			return
		}
	}
}

// demand is the consistency with which to ask; own says that it is not the caller's but that of a write.
func (f *freshness) demand(asked *consentv1.Consistency) (c *consentv1.Consistency, own bool) {
	if f == nil || asked != nil && !asked.GetMinimizeLatency() {
		return asked, false
	}
	w := f.newest.Load()
	if w == nil {
		return asked, false
	}
	return w.demand, true
}

// demanding asks with the consistency that the caller chose, else with that of the newest write.
func demanding[R any](f *freshness, asked *consentv1.Consistency, ask func(*consentv1.Consistency) (R, error)) (R, error) {
	consistency, own := f.demand(asked)
	response, err := ask(consistency)
	if own && f.disowned(err, consistency) {
		return ask(FullyConsistent())
	}
	return response, err
}

// disowned reports whether err says that the server does not know the token demanded, and forgets it, if f is lenient.
func (f *freshness) disowned(err error, demanded *consentv1.Consistency) bool {
	if !f.lenient || status.Code(err) != codes.InvalidArgument {
		return false
	}
	for _, v := range Violations(err) {
		if v.GetField() == "consistency.at_least_as_fresh" {
			if w := f.newest.Load(); w != nil && w.demand == demanded {
				f.newest.CompareAndSwap(w, nil)
			}
			return true
		}
	}
	return false
}
