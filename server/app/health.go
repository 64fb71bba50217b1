package app

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/consentd/consentd/server/grpcapi"
)

// serving is what the server says of itself, over gRPC and at /readyz.
//
// ConsentService has a status of its own: where the store refuses writes it is NOT_SERVING, and the rest goes on,
// because decisions are made from what is durable.
type serving struct {
	*health.Server
	*standing
}

// standing is what serving depends on.
type standing struct {
	// mu orders what the health server is told.
	mu sync.Mutex
	// started is set from Serve on until the server stops, writesFail while the store refuses writes.
	started, writesFail atomic.Bool
}

func newServing() serving {
	s := serving{health.NewServer(), &standing{}}
	s.tell()
	return s
}

// start says that calls are answered.
func (s serving) start() {
	s.started.Store(true)
	s.tell()
}

// stop says that they will not be any more; nothing is said after it.
func (s serving) stop() {
	s.started.Store(false)
	s.Shutdown()
}

// wrote is told when writes begin to fail, with why, and with nil when they go well again.
func (s serving) wrote(err error) {
	s.writesFail.Store(err != nil)
	s.tell()
}

// tell sets the status of the server as a whole, the empty name, and of each service.
func (s serving) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range healthNames() {
		status := healthpb.HealthCheckResponse_NOT_SERVING
		if s.serves(name) {
			status = healthpb.HealthCheckResponse_SERVING
		}
		s.SetServingStatus(name, status)
	}
}

func healthNames() []string { return append(grpcapi.ServiceNames(), "") }

// serves reports whether the calls of a service are answered.
func (s serving) serves(name string) bool {
	return s.started.Load() && !(grpcapi.Records(name) && s.writesFail.Load())
}

// ready answers /readyz: whether the server as a whole answers calls, or the service that the query names.
func (s serving) ready(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("service")
	switch {
	case !slices.Contains(healthNames(), name):
		http.Error(w, "no such service: name one in full, such as consent.v1.ConsentService", http.StatusNotFound)
	case !s.serves(name):
		http.Error(w, "not serving"+s.warning(), http.StatusServiceUnavailable)
	default:
		_, _ = fmt.Fprintln(w, "ok"+s.warning())
	}
}

// warning says what does not go well though decisions do.
func (s serving) warning() string {
	if s.started.Load() && s.writesFail.Load() {
		return ": events cannot be recorded, see the log; decisions go on"
	}
	return ""
}
