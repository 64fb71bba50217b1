package app

import (
	"context"
	"time"

	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/tap"

	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/limit"
)

const (
	// maxIdle is how long a connection stays on which nothing is asked.
	maxIdle = 15 * time.Minute
	// maxAgeGrace is how long streams go on, at most, on a connection that is to be made anew.
	maxAgeGrace = 5 * time.Minute
)

func (a *App) openLimits() (err error) {
	a.limits, err = limit.New(a.config.Limits, limit.Options{
		Methods: grpcapi.LimitClasses(), Status: grpcapi.Refusal, Logger: a.config.Logger,
	})
	if err != nil {
		return err
	}
	return a.registry.Register(a.limits)
}

// arrive is told of each call before anything else is.
func (a *App) arrive(ctx context.Context, call *tap.Info) (context.Context, error) {
	return a.limits.Arrive(ctx, call.FullMethodName)
}

// keepalive is when connections end: those without a client at the other end, those on which nothing is asked, and old
// ones, so that none outlives certificates, and that nodes which are new get their share.
func (a *App) keepalive() keepalive.ServerParameters {
	p := keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second, MaxConnectionIdle: maxIdle}
	if age := a.limits.ConnectionAge(); age > 0 {
		p.MaxConnectionAge, p.MaxConnectionAgeGrace = age, min(maxAgeGrace, max(age/6, time.Second))
	}
	return p
}
