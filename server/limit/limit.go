// Package limit keeps a server that is asked too much from answering nobody: it bounds what each caller takes, and what
// all of them take together.
//
// What all take together is bounded by how long calls wait before they run (queue.go): the wait is measured, and where
// it stays over a target, clients are told to have fewer calls under way (conn.go), because a call that is refused
// still costs the server a fifth of one that is answered. What comes nevertheless is refused before it is decoded.
//
// What each caller takes is bounded by a rate and a number of calls under way (callers.go), counted in checks, so that
// a batch is no way around it.
//
// Guarantees: a protected call (a withdrawal is one) is never refused because the server is busy, and so never before a
// check. What is refused was not begun: repeating it is safe. All methods may be called concurrently; the way of a call
// that is admitted takes no lock unless its caller has bounds.
package limit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// The defaults of Config.
const (
	// DefaultQueueTarget is CoDel's (RFC 8289): a burst waits for less, a queue that stands for more.
	DefaultQueueTarget    = 5 * time.Millisecond
	DefaultMaxConnections = 10_000
	DefaultMaxCalls       = 10_000
	DefaultTimeout        = 10 * time.Second
	// DefaultHandshakeTimeout is for clients that are far away and busy.
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultConnectionAge    = 30 * time.Minute
)

// Off as a value of a Config's field is none, where zero means the default.
const Off = -1

// Config says what is bounded by how much. The zero value bounds all but callers.
type Config struct {
	// Each is what each caller may take; zero means as much as there is. Callers without authentication are one caller.
	Each CallerLimit
	// Callers are those who may take another amount, by caller.Caller.ID.
	Callers map[string]CallerLimit
	// QueueTarget is how long calls may wait, on average over 10 ms, before they run. Zero means DefaultQueueTarget, Off
	// that nothing is refused for it.
	QueueTarget time.Duration
	// MaxConnections bounds the connections of gRPC. Zero means DefaultMaxConnections, or nine tenths of what the limit
	// of file descriptors allows, whichever is less.
	MaxConnections int
	// MaxConnectionsPerAddress bounds those from one address; sockets of this machine have none. Zero means half of
	// MaxConnections.
	MaxConnectionsPerAddress int
	// MaxCalls bounds the calls under way, streams among them, beside four of each connection's own; a tenth more are kept
	// for what is protected. A call takes some 10 KB. Zero means DefaultMaxCalls.
	MaxCalls int
	// HandshakeTimeout is how long a client may take from the connection to its first frame, TLS included. Zero means
	// DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// Timeout is the deadline of unary calls that come without one. Zero means DefaultTimeout, Off none.
	Timeout time.Duration
	// ConnectionAge is after how long, a tenth more or less, a connection is asked to be made anew. Zero means
	// DefaultConnectionAge, Off never.
	ConnectionAge time.Duration
}

// CallerLimit is what a caller may take.
type CallerLimit struct {
	// Rate is in checks per second, and the most that may come at once; of other calls each counts as one. Zero means no
	// bound. What is protected may take as much again.
	Rate int
	// Concurrency is in calls under way, streams among them. Zero means no bound. What is protected may take as much
	// again.
	Concurrency int
}

// WithDefaults returns c with its defaults.
func (c Config) WithDefaults() Config {
	defaultTo(&c.QueueTarget, DefaultQueueTarget)
	defaultTo(&c.Timeout, DefaultTimeout)
	defaultTo(&c.ConnectionAge, DefaultConnectionAge)
	defaultTo(&c.MaxConnections, min(DefaultMaxConnections, maxFiles()*9/10))
	defaultTo(&c.MaxConnectionsPerAddress, max(1, c.MaxConnections/2))
	defaultTo(&c.MaxCalls, DefaultMaxCalls)
	defaultTo(&c.HandshakeTimeout, DefaultHandshakeTimeout)
	return c
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// The bounds of what may be configured.
const (
	minQueueTarget, maxQueueTarget = 100 * time.Microsecond, time.Second
	minConnectionAge               = time.Second
	maxRate                        = 1_000_000_000
)

// Validate returns all faults of c, each with the name of its setting.
func (c Config) Validate() error {
	var faults []error
	fault := func(broken bool, format string, values ...any) {
		if broken {
			faults = append(faults, fmt.Errorf(format, values...))
		}
	}
	d := c.WithDefaults()
	fault(d.QueueTarget != Off && (d.QueueTarget < minQueueTarget || d.QueueTarget > maxQueueTarget),
		"queue-target: %v: give %v to %v, or off", d.QueueTarget, minQueueTarget, maxQueueTarget)
	fault(d.Timeout < 0 && d.Timeout != Off, "default-timeout: %v is negative: give a duration such as 10s, or off", d.Timeout)
	fault(d.ConnectionAge != Off && d.ConnectionAge < minConnectionAge,
		"connection-age: %v is too short: give %v or more, or off", d.ConnectionAge, minConnectionAge)
	fault(d.MaxConnections < 1, "max-connections: %d: give a number from 1 on", d.MaxConnections)
	fault(d.MaxConnectionsPerAddress < 1, "max-connections-per-address: %d: give a number from 1 on", d.MaxConnectionsPerAddress)
	fault(d.MaxCalls < 1, "max-calls: %d: give a number from 1 on", d.MaxCalls)
	fault(d.HandshakeTimeout < 0, "handshake-timeout: %v is negative: give a duration such as 10s", d.HandshakeTimeout)
	fault(bad(c.Each.Rate), "caller-rate: %d: give checks per second up to %d, or 0 for no bound", c.Each.Rate, maxRate)
	fault(bad(c.Each.Concurrency), "caller-concurrency: %d: give calls under way up to %d, or 0 for no bound",
		c.Each.Concurrency, maxRate)
	for id, l := range c.Callers {
		fault(bad(l.Rate) || bad(l.Concurrency) || id == "",
			"caller-limits: %q with rate %d and concurrency %d: give an id and two numbers from 0 on", id, l.Rate, l.Concurrency)
	}
	return errors.Join(faults...)
}

func bad(n int) bool { return n < 0 || n > maxRate }

// Why a call is refused; each is a label of consentd_limits_shed_total.
type Why int

// The reasons.
const (
	// Queue: calls wait too long.
	Queue Why = iota
	// Calls: there are too many under way.
	Calls
	// Waited: this call itself waited too long.
	Waited
	// Rate and Concurrency: its caller takes too much.
	Rate
	Concurrency
	reasons
)

var whyNames = [reasons]string{"queue", "calls", "waited", "caller_rate", "caller_concurrency"}

// RefusedError is returned for a call that is refused; it wraps consent.ErrOverloaded.
type RefusedError struct {
	// Message says to the caller what is used up.
	Message string
	// After is when to try again; spread, so that those who were refused together do not come back together.
	After time.Duration
}

func (e *RefusedError) Error() string { return e.Message }

// Unwrap returns consent.ErrOverloaded.
func (e *RefusedError) Unwrap() error { return consent.ErrOverloaded }

// RetryAfter is when to try again.
func (e *RefusedError) RetryAfter() time.Duration { return e.After }

// Class is what a call is to the server that is busy.
type Class int

// The classes; each is a label of metrics.
const (
	// Checks are what the server is asked all the time, and what gives way.
	Checks Class = iota
	// Others are all other calls but those that are protected. They give way as checks do.
	Others
	// Protected calls never give way: what restricts must not wait for what asks.
	Protected
	// Health is protected, and counts for no caller.
	Health
	classes
)

var classNames = [classes]string{"check", "other", "protected", "health"}

// stays reports whether calls of a class are admitted however long calls wait.
func (c Class) stays() bool { return c >= Protected }

// Limits bounds what is asked of a server. Make one with New; Close ends it.
type Limits struct {
	config Config
	log    *slog.Logger
	// methods has the class of each method that is bounded; it is immutable.
	methods map[string]Class
	// refusals are the answers to what is refused before it is looked at; immutable.
	refusals [spread]error
	queue    queue
	pool     pool
	callers  callers
	grpc     listening
	http     listening

	shed     [reasons][classes]atomic.Uint64
	inFlight [classes]atomic.Int64

	stop  context.CancelFunc
	ended sync.WaitGroup
}

// Options are what else Limits needs.
type Options struct {
	// Methods has the class of each unary method.
	Methods map[string]Class
	// Status maps a refusal to the error with which it leaves, for what is refused before the edge sees it.
	Status func(error) error
	// Logger gets a line where connections are refused. Nil means that there is none.
	Logger *slog.Logger
}

// spread is how many different times to try again there are.
const spread = 16

// New returns bounds. It fails if c is invalid.
func New(c Config, o Options) (*Limits, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Limits{config: c, log: o.Logger, methods: o.Methods, pool: pool{size: int64(c.MaxCalls)}}
	for i := range l.refusals {
		l.refusals[i] = o.Status(overloaded(i))
	}
	l.queue.init(c.QueueTarget, runtime.GOMAXPROCS(0))
	l.callers.init(c, l.queue.now)
	l.grpc.init("grpc", c.MaxConnections, c.MaxConnectionsPerAddress, l)
	l.http.init("http", maxHTTPConnections, maxHTTPConnections/2, l)
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.ended.Go(func() { l.watch(ctx) })
	return l, nil
}

// watch adapts what is bounded to what there is, until ctx ends.
func (l *Limits) watch(ctx context.Context) {
	ticker := time.NewTicker(window)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			l.queue.adapt()
			l.grpc.share(&l.queue)
		}
	}
}

// Close ends what New began. Calls may still be under way.
func (l *Limits) Close() {
	l.stop()
	l.ended.Wait()
}

// ConnectionAge is how old a connection may get; 0: there is no bound.
func (l *Limits) ConnectionAge() time.Duration { return max(0, l.config.ConnectionAge) }

// HandshakeTimeout is how long a client may take to its first frame.
func (l *Limits) HandshakeTimeout() time.Duration { return l.config.HandshakeTimeout }

// overloaded is the i-th of the refusals because all is used up: try again after 0.5 to 1.5 seconds.
func overloaded(i int) *RefusedError {
	return &RefusedError{
		Message: "the server is overloaded: try again later, or have fewer calls under way",
		After:   500*time.Millisecond + time.Duration(i)*time.Second/spread,
	}
}
