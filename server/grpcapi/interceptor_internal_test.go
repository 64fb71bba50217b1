package grpcapi

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// constant answers every check alike.
type constant struct{ Authorizer }

func (constant) Check(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error) {
	return consent.Decision{
		Effect: consent.Allow, Reasons: []consent.Reason{{Code: consent.BasisHolds, Clause: "§1"}}, Basis: consent.BasisConsent,
		PolicyRevision: "r", ID: "d",
	}, nil
}

func (constant) Permit(context.Context, *caller.Caller, caller.Act) error { return nil }

func (constant) AppendToken(text []byte, _ consent.Revision) []byte { return append(text, "token"...) }

// adsAlone declares one purpose for each controller.
func adsAlone(string) []string { return justAds }

var justAds = []string{"ads"}

// A client may be gone, or its deadline passed, before its call gets its turn.
func TestACallThatIsOverIsNotRun(t *testing.T) {
	m, err := newMetrics(nil, adsAlone)
	if err != nil {
		t.Fatal(err)
	}
	e := edge{metrics: m, errors: newErrorLog(slog.New(slog.DiscardHandler))}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, release := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer release()
	for ctx, want := range map[context.Context]codes.Code{cancelled: codes.Canceled, late: codes.DeadlineExceeded} {
		info := &grpc.UnaryServerInfo{FullMethod: consentv1.DecisionService_Check_FullMethodName}
		answer, err := e.intercept(ctx, &consentv1.CheckRequest{}, info, func(context.Context, any) (any, error) {
			t.Error("it was run")
			return nil, nil
		})
		if answer != nil || status.Code(err) != want {
			t.Errorf("got %v, %v; want %v", answer, err, want)
		}
	}
}

// BenchmarkCheck is what the edge adds to a check: validation, conversion both ways and counters, without gRPC itself.
func BenchmarkCheck(b *testing.B) {
	v, err := newValidator()
	if err != nil {
		b.Fatal(err)
	}
	m, err := newMetrics(nil, adsAlone)
	if err != nil {
		b.Fatal(err)
	}
	e := edge{access: constant{}, metrics: m}
	s := &decisionService{authorizer: constant{}, validator: v, edge: e}
	info := &grpc.UnaryServerInfo{FullMethod: consentv1.DecisionService_Check_FullMethodName}
	own := s.newScratch()
	for name, r := range map[string]*consentv1.CheckRequest{
		"small": {Controller: "acme", SubjectId: "s", Purpose: "ads"}, "full": fullCheck(),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			proto.Reset(&own.check)
			proto.Merge(&own.check, r)
			for b.Loop() {
				if _, err := e.intercept(b.Context(), r, info, own.streamed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
