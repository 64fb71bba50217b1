package client

import (
	"context"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Session reads its own writes, whichever node answers: what was recorded through it is part of the state behind every
// check that starts after RecordEvents returned. It carries the newest consistency token from writes to checks that
// name no consistency of their own. Make one where you would carry a token by hand, for example per request that you
// serve; a Session may be used from many goroutines and needs no closing.
//
// A session belongs to one store: where a server shows another one, or does not know the session's newest write, calls
// fail with ErrStoreMismatch.
//
// A Client over several addresses is one session by itself, and its sessions see all its writes.
type Session struct {
	client *Client
	fresh  freshness
}

// Session begins a session.
func (c *Client) Session() *Session {
	if c.fresh != nil {
		return &Session{client: c, fresh: freshness{home: c.fresh.home, client: c.fresh}}
	}
	return &Session{client: c, fresh: freshness{home: &home{}}}
}

// Check is Client.Check on a state that reflects the session's writes.
func (s *Session) Check(ctx context.Context, request *consentv1.CheckRequest) (Decision, error) {
	return s.client.check(ctx, request, &s.fresh)
}

// Allowed is Client.Allowed on a state that reflects the session's writes.
func (s *Session) Allowed(ctx context.Context, request *consentv1.CheckRequest) bool {
	return allowed(ctx, s, request)
}

// Guard is Client.Guard on a state that reflects the session's writes.
func (s *Session) Guard(
	ctx context.Context, request *consentv1.CheckRequest, run func(context.Context, []*consentv1.Obligation) error,
) error {
	return guard(ctx, s, request, run)
}

// BatchCheck is Client.BatchCheck on states that reflect the session's writes.
func (s *Session) BatchCheck(ctx context.Context, request *consentv1.BatchCheckRequest) ([]Result, error) {
	return s.client.batchCheck(ctx, request, &s.fresh)
}

// Filter is Client.Filter on states that reflect the session's writes.
func (s *Session) Filter(ctx context.Context, request *consentv1.CheckRequest, subjectIDs []string) ([]string, error) {
	return s.client.filter(ctx, request, subjectIDs, &s.fresh)
}

// Explain is Client.Explain on a state that reflects the session's writes.
func (s *Session) Explain(ctx context.Context, request *consentv1.ExplainRequest) (*consentv1.ExplainResponse, error) {
	return s.client.explain(ctx, request, &s.fresh)
}

// ListPurposes is Client.ListPurposes on a state that reflects the session's writes.
func (s *Session) ListPurposes(ctx context.Context, request *consentv1.ListPurposesRequest) ([]PurposeDecision, error) {
	return s.client.listPurposes(ctx, request, &s.fresh)
}

// RecordEvents is Client.RecordEvents; what follows in the session reflects it.
func (s *Session) RecordEvents(
	ctx context.Context, request *consentv1.RecordEventsRequest,
) (*consentv1.RecordEventsResponse, error) {
	return inSession(ctx, s, request, s.client.RecordEvents)
}

// ConsistencyToken stands for the newest write of the session, to be handed to another process; empty: there was none.
func (s *Session) ConsistencyToken() string {
	if w := s.fresh.newest.Load(); w != nil {
		return w.token
	}
	return ""
}
