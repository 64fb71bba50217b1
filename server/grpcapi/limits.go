package grpcapi

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"

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
}

// LimitClasses has the class of each unary method of the services.
func LimitClasses() map[string]limit.Class {
	classes := map[string]limit.Class{}
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

// limited runs a unary call within the limits, before it is decoded, and gives it a deadline if it has none.
func (e *edge) limited(ctx context.Context, method string, run func(context.Context) (any, error)) (any, error) {
	held, err := e.limits.Begin(ctx, method)
	if err != nil {
		refuse := func(context.Context, any) (any, error) { return nil, err }
		return e.intercept(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, refuse)
	}
	defer held.End()
	timeout := e.limits.Timeout()
	if _, ok := ctx.Deadline(); ok || timeout == 0 {
		return run(ctx)
	}
	own := &checkContext{stream: ctx, deadline: time.Now().Add(timeout)}
	defer own.end()
	return run(own)
}

// limitStream runs a stream of the services within the limits.
func (e *edge) limitStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if !isOurs(info.FullMethod) {
		return handler(srv, stream)
	}
	held, err := e.limits.BeginStream(stream.Context())
	if err != nil {
		return e.errors.refuse(stream.Context(), info.FullMethod, err).Err()
	}
	defer held.End()
	return handler(srv, stream)
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
