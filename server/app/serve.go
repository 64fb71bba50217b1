package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/limit"
)

// The bounds of a connection.
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
	// httpTimeout bounds a request for health or metrics, which are made in memory, headerTimeout its headers.
	httpTimeout, headerTimeout = 10 * time.Second, 5 * time.Second
)

func (a *App) grpcOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(a.limits.Credentials(a.transport())),
		grpc.InTapHandle(a.arrive),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(limit.MaxStreams),
		grpc.WaitForHandlers(true), // the store is closed after them
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(a.keepalive()),
		grpc.ConnectionTimeout(a.limits.HandshakeTimeout()),
		grpc.StreamInterceptor(a.streams.intercept),
		grpc.NumStreamWorkers(streamWorkers),
	}
}

func (a *App) newHTTP() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", a.health.ready)
	mux.Handle("GET /metrics", a.protected(a.known(a.permitted(caller.Admin, a.metricsHandler()))))
	mux.Handle("GET /nodez", a.protected(a.known(a.permitted(caller.Admin, a.nodez()))))
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: httpTimeout, WriteTimeout: httpTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(a.config.Logger.Handler(), slog.LevelWarn),
	}
}

// Serve answers until ctx ends, then drains; it returns nil if nothing failed before. See stop for how it ends.
func (a *App) Serve(ctx context.Context) error {
	a.health.start() // nobody can ask before the listeners accept
	if a.pair != nil {
		a.pair.Follow()
	}
	a.followCallers()
	a.gate.Follow()
	failed := make(chan error, 2)
	go func() { failed <- a.grpc.Serve(a.grpcListener) }()
	go func() { failed <- a.http.Serve(a.httpListener) }()
	a.config.Logger.Info("serving", "grpc", a.GRPCAddr(), "http", a.HTTPAddr(), "data_dir", a.config.DataDir,
		"policy_revision", a.policies.Current().Revision(), "version", a.config.Version)
	var admin sync.WaitGroup
	admin.Go(a.serveAdmin)
	var broken error
	running := 2
	select {
	case <-ctx.Done():
		a.config.Logger.Info("stopping", "reason", context.Cause(ctx))
	case broken = <-failed:
		running--
	}
	a.stop()
	for range running {
		if err := <-failed; broken == nil && !stopped(err) {
			broken = err
		}
	}
	a.closeAdmin()
	admin.Wait()
	return broken
}

// stopped reports whether err is only how a server says that it was stopped.
func stopped(err error) bool {
	return err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, grpc.ErrServerStopped)
}

// stop tells everybody who watches, lets calls under way end until the drain timeout, cancels the rest, and waits for
// them.
func (a *App) stop() {
	began := time.Now()
	a.health.stop()
	a.api.Drain()
	grace := time.AfterFunc(grpcapi.DrainGrace, a.streams.end)
	defer grace.Stop()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		a.grpc.GracefulStop()
	}()
	deadline := time.NewTimer(a.config.DrainTimeout)
	defer deadline.Stop()
	select {
	case <-drained:
	case <-deadline.C:
		a.config.Logger.Warn("calls did not end in time and are cancelled", "drain_timeout", a.config.DrainTimeout)
		a.grpc.Stop()
		<-drained
	}
	a.stopHTTP()
	a.config.Logger.Info("stopped", "took", time.Since(began))
}

func (a *App) stopHTTP() {
	ctx, cancel := context.WithTimeout(context.Background(), httpTimeout)
	defer cancel()
	if err := a.http.Shutdown(ctx); err != nil {
		_ = a.http.Close()
	}
}

// Close lets go of everything, the cache before its store. It waits for calls of the store under way. Serve must have
// returned, or never been called.
func (a *App) Close() error {
	if a.grpc != nil {
		a.grpc.Stop()
	}
	faults := []error{a.decisions.Close()}
	for _, l := range []net.Listener{a.grpcListener, a.httpListener} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			faults = append(faults, err)
		}
	}
	a.closeAdmin()
	a.closeTelemetry()
	if a.pair != nil {
		a.pair.Close()
	}
	a.closeCallers()
	if a.gate != nil {
		a.gate.Close()
	}
	if a.limits != nil {
		a.limits.Close()
	}
	if a.report != nil {
		a.report.Close()
	}
	if a.manager != nil {
		faults = append(faults, a.manager.Close())
	}
	if a.usage != nil {
		faults = append(faults, a.usage.Close())
	}
	if a.acts != nil {
		faults = append(faults, a.acts.Close())
	}
	a.leave()
	if a.states != nil {
		faults = append(faults, a.states.Close())
	}
	if a.watchers != nil {
		a.watchers.Close()
	}
	if a.dirLock != nil {
		faults = append(faults, a.dirLock.Close())
	}
	if a.loader != nil {
		a.loader.Close()
	}
	return errors.Join(faults...)
}

// streams ends the streams of a server that stops: a client that watches health would hold it up for ever otherwise.
type streams struct {
	ended context.Context
	end   context.CancelFunc
}

func newStreams() *streams {
	ended, end := context.WithCancel(context.Background())
	return &streams{ended: ended, end: end}
}

func (s *streams) intercept(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if grpcapi.DrainsItself(info.FullMethod) {
		return handler(srv, stream)
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.ended, cancel)()
	return handler(srv, &endingStream{ServerStream: stream, ctx: ctx})
}

// endingStream is a stream that ends with the server.
type endingStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *endingStream) Context() context.Context { return s.ctx }

// RecvMsg waits for a message or for the end. In the latter case m is still being read into, until the handler returns
// and gRPC ends the stream beneath; the handler does not look at it.
func (s *endingStream) RecvMsg(m any) error {
	received := make(chan error, 1)
	go func() { received <- s.ServerStream.RecvMsg(m) }()
	select {
	case err := <-received:
		return err
	case <-s.ctx.Done():
		return status.Error(codes.Unavailable, "the server is stopping")
	}
}
