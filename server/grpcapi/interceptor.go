package grpcapi

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/consentd/consentd/server/limit"
)

// edge is what every call to the services passes through: it counts, maps errors and catches panics.
type edge struct {
	metrics *metrics
	errors  *errorLog
	// limits is nil where there are none.
	limits *limit.Limits
}

// intercept runs one call. An answer and an error never leave together. Calls to other services of the same server,
// such as health, pass untouched.
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
