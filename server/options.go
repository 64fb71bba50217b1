package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/version"
)

// options are what the settings set.
type options struct {
	config    app.Config
	logLevel  slog.Level
	logFormat string
}

// setting is one thing that can be configured. Its name is that of the flag (--grpc-addr), of the key in the file
// (grpc-addr) and, in capitals and with a prefix, of the environment variable (CONSENTD_GRPC_ADDR).
type setting struct {
	name, fallback, usage string
	// boolean settings need no value on the command line.
	boolean bool
	// set takes a value into the options, or says what a value must be.
	set func(*options, string) error
}

// settings are all settings but --config, in the order of --help: those of the server itself, then those of each area,
// which stand in files of their own.
func settings() []setting {
	return slices.Concat(
		serverSettings(),
		storeSettings(),
		callersSettings(),
		accessSettings(),
		observeSettings(),
		actsSettings(),
		limitsSettings(),
		decisionLogSettings(),
	)
}

func serverSettings() []setting {
	return []setting{
		{name: "grpc-addr", fallback: app.DefaultGRPCAddr, usage: "where gRPC listens: host:port or unix:///path",
			set: text(func(o *options) *string { return &o.config.GRPCAddr })},
		{name: "http-addr", fallback: app.DefaultHTTPAddr,
			usage: "where /healthz, /readyz and /metrics listen: host:port or unix:///path",
			set:   text(func(o *options) *string { return &o.config.HTTPAddr })},
		{name: "data-dir", fallback: app.DefaultDataDir,
			usage: "directory of the embedded store, and of what a node keeps for itself; made if it is not there",
			set:   text(func(o *options) *string { return &o.config.DataDir })},
		{name: "cache-size", fallback: "256MiB",
			usage: "memory for cached states and answers, with a unit: 64MiB, 1GiB; 0 reads the store for every check",
			set:   setCacheSize},
		{name: "answers", fallback: "on",
			usage: "whether answers are remembered, in a quarter of --cache-size: on, or off to decide every check",
			set:   setAnswers},
		{name: "policies",
			usage: "policies instead of those in the binary: a directory, a bundle file, or an http(s) URL of a bundle; " +
				"followed as they change",
			set: text(func(o *options) *string { return &o.config.PolicySource.Location })},
		{name: "policies-poll", fallback: source.DefaultPoll.String(),
			usage: "how often a URL is asked, and a path looked at beside its notifications",
			set:   setDuration(func(o *options) *time.Duration { return &o.config.PolicySource.Poll })},
		{name: "policies-max-size", fallback: "64MiB", usage: "limit of a bundle, packed and unpacked, and of a directory's policy files",
			set: setPoliciesMaxSize},
		{name: "policies-keep", fallback: strconv.Itoa(archive.DefaultKeep),
			usage: "how many sets of policies that were in force are kept, to explain decisions of then",
			set:   setPoliciesKeep},
		{name: "policies-key", usage: "PEM file of the public key or certificate that bundles must be signed for",
			set: text(func(o *options) *string { return &o.config.PolicySource.Key.File })},
		{name: "policies-key-algorithm", fallback: source.DefaultAlgorithm,
			usage: "of the signature: RS256, PS256, ES256, or with 384 or 512",
			set:   text(func(o *options) *string { return &o.config.PolicySource.Key.Algorithm })},
		{name: "policies-key-id", usage: "key id that signatures must name; default any",
			set: text(func(o *options) *string { return &o.config.PolicySource.Key.ID })},
		{name: "policies-key-scope", usage: "scope that signatures must have; default none",
			set: text(func(o *options) *string { return &o.config.PolicySource.Key.Scope })},
		{name: "policies-token-file", usage: "file of a bearer token that the server of the bundle asks for; read again as it changes",
			set: text(func(o *options) *string { return &o.config.PolicySource.TokenFile })},
		{name: "policies-ca", usage: "PEM file of the authorities that vouch for the server of the bundle; default the system's",
			set: text(func(o *options) *string { return &o.config.PolicySource.CAFile })},
		{name: "policies-client-cert", usage: "PEM file of the client certificate that the server of the bundle asks for",
			set: text(func(o *options) *string { return &o.config.PolicySource.ClientCertFile })},
		{name: "policies-client-key", usage: "PEM file of its key",
			set: text(func(o *options) *string { return &o.config.PolicySource.ClientKeyFile })},
		{name: "policy-engine", fallback: "compiled", usage: "what evaluates policies: compiled, or topdown, OPA's own evaluator",
			set: setPolicyEngine},
		{name: "shadow-rate", fallback: fmt.Sprintf("1/%d", policy.DefaultShadowRate),
			usage: "share of decisions that topdown makes again and compares: 1/N, or 0",
			set:   setShadowRate},
		{name: "tls-cert", usage: "PEM file of the server's certificate; followed, with its key, as it changes",
			set: text(func(o *options) *string { return &o.config.TLSCert })},
		{name: "tls-key", usage: "PEM file of its key",
			set: text(func(o *options) *string { return &o.config.TLSKey })},
		{name: "tls-client-ca",
			usage: "PEM file of the authorities whose clients may connect; followed; default: nobody needs a certificate",
			set:   text(func(o *options) *string { return &o.config.TLSClientCA })},
		{name: "insecure", boolean: true, fallback: "false", usage: "permit plaintext on addresses that other machines can reach",
			set: setInsecure},
		{name: "drain-timeout", fallback: app.DefaultDrainTimeout.String(),
			usage: "how long calls under way may take to end when a signal stops the server",
			set:   setDuration(func(o *options) *time.Duration { return &o.config.DrainTimeout })},
		{name: "log-level", fallback: "info", usage: "debug, info, warn or error",
			set: setLogLevel},
		{name: "log-format", fallback: "text", usage: "text or json",
			set: setLogFormat},
	}
}

func (s setting) variable() string {
	return "CONSENTD_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

func text(field func(*options) *string) func(*options, string) error {
	return func(o *options, value string) error {
		*field(o) = value
		return nil
	}
}

func setCacheSize(o *options, value string) (err error) {
	if o.config.CacheOff = value == "0"; o.config.CacheOff {
		return nil
	}
	if o.config.CacheSize, err = parseSize(value); err == nil && o.config.CacheSize == 0 {
		return errors.New("give 0 to read the store for every check, or a size with a unit")
	}
	return err
}

func setAnswers(o *options, value string) error {
	if value != "on" && value != "off" {
		return errors.New("give on or off")
	}
	o.config.AnswersOff = value == "off"
	return nil
}

func setPoliciesMaxSize(o *options, value string) (err error) {
	if o.config.PolicySource.MaxBytes, err = parseSize(value); err == nil && o.config.PolicySource.MaxBytes == 0 {
		return errors.New("give a size above 0 with a unit, such as 64MiB")
	}
	return err
}

func setPoliciesKeep(o *options, value string) (err error) {
	if o.config.PoliciesKeep, err = strconv.Atoi(value); err != nil || o.config.PoliciesKeep < 1 {
		return errors.New("give a number of sets from 1 on, such as 100")
	}
	return nil
}

func setPolicyEngine(o *options, value string) error {
	engine, ok := policy.ParseEngine(value)
	if !ok {
		return errors.New("give compiled or topdown")
	}
	o.config.PolicyEngine = engine
	return nil
}

func setShadowRate(o *options, value string) error {
	if value == "0" {
		o.config.ShadowRate = -1
		return nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(value, "1/"))
	if err != nil || n < 1 || !strings.HasPrefix(value, "1/") {
		return errors.New("give 1/N, such as 1/1024, or 0")
	}
	o.config.ShadowRate = n
	return nil
}

func setInsecure(o *options, value string) (err error) {
	if o.config.Insecure, err = strconv.ParseBool(value); err != nil {
		return errors.New("give true or false")
	}
	return nil
}

func setDuration(field func(*options) *time.Duration) func(*options, string) error {
	return func(o *options, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return errors.New("give a duration above zero, such as 10s")
		}
		*field(o) = d
		return nil
	}
}

func setLogLevel(o *options, value string) error {
	if err := o.logLevel.UnmarshalText([]byte(value)); err != nil {
		return errors.New("give debug, info, warn or error")
	}
	return nil
}

func setLogFormat(o *options, value string) error {
	if value != "text" && value != "json" {
		return errors.New("give text or json")
	}
	o.logFormat = value
	return nil
}

// units are those of sizes, longest first.
var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// parseSize reads a size in bytes: a whole number and a unit, 256MiB. A bare number is refused, because some would mean
// megabytes by it.
func parseSize(s string) (int64, error) {
	wrong := errors.New("give a whole number with a unit: KiB, MiB, GiB")
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > (1<<62)/u.bytes {
			return 0, wrong
		}
		return n * u.bytes, nil
	}
	return 0, wrong
}

// app is the configuration of the server, which logs to w.
func (o options) app(w io.Writer) app.Config {
	level := &slog.HandlerOptions{Level: o.logLevel}
	var handler slog.Handler = slog.NewTextHandler(w, level)
	if o.logFormat == "json" {
		handler = slog.NewJSONHandler(w, level)
	}
	config := o.config
	config.Logger, config.Version = slog.New(handler), version.Version()
	return config
}

// fault says which source gave a setting a value that it cannot have.
func fault(source, value string, err error) error {
	return fmt.Errorf("%s: %q: %w", source, value, err)
}
