package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// asker asks: a client, a session of one, or gRPC as it is.
type asker interface {
	Check(context.Context, *consentv1.CheckRequest) (client.Decision, error)
	BatchCheck(context.Context, *consentv1.BatchCheckRequest) ([]client.Result, error)
	RecordEvents(context.Context, *consentv1.RecordEventsRequest) (*consentv1.RecordEventsResponse, error)
}

// style is how a link asks.
type style int

// The styles: the Go client; with a near cache; with each check a call of its own; a session over all nodes, with a
// near cache; gRPC without the client.
const (
	plainStyle style = iota
	nearStyle
	callStyle
	sessionStyle
	rawStyle
)

// callTimeout is the deadline of calls, as the client has it by default.
const callTimeout = client.DefaultTimeout

// link is how a client asks one node, or all of them. It is made anew where the store has lost what it knew of.
type link struct {
	style     style
	node      uint8
	addresses []string

	mu    sync.Mutex
	asker asker
	close func() error
}

// get returns what asks, and connects where nothing does.
func (l *link) get() (asker, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asker != nil {
		return l.asker, nil
	}
	if l.style == rawStyle {
		conn, err := grpc.NewClient(l.addresses[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		l.asker, l.close = raw{consentv1.NewDecisionServiceClient(conn), consentv1.NewConsentServiceClient(conn)}, conn.Close
		return l.asker, nil
	}
	c, err := client.Dial(strings.Join(l.addresses, ","), l.options()...)
	if err != nil {
		return nil, err
	}
	l.asker, l.close = c, c.Close
	if l.style == sessionStyle {
		l.asker = c.Session()
	}
	return l.asker, nil
}

func (l *link) options() []client.Option {
	o := []client.Option{client.WithTimeout(callTimeout)}
	switch l.style {
	case nearStyle, sessionStyle:
		o = append(o, client.WithNearCache(client.NearCacheConfig{}))
	case callStyle:
		o = append(o, client.WithoutCoalescing())
	}
	return o
}

// near says whether answers may come from a cache of the client's.
func (l *link) near() bool { return l.style == nearStyle || l.style == sessionStyle }

// forget ends a client or session that holds a token which the store refuses: the documented way to go on.
func (l *link) forget(used asker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asker == used && l.asker != nil {
		_ = l.close() // calls under way end CANCELED
		l.asker = nil
	}
}

// end closes what is open.
func (l *link) end() {
	if l.asker != nil {
		_ = l.close()
	}
}

// demanded is the token that a session asks with by itself; empty: none.
func demanded(a asker) string {
	if s, ok := a.(*client.Session); ok {
		return s.ConsistencyToken()
	}
	return ""
}

// raw is gRPC as it is: no retries, no shared streams.
type raw struct {
	decisions consentv1.DecisionServiceClient
	consents  consentv1.ConsentServiceClient
}

// Check asks once.
func (r raw) Check(ctx context.Context, request *consentv1.CheckRequest) (client.Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	response, err := r.decisions.Check(ctx, request)
	return rawDecision(response), err
}

func rawDecision(response *consentv1.CheckResponse) client.Decision {
	d := client.Decision{
		Allowed: response.GetDecision() == consentv1.Decision_DECISION_ALLOW, ConsistencyToken: response.GetConsistencyToken(),
	}
	if response.GetValidUntil() != nil {
		d.ValidUntil = response.GetValidUntil().AsTime()
	}
	return d
}

// BatchCheck asks once.
func (r raw) BatchCheck(ctx context.Context, request *consentv1.BatchCheckRequest) ([]client.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	response, err := r.decisions.BatchCheck(ctx, request)
	if err != nil {
		return nil, err
	}
	results := make([]client.Result, len(response.GetResults()))
	for i, one := range response.GetResults() {
		results[i].Decision = rawDecision(one.GetResponse())
		if e := one.GetError(); e != nil {
			results[i].Err = status.Error(codes.Code(e.GetCode()), e.GetMessage())
		}
	}
	if len(results) != len(request.GetRequests()) {
		return nil, fmt.Errorf("%d results for %d checks", len(results), len(request.GetRequests()))
	}
	return results, nil
}

// RecordEvents writes once.
func (r raw) RecordEvents(
	ctx context.Context, request *consentv1.RecordEventsRequest,
) (*consentv1.RecordEventsResponse, error) {
	if _, has := ctx.Deadline(); !has {
		return nil, errors.New("a write without a deadline")
	}
	return r.consents.RecordEvents(ctx, request)
}

// links are those of one client: of each node a near cache, and another that differs from client to client; and a
// session over all. Those of a plan that knows no single node are a client and a session over all.
func links(p *plan) (all []*link) {
	session := &link{style: sessionStyle, node: anyNode, addresses: p.Nodes}
	if len(p.Nodes) == 1 {
		session.node = 0
	}
	if p.Several {
		return []*link{session, {style: plainStyle, node: session.node, addresses: p.Nodes}}
	}
	others := []style{plainStyle, rawStyle, callStyle}
	for i, address := range p.Nodes {
		for _, s := range []style{nearStyle, others[(i+p.Index)%len(others)]} {
			all = append(all, &link{style: s, node: uint8(i), addresses: []string{address}})
		}
	}
	return append(all, session)
}

// pauseFor waits, or until ctx ends.
func pauseFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
