package decisionlog

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/audit/line"
)

// Overflow is what becomes of decisions that come faster than the sink takes them.
type Overflow string

// The overflows.
const (
	// Drop leaves lines out, and counts them.
	Drop Overflow = "drop"
	// Block has the call wait, until its deadline or for BlockFor, and then fail: nothing is decided unlogged.
	Block Overflow = "block"
	// Spill writes what the sink does not take to a local file.
	Spill Overflow = "spill"
)

// BlockFor is how long a call waits at most for room in the queue.
const BlockFor = 5 * time.Second

// The defaults of Config.
const (
	DefaultBuffer    = 16 << 20
	DefaultFileSize  = 100 << 20
	DefaultFileAge   = 24 * time.Hour
	DefaultFileTotal = 10 << 30
)

// Config says what is logged, and where. The zero value logs nothing.
type Config struct {
	// Sink is where lines go: a file's path (of zstd if it ends in .zst), stdout, otlp://host:port, or
	// otlps://host:port for TLS. Empty: there is no log.
	Sink string
	// Decisions says which: all, deny, none, or 1/N. Empty means all.
	Decisions string
	// Purposes says so for single purposes, separated by commas: purpose=deny or controller/purpose=1/100.
	Purposes string
	// SubjectKey is a file of keys (line.ReadKeys), under which subjects are named by an HMAC. It is read again when it
	// changes. Empty: their ids are plain.
	SubjectKey string
	// Rules is a Rego file that leaves lines out or takes fields off them; see Rules.
	Rules string
	// Overflow is what becomes of lines for which there is no room. Empty means Drop.
	Overflow Overflow
	// SpillFile gets what spills; required by Spill, and like a file of Sink.
	SpillFile string
	// Buffer bounds the memory for lines that wait, in bytes, at least 1 MiB. Zero means 16 MiB.
	Buffer int64
	// FileSize and FileAge bound a file before the next begins. Zero means 100 MiB and 24 h.
	FileSize int64
	FileAge  time.Duration
	// FileTotal bounds all files of one sink: the oldest are removed. Zero means 10 GiB.
	FileTotal int64
	// TLSCA, TLSCert and TLSKey are PEM files for otlps: whom to trust (empty: the system's), and what to show.
	TLSCA, TLSCert, TLSKey string
	// Insecure permits otlp to other machines.
	Insecure bool
	// NewRules loads Rules; required where that is set.
	NewRules func(file string) (Rules, error)
	// Logger gets what goes wrong. Nil: there is no log.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	defaultTo(&c.Decisions, "all")
	defaultTo(&c.Overflow, Drop)
	defaultTo(&c.Buffer, DefaultBuffer)
	defaultTo(&c.FileSize, DefaultFileSize)
	defaultTo(&c.FileAge, DefaultFileAge)
	defaultTo(&c.FileTotal, DefaultFileTotal)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate returns all faults of c, each with the name of its flag first.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	_, err := parseRate(c.Decisions)
	fault(err != nil, "decision-log-decisions: %w", err)
	_, err = parsePurposes(c.Purposes)
	fault(err != nil, "decision-log-purposes: %w", err)
	fault(c.Overflow != Drop && c.Overflow != Block && c.Overflow != Spill,
		"decision-log-overflow: %q: give drop, block or spill", c.Overflow)
	fault(c.Overflow == Spill && c.SpillFile == "", "decision-log-spill: a file is required by decision-log-overflow: spill")
	fault(c.SpillFile != "" && c.SpillFile == c.Sink, "decision-log-spill: %q is the log's own file: name another", c.SpillFile)
	fault(c.Buffer < minBuffer, "decision-log-buffer: %d bytes is too small: at least 1MiB is needed", c.Buffer)
	fault(c.FileSize < minFileSize, "decision-log-file-size: %d bytes is too small: at least 1MiB is needed", c.FileSize)
	fault(c.FileTotal < c.FileSize, "decision-log-file-total: %d bytes do not hold one file of %d", c.FileTotal, c.FileSize)
	fault(c.FileAge < time.Second, "decision-log-file-age: %v is too short: give a duration from 1s on", c.FileAge)
	fault((c.TLSCert == "") != (c.TLSKey == ""), "decision-log-tls-cert, decision-log-tls-key: set both or none")
	_, err = c.keys()
	fault(err != nil, "decision-log-subject-key: %w", err)
	return errors.Join(append(faults, c.validateSink(), c.validateIdle())...)
}

const (
	minBuffer   = 1 << 20
	minFileSize = 1 << 20
)

func (c Config) keys() (line.Keys, error) {
	if c.SubjectKey == "" {
		return line.Keys{}, nil
	}
	return line.ReadKeys(c.SubjectKey)
}

// validateIdle refuses what means nothing without a log: who sets it expects one.
func (c Config) validateIdle() error {
	if c.Sink == "" && (c.SubjectKey != "" || c.Rules != "" || c.Purposes != "" || c.SpillFile != "") {
		return errors.New("decision-log: there is no log for the other decision-log settings: " +
			"name a file, stdout, otlp://host:port or otlps://host:port")
	}
	return nil
}

func (c Config) validateSink() error {
	address, isTLS, ok := c.collector()
	switch {
	case !ok && strings.Contains(c.Sink, "://"):
		return fmt.Errorf("decision-log: %q: give a file's path, stdout, otlp://host:port or otlps://host:port", c.Sink)
	case !ok:
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil || host == "" || port == "":
		return fmt.Errorf("decision-log: %q names no host and port: give otlp://host:port, usually of port 4317", c.Sink)
	case !isTLS && !c.Insecure && !loopback(host):
		return fmt.Errorf("decision-log: %q would send decisions to another machine in plaintext: use otlps://, or permit it by insecure",
			c.Sink)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// collector returns the address of a sink that is a collector of OTLP.
func (c Config) collector() (address string, isTLS, ok bool) {
	u, err := url.Parse(c.Sink)
	if err != nil || u.Scheme != "otlp" && u.Scheme != "otlps" {
		return "", false, false
	}
	return u.Host, u.Scheme == "otlps", true
}

// open makes the sink; refused counts what a collector does not want.
func (c Config) open(refused *atomic.Uint64) (sink, error) {
	if c.Sink == "stdout" {
		return newStdout(), nil
	}
	if _, _, ok := c.collector(); ok {
		return newOTLP(c, refused)
	}
	s, err := newFileSink(filepath.Clean(c.Sink), c)
	if err != nil {
		return nil, fmt.Errorf("decision-log: %w", err)
	}
	return s, nil
}
