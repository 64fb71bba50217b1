package grpcapi

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// edge is what every call to the services passes through: it counts, maps errors and catches panics.
type edge struct {
	metrics *metrics
	errors  *errorLog
}

// intercept runs one call. An answer and an error never leave together. Calls to other services of the same server, such as
// health, pass untouched.
func (e *edge) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	counters, ok := e.metrics.methods[info.FullMethod]
	if !ok {
		return handler(ctx, request)
	}
	start := time.Now()
	answer, err := e.run(ctx, request, handler)
	if err == nil {
		counters.done(codes.OK, time.Since(start))
		return answer, nil
	}
	s := e.errors.refuse(ctx, info.FullMethod, err)
	counters.done(s.Code(), time.Since(start))
	return nil, s.Err()
}

// run calls the handler, unless the call is over already, and turns a panic into an error that carries the stack.
func (e *edge) run(ctx context.Context, request any, handler grpc.UnaryHandler) (answer any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			e.metrics.panics.Inc()
			answer, err = nil, fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return handler(ctx, request)
}
