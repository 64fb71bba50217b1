package grpcapi

import (
	"context"
	"fmt"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/consentd/consentd/server/telemetry"
)

// edge is what every call to the services passes through: it counts, maps errors and catches panics.
type edge struct {
	metrics *metrics
	errors  *errorLog
	// tracer traces calls; nil: none.
	tracer *telemetry.Tracer
}

// intercept runs one call. An answer and an error never leave together. Calls to other services of the same server,
// such as health, are counted and pass untouched.
func (e *edge) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	counters, ok := e.metrics.unary[info.FullMethod]
	switch {
	case !ok:
		return handler(ctx, request)
	case counters.foreign:
		return counters.pass(ctx, request, handler)
	}
	began := counters.begin()
	ctx, span := e.trace(ctx, info)
	answer, err := e.run(ctx, request, handler)
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

// trace begins the span of a call. What is behind the edge finds it only in the very context that is returned.
func (e *edge) trace(ctx context.Context, info *grpc.UnaryServerInfo) (context.Context, *telemetry.Span) {
	if info == streamInfo {
		return e.tracer.BeginInStream(ctx, info.FullMethod)
	}
	return e.tracer.Begin(ctx, info.FullMethod)
}

// run calls the handler, unless the call is over already, and turns a panic into an error.
func (e *edge) run(ctx context.Context, request any, handler grpc.UnaryHandler) (answer any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			answer, err = nil, e.panicked(cause)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return handler(ctx, request)
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
