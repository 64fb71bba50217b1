package client

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Call is one call of a client that has ended, all its attempts together. It names no subject.
type Call struct {
	// Method is the API's name for it: "Check", "RecordEvents".
	Method string
	// Purpose is that of a Check or an Explain; empty for all others.
	Purpose string
	// Outcome is "allow" or "deny" for a Check, "OK" for another call, or the gRPC code of the error: "DeadlineExceeded".
	Outcome string
	// Duration is how long the caller waited.
	Duration time.Duration
}

// Observer is told of each call that has ended, with its caller's context. It must be quick and may be called
// concurrently.
type Observer func(context.Context, Call)

// WithObserver has each call observed, also the checks that a near cache answers; each part of a batch that goes to the
// server is one. WithHook sees more of checks, and nothing of other calls. Not observed are calls that are answered in
// a stream, as DiffPolicy is.
func WithObserver(o Observer) Option {
	return func(all *options) {
		all.observers = append(all.observers, o)
		all.hooks = append(all.hooks, o.check)
	}
}

// check is a Hook.
func (o Observer) check(ctx context.Context, r *consentv1.CheckRequest) (context.Context, func(Decision, error)) {
	began := time.Now()
	return ctx, func(d Decision, err error) {
		outcome := "deny"
		switch {
		case err != nil:
			outcome = status.Code(err).String()
		case d.Allowed:
			outcome = "allow"
		}
		o(ctx, Call{Method: "Check", Purpose: r.GetPurpose(), Outcome: outcome, Duration: time.Since(began)})
	}
}

// observed performs a call, and tells the observers of it, but of a Check, of which its hooks do.
func (c *conn) observed(ctx context.Context, method string, args any, call func() error) error {
	if len(c.observers) == 0 || method == consentv1.DecisionService_Check_FullMethodName {
		return call()
	}
	began := time.Now()
	err := call()
	name := method[strings.LastIndexByte(method, '/')+1:]
	done := Call{Method: name, Outcome: status.Code(err).String(), Duration: time.Since(began)}
	if r, ok := args.(*consentv1.ExplainRequest); ok {
		done.Purpose = r.GetCheck().GetPurpose()
	}
	for _, o := range c.observers {
		o(ctx, done)
	}
	return err
}
