// Package grpcapi is the gRPC edge: it turns wire messages into the domain's words, asks the packages behind it, and
// turns their answers and errors back.
//
// It guarantees that a malformed request is refused with the paths of all fields at fault before anything behind it
// sees it, that every error leaves by one table (errors.go) which lets no driver's text out, that a panic is one failed
// call, and that an ALLOW never travels with an error. It holds no state but its counters, and memory that is used
// again.
//
// The way of a request, by file:
//   - authenticate.go: finds out who calls, before anything is decoded;
//   - codec.go: gRPC hands over the bytes, under a guard (guarded);
//   - decisions.go: the method's row of handlers takes a scratch (scratch.go), in which the request lies and is
//     answered: what is remembered of these bytes is found (answers.go), or they are decoded, or the fault is kept;
//   - interceptor.go: counts the call, ends what is over, turns a panic into an error, and refuses what the caller may
//     not do: actions.go says of each method what that is;
//   - check.go, batch_check.go, list_purposes.go: the method itself; a stream (stream.go, frame.go) comes to check.go
//     by itself. What is remembered is given again here, if authz says that it counts still, and the way ends;
//   - validate.go, convert_*.go: refuse what breaks the rules, and convert the request to the domain's;
//   - package authz decides;
//   - encode_decision.go: writes the decision to the wire; errors.go: or the error's one status; metrics.go counts
//     calls, decided.go decisions;
//   - codec.go: passes the frame on to gRPC, which gives its memory back when it was sent.
//
// The services of explain.go, consents.go and policies.go go the same way, but for generated handlers in place of
// decisions.go and messages in place of encode_decision.go. The hit path writes no log line and takes no lock.
package grpcapi

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/limit"
	"github.com/consentd/consentd/server/telemetry"
)

// Authorizer decides. Its errors are consent's sentinels, wrapped, or the context's.
type Authorizer interface {
	Check(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error)
	BatchCheck(context.Context, []consent.Request, []*authz.Kept, authz.Consistency) ([]authz.Result, error)
	ListPurposes(context.Context, *consent.Request, authz.Consistency) ([]authz.PurposeDecision, error)
	// AppendToken appends the consistency token of a revision.
	AppendToken([]byte, consent.Revision) []byte
}

// Memory says on what terms decisions may be given again, and gives them; authz.Authorizer does.
type Memory interface {
	Footing() authz.Footing
	Terms(authz.Footing, consent.Subject, ...*consent.Decision) (remembered.Terms, bool)
	Repeat(context.Context, *authz.Kept, authz.Consistency) (authz.Repetition, bool, error)
	Given(context.Context, *authz.Repetition, *authz.Part) (consent.Decision, error)
}

// Ledger records events and reads them back; store.Store is one.
type Ledger interface {
	Record(context.Context, consent.Batch) (consent.Recorded, error)
	Read(context.Context, consent.Subject) (consent.Snapshot, error)
	Events(context.Context, consent.Subject, consent.Page) (consent.Entries, error)
	Person(context.Context, consent.Subject) (consent.Person, error)
}

// Activator puts policies in force. The errors of Activate are consent's.
type Activator interface {
	// Status tells where policies come from and how loading them went.
	Status() consent.PolicyStatus
	// Activate puts a candidate in force if it is admitted and, where a revision is expected, that is in force.
	Activate(context.Context, consent.Candidate) (consent.Activated, error)
}

// Waiter waits for the nodes of the store.
type Waiter interface {
	// AwaitPolicy returns when all nodes that are alive, and the caches behind those other than this one, decide by the
	// activation of a number or a later one. Where ctx ends before, its error is a *consent.BehindError.
	AwaitPolicy(ctx context.Context, number uint64) error
}

// Prover puts policies through admission. What they are refused for is in the report; an error is another, such as the
// context's.
type Prover interface {
	CheckPolicy(ctx context.Context, files []consent.PolicyFile) (consent.PolicyReport, error)
}

// Config says what an API works on.
type Config struct {
	// Access decides what callers may do; required.
	Access Access
	// Authorizer answers DecisionService; required.
	Authorizer Authorizer
	// Ledger answers ConsentService; required.
	Ledger Ledger
	// Explainer answers Explain, and all that is asked as of the past; required.
	Explainer Explainer
	// Differ answers DiffPolicy; required.
	Differ Differ
	// Watchers answers WatchInvalidations and holds writes with fence; required.
	Watchers Watchers
	// Policy describes the active policies and is called once per request that needs them; required.
	Policy func() consent.Policy
	// History returns which policies were in force, and when, the newest first; required. Its error is
	// consent.ErrUnavailable, wrapped.
	History func(context.Context) ([]consent.PolicySpan, error)
	// Activator activates policies and tells how loading them goes; required.
	Activator Activator
	// Waiter is waited for by activations with fence; nil: this is the only node.
	Waiter Waiter
	// Nodes answers ListNodes; nil: there are none.
	Nodes NodeLister
	// Prover answers CheckPolicy; required.
	Prover Prover
	// Authenticator finds out who makes each call; nil: all are caller.Anonymous's.
	Authenticator Authenticator
	// Limits bounds what is asked; nil means that nothing does.
	Limits *limit.Limits
	// Backup answers Backup; nil: the store cannot be copied while it is open, and the call is UNIMPLEMENTED.
	Backup Backup
	// Reporters are told of what near caches answered.
	Reporters []authz.Reporter
	// Memory is for the answers that are remembered, AnswerBytes bounds what they take; zero: none are.
	Memory      Memory
	AnswerBytes int64
	// Now is the clock that dates records and refuses events from the future; nil means the system's.
	Now func() consent.Instant
	// Logger gets what goes wrong on this side, once; nil means that it is dropped.
	Logger *slog.Logger
	// Usages answers GetUsage; nil means that nothing was counted.
	Usages Usages
	// Acts audits what callers do; nil means that nothing is audited.
	Acts Acts
	// Metrics is where the counters are registered; nil means nowhere.
	Metrics prometheus.Registerer
	// Purposes are those that a controller declares or prohibits, sorted, nil if there is no such controller: their
	// decisions are counted apart. Nil means that none are.
	Purposes func(controller string) []string
	// Tracer traces calls; nil means that none are.
	Tracer *telemetry.Tracer
}

// Validate returns all faults of c, or nil.
func (c Config) Validate() error {
	var faults []error
	require := func(present bool, field string) {
		if !present {
			faults = append(faults, errors.New("grpcapi: "+field+" is required"))
		}
	}
	require(c.Access != nil, "Access")
	require(c.Authorizer != nil, "Authorizer")
	require(c.Ledger != nil, "Ledger")
	require(c.Explainer != nil, "Explainer")
	require(c.Differ != nil, "Differ")
	require(c.Watchers != nil, "Watchers")
	require(c.Policy != nil, "Policy")
	require(c.History != nil, "History")
	require(c.Activator != nil, "Activator")
	require(c.Prover != nil, "Prover")
	require(c.Memory != nil || c.AnswerBytes == 0, "Memory")
	return errors.Join(faults...)
}

// API is the services and what surrounds them. It is immutable, but for Drain, and safe for concurrent use.
type API struct {
	decisions decisionService
	consents  consentService
	policies  policyService
	admin     adminService
	edge      edge
}

// New returns the services over what c names. It fails if c is invalid or its counters are registered already.
func New(c Config) (*API, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = func() consent.Instant { return consent.InstantOf(time.Now()) }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Purposes == nil {
		c.Purposes = func(string) []string { return nil }
	}
	if c.Usages == nil {
		c.Usages = noUsages{}
	}
	if c.Nodes == nil {
		c.Nodes = noNodes{}
	}
	v, err := newValidator()
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(c.Metrics, c.Purposes)
	if err != nil {
		return nil, err
	}
	kept := newAnswers(c.AnswerBytes)
	if err := register(c.Metrics, kept.collectors()...); err != nil {
		return nil, err
	}
	e := edge{
		metrics: m, errors: newErrorLog(c.Logger), authenticator: c.Authenticator, access: c.Access, tracer: c.Tracer, acts: c.Acts,
		limits: c.Limits,
	}
	a := &API{
		decisions: decisionService{
			edge: e, authorizer: c.Authorizer, explainer: c.Explainer, watchers: c.Watchers, now: c.Now, validator: v,
			draining: make(chan struct{}), policy: c.Policy, reporters: c.Reporters, answers: kept, memory: c.Memory,
		},
		consents: consentService{config: c, validator: v},
		policies: policyService{
			edge: e, policy: c.Policy, history: c.History, activator: c.Activator, prover: c.Prover, differ: c.Differ, validator: v,
			waiter: c.Waiter, watchers: c.Watchers,
		},
		admin: adminService{edge: e, backup: c.Backup, usages: c.Usages, policy: c.Policy, nodes: c.Nodes, validator: v},
		edge:  e,
	}
	a.decisions.scratches.New = func() any { return a.decisions.newScratch() }
	return a, nil
}

// Drain tells the clients of streams that the server stops. Streams that DrainsItself names end soon after: with their
// last answer, or when their client closes its side. Call it once.
func (a *API) Drain() { close(a.decisions.draining) }

// DrainsItself reports whether the streams of a method end by Drain, and must not be ended before.
func DrainsItself(fullMethod string) bool {
	return fullMethod == consentv1.DecisionService_CheckStream_FullMethodName
}

// services are the descriptions of all services, in the order of the proto files.
func services() []*grpc.ServiceDesc {
	return []*grpc.ServiceDesc{
		&consentv1.DecisionService_ServiceDesc, &consentv1.ConsentService_ServiceDesc, &consentv1.PolicyService_ServiceDesc,
		&consentv1.AdminService_ServiceDesc,
	}
}

// ServiceNames are the full names of the services, for health reports.
func ServiceNames() []string {
	var names []string
	for _, s := range services() {
		names = append(names, s.ServiceName)
	}
	return names
}

// Records reports whether a service records events, and so is not there while the store refuses writes.
func Records(service string) bool { return service == consentv1.ConsentService_ServiceDesc.ServiceName }

// ServerOptions are what a server that carries the services must be made with.
func (a *API) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ForceServerCodecV2(newCodec(&a.decisions.frames, &a.edge)),
		grpc.UnaryInterceptor(a.edge.intercept), grpc.ChainStreamInterceptor(a.edge.interceptStream)}
}

// Register adds the services to a server made with ServerOptions.
func (a *API) Register(s grpc.ServiceRegistrar) {
	s.RegisterService(a.edge.decodable(a.decisions.describe()), &a.decisions)
	s.RegisterService(a.edge.decodable(&consentv1.ConsentService_ServiceDesc), &a.consents)
	s.RegisterService(a.edge.decodable(&consentv1.PolicyService_ServiceDesc), &a.policies)
	s.RegisterService(a.edge.decodable(&consentv1.AdminService_ServiceDesc), &a.admin)
}
