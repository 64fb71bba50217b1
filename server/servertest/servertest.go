// Package servertest runs the real server inside a test: store, cache, policies and gRPC as they are in production, on
// a data directory that the test owns. The server is stopped, and everything closed, when the test ends.
//
// Tests of this module and benchmarks use it; nothing in it is a fake but, if asked for, the clock and the policies.
package servertest

import (
	"context"
	"io/fs"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/limit"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/store/pebble"
)

// Options say how the server runs. The zero value is a server with the shipped policies on a free port of 127.0.0.1.
type Options struct {
	// CacheSize is the cache's budget in bytes; zero means the server's default.
	CacheSize int64
	// CacheOff reads the store for every check.
	CacheOff bool
	// AnswersOff decides every check.
	AnswersOff bool
	// Policies is the tree of policies; nil means the shipped ones.
	Policies fs.FS
	// PolicySource is where policies come from instead; the zero value is none.
	PolicySource source.Config
	// PolicyTestTimeout bounds the own tests of policies; zero means the server's default.
	PolicyTestTimeout time.Duration
	// PoliciesKeep is how many sets of policies are kept; zero means the server's default.
	PoliciesKeep int
	// PolicyEngine is what evaluates policies; zero means the server's default.
	PolicyEngine policy.Engine
	// Now is the clock; nil means the system's.
	Now func() consent.Instant
	// Wall is the system's clock, which may be set; nil means time.Now.
	Wall func() time.Time
	// StoreFS is the file system below the store; nil means the machine's.
	StoreFS pebble.FS
	// DataDir is kept after the test; zero means a directory of the test's own.
	DataDir string
	// UnixSocket listens on a socket instead of a port.
	UnixSocket bool
	// CacheLease is that of clients' caches; zero means the server's default.
	CacheLease time.Duration
	// Limits bounds what is asked. Zero means the server's defaults, but for how long calls may wait, of which there is no
	// bound: tests that run side by side hold each other up.
	Limits limit.Config
	// DecisionLog says which decisions are logged, and where; zero means none.
	DecisionLog decisionlog.Config
	// DrainTimeout bounds Stop; zero means the server's default.
	DrainTimeout time.Duration
	// Logger gets the server's log; nil means that there is none.
	Logger *slog.Logger
	// Configure changes the configuration in all that has no option here; nil changes nothing.
	Configure func(*app.Config)
	// Dial adds options to the connection.
	Dial []grpc.DialOption
}

// Server is a server that runs, and clients connected to it.
type Server struct {
	// Addr is where gRPC listens, as a client dials it.
	Addr string
	// HTTPAddr is where HTTP listens, host:port.
	HTTPAddr string
	// AdminAddr is where the admin address listens; empty: it was not configured.
	AdminAddr string
	// DataDir holds the store.
	DataDir string
	// Conn is a connection to Addr, which the clients share.
	Conn      *grpc.ClientConn
	Decisions consentv1.DecisionServiceClient
	Consents  consentv1.ConsentServiceClient
	Policies  consentv1.PolicyServiceClient
	Admin     consentv1.AdminServiceClient

	app   *app.App
	stop  context.CancelFunc
	ended chan struct{}
	// err is what Serve and Close returned; readable once ended is closed.
	err error
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{DataDir: o.DataDir, ended: make(chan struct{})}
	if s.DataDir == "" {
		s.DataDir = t.TempDir()
	}
	var err error
	if s.app, err = app.New(o.config(t, s.DataDir)); err != nil {
		t.Fatalf("starting the server: %v", err)
	}
	s.Addr, s.HTTPAddr = s.app.GRPCAddr(), s.app.HTTPAddr()
	s.AdminAddr = s.app.AdminAddr()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.serve(ctx)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stopping the server: %v", err)
		}
	})
	s.connect(t, o)
	return s
}

// Refused returns why a server with these options does not start; it fails the test if one does.
func Refused(t testing.TB, o Options) error {
	t.Helper()
	a, err := app.New(o.config(t, o.DataDir))
	if err == nil {
		_ = a.Close()
		t.Fatal("the server started")
	}
	return err
}

func (o Options) config(t testing.TB, dir string) app.Config {
	c := app.Config{
		GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", DataDir: dir,
		CacheSize: o.CacheSize, CacheOff: o.CacheOff, AnswersOff: o.AnswersOff,
		Policies: o.Policies, PolicySource: o.PolicySource, PoliciesKeep: o.PoliciesKeep,
		PolicyEngine: o.PolicyEngine, Now: o.Now, Wall: o.Wall, StoreFS: o.StoreFS, Logger: o.Logger,
		PolicyTestTimeout: o.PolicyTestTimeout, DrainTimeout: o.DrainTimeout, CacheLease: o.CacheLease,
		Limits: o.Limits, DecisionLog: o.DecisionLog,
	}
	if c.Limits.QueueTarget == 0 {
		c.Limits.QueueTarget = limit.Off
	}
	if o.UnixSocket {
		c.GRPCAddr = "unix://" + filepath.Join(t.TempDir(), "grpc.sock")
	}
	if o.Configure != nil {
		o.Configure(&c)
	}
	return c
}

func (s *Server) serve(ctx context.Context) {
	defer close(s.ended)
	s.err = s.app.Serve(ctx)
	if err := s.app.Close(); s.err == nil {
		s.err = err
	}
}

func (s *Server) connect(t testing.TB, o Options) {
	t.Helper()
	options := append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, o.Dial...)
	var err error
	if s.Conn, err = grpc.NewClient(s.Addr, options...); err != nil {
		t.Fatalf("connecting to the server: %v", err)
	}
	t.Cleanup(func() { _ = s.Conn.Close() })
	s.Decisions = consentv1.NewDecisionServiceClient(s.Conn)
	s.Consents = consentv1.NewConsentServiceClient(s.Conn)
	s.Policies = consentv1.NewPolicyServiceClient(s.Conn)
	s.Admin = consentv1.NewAdminServiceClient(s.Conn)
}

// Stop drains the server as SIGTERM does and waits until its store is closed. A later call does
// nothing more; the error is the same.
func (s *Server) Stop() error {
	s.stop()
	<-s.ended
	return s.err
}

// Metric returns the sum of a metric's values over all series that have these label values; 0 if there are none. Of a
// histogram it is the number of observations.
func (s *Server) Metric(t testing.TB, name string, labels map[string]string) float64 {
	t.Helper()
	families, err := s.app.Metrics().Gather()
	if err != nil {
		t.Fatalf("gathering metrics: %v", err)
	}
	var sum float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			matched := 0
			for _, l := range m.GetLabel() {
				if want, ok := labels[l.GetName()]; ok && want == l.GetValue() {
					matched++
				}
			}
			if matched == len(labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}
