// Package client asks consentd, over gRPC, whether a subject's data may be used for a purpose, and records what happens
// to the subject's consent.
//
//	c, err := client.Dial("127.0.0.1:7070")
//	...
//	decision, err := c.Check(ctx, client.NewCheck("example", "user-42", "marketing_email"))
//	if err != nil || !decision.Allowed {
//		return // do not use the data
//	}
//
// Guarantees: a Decision that allows never comes with an error, the zero Decision denies, and whatever this package
// does not understand of an answer denies. Every call ends: one whose context has no deadline gets DefaultTimeout.
//
// Failure: errors are gRPC statuses (status.Code and status.FromError work on them); Violations lists the fields at
// fault. UNAVAILABLE is retried within the deadline, so a caller sees it only when retrying did not help.
package client

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Client talks to consentd. Its methods may be called from many goroutines at once.
type Client struct {
	decisions consentv1.DecisionServiceClient
	consents  consentv1.ConsentServiceClient
	policies  consentv1.PolicyServiceClient
	admin     consentv1.AdminServiceClient
	conn      *conn
	// near is nil if there is no near cache.
	near  *nearCache
	hooks []Hook
	// lanes carry checks, each in its turn; none: each check is a call of its own. streams says when they are not used.
	lanes      []*lane
	turn       atomic.Uint64
	streams    pauses
	hedgeAfter time.Duration
	// fresh is nil where all calls go to one node.
	fresh *freshness
	close func() error
}

// New returns a client over a connection that the caller owns and closes. It adds deadlines and retries as Dial does;
// each check is a call of its own. A timeout of zero or less means DefaultTimeout. Use Dial unless you must set the
// connection up yourself.
func New(connection grpc.ClientConnInterface, timeout time.Duration) *Client {
	c := &conn{ClientConnInterface: connection, timeout: timeout}
	return &Client{
		decisions: consentv1.NewDecisionServiceClient(c),
		consents:  consentv1.NewConsentServiceClient(c),
		policies:  consentv1.NewPolicyServiceClient(c),
		admin:     consentv1.NewAdminServiceClient(c),
		conn:      c,
		close:     func() error { return nil },
	}
}

// Close closes the connection that Dial made; calls under way fail with CANCELED. Each call of it waits until all is
// closed, and returns what the first one did.
func (c *Client) Close() error { return c.close() }

// shut closes all that Dial has made.
func (c *Client) shut(connection *grpc.ClientConn) error {
	if c.near != nil {
		c.near.close()
	}
	for _, l := range c.lanes {
		l.close()
	}
	err := connection.Close()
	if c.conn.links != nil {
		c.conn.links.close()
	}
	return err
}

// Explain makes a decision again and tells its story, for people and audits. Its texts are not to be parsed.
func (c *Client) Explain(ctx context.Context, request *consentv1.ExplainRequest) (*consentv1.ExplainResponse, error) {
	return c.explain(ctx, request, c.fresh)
}

func (c *Client) explain(
	ctx context.Context, request *consentv1.ExplainRequest, fresh *freshness,
) (*consentv1.ExplainResponse, error) {
	t, err := fresh.terms(request.GetCheck().GetConsistency())
	if err != nil {
		return nil, err
	}
	if t.own = t.own && request.GetAt() == nil && request.GetKnownAt() == nil; t.own { // the past needs no token
		request = proto.CloneOf(request)
		request.Check = withConsistency(request.GetCheck(), t.consistency)
	}
	response, err := c.decisions.Explain(ctx, request)
	if err := t.settle(err, response.GetDecision().GetConsistencyToken()); err != nil {
		return nil, err
	}
	return response, nil
}

// PurposeDecision is the decision on one purpose.
type PurposeDecision struct {
	Purpose  string
	Decision Decision
}

// ListPurposes decides all purposes that the controller declares or prohibits, for one subject, sorted by purpose. One
// about the past, with at or known_at, is PurposesAsOf without what that says beside the decisions.
func (c *Client) ListPurposes(ctx context.Context, request *consentv1.ListPurposesRequest) ([]PurposeDecision, error) {
	return c.listPurposes(ctx, request, c.fresh)
}

// PurposesAsOf are the decisions on all purposes as of the past.
type PurposesAsOf struct {
	// Decisions are sorted by purpose.
	Decisions []PurposeDecision
	// AsOf says as of when, and which events were recorded later; Policies which policies decided. Both are nil where the
	// request was about now.
	AsOf     *consentv1.StateAsOf
	Policies *consentv1.DecidingPolicies
}

// PurposesAsOf is ListPurposes as of the past, for people and audits. Where the policies of then are not kept the error
// is FAILED_PRECONDITION.
func (c *Client) PurposesAsOf(ctx context.Context, request *consentv1.ListPurposesRequest) (PurposesAsOf, error) {
	response, err := c.decisions.ListPurposes(ctx, request)
	if err != nil {
		return PurposesAsOf{}, err
	}
	return PurposesAsOf{Decisions: purposeDecisions(response), AsOf: response.GetAsOf(), Policies: response.GetPolicies()}, nil
}

func (c *Client) listPurposes(
	ctx context.Context, request *consentv1.ListPurposesRequest, fresh *freshness,
) ([]PurposeDecision, error) {
	if request.GetAt() != nil || request.GetKnownAt() != nil {
		past, err := c.PurposesAsOf(ctx, request) // the past is as fresh as it gets
		return past.Decisions, err
	}
	t, err := fresh.terms(request.GetConsistency())
	if err != nil {
		return nil, err
	}
	if t.own {
		request = proto.CloneOf(request)
		request.Consistency = t.consistency
	}
	response, err := c.decisions.ListPurposes(ctx, request)
	tokens := make([]string, len(response.GetPurposes()))
	for i, p := range response.GetPurposes() {
		tokens[i] = p.GetResponse().GetConsistencyToken()
	}
	if err := t.settle(err, tokens...); err != nil {
		return nil, err
	}
	return purposeDecisions(response), nil
}

func purposeDecisions(response *consentv1.ListPurposesResponse) []PurposeDecision {
	decisions := make([]PurposeDecision, len(response.GetPurposes()))
	for i, p := range response.GetPurposes() {
		decisions[i] = PurposeDecision{Purpose: p.GetPurpose(), Decision: decisionOf(p.GetResponse())}
	}
	return decisions
}

// RecordEvents records one subject's events, all or none; NewEvent makes one. Once it returns without an error they are
// durable. It may be repeated: the events' ids are idempotency keys, so events recorded by an attempt whose answer was
// lost are counted as duplicates. The outcomes say what became of each event, in their order: what is on record may
// outrank a late withdrawal, and a misspelt purpose is recorded all the same. A server of an older version tells none.
// OutcomeText is for people.
//
// With fence it returns when no near cache answers from the older state any more, which takes up to two leases where
// one is cut off: without a deadline of ctx it gets FenceTimeout, or with a near cache three of the server's leases if
// that is more. DEADLINE_EXCEEDED then says that the events are recorded, or may be, and some cache may not know yet;
// repeat the call with the same events.
func (c *Client) RecordEvents(
	ctx context.Context, request *consentv1.RecordEventsRequest,
) (*consentv1.RecordEventsResponse, error) {
	return writing(ctx, c, request, c.consents.RecordEvents)
}

// GetSubject returns a subject's state as policies read it. One for whom nothing was recorded is not known; that is no
// error.
func (c *Client) GetSubject(ctx context.Context, request *consentv1.GetSubjectRequest) (*consentv1.GetSubjectResponse, error) {
	t, err := c.fresh.terms(nil)
	if err != nil {
		return nil, err
	}
	response, err := c.consents.GetSubject(ctx, request)
	if err := t.settle(err, response.GetConsistencyToken()); err != nil {
		return nil, err
	}
	return response, nil
}

// Events yields a subject's ledger from the request's page on, in the order in which the events were recorded, and
// reads the pages as it goes. It ends after the first error, which it yields with a nil entry. A deadline of ctx is for
// all pages; without one each page has the default. The request is not changed, and the sequence may be ranged over
// again.
func (c *Client) Events(ctx context.Context, request *consentv1.ListEventsRequest) iter.Seq2[*consentv1.LedgerEntry, error] {
	return func(yield func(*consentv1.LedgerEntry, error) bool) {
		page := &consentv1.ListEventsRequest{}
		proto.Merge(page, request)
		for {
			response, err := c.consents.ListEvents(ctx, page)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yieldAll(response.GetEntries(), yield) || response.GetNextPageToken() == "" {
				return
			}
			if response.GetNextPageToken() == page.GetPageToken() {
				yield(nil, status.Error(codes.Internal, "the server returned the same page token twice"))
				return
			}
			page.PageToken = response.GetNextPageToken()
		}
	}
}

// yieldAll yields entries and says whether the consumer wants more.
func yieldAll(entries []*consentv1.LedgerEntry, yield func(*consentv1.LedgerEntry, error) bool) bool {
	for _, entry := range entries {
		if !yield(entry, nil) {
			return false
		}
	}
	return true
}

// Policy describes the active policies.
func (c *Client) Policy(ctx context.Context, request *consentv1.GetPolicyRequest) (*consentv1.GetPolicyResponse, error) {
	return c.policies.GetPolicy(ctx, request)
}

// PolicyHistory tells which policies were in force on the server, and when, the newest first.
func (c *Client) PolicyHistory(
	ctx context.Context, request *consentv1.ListPolicyHistoryRequest,
) (*consentv1.ListPolicyHistoryResponse, error) {
	return c.policies.ListPolicyHistory(ctx, request)
}

// ActivatePolicy puts policies in force if they are admitted; Violations has the faults of those that are not. It may
// be repeated.
func (c *Client) ActivatePolicy(
	ctx context.Context, request *consentv1.ActivatePolicyRequest,
) (*consentv1.ActivatePolicyResponse, error) {
	return c.policies.ActivatePolicy(ctx, request)
}

// Controllers lists the controllers of the active policies and the purposes that they declare.
func (c *Client) Controllers(
	ctx context.Context, request *consentv1.ListControllersRequest,
) (*consentv1.ListControllersResponse, error) {
	return c.policies.ListControllers(ctx, request)
}
