package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Option changes how Dial connects.
type Option func(*options)

type options struct {
	tls       *tls.Config
	plaintext bool
	timeout   time.Duration
	dial      []grpc.DialOption
	near      func(grpc.ClientConnInterface) (nearCache, error)
}

// WithTLS connects by TLS with this configuration, also on loopback and Unix sockets.
func WithTLS(config *tls.Config) Option { return func(o *options) { o.tls = config } }

// WithInsecure allows plaintext to other machines: subjects' ids and decisions can then be read and changed on the way.
func WithInsecure() Option { return func(o *options) { o.plaintext = true } }

// WithTimeout sets the deadline of calls whose context has none; zero or less means DefaultTimeout.
func WithTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// WithDialOptions passes options to gRPC, after this package's own: interceptors, credentials per call, a user agent.
func WithDialOptions(more ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, more...) }
}

// Dial returns a client for a target: host:port, dns:///host:port or unix:///path. Without options it speaks plaintext to
// loopback addresses and Unix sockets, and TLS with the system's roots to all else.
//
// It does not wait for a connection: an error is a fault of the target or the options, and an unreachable server shows as
// UNAVAILABLE in the first call. All calls go to one node as long as it lives, so that what a call wrote the next call
// sees. The caller closes the client.
func Dial(target string, opts ...Option) (*Client, error) {
	o := options{}
	for _, option := range opts {
		option(&o)
	}
	local, err := inspect(target)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", target, err)
	}
	creds, err := o.credentials(local)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", target, err)
	}
	connection, err := grpc.NewClient(target, append(dialOptions(creds), o.dial...)...)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", target, err)
	}
	c := New(connection, o.timeout)
	c.close = connection.Close
	if o.near != nil {
		if c.near, err = o.near(connection); err != nil {
			return nil, errors.Join(fmt.Errorf("target %q: %w", target, err), connection.Close())
		}
		c.close = func() error { return errors.Join(c.near.close(), connection.Close()) }
	}
	return c, nil
}

func (o *options) credentials(local bool) (credentials.TransportCredentials, error) {
	switch {
	case o.tls != nil && o.plaintext:
		return nil, errors.New("WithTLS and WithInsecure contradict each other")
	case o.tls != nil:
		return credentials.NewTLS(o.tls), nil
	case o.plaintext || local:
		return insecure.NewCredentials(), nil
	default:
		return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}), nil
	}
}

// dialOptions are those of every connection.
//
// Keepalive: a gRPC server by default closes connections that ping more often than every five minutes or without a call
// under way. A ping every six finds dead connections that wait for an answer; with it gRPC sets TCP_USER_TIMEOUT, which
// finds those that send within its ten seconds. Reconnection starts at 100 ms instead of gRPC's 1 s, which is as long as a
// whole call may take.
func dialOptions(creds credentials.TransportCredentials) []grpc.DialOption {
	reconnect := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithUserAgent("consentd-go"),
		grpc.WithDisableServiceConfig(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 6 * time.Minute, Timeout: 10 * time.Second}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: 2 * time.Second}),
	}
}

var errTarget = errors.New("want host:port, dns:///host:port or unix:///path")

// inspect checks a target and says whether it stays on this machine. It errs on the side of "no": a scheme that it does not
// know is taken as remote.
func inspect(target string) (local bool, err error) {
	scheme, rest, _ := strings.Cut(target, ":")
	url := strings.HasPrefix(rest, "//")
	switch {
	case scheme == "unix" && url && !strings.HasPrefix(rest, "///"):
		return false, errTarget // gRPC would find out in the first call only
	case scheme == "unix" || scheme == "unix-abstract":
		return true, nil
	case scheme == "dns" && url:
		_, endpoint, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
		return inspectHostPort(endpoint)
	case strings.Contains(target, "://"):
		return false, nil
	default:
		return inspectHostPort(target)
	}
}

func inspectHostPort(endpoint string) (local bool, err error) {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil || host == "" || port == "" {
		return false, errTarget
	}
	if host == "localhost" {
		return true, nil
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback(), nil
}
