package telemetry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// DefaultSample is the share of calls that are traced though their caller says nothing of traces.
const DefaultSample = 0.01

// Config says where traces go. The zero value is nowhere.
type Config struct {
	// Endpoint is the collector, which takes OTLP over gRPC: host:port or https://host:port with TLS,
	// http://host:port or unix:///path without. Empty: nothing is traced.
	Endpoint string
	// Sample is the share of calls that are traced, from 0 to 1, among those whose caller says nothing of traces;
	// zero means DefaultSample, negative none.
	Sample float64
	// HeadersFile has headers for the collector, such as a token, one a line: name: value. It is read again for each
	// request. Empty: there are none.
	HeadersFile string
	// CAFile is a PEM file of the authorities that the collector's certificate may be of; empty: those of the system.
	CAFile string
	// Insecure permits http to other machines.
	Insecure bool
	// Version is that of the server.
	Version string
	// Logger is told of failures, once a minute; nil: nobody is.
	Logger *slog.Logger
}

// Validate reports all faults at once, each by the name of its flag.
func (c Config) Validate() error {
	if c.Endpoint == "" {
		return c.validateUnused()
	}
	var faults []error
	target, err := c.target()
	if err != nil {
		faults = append(faults, err)
	}
	if c.Sample > 1 {
		faults = append(faults, fmt.Errorf("trace-sample: %v: give a share from 0 to 1, such as 0.01", c.Sample))
	}
	if c.HeadersFile != "" {
		if _, err := readHeaders(c.HeadersFile); err != nil {
			faults = append(faults, fmt.Errorf("otlp-headers: %w", err))
		}
	}
	if c.CAFile != "" {
		if _, err := readAuthorities(c.CAFile); err != nil {
			faults = append(faults, fmt.Errorf("otlp-ca: %w", err))
		}
		if err == nil && !target.tls {
			faults = append(faults, fmt.Errorf("otlp-ca: %q is for TLS, and otlp-endpoint %q has none: leave one of them out",
				c.CAFile, c.Endpoint))
		}
	}
	return errors.Join(faults...)
}

// validateUnused refuses what would have no effect.
func (c Config) validateUnused() error {
	var faults []error
	for flag, file := range map[string]string{"otlp-headers": c.HeadersFile, "otlp-ca": c.CAFile} {
		if file != "" {
			faults = append(faults, fmt.Errorf("%s: %q is for a collector, and none is named: set otlp-endpoint", flag, file))
		}
	}
	return errors.Join(faults...)
}

func (c Config) sample() float64 {
	switch {
	case c.Sample == 0:
		return DefaultSample
	case c.Sample < 0:
		return 0
	}
	return c.Sample
}

func (c Config) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

// target is a collector as gRPC dials it.
type target struct {
	addr string
	tls  bool
}

func (c Config) target() (target, error) {
	malformed := fmt.Errorf("otlp-endpoint: %q: give host:port, https://host:port, http://host:port or unix:///path", c.Endpoint)
	scheme, rest, found := strings.Cut(c.Endpoint, "://")
	if !found {
		scheme, rest = "https", c.Endpoint
	}
	if scheme == "unix" && strings.HasPrefix(rest, "/") {
		return target{addr: c.Endpoint}, nil
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.Hostname() == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return target{}, malformed
	}
	switch {
	case scheme == "https":
		return target{u.Host, true}, nil
	case scheme != "http":
		return target{}, malformed
	case !c.Insecure && !isLoopback(u.Hostname()):
		return target{}, fmt.Errorf("otlp-endpoint: %q would send traces to another machine in plaintext: "+
			"use https, or permit it by insecure", c.Endpoint)
	}
	return target{u.Host, false}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// dial returns a connection to the collector; c is valid. It connects when it is first needed.
func (c Config) dial() (*grpc.ClientConn, error) {
	t, err := c.target()
	if err != nil {
		return nil, err
	}
	transport := insecure.NewCredentials()
	if t.tls {
		settings := &tls.Config{MinVersion: tls.VersionTLS12}
		if c.CAFile != "" {
			if settings.RootCAs, err = readAuthorities(c.CAFile); err != nil {
				return nil, err
			}
		}
		transport = credentials.NewTLS(settings)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport), grpc.WithUserAgent("consentd/" + c.Version), grpc.WithNoProxy(),
	}
	if c.HeadersFile != "" {
		options = append(options, grpc.WithPerRPCCredentials(headersFile(c.HeadersFile)))
	}
	return grpc.NewClient(t.addr, options...)
}

// readAuthorities reads certificates.
func readAuthorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: name a PEM file of certificates", file)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%q holds no certificate: name a PEM file of certificates", file)
	}
	return pool, nil
}

// headersFile sends the headers in a file, as they are when a request is sent: tokens are replaced.
type headersFile string

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (f headersFile) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return readHeaders(string(f))
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. Validate has refused plaintext to other machines
// unless it was permitted.
func (headersFile) RequireTransportSecurity() bool { return false }

// maxHeadersFile bounds a file of headers, in bytes.
const maxHeadersFile = 64 << 10

var headerName = regexp.MustCompile(`^[0-9A-Za-z_.-]+$`)

// readHeaders reads lines of name: value. Its errors have no values: they are secrets.
func readHeaders(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: name a file with a header a line, such as authorization: Bearer …", file)
	}
	if len(text) > maxHeadersFile {
		return nil, fmt.Errorf("%q is larger than %d bytes: name a file with a header a line", file, maxHeadersFile)
	}
	headers, n := map[string]string{}, 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); !found || !headerName.MatchString(name) || value == "" || strings.HasPrefix(name, "grpc-") {
			return nil, fmt.Errorf("%s:%d: is no header: write name: value, such as authorization: Bearer …", file, n)
		}
		headers[strings.ToLower(name)] = value
	}
	return headers, nil
}
