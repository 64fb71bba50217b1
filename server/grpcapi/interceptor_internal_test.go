package grpcapi

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
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

func (constant) Token(consent.Revision) string { return "token" }

// BenchmarkCheck is what the edge adds to a check: validation, conversion both ways and counters, without gRPC itself.
func BenchmarkCheck(b *testing.B) {
	v, err := newValidator()
	if err != nil {
		b.Fatal(err)
	}
	m, err := newMetrics(nil)
	if err != nil {
		b.Fatal(err)
	}
	e := edge{metrics: m}
	s := decisionService{authorizer: constant{}, validator: v, decided: m}
	info := &grpc.UnaryServerInfo{FullMethod: consentv1.DecisionService_Check_FullMethodName}
	handler := func(ctx context.Context, r any) (any, error) { return s.Check(ctx, r.(*consentv1.CheckRequest)) }
	for name, r := range map[string]*consentv1.CheckRequest{
		"small": {Controller: "acme", SubjectId: "s", Purpose: "ads"}, "full": fullCheck(),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.intercept(b.Context(), r, info, handler); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
