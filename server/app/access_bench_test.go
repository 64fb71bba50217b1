package app_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"

	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/access"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/policy"
)

// mailer makes all calls the mailer's.
type mailer struct{ stats.Handler }

var theMailer = &caller.Caller{Kind: caller.KindKey, ID: "mailer"}

func (mailer) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return caller.With(ctx, theMailer)
}

func (mailer) HandleRPC(context.Context, stats.RPCStats) {}

func (mailer) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (mailer) HandleConn(context.Context, stats.ConnStats) {}

// nothing is what the services need and a check does not.
type nothing struct {
	grpcapi.Explainer
	grpcapi.Differ
	grpcapi.Watchers
	grpcapi.Activator
	grpcapi.Prover
}

func noHistory(context.Context) ([]consent.PolicySpan, error) { return nil, nil }

// serveChecks serves checks of a stack on loopback, and returns a client; callers are kept to what is granted, or not.
func (s *stack) serveChecks(b *testing.B, set *policy.Set, required bool) consentv1.DecisionServiceClient {
	b.Helper()
	config := access.Config{Required: required}
	if required {
		config.File = filepath.Join(b.TempDir(), "grants.yaml")
		grants := `grants: [{callers: ["key:mailer"], actions: [check], controllers: [example], purposes: [marketing_email]}]`
		if err := os.WriteFile(config.File, []byte(grants), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	gate, err := access.Open(config, access.Sources{Policies: func() *policy.Set { return set }, Shipped: policies.FS})
	if err != nil {
		b.Fatal(err)
	}
	api, err := grpcapi.New(grpcapi.Config{
		Access: gate, Authorizer: s.authorizer, Ledger: s.states, Explainer: nothing{}, Differ: nothing{}, Watchers: nothing{},
		Activator: nothing{}, Prover: nothing{}, Policy: set.Describe, History: noHistory,
	})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer(append(api.ServerOptions(), grpc.StatsHandler(mailer{}))...)
	api.Register(server)
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
	})
	return consentv1.NewDecisionServiceClient(conn)
}

// BenchmarkCheckWithAccess is a check over gRPC of a caller who is kept to what is granted beside one who is not,
// client and server together, in turns: the medians of the CPU time, and of what each turn took more.
func BenchmarkCheckWithAccess(b *testing.B) {
	s := newStack(b, policy.Options{ShadowRate: -1})
	set, err := s.loader.Read(policies.FS)
	if err != nil {
		b.Fatal(err)
	}
	s.recordFourConsents(b, consent.Subject{Controller: "example", ID: "subject-1"})
	request := &consentv1.CheckRequest{Controller: "example", SubjectId: "subject-1", Purpose: "marketing_email"}
	clients := []consentv1.DecisionServiceClient{s.serveChecks(b, set, false), s.serveChecks(b, set, true)}
	const turn = 500
	var took [2][]float64
	var more []float64
	for b.Loop() {
		for k := range clients {
			i := (k + len(more)) % 2 // each begins as often as the other
			before := cpuTime(b)
			for range turn {
				answer, err := clients[i].Check(b.Context(), request)
				if err != nil || answer.GetDecision() != consentv1.Decision_DECISION_ALLOW {
					b.Fatal(answer, err)
				}
			}
			took[i] = append(took[i], float64(cpuTime(b)-before)/turn)
		}
		n := len(took[0]) - 1
		more = append(more, took[1][n]-took[0][n])
	}
	median := func(list []float64) float64 {
		slices.Sort(list)
		return list[len(list)/2]
	}
	b.ReportMetric(median(took[0]), "open-cpu-ns")
	b.ReportMetric(median(took[1]), "granted-cpu-ns")
	b.ReportMetric(median(more), "more-cpu-ns")
}
