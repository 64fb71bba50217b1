package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/tap"

	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/limit"
)

// The bounds of a connection that are no settings.
const (
	maxMessageBytes = 4 << 20
	// maxHeaderBytes bounds the headers of a call, which are kept in memory before anything looks at them. gRPC's own
	// bound is 16 MiB for each of a connection's streams: 40 streams took 700 MB. Credentials and traces take about 4
	// KiB.
	maxHeaderBytes = 16 << 10
	// streamWorkers is how many goroutines outlive the calls that they answer. A call on a new goroutine grows its
	// stack as the policy's evaluation goes deeper: that was 21 % of the server's CPU time under unary load, and is
	// below 1 % with 16 to 256 workers. A worker that a long stream keeps, or none that is idle, costs a call no more
	// than a new goroutine.
	streamWorkers = 64
	// handshakeTimeout is how long a client may take from the connection to its first frame, TLS included.
	handshakeTimeout = 10 * time.Second
	// maxIdle is how long a connection stays on which nothing is asked.
	maxIdle = 15 * time.Minute
	// ageGrace is how long streams go on, at most, on a connection that is to be made anew.
	ageGrace = 5 * time.Minute
	// httpTimeout bounds a request for health or metrics, which are made in memory, and headerTimeout its headers.
	httpTimeout, headerTimeout = 10 * time.Second, 5 * time.Second
)

func (a *App) newLimits() (*limit.Limits, error) {
	l, err := limit.New(a.config.Limits, limit.Options{
		Methods: grpcapi.LimitClasses(), Status: grpcapi.Refusal, Logger: a.config.Logger,
	})
	if err != nil {
		return nil, err
	}
	return l, a.registry.Register(l)
}

func (a *App) grpcOptions() []grpc.ServerOption {
	var secure credentials.TransportCredentials = insecure.NewCredentials()
	if a.pair != nil {
		secure = credentials.NewTLS(a.pair.TLS())
	}
	return []grpc.ServerOption{
		grpc.Creds(a.limits.Credentials(secure)),
		grpc.InTapHandle(func(ctx context.Context, call *tap.Info) (context.Context, error) {
			return a.limits.Arrive(ctx, call.FullMethodName)
		}),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(limit.MaxStreams),
		grpc.WaitForHandlers(true), // the store is closed after them
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepaliveOf(a.limits.ConnectionAge())),
		grpc.StreamInterceptor(a.streams.intercept),
		grpc.NumStreamWorkers(streamWorkers),
	}
}

func keepaliveOf(age time.Duration) keepalive.ServerParameters {
	return keepalive.ServerParameters{
		Time: time.Minute, Timeout: 20 * time.Second, MaxConnectionIdle: maxIdle,
		MaxConnectionAge: age, MaxConnectionAgeGrace: min(ageGrace, max(age/6, time.Second)), // age 0: none
	}
}

func (a *App) newHTTP() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", a.health.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{Registry: a.registry}))
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: httpTimeout, WriteTimeout: httpTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(a.config.Logger.Handler(), slog.LevelWarn),
	}
}
