package grpcapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/watch"
)

// namedCallers finds out who calls by a header that names a key, which nobody verifies.
type namedCallers struct{ stats.Handler }

func (namedCallers) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	if id := metadata.ValueFromIncomingContext(ctx, "test-caller"); len(id) == 1 {
		return caller.With(ctx, &caller.Caller{Kind: caller.KindKey, ID: id[0]})
	}
	return ctx
}

func (namedCallers) HandleRPC(context.Context, stats.RPCStats) {}

func (namedCallers) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (namedCallers) HandleConn(context.Context, stats.ConnStats) {}

func as(ctx context.Context, id string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "test-caller", id)
}

// asked notes what is asked for.
type asked struct {
	mu   sync.Mutex
	acts []caller.Act // guarded by mu
	who  []string     // guarded by mu
}

func (a *asked) note(c *caller.Caller, act caller.Act) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acts, a.who = append(a.acts, act), append(a.who, c.String())
}

// TestWhatCallsAskFor: each call asks for what it is about, as its caller, before it does anything.
func TestWhatCallsAskFor(t *testing.T) {
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			var seen asked
			hub, err := watch.New(watch.Config{Policy: func() string { return "r1" }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(hub.Close)
			f := &fake{watchers: hub, permit: func(who *caller.Caller, act caller.Act) error {
				seen.note(who, act)
				return nil
			}}
			f.prove = func([]consent.PolicyFile) (consent.PolicyReport, error) { return consent.PolicyReport{}, nil }
			f.record = func(b consent.Batch) (consent.Recorded, error) {
				return consent.Recorded{Outcomes: make([]consent.Outcome, len(b.Events))}, nil
			}
			s := serve(t, f)
			if err := c.call(as(t.Context(), "mailer"), s.conn); status.Code(err) == codes.PermissionDenied {
				t.Errorf("refused: %v", err)
			}
			seen.mu.Lock()
			defer seen.mu.Unlock()
			if len(seen.acts) > len(c.asks) && c.name == "WatchInvalidations" {
				seen.acts = seen.acts[:len(c.asks)] // it is asked again with each notice
			}
			if d := cmp.Diff(c.asks, seen.acts); d != "" {
				t.Errorf("asked for (-want +got):\n%s", d)
			}
			if slices.ContainsFunc(seen.who, func(who string) bool { return who != "key:mailer" }) {
				t.Errorf("asked as %v", seen.who)
			}
		})
	}
}

// behind fails the test where anything behind the edge is reached.
func behind(t *testing.T) *fake {
	reached := func(what string) error {
		t.Errorf("%s was reached", what)
		return nil
	}
	return &fake{
		check: func(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error) {
			return consent.Decision{}, reached("the authorizer")
		},
		batch: func(r []consent.Request) ([]authz.Result, error) {
			if len(r) > 0 {
				return nil, reached("the authorizer")
			}
			return nil, nil
		},
		list: func(*consent.Request) ([]authz.PurposeDecision, error) { return nil, reached("the authorizer") },
		record: func(consent.Batch) (consent.Recorded, error) {
			return consent.Recorded{}, reached("the ledger")
		},
		read: func(consent.Subject) (consent.Snapshot, error) { return consent.Snapshot{}, reached("the ledger") },
		events: func(consent.Subject, consent.Page) (consent.Entries, error) {
			return consent.Entries{}, reached("the ledger")
		},
		activate: func(consent.Candidate) (consent.Activated, error) {
			return consent.Activated{}, reached("the activator")
		},
		prove: func([]consent.PolicyFile) (consent.PolicyReport, error) {
			return consent.PolicyReport{}, reached("the prover")
		},
		nodes:  func() (consent.Nodes, error) { return consent.Nodes{}, reached("the nodes") },
		permit: func(c *caller.Caller, act caller.Act) error { return forbidden(c, act) },
	}
}

func forbidden(c *caller.Caller, act caller.Act) error {
	return &consent.ForbiddenError{
		Caller: c.String(), Action: string(act.Action), Controller: act.Controller, Purpose: act.Purpose,
	}
}

// TestWithoutRights: no call does anything, and each says what it asked for.
func TestWithoutRights(t *testing.T) {
	s := serve(t, behind(t))
	for _, c := range calls {
		err := c.call(as(t.Context(), "mailer"), s.conn)
		text := status.Convert(err).Message()
		if status.Code(err) != codes.PermissionDenied || !strings.HasPrefix(text, string(c.asks[0].Action)) ||
			!strings.Contains(text, "is not permitted to key:mailer") || !strings.Contains(text, c.asks[0].Controller) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestWithoutRightsNothingIsSaid of what is wrong with a request, or of what there is: the answer does not depend on
// the subject, and only on the controller's and purpose's names that the caller sent.
func TestWithoutRightsNothingIsSaid(t *testing.T) {
	s := serve(t, behind(t))
	ctx := as(t.Context(), "mailer")
	texts := map[string]bool{}
	for _, subject := range []string{"known", "unknown", "", strings.Repeat("x", 5000), "email_hmac:nonsense"} {
		_, err := decisions(s.conn).Check(ctx, &consentv1.CheckRequest{Controller: "acme", SubjectId: subject, Purpose: "ads",
			DataCategories: []string{"Not A Category"}})
		texts[err.Error()] = true
		_, err = consents(s.conn).GetSubject(ctx, &consentv1.GetSubjectRequest{Controller: "acme", SubjectId: subject})
		texts[err.Error()] = true
		_, err = consents(s.conn).ListEvents(ctx, &consentv1.ListEventsRequest{Controller: "acme", SubjectId: subject, PageToken: "x"})
		texts[err.Error()] = true
	}
	if len(texts) != 2 { // GetSubject and ListEvents ask for the same
		t.Errorf("the answers differ by subject: %v", texts)
	}
	for _, controller := range []string{"acme", "no such controller", ""} {
		_, err := consents(s.conn).GetSubject(ctx, &consentv1.GetSubjectRequest{Controller: controller, SubjectId: "s"})
		if status.Code(err) != codes.PermissionDenied || len(status.Convert(err).Details()) > 0 {
			t.Errorf("controller %q: %v", controller, err)
		}
		_, err = decisions(s.conn).ListPurposes(ctx, &consentv1.ListPurposesRequest{Controller: controller, SubjectId: "s"})
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("the purposes of %q: %v", controller, err)
		}
	}
}

// mayCheck permits checks of some purposes of acme.
func mayCheck(purposes ...string) func(*caller.Caller, caller.Act) error {
	return func(c *caller.Caller, act caller.Act) error {
		if act.Action == caller.Check && act.Controller == "acme" && slices.Contains(purposes, act.Purpose) {
			return nil
		}
		return forbidden(c, act)
	}
}

// TestBatchesArePermittedItemByItem.
func TestBatchesArePermittedItemByItem(t *testing.T) {
	var decided []string
	s := serve(t, &fake{permit: mayCheck("ads"), batch: func(r []consent.Request) ([]authz.Result, error) {
		for i := range r {
			decided = append(decided, r[i].Purpose)
		}
		return slices.Repeat([]authz.Result{{Decision: consent.Failed()}}, len(r)), nil
	}})
	answer, err := decisions(s.conn).BatchCheck(t.Context(), &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{
		checkOf("ads"), checkOf("b"), {Controller: "other", SubjectId: "s", Purpose: "ads"}, {Controller: "acme", Purpose: "b"},
		checkOf("ads"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []codes.Code
	for _, r := range answer.GetResults() {
		got = append(got, codes.Code(r.GetError().GetCode()))
	}
	const denied = codes.PermissionDenied
	if d := cmp.Diff([]codes.Code{0, denied, denied, denied, 0}, got); d != "" || !slices.Equal(decided, []string{"ads", "ads"}) {
		t.Errorf("decided %v; codes (-want +got):\n%s", decided, d)
	}
	if text := answer.GetResults()[1].GetError().GetMessage(); !strings.HasPrefix(text, "check of purpose b of controller acme") {
		t.Error(text)
	}
}

// TestPurposesThatMayNotBeCheckedAreLeftOut, and nobody decides them.
func TestPurposesThatMayNotBeCheckedAreLeftOut(t *testing.T) {
	var decided []string
	f := &fake{
		batch: func(r []consent.Request) ([]authz.Result, error) {
			for i := range r {
				decided = append(decided, r[i].Purpose)
			}
			return slices.Repeat([]authz.Result{{Decision: consent.Failed()}}, len(r)), nil
		},
		list: func(*consent.Request) ([]authz.PurposeDecision, error) {
			return []authz.PurposeDecision{{Purpose: "ads", Decision: consent.Failed()}, {Purpose: "new", Decision: consent.Failed()}}, nil
		},
	}
	policies := examplePolicy()
	policies.Controllers[0].Purposes = append(policies.Controllers[0].Purposes, consent.Purpose{Name: "b"})
	s := serveWith(t, f, func(c *grpcapi.Config) { c.Policy = func() consent.Policy { return policies } })
	list := func() string {
		answer, err := decisions(s.conn).ListPurposes(t.Context(), &consentv1.ListPurposesRequest{Controller: "acme", SubjectId: "s"})
		var names []string
		for _, p := range answer.GetPurposes() {
			names = append(names, p.GetPurpose())
		}
		return fmt.Sprint(names, status.Code(err))
	}
	for _, row := range []struct {
		permit         func(*caller.Caller, caller.Act) error
		want, decision string
	}{
		{nil, "[ads new] OK", "[]"},
		{mayCheck("ads"), "[ads] OK", "[ads]"},
		{mayCheck("ads", "b"), "[ads] OK", "[]"}, // the policies changed: new is not his
		{mayCheck("other"), "[] PermissionDenied", "[]"},
	} {
		f.permit, decided = row.permit, nil
		if got := list(); got != row.want || fmt.Sprint(decided) != row.decision {
			t.Errorf("got %s (one by one %v), want %s", got, decided, row.want)
		}
	}
}

// TestRightsAreLostOnAStream: from the next check on.
func TestRightsAreLostOnAStream(t *testing.T) {
	var lost atomic.Bool
	s := serve(t, &fake{permit: func(c *caller.Caller, act caller.Act) error {
		if lost.Load() || c.ID != "mailer" {
			return forbidden(c, act)
		}
		return nil
	}})
	stream, err := decisions(s.conn).CheckStream(as(t.Context(), "mailer"))
	if err != nil {
		t.Fatal(err)
	}
	own := checkStream{stream, t}
	own.send(streamed(1, "s"))
	if r := own.results(1)[0]; r.GetError() != nil {
		t.Fatalf("while it is permitted: %v", r)
	}
	lost.Store(true)
	own.send(streamed(2, "s"), streamed(3, "s"))
	for _, r := range own.results(2) {
		if codes.Code(r.GetError().GetCode()) != codes.PermissionDenied {
			t.Errorf("check %d: %v", r.GetId(), r)
		}
	}
	lost.Store(false)
	own.send(streamed(4, "s"))
	if r := own.results(1)[0]; r.GetError() != nil {
		t.Errorf("once it is permitted again: %v", r)
	}
}

// TestRightsAreLostWhileWatching: the stream ends with the next heartbeat.
func TestRightsAreLostWhileWatching(t *testing.T) {
	hub, err := watch.New(watch.Config{Policy: func() string { return "r1" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	var lost atomic.Bool
	s := serve(t, &fake{watchers: hub, permit: func(c *caller.Caller, act caller.Act) error {
		if lost.Load() {
			return forbidden(c, act)
		}
		return nil
	}})
	ctx, cancel := context.WithTimeout(as(t.Context(), "mailer"), 30*time.Second)
	defer cancel()
	stream, err := decisions(s.conn).WatchInvalidations(ctx)
	if err == nil {
		err = stream.Send(&consentv1.WatchInvalidationsRequest{CacheId: make([]byte, 16)})
	}
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	lost.Store(true)
	if err := stream.Send(&consentv1.WatchInvalidationsRequest{Heartbeat: 1}); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	if status.Code(err) != codes.PermissionDenied || !strings.HasPrefix(status.Convert(err).Message(), "watch is not permitted") {
		t.Errorf("the heartbeat is answered by %v", err)
	}
}

// TestUndecodableRequestsAskForNothing: they are refused for what they are.
func TestUndecodableRequestsAskForNothing(t *testing.T) {
	s := serve(t, behind(t))
	const method = consentv1.DecisionService_Check_FullMethodName
	err := s.conn.Invoke(t.Context(), method, []byte{0x0a, 1, 0xff}, &consentv1.CheckResponse{}, grpc.ForceCodec(rawFrames{}))
	if status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}

// TestOtherServices: health is open, what has no row is refused, reflection is asked for.
func TestOtherServices(t *testing.T) {
	var seen asked
	f := &fake{permit: func(c *caller.Caller, act caller.Act) error {
		seen.note(c, act)
		return forbidden(c, act)
	}}
	s := serveWith(t, f, nil)
	if _, err := healthpb.NewHealthClient(s.conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
	watching, err := healthpb.NewHealthClient(s.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err == nil {
		_, err = watching.Recv()
	}
	if err != nil {
		t.Errorf("health, watched: %v", err)
	}
	err = s.conn.Invoke(t.Context(), "/test.Ungoverned/Call", &consentv1.CheckRequest{}, &consentv1.CheckResponse{})
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("a method without a row: %v", err)
	}
	reflecting, err := reflectionpb.NewServerReflectionClient(s.conn).ServerReflectionInfo(t.Context())
	if err == nil {
		_, err = reflecting.Recv()
	}
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("reflection: %v", err)
	}
	if d := cmp.Diff(on(caller.PolicyRead, ""), seen.acts); d != "" {
		t.Errorf("asked for (-want +got):\n%s", d)
	}
	if grpcapi.Open(consentv1.DecisionService_Check_FullMethodName) || !grpcapi.Open(healthpb.Health_Check_FullMethodName) ||
		grpcapi.Open("/test.Ungoverned/Call") {
		t.Error("other methods than health's are open")
	}
}

// registerOthers adds what a server has beside the services, and a service that no row governs.
func registerOthers(server *grpc.Server) {
	healthpb.RegisterHealthServer(server, health.NewServer())
	reflection.Register(server)
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "test.Ungoverned", Methods: []grpc.MethodDesc{{
		MethodName: "Call",
		Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			r := &consentv1.CheckRequest{}
			if err := decode(r); err != nil {
				return nil, err
			}
			info := &grpc.UnaryServerInfo{FullMethod: "/test.Ungoverned/Call"}
			return intercept(ctx, r, info, func(context.Context, any) (any, error) { return &consentv1.CheckResponse{}, nil })
		},
	}}}, nil)
}

// TestACacheIsItsCallers: who knows the id of another caller's cache does not take its place, so that fences wait for
// it still; its own caller does, with a new connection.
func TestACacheIsItsCallers(t *testing.T) {
	hub, err := watch.New(watch.Config{Policy: func() string { return "r1" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	s := serve(t, &fake{watchers: hub})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	join := func(who string) consentv1.DecisionService_WatchInvalidationsClient {
		t.Helper()
		stream, err := decisions(s.conn).WatchInvalidations(as(ctx, who))
		if err == nil {
			err = stream.Send(&consentv1.WatchInvalidationsRequest{CacheId: make([]byte, 16)})
		}
		if err == nil {
			_, err = stream.Recv()
		}
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	beat := func(stream consentv1.DecisionService_WatchInvalidationsClient, n uint64) error {
		_ = stream.Send(&consentv1.WatchInvalidationsRequest{Heartbeat: n}) // why it fails is said by what is received
		_, err := stream.Recv()
		return err
	}
	mine := join("mailer")
	join("stranger")
	if err := beat(mine, 1); err != nil {
		t.Errorf("after a stranger came with the same id: %v", err)
	}
	join("mailer")
	if err := beat(mine, 2); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("after its own caller came again: %v, want FAILED_PRECONDITION", err)
	}
}
