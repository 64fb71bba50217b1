package grpcapi

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// edge is what every call to the services passes through: it asks for permission, counts, maps errors and catches
// panics.
type edge struct {
	access  Access
	metrics *metrics
	errors  *errorLog
}

// intercept runs one call, if its caller may make it. An answer and an error never leave together. Calls to other
// services of the same server, such as health, are not counted.
func (e *edge) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	counters, ok := e.metrics.methods[info.FullMethod]
	if !ok {
		return e.uncounted(ctx, request, info.FullMethod, handler)
	}
	start := time.Now()
	answer, err := e.run(ctx, request, info.FullMethod, handler)
	if err == nil {
		counters.done(codes.OK, time.Since(start))
		return answer, nil
	}
	s := e.errors.refuse(ctx, info.FullMethod, err)
	counters.done(s.Code(), time.Since(start))
	return nil, s.Err()
}

// uncounted runs a call to another service.
func (e *edge) uncounted(ctx context.Context, request any, method string, handler grpc.UnaryHandler) (any, error) {
	if err := e.permit(ctx, method, request); err != nil {
		return nil, e.errors.refuse(ctx, method, err).Err()
	}
	return handler(ctx, request)
}

// permitStream opens a stream, if its caller may. What its messages ask for is asked as they come.
func (e *edge) permitStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx := stream.Context()
	if err := e.guard(ctx, info.FullMethod, func() error { return e.permit(ctx, info.FullMethod, nil) }); err != nil {
		s := e.errors.refuse(ctx, info.FullMethod, err)
		if counters, ok := e.metrics.methods[info.FullMethod]; ok {
			counters.done(s.Code(), 0)
		}
		return s.Err()
	}
	return handler(srv, stream)
}

// run calls the handler, unless the call is over already or its caller may not make it, and turns a panic into an
// error. Permission is asked before anything else looks at the request: what is wrong with it, and whether its
// controller is there, is for those who may ask.
func (e *edge) run(ctx context.Context, request any, method string, handler grpc.UnaryHandler) (answer any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			answer, err = nil, e.panicked(cause)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := e.permit(ctx, method, request); err != nil {
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
