package grpcapi

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/limit"
)

// limitClasses are the unary methods that are not limit.Others.
var limitClasses = map[string]limit.Class{
	consentv1.DecisionService_Check_FullMethodName:        limit.Checks,
	consentv1.DecisionService_BatchCheck_FullMethodName:   limit.Checks,
	consentv1.DecisionService_ListPurposes_FullMethodName: limit.Checks,
	// What restricts comes by these, and no load of checks may keep it out.
	consentv1.ConsentService_RecordEvents_FullMethodName:   limit.Protected,
	consentv1.ConsentService_LinkSubjects_FullMethodName:   limit.Protected,
	consentv1.ConsentService_UnlinkSubjects_FullMethodName: limit.Protected,
	// What an operator does about a bad day comes by these.
	consentv1.PolicyService_ActivatePolicy_FullMethodName: limit.Protected,
	consentv1.AdminService_GetUsage_FullMethodName:        limit.Protected,
	consentv1.AdminService_ListNodes_FullMethodName:       limit.Protected,
}

// Untimed are the unary methods that put policies through admission, which has a bound of its own.
func Untimed() map[string]bool {
	return map[string]bool{
		consentv1.PolicyService_ActivatePolicy_FullMethodName: true, consentv1.PolicyService_CheckPolicy_FullMethodName: true,
	}
}

// LimitClasses has the class of each unary method of the services, and of health.
func LimitClasses() map[string]limit.Class {
	classes := map[string]limit.Class{
		healthpb.Health_Check_FullMethodName: limit.Health, healthpb.Health_List_FullMethodName: limit.Health,
	}
	for _, s := range services() {
		for _, m := range s.Methods {
			name := "/" + s.ServiceName + "/" + m.MethodName
			class, ok := limitClasses[name]
			if !ok {
				class = limit.Others
			}
			classes[name] = class
		}
	}
	return classes
}

// Refusal is the error with which a call leaves that is refused with err before it gets here.
func Refusal(err error) error { return toStatus(err).Err() }

// limited runs a unary call within the limits, before it is decoded.
func (e *edge) limited(ctx context.Context, method string, run func() (any, error)) (any, error) {
	held, err := e.limits.Begin(ctx, method)
	if err != nil { // it is counted, and neither permitted nor audited: that would be work
		refused := e.errors.refuse(ctx, method, err).Err()
		e.metrics.refusedEarly(method, refused)
		return nil, refused
	}
	defer held.End()
	return run()
}

// limitStream runs a stream within the limits, also one of health or reflection.
func (e *edge) limitStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	class := limit.Health
	if isOurs(info.FullMethod) {
		class = limit.Others
	}
	held, err := e.limits.BeginStream(stream.Context(), class)
	if err != nil {
		return e.errors.refuse(stream.Context(), info.FullMethod, err).Err()
	}
	defer held.End()
	return handler(srv, stream)
}

// RegisterHealth adds the health service, within the limits: a client that never sends what it asks holds a goroutine
// as with any other call.
func (a *API) RegisterHealth(s grpc.ServiceRegistrar, server healthpb.HealthServer) {
	desc := healthpb.Health_ServiceDesc
	desc.Methods = slices.Clone(desc.Methods)
	for i := range desc.Methods {
		handle, method := desc.Methods[i].Handler, "/"+desc.ServiceName+"/"+desc.Methods[i].MethodName
		desc.Methods[i].Handler = func(
			srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor,
		) (any, error) {
			held, err := a.edge.limits.Begin(ctx, method)
			if err != nil {
				return nil, Refusal(err)
			}
			defer held.End()
			return handle(srv, ctx, decode, interceptor)
		}
	}
	s.RegisterService(&desc, server)
}

// isOurs reports whether a method is one of the services', not of health or reflection.
func isOurs(method string) bool {
	for _, s := range services() {
		if strings.HasPrefix(method, "/"+s.ServiceName+"/") {
			return true
		}
	}
	return false
}
