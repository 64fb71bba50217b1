package grpcapi

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// decisionService answers DecisionService: the methods of handlers by a scratch, the others by methods of its own.
type decisionService struct {
	consentv1.UnimplementedDecisionServiceServer
	edge
	authorizer Authorizer
	explainer  Explainer
	reporters  []authz.Reporter
	now        func() consent.Instant
	watchers   Watchers
	validator  *validator
	// policy describes the active policies.
	policy func() consent.Policy
	// draining is closed when the server begins to stop.
	draining chan struct{}
	// scratches has those that are free, frames the memory of answers that were sent.
	scratches sync.Pool
	frames    framePool
	// answers are those that are remembered; nil: none are.
	answers *answers
	memory  Memory
}

// footing is to be taken before anything that is to be remembered is decided.
func (s *decisionService) footing() authz.Footing {
	if s.answers == nil {
		return authz.Footing{}
	}
	return s.memory.Footing()
}

// handlers are the methods whose requests come to a scratch as they are, and whose answers are encoded by it.
var handlers = []handler{
	{consentv1.DecisionService_Check_FullMethodName, (*scratch).takeCheck, (*scratch).Check},
	{consentv1.DecisionService_BatchCheck_FullMethodName, (*scratch).takeBatch, (*scratch).BatchCheck},
	{consentv1.DecisionService_ListPurposes_FullMethodName, (*scratch).takeList, (*scratch).ListPurposes},
}

// handler serves one method.
type handler struct {
	// method is its full name.
	method string
	// take takes in a request's bytes, and returns what permission is to be asked for; nil: for nothing.
	take func(*scratch, []byte) any
	// answer returns the encoded answer to what was taken in, or the error, also of what could not be decoded.
	answer func(*scratch, context.Context) (*frame, error)
}

// describe is the description of the service in which handlers stand in for the generated ones.
func (s *decisionService) describe() *grpc.ServiceDesc {
	desc := consentv1.DecisionService_ServiceDesc
	desc.Methods = slices.Clone(desc.Methods)
	for _, h := range handlers {
		i := slices.IndexFunc(desc.Methods, func(m grpc.MethodDesc) bool {
			return h.method == "/"+desc.ServiceName+"/"+m.MethodName
		})
		desc.Methods[i].Handler = s.serve(h)
	}
	return &desc
}

// serve is what gRPC calls for a method, made as the generated handlers are, but that its request and its answer are
// bytes.
func (s *decisionService) serve(h handler) grpc.MethodHandler {
	info := &grpc.UnaryServerInfo{Server: s, FullMethod: h.method}
	return func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		own := s.scratches.Get().(*scratch)
		defer own.free()
		if err := s.undelivered(h.method, decode(&own.raw)); err != nil {
			return nil, err
		}
		own.method = h.answer
		return interceptor(ctx, h.take(own, own.raw.data), info, own.unary)
	}
}

// answerUnary answers what was taken in for a unary call, by its method.
func (s *scratch) answerUnary(ctx context.Context, _ any) (any, error) {
	f, err := s.method(s, ctx)
	if err != nil {
		return nil, err
	}
	return f, nil
}
