package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
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
	tls        *tls.Config
	plaintext  bool
	timeout    time.Duration
	dial       []grpc.DialOption
	balanced   bool
	callwise   bool
	hedgeAfter time.Duration
	hooks      []Hook
	observers  []Observer
	// bearers are the credentials that calls carry; at most one is allowed.
	bearers []bearer
	// near makes the near cache over the connection; nil: there is none.
	near func(grpc.ClientConnInterface, *links) *nearCache
	// limits are when connections are given up.
	limits linkLimits
}

// WithTLS connects by TLS with this configuration, also on loopback and Unix sockets.
func WithTLS(config *tls.Config) Option { return func(o *options) { o.tls = config } }

// WithInsecure allows plaintext to other machines: subjects' ids and decisions can then be read and changed on the way.
func WithInsecure() Option { return func(o *options) { o.plaintext = true } }

// WithTimeout sets the deadline of calls whose context has none; zero or less means DefaultTimeout.
func WithTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// WithBalancing spreads the calls over all addresses that the target's name resolves to, one after the other, and
// leaves out those that do not answer or whose health is not SERVING. A target that lists several addresses implies it.
func WithBalancing() Option { return func(o *options) { o.balanced = true } }

// WithoutCoalescing makes each check a call of its own. Without it concurrent checks share messages of a stream, which
// gRPC's unary interceptors do not see, and credentials per call are asked once for all checks of a minute.
func WithoutCoalescing() Option { return func(o *options) { o.callwise = true } }

// WithHedging asks a second time where a check has no answer after d; the first answer counts. It costs the servers
// more the shorter d is: take their p99 or longer. It helps where there are several addresses.
func WithHedging(d time.Duration) Option { return func(o *options) { o.hedgeAfter = d } }

// WithHook has each check observed.
func WithHook(h Hook) Option { return func(o *options) { o.hooks = append(o.hooks, h) } }

// WithDialOptions passes options to gRPC, after this package's own: interceptors, a user agent, credentials per call of
// another kind than WithToken's.
// Unary interceptors see checks only WithoutCoalescing.
func WithDialOptions(more ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, more...) }
}

// Dial returns a client for a target: host:port, several of them separated by commas, dns:///host:port or unix:///path.
// Without options it speaks plaintext to loopback addresses and Unix sockets, and TLS with the system's roots to all
// else.
//
// Checks that are under way at the same time share the messages of a stream; a check alone waits for nothing.
//
// An error is a fault of the target or the options, or ErrStoreMismatch; an unreachable server shows as UNAVAILABLE in
// the first call. With one address all calls go to one node as long as it lives, so that what a call wrote the next
// call sees. With several (or WithBalancing) each call goes to another; what the client wrote is still part of the
// state behind the checks that it starts later, because it hands the token of its newest write to each. The caller
// closes the client.
//
// Servers behind one client must share a store. Dial asks those of a list which they have, for a second at most: the
// one case in which it waits for a connection. Whatever shows later that they do not share it fails with
// ErrStoreMismatch.
func Dial(target string, opts ...Option) (*Client, error) {
	o := options{limits: defaultLinkLimits}
	for _, option := range opts {
		option(&o)
	}
	c, err := o.connect(target)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", target, err)
	}
	return c, nil
}

func (o *options) connect(target string) (*Client, error) {
	address, err := o.resolve(target)
	if err != nil {
		return nil, err
	}
	creds, err := o.credentials(address.local)
	if err != nil {
		return nil, err
	}
	carried, err := o.bearer(address.local)
	if err != nil {
		return nil, err
	}
	if carried != nil {
		o.dial = append([]grpc.DialOption{grpc.WithPerRPCCredentials(carried)}, o.dial...)
	}
	servers := &home{}
	if err := servers.compareStores(address.hosts, append(o.dialOptions(creds), o.dial...)); err != nil {
		return nil, err
	}
	links := newLinks(o.limits)
	dial := append(o.dialOptions(linkCredentials{creds, links}), address.options...)
	connection, err := grpc.NewClient(address.target, append(dial, o.dial...)...)
	if err != nil {
		return nil, err
	}
	c := New(connection, o.timeout)
	c.conn.links, c.conn.observers = links, o.observers
	c.hooks, c.hedgeAfter = o.hooks, o.hedgeAfter
	c.close = sync.OnceValue(func() error { return c.shut(connection) })
	if o.balanced {
		c.fresh = &freshness{home: servers}
	}
	for range address.lanes {
		c.lanes = append(c.lanes, newLane(openStream(connection), &c.streams))
	}
	if o.near != nil {
		c.near = o.near(connection, links)
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
// Keepalive: the least that gRPC's clients and our server allow. A ping each ten seconds while calls are under way
// finds connections whose streams would wait for ever; with it gRPC sets TCP_USER_TIMEOUT, which finds those that send.
// A server that permits less, as gRPC's do by default, says so with GOAWAY, and gRPC pings half as often then. What
// links does is sooner where calls run out of time. Reconnection starts at 100 ms instead of gRPC's 1 s, which is as
// long as a whole call may take.
func (o *options) dialOptions(creds credentials.TransportCredentials) []grpc.DialOption {
	reconnect := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithUserAgent("consentd-go"),
		grpc.WithDisableServiceConfig(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 4 * time.Second}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: o.limits.connect}),
	}
}
