package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/consentd/consentd/server/access"
	"github.com/consentd/consentd/server/audit/acts"
	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/caller/authn"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/limit"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/telemetry"
	"github.com/consentd/consentd/server/usage"
)

// The defaults of Config.
const (
	DefaultGRPCAddr     = "127.0.0.1:7070"
	DefaultHTTPAddr     = "127.0.0.1:7071"
	DefaultDataDir      = "./consentd-data"
	DefaultCacheSize    = 256 << 20
	DefaultDrainTimeout = 10 * time.Second
)

// minCacheSize is the smallest cache that is worth its bookkeeping; less is a mistake in the unit.
const minCacheSize = 1 << 20

// answersPart: an answer takes 0.4 KiB and saves a check all but its bytes, a state takes 1 to 2 and saves a read for
// every purpose.
const answersPart = 4

// answerBytes is the part of the cache's budget that answers have.
func (c *Config) answerBytes() int64 {
	if c.CacheOff || c.AnswersOff {
		return 0
	}
	return c.CacheSize / answersPart
}

// maxPoliciesKeep is as many sets as the history has spans.
const maxPoliciesKeep = 10_000

// Config says how a server runs. The zero value is a server on loopback with the shipped policies.
type Config struct {
	// GRPCAddr is where gRPC listens: host:port, or unix:///path for a socket that only this user may open. Zero means
	// 127.0.0.1:7070. Port 0 takes a free one.
	GRPCAddr string
	// HTTPAddr is where /healthz, /readyz and /metrics listen, in the same forms. Zero means 127.0.0.1:7071.
	HTTPAddr string
	// DataDir is the directory of the embedded store, and of what every node keeps for itself: copies of policies, the
	// audit of acts, the record of processing. It is made if it is not there. Zero means ./consentd-data.
	DataDir string
	// Store says where consent is kept. Zero means in DataDir.
	Store StoreConfig
	// CacheSize is the budget in bytes of what is remembered, at least 1 MiB: a quarter for answers, unless they are off,
	// the rest for states. Zero means 256 MiB.
	CacheSize int64
	// CacheOff reads the store for every check.
	CacheOff bool
	// AnswersOff decides every check, on a state that may be remembered.
	AnswersOff bool
	// PolicySource is where policies come from. Without a location they are the embedded ones, or those that were
	// activated.
	PolicySource source.Config
	// PoliciesKeep is how many sets of policies that were in force are kept, from 1 to 10,000, so that decisions can be
	// explained by the policies of then. Zero means archive.DefaultKeep.
	PoliciesKeep int
	// Policies stands in for the embedded policies. Nil means those of the binary.
	Policies fs.FS
	// PolicyEngine is what evaluates policies. Zero means the compiled engine.
	PolicyEngine policy.Engine
	// ShadowRate is N where one in N decisions of the compiled engine is made again by topdown and compared. Zero means
	// policy.DefaultShadowRate, negative none.
	ShadowRate int
	// PolicyTestTimeout bounds the own tests of policies that are to be put in force, the first time that they are
	// tried. Zero means admission.DefaultTestTimeout.
	PolicyTestTimeout time.Duration
	// Access says what callers may do. The zero value permits everything to everybody.
	Access access.Config
	// TLSCert and TLSKey are PEM files of the server's certificate and key, for both listeners; both or none. Without
	// them the server speaks plaintext, and listens on loopback and Unix sockets only.
	TLSCert, TLSKey string
	// TLSClientCA is a PEM file of the authorities whose clients are taken; others cannot connect by gRPC, and see
	// /healthz and /readyz alone by HTTP. It needs TLSCert. Zero: clients need no certificate.
	TLSClientCA string
	// Insecure permits plaintext on other addresses.
	Insecure bool
	// Callers says which credentials hold. The zero value: nobody is asked for any.
	Callers authn.Config
	// CacheLease is how long clients' caches may answer without hearing from this server. Zero means
	// watch.DefaultLease, which says when one that is shorter than an earlier server's on the same data is safe.
	CacheLease time.Duration
	// Limits bounds what is asked of the server.
	Limits limit.Config
	// DrainTimeout is how long calls under way may take to end after Serve was told to stop. Zero means 10 s.
	DrainTimeout time.Duration
	// Admin is where profiles are served. Zero means nowhere.
	Admin AdminConfig
	// Telemetry is where traces go. Zero means nowhere. Insecure, Version and Logger are this Config's.
	Telemetry telemetry.Config
	// Acts says where acts are audited. The zero value: audit/acts.jsonl in the data directory.
	Acts acts.Config
	// Usage says how long the record of processing is kept. The zero value: in the data directory, 400 days.
	Usage usage.Config
	// DecisionLog says which decisions are logged, and where. Zero means none.
	DecisionLog decisionlog.Config
	// Logger gets the log. Nil means that there is none.
	Logger *slog.Logger
	// Version is what the build calls itself, in the metrics. Zero means unknown.
	Version string
	// Now is the clock of decisions and records. Nil means the system's, which is steadied: see steadyClock.
	Now func() consent.Instant
	// Wall is the system's clock, which somebody may set. Nil means time.Now.
	Wall func() time.Time
	// StoreFS is the file system below the store. Nil means the machine's. Tests have it fail.
	StoreFS pebble.FS
	// Services registers more services on the same gRPC server. Their calls pass no permission and no counter, and of the
	// limits only those of arrival; one that asks for the interceptor is refused by it. Nil means that there are none.
	// bench/target has one.
	Services func(grpc.ServiceRegistrar)
	// shared is what nodes share of policies. Nil: nothing.
	shared *sharedStore
}

func (c Config) withDefaults() Config {
	defaultTo(&c.GRPCAddr, DefaultGRPCAddr)
	defaultTo(&c.HTTPAddr, DefaultHTTPAddr)
	defaultTo(&c.DataDir, DefaultDataDir)
	defaultTo(&c.CacheSize, DefaultCacheSize)
	defaultTo(&c.DrainTimeout, DefaultDrainTimeout)
	c.Store = c.Store.withDefaults()
	defaultTo(&c.Version, "unknown")
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Wall == nil {
		c.Wall = time.Now
	}
	if c.Now == nil {
		c.Now = newSteadyClock(c.Wall, c.Logger).now
	}
	return c
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate returns all faults of c, each with the field's name in flags and files, its value and what is asked of it.
func (c Config) Validate() error {
	c = c.withDefaults()
	faults := []error{c.validateAddr("grpc-addr", c.GRPCAddr), c.validateAddr("http-addr", c.HTTPAddr), c.validateTLS()}
	if c.CacheSize < minCacheSize {
		faults = append(faults, fmt.Errorf("cache-size: %d bytes is too small: at least 1MiB is needed", c.CacheSize))
	}
	if c.DrainTimeout < 0 {
		faults = append(faults, fmt.Errorf("drain-timeout: %v is negative: give a duration such as 10s", c.DrainTimeout))
	}
	if c.PoliciesKeep < 0 || c.PoliciesKeep > maxPoliciesKeep {
		faults = append(faults, fmt.Errorf("policies-keep: %d: give a number of sets from 1 to %d", c.PoliciesKeep, maxPoliciesKeep))
	}
	faults = append(faults, c.Store.Validate(), c.policySource().Validate(), c.callersConfig().Validate(),
		c.accessConfig().Validate(), c.Admin.Validate(), c.telemetry().Validate(),
		c.Acts.Validate(), c.Usage.Validate(), c.Limits.Validate(), c.decisionLog().Validate())
	return errors.Join(faults...)
}

// policySource adds what the source shares with other settings.
func (c Config) policySource() source.Config {
	s := c.PolicySource
	s.Insecure, s.Logger = c.Insecure, c.Logger
	return s
}

func (c Config) validateTLS() error {
	var faults []error
	if (c.TLSCert == "") != (c.TLSKey == "") {
		faults = append(faults, fmt.Errorf("tls-cert, tls-key: got %q and %q: set both or none", c.TLSCert, c.TLSKey))
	}
	if c.TLSClientCA != "" && c.TLSCert == "" {
		faults = append(faults, errors.New("tls-client-ca: plaintext has no client certificates: set tls-cert and tls-key too"))
	}
	for _, file := range [][2]string{{"tls-cert", c.TLSCert}, {"tls-key", c.TLSKey}, {"tls-client-ca", c.TLSClientCA}} {
		name, path := file[0], file[1]
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			faults = append(faults, fmt.Errorf("%s: cannot read %q: name a PEM file", name, path))
		}
	}
	return errors.Join(faults...)
}

func (c Config) validateAddr(field, addr string) error {
	if path, ok := socketPath(addr); ok {
		if path == "" {
			return fmt.Errorf("%s: %q names no path: give unix:///path", field, addr)
		}
		return nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return fmt.Errorf("%s: %q is no address: give host:port or unix:///path", field, addr)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("%s: %q has no valid port: give 0 to 65535", field, addr)
	}
	if c.TLSCert == "" && !c.Insecure && !isLoopback(host) {
		return fmt.Errorf("%s: %q can be reached from other machines, in plaintext: set tls-cert and tls-key, "+
			"listen on 127.0.0.1 or unix:///path, or permit it by insecure", field, addr)
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// socketPath returns the path of a Unix socket's address.
func socketPath(addr string) (string, bool) {
	path, ok := strings.CutPrefix(addr, "unix:")
	return strings.TrimPrefix(path, "//"), ok
}
