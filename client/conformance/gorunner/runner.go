package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// runner holds what the harness opened.
type runner struct {
	mu sync.Mutex
	// All are guarded by mu. Sessions are named within their client.
	clients  map[string]*client.Client
	metadata map[string]metadata.MD
	sessions map[[2]string]*client.Session
}

func newRunner() *runner {
	return &runner{
		clients: map[string]*client.Client{}, metadata: map[string]metadata.MD{}, sessions: map[[2]string]*client.Session{},
	}
}

// decider is what a client and a session have in common.
type decider interface {
	client.Checker
	Allowed(context.Context, *consentv1.CheckRequest) bool
	BatchCheck(context.Context, *consentv1.BatchCheckRequest) ([]client.Result, error)
	ListPurposes(context.Context, *consentv1.ListPurposesRequest) ([]client.PurposeDecision, error)
	RecordEvents(context.Context, *consentv1.RecordEventsRequest) (*consentv1.RecordEventsResponse, error)
	LinkSubjects(context.Context, *consentv1.LinkSubjectsRequest) (*consentv1.LinkSubjectsResponse, error)
	UnlinkSubjects(context.Context, *consentv1.UnlinkSubjectsRequest) (*consentv1.UnlinkSubjectsResponse, error)
}

// find returns the client and, where the operation names one, its session.
func (r *runner) find(o operation) (*client.Client, decider) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.clients[o.Client]
	if o.Session == "" || c == nil {
		return c, c
	}
	key := [2]string{o.Client, o.Session}
	if r.sessions[key] == nil {
		r.sessions[key] = c.Session()
	}
	return c, r.sessions[key]
}

// metadataOf is what goes along with each call of a client.
func (r *runner) metadataOf(name string) metadata.MD {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.metadata[name]
}

func (r *runner) perform(o operation) result {
	switch o.Op {
	case "open":
		return r.open(o)
	case "new_event":
		return message(client.NewEvent(o.Source), nil)
	}
	c, d := r.find(o)
	if c == nil {
		return result{Error: &failure{Code: undocumented, Message: fmt.Sprintf("no client %q is open", o.Client)}}
	}
	ctx := metadata.NewOutgoingContext(context.Background(), r.metadataOf(o.Client))
	ctx, cancel := o.bound(ctx)
	defer cancel()
	if o.Op == "close" {
		return result{Error: failureOf(c.Close())}
	}
	if answer, ok := decide(ctx, d, o); ok {
		return answer
	}
	return ask(ctx, c, o)
}

// bound gives the context the operation's deadline.
func (o operation) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	switch {
	case o.Endless:
		return context.WithTimeout(ctx, math.MaxInt64)
	case o.DeadlineMS != nil:
		return context.WithTimeout(ctx, time.Duration(*o.DeadlineMS)*time.Millisecond)
	default:
		return ctx, func() {}
	}
}

// decide performs the operations that a session has too.
func decide(ctx context.Context, d decider, o operation) (result, bool) {
	switch o.Op {
	case "check":
		return decided(d.Check(ctx, requestOf(o, &consentv1.CheckRequest{}))), true
	case "is_allowed":
		allowed := d.Allowed(ctx, requestOf(o, &consentv1.CheckRequest{}))
		return result{Allowed: &allowed}, true
	case "batch_check":
		return batch(d.BatchCheck(ctx, requestOf(o, &consentv1.BatchCheckRequest{}))), true
	case "list_purposes":
		return purposes(d.ListPurposes(ctx, requestOf(o, &consentv1.ListPurposesRequest{}))), true
	}
	return write(ctx, d, o)
}

// write performs the operations that change a state.
func write(ctx context.Context, d decider, o operation) (result, bool) {
	switch o.Op {
	case "record_events":
		response, err := d.RecordEvents(ctx, requestOf(o, &consentv1.RecordEventsRequest{}))
		return written(response, err, response.GetOutcomes()...), true
	case "link_subjects":
		response, err := d.LinkSubjects(ctx, requestOf(o, &consentv1.LinkSubjectsRequest{}))
		return written(response, err, response.GetOutcome()), true
	case "unlink_subjects":
		response, err := d.UnlinkSubjects(ctx, requestOf(o, &consentv1.UnlinkSubjectsRequest{}))
		return written(response, err, response.GetOutcome()), true
	}
	return result{}, false
}

// ask performs the others.
func ask(ctx context.Context, c *client.Client, o operation) result {
	switch o.Op {
	case "get_subject":
		response, err := c.GetSubject(ctx, requestOf(o, &consentv1.GetSubjectRequest{}))
		return message(response, err)
	case "list_events":
		return events(c.Events(ctx, requestOf(o, &consentv1.ListEventsRequest{})))
	case "get_policy":
		response, err := c.Policy(ctx, requestOf(o, &consentv1.GetPolicyRequest{}))
		return message(response, err)
	case "list_controllers":
		response, err := c.Controllers(ctx, requestOf(o, &consentv1.ListControllersRequest{}))
		return message(response, err)
	case "guard":
		return guard(ctx, c, o)
	case "explain":
		response, err := c.Explain(ctx, requestOf(o, &consentv1.ExplainRequest{}))
		return message(response, err)
	case "burst":
		return burst(ctx, c, o)
	case "near_stats":
		stats := c.NearCacheStats()
		return result{Near: &nearStats{Hits: stats.Hits, Misses: stats.Misses}}
	}
	return result{Error: &failure{Code: undocumented, Message: "unknown operation " + o.Op}}
}

// guard tells whether the guarded function ran, and with which obligations.
func guard(ctx context.Context, c *client.Client, o operation) result {
	ran := false
	var obligations []string
	err := c.Guard(ctx, requestOf(o, &consentv1.CheckRequest{}), func(_ context.Context, must []*consentv1.Obligation) error {
		ran, obligations = true, obligationNames(must)
		return nil
	})
	if denied := (*client.DeniedError)(nil); errors.As(err, &denied) {
		return result{Ran: &ran, Obligations: obligations}
	}
	if err != nil {
		return result{Error: failureOf(err)}
	}
	return result{Ran: &ran, Obligations: obligations}
}

func (r *runner) open(o operation) result {
	options, err := optionsOf(o)
	if err != nil {
		return result{Error: &failure{Code: undocumented, Message: err.Error()}}
	}
	c, err := client.Dial(o.Target, options...)
	if err != nil {
		return result{Error: &failure{Code: "OPTIONS", Message: err.Error()}}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients[o.Client] = c
	r.metadata[o.Client] = metadata.New(o.Metadata)
	return result{}
}

func optionsOf(o operation) ([]client.Option, error) {
	timeout := time.Duration(o.TimeoutMS) * time.Millisecond
	if o.Endless {
		timeout = math.MaxInt64
	}
	options := []client.Option{client.WithTimeout(timeout)}
	if o.Insecure {
		options = append(options, client.WithInsecure())
	}
	if o.NearCache {
		options = append(options, client.WithNearCache(client.NearCacheConfig{}))
	}
	if o.Coalesce != nil && !*o.Coalesce {
		options = append(options, client.WithoutCoalescing())
	}
	if !o.TLS && o.CAFile == "" {
		return options, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	return append(options, client.WithTLS(config)), nil
}
