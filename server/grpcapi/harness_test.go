package grpcapi_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/telemetry"
	"github.com/consentd/consentd/server/watch"
)

// fake stands for all that is behind the edge: every method calls the function of its name, or answers with a zero
// value.
type fake struct {
	check  func(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error)
	batch  func([]consent.Request) ([]authz.Result, error)
	list   func(*consent.Request) ([]authz.PurposeDecision, error)
	record func(consent.Batch) (consent.Recorded, error)
	read   func(consent.Subject) (consent.Snapshot, error)
	fence  func(context.Context) error
	events func(consent.Subject, consent.Page) (consent.Entries, error)
	person func(consent.Subject) (consent.Person, error)

	status consent.PolicyStatus
	// permit refuses what callers ask to do; nil: they may do everything.
	permit func(*caller.Caller, caller.Act) error
	acts   grpcapi.Acts
	usages grpcapi.Usages
	// policy describes what is in force; nil: examplePolicy.
	policy func() consent.Policy

	// reporter is told of what near caches answered; nil: nobody is.
	reporter *reporter

	watchers *watch.Hub // nil: there are too many watchers
	activate func(consent.Candidate) (consent.Activated, error)
	await    func(context.Context, uint64) error
	nodes    func() (consent.Nodes, error)
	prove    func([]consent.PolicyFile) (consent.PolicyReport, error)
}

func (f *fake) CheckPolicy(_ context.Context, files []consent.PolicyFile) (consent.PolicyReport, error) {
	return f.prove(files)
}

func (f *fake) Permit(_ context.Context, c *caller.Caller, act caller.Act) error {
	if f.permit == nil {
		return nil
	}
	return f.permit(c, act)
}

func (f *fake) Status() consent.PolicyStatus { return f.status }

func (f *fake) Activate(_ context.Context, c consent.Candidate) (consent.Activated, error) {
	if f.activate == nil {
		return consent.Activated{}, nil
	}
	return f.activate(c)
}

func (f *fake) AwaitPolicy(ctx context.Context, number uint64) error {
	if f.await == nil {
		return nil
	}
	return f.await(ctx, number)
}

func (f *fake) Nodes(context.Context) (consent.Nodes, error) {
	if f.nodes == nil {
		return consent.Nodes{}, nil
	}
	return f.nodes()
}

func (f *fake) Check(ctx context.Context, r *consent.Request, c authz.Consistency) (consent.Decision, error) {
	if f.check == nil {
		return consent.Decision{}, nil
	}
	return f.check(ctx, r, c)
}

func (f *fake) BatchCheck(_ context.Context, r []consent.Request, _ []*authz.Kept, _ authz.Consistency) ([]authz.Result, error) {
	if f.batch == nil {
		return make([]authz.Result, len(r)), nil
	}
	return f.batch(r)
}

func (f *fake) ListPurposes(_ context.Context, r *consent.Request, _ authz.Consistency) ([]authz.PurposeDecision, error) {
	if f.list == nil {
		return nil, nil
	}
	return f.list(r)
}

func (f *fake) Join(id [16]byte) (*watch.Watcher, error) {
	if f.watchers == nil {
		return nil, consent.ErrTooManyWatchers
	}
	return f.watchers.Join(id)
}

func (f *fake) Fence(ctx context.Context, _ consent.Revision) error {
	if f.fence == nil {
		return nil
	}
	return f.fence(ctx)
}

func (f *fake) AppendToken(text []byte, _ consent.Revision) []byte { return append(text, "token"...) }

func (f *fake) Record(_ context.Context, b consent.Batch) (consent.Recorded, error) {
	if f.record == nil {
		return consent.Recorded{Applied: len(b.Events)}, nil
	}
	return f.record(b)
}

func (f *fake) Read(_ context.Context, s consent.Subject) (consent.Snapshot, error) {
	if f.read == nil {
		return consent.Snapshot{State: &consent.State{}}, nil
	}
	return f.read(s)
}

func (f *fake) Events(_ context.Context, s consent.Subject, p consent.Page) (consent.Entries, error) {
	if f.events == nil {
		return consent.Entries{}, nil
	}
	return f.events(s, p)
}

func (f *fake) Person(_ context.Context, s consent.Subject) (consent.Person, error) {
	if f.person == nil {
		return consent.Person{IDs: []string{s.ID}}, nil
	}
	return f.person(s)
}

// noon is the fake's clock.
const noon = consent.Instant(1_800_000_000_000_000_000)

func examplePolicy() consent.Policy {
	return consent.Policy{
		Revision: "r1", ActivatedAt: noon,
		Files: []consent.PolicyFile{{Path: "a.rego", SHA256: "00", Content: []byte("package a")}},
		Controllers: []consent.Controller{
			{ID: "acme", Name: "Acme", Purposes: []consent.Purpose{{Name: "ads", Basis: consent.BasisConsent, Clause: "§1",
				NoticeVersion: 3, MaterialNoticeVersion: 2}}},
			{ID: "example"},
		},
	}
}

// served is the services behind a real gRPC server.
type served struct {
	api     *grpcapi.API
	conn    *grpc.ClientConn
	log     *buffer
	metrics *prometheus.Registry
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func serve(t testing.TB, f *fake, options ...grpc.ServerOption) *served {
	t.Helper()
	return serveWith(t, f, nil, options...)
}

// serveWith is serve with a configuration that is changed, unless change is nil.
func serveWith(t testing.TB, f *fake, change func(*grpcapi.Config), options ...grpc.ServerOption) *served {
	t.Helper()
	s := &served{log: &buffer{}, metrics: prometheus.NewRegistry()}
	if f.policy == nil {
		f.policy = examplePolicy
	}
	var reporters []authz.Reporter
	if f.reporter != nil {
		reporters = append(reporters, f.reporter)
	}
	config := grpcapi.Config{
		Access: f, Authorizer: f, Ledger: f, Watchers: f, Explainer: f, Differ: f, Policy: f.policy, History: history,
		Activator: f, Prover: f, Now: func() consent.Instant { return noon },
		Logger: slog.New(telemetry.Lines(slog.NewTextHandler(s.log, nil))), Metrics: s.metrics,
		Purposes: func(string) []string { return []string{"ads", "mail"} }, Acts: f.acts, Usages: f.usages,
		Reporters: reporters, Waiter: f, Nodes: f,
	}
	if change != nil {
		change(&config)
	}
	api, err := grpcapi.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s.api = api
	server := grpc.NewServer(append(append(options, grpc.StatsHandler(namedCallers{})), api.ServerOptions()...)...)
	api.Register(server)
	registerOthers(server)
	listener := bufconn.Listen(1 << 20)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	s.conn, err = grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.conn.Close()
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// fields are the paths of the field violations of an error.
func fields(err error) (paths []string) {
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				paths = append(paths, v.GetField())
			}
		}
	}
	return paths
}
