package fake

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// unimplemented are the methods that a fake has not.
var unimplemented = map[string]bool{
	consentv1.PolicyService_ActivatePolicy_FullMethodName: true, consentv1.PolicyService_CheckPolicy_FullMethodName: true,
	consentv1.PolicyService_DiffPolicy_FullMethodName: true, consentv1.AdminService_Backup_FullMethodName: true,
	consentv1.AdminService_GetUsage_FullMethodName: true, consentv1.AdminService_ListNodes_FullMethodName: true,
}

// checks are the methods whose checks are kept one by one, where they are decided.
var checks = map[string]bool{
	consentv1.DecisionService_Check_FullMethodName: true, consentv1.DecisionService_BatchCheck_FullMethodName: true,
}

// registrar registers the services so that what succeeds is kept, and what a fake has not is refused by its name.
type registrar struct {
	grpc.ServiceRegistrar
	calls *calls
}

// RegisterService implements grpc.ServiceRegistrar.
func (r *registrar) RegisterService(desc *grpc.ServiceDesc, service any) {
	own := *desc
	own.Methods, own.Streams = nil, nil
	for _, m := range desc.Methods {
		name := "/" + desc.ServiceName + "/" + m.MethodName
		switch {
		case unimplemented[name]:
			m.Handler = func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
				return nil, refusal(name)
			}
		case !checks[name]:
			m.Handler = r.kept(m.Handler)
		}
		own.Methods = append(own.Methods, m)
	}
	for _, m := range desc.Streams {
		if name := "/" + desc.ServiceName + "/" + m.StreamName; unimplemented[name] {
			m.Handler = func(any, grpc.ServerStream) error { return refusal(name) }
		}
		own.Streams = append(own.Streams, m)
	}
	r.ServiceRegistrar.RegisterService(&own, service)
}

// refusal is the answer of a method that a fake has not.
func refusal(name string) error {
	return status.Error(codes.Unimplemented, name+" is not there: this is a fake that decides by rules, without policies")
}

// kept is a handler that keeps the requests of calls that succeed.
func (r *registrar) kept(handle grpc.MethodHandler) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		return handle(srv, ctx, decode, func(
			ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler,
		) (any, error) {
			answer, err := intercept(ctx, request, info, next)
			if m, ok := request.(proto.Message); ok && err == nil {
				r.calls.add(proto.Clone(m))
			}
			return answer, err
		})
	}
}

// controlService is how tests in other languages speak with their fake, by messages that every library has:
//
//	rpc SetRules(google.protobuf.StringValue) returns (google.protobuf.Empty)
//	rpc Call(google.protobuf.UInt32Value) returns (google.protobuf.Any)
//
// SetRules is Server.SetRules: INVALID_ARGUMENT has the faults. Call is the call at a position of Server.Calls, and
// OUT_OF_RANGE where there is none yet.
var controlService = grpc.ServiceDesc{
	ServiceName: "consentd.fake.v1.FakeService",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "SetRules", Handler: control((*Server).setRules)},
		{MethodName: "Call", Handler: control((*Server).call)},
	},
}

// control is a handler beside the services: no interceptor of theirs knows it.
func control[T any, R interface {
	*T
	proto.Message
}](do func(*Server, context.Context, R) (proto.Message, error)) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		request := R(new(T))
		if err := decode(request); err != nil {
			return nil, err
		}
		return do(srv.(*Server), ctx, request)
	}
}

func (s *Server) setRules(ctx context.Context, r *wrapperspb.StringValue) (proto.Message, error) {
	err := s.SetRules(ctx, r.GetValue())
	switch {
	case err == nil:
		return &emptypb.Empty{}, nil
	case ctx.Err() != nil:
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return nil, status.Error(codes.InvalidArgument, err.Error())
}

func (s *Server) call(_ context.Context, r *wrapperspb.UInt32Value) (proto.Message, error) {
	found := s.calls.from(int(r.GetValue()))
	if len(found) == 0 {
		return nil, status.Error(codes.OutOfRange, "there was no such call yet")
	}
	return anypb.New(found[0])
}
