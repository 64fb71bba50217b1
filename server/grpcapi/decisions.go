package grpcapi

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

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
}

// handlers are the methods whose answers are encoded by a scratch, and not by gRPC.
var handlers = []handler{
	handle(consentv1.DecisionService_Check_FullMethodName, checkOf, (*scratch).Check),
	handle(consentv1.DecisionService_BatchCheck_FullMethodName, newMessage[consentv1.BatchCheckRequest], (*scratch).BatchCheck),
	handle(consentv1.DecisionService_ListPurposes_FullMethodName, newMessage[consentv1.ListPurposesRequest], (*scratch).ListPurposes),
}

// handler serves one method.
type handler struct {
	// method is its full name.
	method string
	// request is the message to decode a request into.
	request func(*scratch) proto.Message
	// answer returns the encoded answer to that message.
	answer func(*scratch, context.Context, any) ([]byte, error)
}

// handle makes a handler of a function of the request's own type R.
func handle[R proto.Message](
	method string, request func(*scratch) R, answer func(*scratch, context.Context, R) ([]byte, error),
) handler {
	return handler{
		method:  method,
		request: func(s *scratch) proto.Message { return request(s) },
		answer:  func(s *scratch, ctx context.Context, r any) ([]byte, error) { return answer(s, ctx, r.(R)) },
	}
}

// checkOf is the message in the scratch: checks are frequent.
func checkOf(s *scratch) *consentv1.CheckRequest { return &s.check }

// newMessage is a message for one request.
func newMessage[T any](*scratch) *T { return new(T) }

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

// serve is what gRPC calls for a method, made as the generated handlers are, but that its answer is a frame.
func (s *decisionService) serve(h handler) grpc.MethodHandler {
	info := &grpc.UnaryServerInfo{Server: s, FullMethod: h.method}
	return func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		own := s.scratches.Get().(*scratch)
		defer own.free()
		request := h.request(own)
		if err := decode(request); err != nil {
			return nil, err
		}
		return interceptor(ctx, request, info, func(ctx context.Context, request any) (any, error) {
			data, err := h.answer(own, ctx, request)
			if err != nil {
				return nil, err
			}
			return &frame{data}, nil
		})
	}
}
