// Package app wires the server: New opens what it works on, Serve answers until it is told to stop, Close lets go of it
// all.
//
// New fails, and leaves nothing open, if anything of what it needs is not there: a policy that does not load, a data
// directory in use, a busy address, a certificate that cannot be read. There is no half-started server, and no
// plaintext where TLS was asked for. Stopping goes backwards: health says NOT_SERVING, calls under way end, then the
// listeners close, then the cache, then the store. An acknowledged write is on disk before its answer leaves, so
// stopping loses none.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"

	"github.com/gofrs/flock"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/access"
	"github.com/consentd/consentd/server/audit/acts"
	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/caller/authn"
	"github.com/consentd/consentd/server/certificate"
	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/diff"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/limit"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/postgres"
	"github.com/consentd/consentd/server/telemetry"
	"github.com/consentd/consentd/server/usage"
	"github.com/consentd/consentd/server/watch"
)

// App is a server. New makes it; Serve and then Close are called once each, by one goroutine.
type App struct {
	config   Config
	policies policy.Active
	// loader is what the policies are loaded by, manager what keeps them those of their source, archive what keeps
	// those of before, prover what admits them; New makes them.
	loader  *policy.Loader
	archive *archive.Archive
	manager *reload.Manager
	prover  *prover
	// node is who this process is, nodes lists it and the others of its store, report is what the others are told of its
	// policies; nil: there are no others.
	node   node
	nodes  grpcapi.NodeLister
	report *policyReport
	// waiter waits for the other nodes; nil: there are none.
	waiter   grpcapi.Waiter
	states   *cache.Cache
	marks    *store.Marks
	backups  *backups
	watchers *watch.Hub
	gate     *access.Gate
	acts     *acts.Log
	usage    *usage.Recorder
	// decisions is the decision log; nil: there is none.
	decisions *decisionlog.Log
	registry  *prometheus.Registry
	health    serving
	// pair is the certificate and its key; nil: plaintext.
	pair *certificate.Pair
	// callers finds out who calls.
	callers *authn.Authenticator
	// limits bounds what is asked of api.
	limits *limit.Limits
	api    *grpcapi.API
	grpc   *grpc.Server
	http   *http.Server
	// streams ends the streams under way when the server stops.
	streams                    *streams
	grpcListener, httpListener net.Listener
	// address is that of gRPC, once it listens.
	address atomic.Pointer[string]
	// tracer is nil where nothing is traced, admin and its listener where there is no admin address.
	tracer        *telemetry.Tracer
	admin         *http.Server
	adminListener net.Listener
	// database is the store that nodes share, member this one among them, standing what it says to the cache; nil: the
	// embedded store, whose node always stands.
	database *postgres.Store
	member   *cluster.Member
	standing membership
	// dirLock keeps the data directory for this process; nil: the store does.
	dirLock   *flock.Flock
	durations durations
	// queued is how many writes wait for the disk.
	queued func() int
}

// New opens everything that c names and binds its addresses. Nothing is answered until Serve. The error is one fault,
// or all faults of c, and says what to do.
func New(c Config) (*App, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a := &App{
		config: c.withDefaults(), registry: prometheus.NewRegistry(), streams: newStreams(), durations: newDurations(),
		marks: new(store.Marks),
	}
	a.health = newServing()
	a.node, a.nodes = newNode(a.config.Store.Name, a.config.Now()), onlyNode{a}
	if err := a.open(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// open does New's work, in the order in which one needs the other; what it opened before it failed is closed by Close.
func (a *App) open() error {
	for _, step := range []func() error{
		a.openTelemetry, a.openCertificate, a.openCallers, a.openDatabase, a.loadPolicies, a.openStore, a.openAccess, a.followPolicies,
		a.openActs, a.openUsage, a.openDecisionLog, a.openLimits, a.openAPI, a.registerMetrics, a.listen,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) loadPolicies() error {
	a.prover = newProver(a.config.PolicyTestTimeout)
	c := reload.Config{
		Admit: a.prover.admit, Active: &a.policies, Embedded: a.config.Policies, Dir: filepath.Join(a.config.DataDir, "policies"),
		Now: a.config.Now, Logger: a.config.Logger, Observe: a.policiesTried,
	}
	if c.Embedded == nil {
		c.Embedded = policies.FS
	}
	if a.config.PolicySource.Location != "" {
		var err error
		if c.Source, err = source.Open(a.config.policySource()); err != nil {
			return err
		}
	}
	kept := archive.Config{
		Dir: c.Dir, Keep: a.config.PoliciesKeep, Logger: a.config.Logger,
		// Nobody acts upon what kept sets decide: what fails in them is told where it is asked for.
		Options: policy.Options{Logger: slog.New(slog.DiscardHandler), Engine: a.config.PolicyEngine},
	}
	a.sharePolicies(&c, &kept)
	var err error
	if a.archive, err = archive.Open(kept); err != nil {
		return err
	}
	c.Archive = a.archive
	a.loader = policy.NewLoader(policy.Options{
		Logger: a.config.Logger, Engine: a.config.PolicyEngine, ShadowRate: a.config.ShadowRate,
	})
	c.Loader = a.loader
	a.manager = reload.New(c)
	return a.manager.Start(context.Background())
}

// followPolicies begins when the data directory is this process's, and those are there who are told of other policies.
func (a *App) followPolicies() error {
	if a.report != nil {
		a.report.start()
	}
	a.manager.Watch()
	return nil
}

// openAPI makes the services, and the servers that carry them.
func (a *App) openAPI() (err error) {
	if a.api, err = a.newAPI(); err != nil {
		return err
	}
	a.newGRPC()
	a.http = a.newHTTP()
	return nil
}

func (a *App) newAPI() (*grpcapi.API, error) {
	authorizer, err := authz.New(authz.Config{
		States:   a.states,
		Stale:    a.states,
		Footings: a.states,
		Policies: func() authz.Policies { return a.policies.Current() },
		StoreID:  a.states.ID(),
		Marks:    a.marks,
		Holds:    a.standing.Holds,
		Now:      a.config.Now,
		Log:      a.config.Logger,
		Steps:    a.steps(),

		Recorder: a.recorder(), Observers: []authz.Observer{a.usage},
	})
	if err != nil {
		return nil, err
	}
	explainer, err := explain.New(explain.Config{
		Authorizer: authorizer, Ledger: a.states, Active: a.policies.Current, History: a.archive,
	})
	if err != nil {
		return nil, err
	}
	differ, err := diff.New(diff.Config{Active: a.policies.Current, Kept: a.archive.Set, Store: a.states, Now: a.config.Now})
	if err != nil {
		return nil, err
	}
	return grpcapi.New(grpcapi.Config{
		Access: a.gate, Authorizer: authorizer, Ledger: a.states, Watchers: a.fences(), Explainer: explainer, Differ: differ,
		Policy:  a.policies.Describe,
		History: a.archive.History, Activator: a.manager, Prover: a.prover, Nodes: a.nodes, Waiter: a.waiter,
		Now: a.config.Now, Logger: a.config.Logger, Metrics: a.registry, Purposes: a.purposes, Tracer: a.tracer,
		Authenticator: a.callers, Acts: a.acts, Usages: a.usage, Limits: a.limits, Backup: a.backups,
		Reporters: a.reporters(), Memory: authorizer, AnswerBytes: a.config.answerBytes(),
	})
}

func (a *App) newGRPC() {
	a.grpc = grpc.NewServer(append(a.grpcOptions(), a.api.ServerOptions()...)...)
	a.api.Register(a.grpc)
	a.api.RegisterHealth(a.grpc, a.health)
	if a.config.Services != nil {
		a.config.Services(a.grpc)
	}
	reflection.Register(a.grpc)
}

func (a *App) listen() (err error) {
	if a.grpcListener, err = listen("grpc-addr", a.config.GRPCAddr); err != nil {
		return err
	}
	if a.httpListener, err = listen("http-addr", a.config.HTTPAddr); err != nil {
		return err
	}
	addr := dialAddr(a.grpcListener)
	a.address.Store(&addr)
	a.grpcListener, a.httpListener = a.limits.GRPC(a.grpcListener), a.secured(a.limits.HTTP(a.httpListener))
	return a.openAdmin()
}

// GRPCAddr is where gRPC listens, as a client dials it.
func (a *App) GRPCAddr() string { return dialAddr(a.grpcListener) }

// HTTPAddr is where HTTP listens: host:port, or unix:///path.
func (a *App) HTTPAddr() string { return dialAddr(a.httpListener) }

func dialAddr(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "unix://" + l.Addr().String()
	}
	return l.Addr().String()
}

// Metrics are what /metrics shows.
func (a *App) Metrics() prometheus.Gatherer { return a.registry }
