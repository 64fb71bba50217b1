package grpcapi

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/consentd/consentd/server/limit"
	"github.com/consentd/consentd/server/telemetry"
)

// edge is what every call to the services passes through: it asks for permission, counts, maps errors and catches
// panics.
type edge struct {
	access  Access
	metrics *metrics
	errors  *errorLog
	// authenticator finds out who calls; nil: nobody is asked.
	authenticator Authenticator
	// tracer traces calls; nil: none.
	tracer *telemetry.Tracer
	// acts audits; nil: nothing is audited.
	acts Acts
	// limits is nil where there are none.
	limits *limit.Limits
}

// intercept runs one call, if its caller may make it. An answer and an error never leave together. Calls to other
// services of the same server, such as health, are counted and pass untouched, if there is a row for them.
func (e *edge) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	counters, ok := e.metrics.unary[info.FullMethod]
	switch {
	case !ok:
		return e.permitted(info.FullMethod, handler)(ctx, request)
	case counters.foreign:
		return counters.pass(ctx, request, e.permitted(info.FullMethod, handler))
	}
	began := counters.begin()
	ctx, span := e.trace(ctx, info)
	answer, err := e.runAudited(ctx, call{request, info, handler})
	if err == nil {
		span.End(codes.OK)
		counters.answered(began, span.TraceID())
		return answer, nil
	}
	s := e.errors.refuse(ctx, info.FullMethod, err)
	span.End(s.Code())
	counters.ended(s.Code(), began, span.TraceID())
	return nil, s.Err()
}

// permitted is the handler of a call to another service, for callers who may make it.
func (e *edge) permitted(method string, handler grpc.UnaryHandler) grpc.UnaryHandler {
	return func(ctx context.Context, request any) (any, error) {
		if err := e.permit(ctx, method, request); err != nil {
			return nil, e.errors.refuse(ctx, method, err).Err()
		}
		return handler(ctx, request)
	}
}

// interceptStream counts a stream, its messages and its end, whatever it is.
func (e *edge) interceptStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	counters, ok := e.metrics.streams[info.FullMethod]
	if !ok {
		return e.stream(srv, stream, info, handler)
	}
	began := time.Now()
	counters.started.Inc()
	err := e.stream(srv, &countedStream{stream, counters}, info, handler)
	counters.ended(codeOf(err), began, "")
	return err
}

// stream opens a stream, if its caller is known and may. What its messages ask for is asked as they come.
func (e *edge) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	stream, err := e.authenticatedStream(stream, info.FullMethod)
	if err != nil {
		return err
	}
	permitted := func(srv any, stream grpc.ServerStream) error {
		ctx := stream.Context()
		if err := e.guard(ctx, info.FullMethod, func() error { return e.permit(ctx, info.FullMethod, nil) }); err != nil {
			return e.errors.refuse(ctx, info.FullMethod, err).Err()
		}
		return handler(srv, stream)
	}
	return e.limitStream(srv, stream, info, func(srv any, stream grpc.ServerStream) error {
		return e.auditStream(srv, stream, info, permitted)
	})
}

// trace begins the span of a call. What is behind the edge finds it only in the very context that is returned.
func (e *edge) trace(ctx context.Context, info *grpc.UnaryServerInfo) (context.Context, *telemetry.Span) {
	if info == streamInfo {
		return e.tracer.BeginInStream(ctx, info.FullMethod)
	}
	return e.tracer.Begin(ctx, info.FullMethod)
}

// run calls the handler, unless the call is over already or its caller may not make it, and turns a panic into an
// error. Permission is asked before anything else looks at the request: what is wrong with it, and whether its
// controller is there, is for those who may ask.
func (e *edge) run(ctx context.Context, c call) (answer any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			answer, err = nil, e.panicked(cause)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := e.permit(ctx, c.info.FullMethod, c.request); err != nil {
		return nil, err
	}
	return c.handler(ctx, c.request)
}

// panicked counts a panic and returns it as an error that carries the stack. Its caller has recovered.
func (e *edge) panicked(cause any) error {
	e.metrics.panics.Inc()
	return fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
}

// guard runs a part of a call that no interceptor sees. A panic ends it with INTERNAL: on a goroutine of gRPC's or of
// our own nothing else would keep it from the process.
func (e *edge) guard(ctx context.Context, method string, run func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = e.errors.refuse(ctx, method, e.panicked(cause)).Err()
		}
	}()
	return run()
}
