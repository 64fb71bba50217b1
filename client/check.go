package client

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Checker decides. *Client and *Session are Checkers, and so is whatever a test puts in their place.
type Checker interface {
	// Check decides one purpose for one subject. With an error the decision is the zero one, which denies.
	Check(ctx context.Context, request *consentv1.CheckRequest) (Decision, error)
}

// Hook is told of each check that begins; the function that it returns is told how it ended. The check goes on with the
// context returned. Both must be quick and may be called concurrently; neither may change the request.
type Hook func(ctx context.Context, request *consentv1.CheckRequest) (context.Context, func(Decision, error))

// Check decides one purpose for one subject; NewCheck makes the request. A denial is an answer, no error. With an error
// the decision is the zero one, which denies.
//
// Metadata of ctx (metadata.AppendToOutgoingContext) go with the call, as with all others; a check that has some shares
// no message with others. With an "authorization" of its own it is that caller's, and no near cache answers it.
func (c *Client) Check(ctx context.Context, request *consentv1.CheckRequest) (Decision, error) {
	return c.check(ctx, request, c.fresh)
}

// Allowed reports whether the use is allowed. Whatever goes wrong denies; Check tells what it was.
func (c *Client) Allowed(ctx context.Context, request *consentv1.CheckRequest) bool {
	return allowed(ctx, c, request)
}

func allowed(ctx context.Context, c Checker, request *consentv1.CheckRequest) bool {
	decision, err := c.Check(ctx, request)
	return err == nil && decision.Allowed
}

// check is Check with what was written before.
func (c *Client) check(ctx context.Context, request *consentv1.CheckRequest, fresh *freshness) (Decision, error) {
	if len(c.hooks) > 0 {
		return c.hooked(ctx, request, fresh)
	}
	return c.decide(ctx, request, fresh)
}

// hooked is check with hooks.
func (c *Client) hooked(ctx context.Context, request *consentv1.CheckRequest, fresh *freshness) (Decision, error) {
	ends := make([]func(Decision, error), len(c.hooks))
	for i, hook := range c.hooks {
		ctx, ends[i] = hook(ctx, request)
	}
	decision, err := c.decide(ctx, request, fresh)
	for i := len(ends) - 1; i >= 0; i-- {
		ends[i](decision, err)
	}
	return decision, err
}

func (c *Client) decide(ctx context.Context, request *consentv1.CheckRequest, fresh *freshness) (Decision, error) {
	var session *nearSession
	if c.near != nil && !ownCredentials(ctx) {
		if err := contextError(ctx); err != nil {
			return Decision{}, err
		}
		var hit *nearEntry
		if hit, session = c.near.lookup(request, fresh); hit != nil {
			return hit.decision, nil
		}
	}
	response, demanded, err := c.ask(ctx, request, fresh)
	if err != nil {
		return Decision{}, err
	}
	session.accept(demanded)
	decision := decisionOf(response)
	if session != nil {
		c.near.store(session, request, response, decision)
	}
	recycle(response)
	return decision, nil
}

// contextError is the status of a call whose context has ended.
func contextError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return nil
}

// ownCredentials reports whether a call has credentials of its own: what another caller was told is not for it.
func ownCredentials(ctx context.Context) bool {
	md, has := metadata.FromOutgoingContext(ctx)
	return has && len(md.Get("authorization")) > 0
}

// ask has the server decide, on a state that reflects what was written before, and returns the token that it demanded
// by that.
func (c *Client) ask(
	ctx context.Context, request *consentv1.CheckRequest, fresh *freshness,
) (_ *consentv1.CheckResponse, demanded string, err error) {
	t, err := fresh.terms(request.GetConsistency())
	if err != nil {
		return nil, "", err
	}
	if t.own {
		request = withConsistency(request, t.consistency)
	}
	response, err := c.hedged(ctx, request)
	if err := t.settle(err, response.GetConsistencyToken()); err != nil {
		return nil, "", err
	}
	return response, t.consistency.GetAtLeastAsFresh(), nil
}

// withConsistency returns request with another consistency; it shares all else.
func withConsistency(request *consentv1.CheckRequest, c *consentv1.Consistency) *consentv1.CheckRequest {
	return &consentv1.CheckRequest{
		Controller: request.GetController(), SubjectId: request.GetSubjectId(), Purpose: request.GetPurpose(),
		DataCategories: request.GetDataCategories(), Recipient: request.GetRecipient(), Context: request.GetContext(),
		Consistency: c,
	}
}

// hedged asks, and asks once more by a call of its own where the answer takes longer than WithHedging allows. The first
// answer counts.
func (c *Client) hedged(ctx context.Context, request *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	if c.hedgeAfter <= 0 {
		return c.remote(ctx, request)
	}
	ctx, cancel := context.WithDeadline(ctx, c.conn.deadline(ctx))
	defer cancel()
	request = proto.CloneOf(request) // the slower of the two may read it when the caller has it back
	type answer struct {
		response *consentv1.CheckResponse
		err      error
	}
	answers := make(chan answer, 2)
	ask := func(how func(context.Context, *consentv1.CheckRequest) (*consentv1.CheckResponse, error)) {
		var a answer
		a.err = guarded(func() (err error) {
			a.response, err = how(ctx, request)
			return err
		})
		answers <- a
	}
	go ask(c.remote)
	timer := time.NewTimer(c.hedgeAfter)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.response, a.err
	case <-timer.C:
		go ask(c.unary)
	}
	a := <-answers
	if a.err != nil {
		a = <-answers
	}
	return a.response, a.err
}

func (c *Client) unary(ctx context.Context, request *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	return c.decisions.Check(ctx, request)
}

// remote asks over a stream where that is possible, else by a call.
func (c *Client) remote(ctx context.Context, request *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	if len(c.lanes) == 0 || c.streams.paused() {
		return c.unary(ctx, request)
	}
	if md, _ := metadata.FromOutgoingContext(ctx); len(md) > 0 {
		return c.unary(ctx, request) // the metadata are this call's
	}
	deadline := c.conn.deadline(ctx)
	response, err := c.streamed(ctx, deadline, request)
	if err == nil {
		return response, nil
	}
	broken, isBroken := errors.AsType[streamError](err)
	silent, isSilent := errors.AsType[*silentError](err)
	switch code := status.Code(broken.error); {
	case !isBroken && !isSilent:
		return nil, err
	case isBroken && (code == codes.Unavailable || code == codes.Canceled):
		return nil, broken.error
	case isBroken && code == codes.Unimplemented:
		c.streams.pause(longestPause) // an older server
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	began := time.Now()
	response, err = c.unary(ctx, request)
	if isSilent {
		silent.lane.found(silent.stream, err, time.Since(began))
	}
	return response, err
}

// streamed asks over a stream, and again where the stream breaks down.
func (c *Client) streamed(
	ctx context.Context, deadline time.Time, request *consentv1.CheckRequest,
) (*consentv1.CheckResponse, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	call := streamCalls.Get().(*streamCall)
	defer call.free()
	var err error
	if call.check, err = appendRequest(call.check[:0], request, time.Until(deadline)); err != nil {
		return nil, internalError("encoding the request: " + err.Error())
	}
	if len(call.check) >= largeCheck {
		return c.unary(ctx, request)
	}
	call.deadline, call.until = time.Time{}, deadline
	if own, has := ctx.Deadline(); !has || ctx.Done() == nil || own.After(deadline) {
		call.deadline = deadline
	}
	var response *consentv1.CheckResponse
	lane := c.lanes[c.turn.Add(1)%uint64(len(c.lanes))]
	err = c.conn.retry(ctx, deadline, func() error {
		var err error
		response, err = lane.check(ctx, call)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// openStream opens a CheckStream for a lane.
func openStream(connection grpc.ClientConnInterface) func(context.Context) (grpc.ClientStream, error) {
	desc := &grpc.StreamDesc{StreamName: "CheckStream", ClientStreams: true, ServerStreams: true}
	codec := grpc.ForceCodecV2(newFrames())
	return func(ctx context.Context) (grpc.ClientStream, error) {
		return connection.NewStream(ctx, desc, consentv1.DecisionService_CheckStream_FullMethodName, codec)
	}
}
