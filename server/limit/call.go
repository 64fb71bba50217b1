package limit

import (
	"context"
	"math/rand/v2"
	"time"
)

// arrival is the context of a call from its arrival on.
type arrival struct {
	context.Context
	number, at int64
	// over is the connection that it came over, nil where it is not known.
	over *conn
	// cancel is not nil where the deadline is ours.
	cancel context.CancelFunc
}

type arrivalKey struct{}

func (a *arrival) Value(key any) any {
	if key == (arrivalKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// longDeadline is from which deadline on a call is refused when it begins, at five times the cost, and not on arrival:
// gRPC keeps the timer of what is refused on arrival until it fires, some 300 bytes.
const longDeadline = 5 * time.Second

// Arrive is told of each call when its headers were read, and returns its context from then on, or the status with
// which it is refused. It runs on the goroutine that reads the connection, under a lock of gRPC's, and does not block.
//
// The deadline of a call that has none is set here, because from here on gRPC waits for the call's message.
func (l *Limits) Arrive(ctx context.Context, method string) (context.Context, error) {
	class, unary := l.methods[method]
	if !unary {
		class = Others
	}
	now, over := l.queue.now(), connOf(ctx)
	if why, refused := l.refuses(over, class, now); refused && soon(ctx) {
		l.shed[why][class].Add(1)
		return ctx, l.refusals[rand.IntN(spread)]
	}
	if !unary {
		return ctx, nil
	}
	a := &arrival{Context: ctx, over: over, number: l.queue.arrived.Add(1), at: now}
	if _, ok := ctx.Deadline(); !ok && l.config.Timeout > 0 && !l.untimed[method] {
		a.Context, a.cancel = context.WithTimeout(ctx, l.config.Timeout)
	}
	return a, nil
}

// refuses reports whether a call of a class is refused on arrival.
func (l *Limits) refuses(over *conn, class Class, now int64) (Why, bool) {
	if !over.hasOwn() && l.pool.free(class) <= 0 {
		return Calls, true
	}
	return Queue, !class.stays() && l.queue.full(now)
}

func soon(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) < longDeadline
}

// Held is a call that was admitted. The zero value holds nothing.
type Held struct {
	limits *Limits
	class  Class
	// state is its caller's, nil where that has no bounds.
	state *state
	// over is the connection that it came over, cancel ends its deadline; each may be nil. streams is 1 if it is one.
	over    *conn
	cancel  context.CancelFunc
	streams int64
	// pooled is whether it is of the pool, and not its connection's own.
	pooled bool
}

// Begin admits a unary call that is about to run, before it is decoded; End of what it returns must follow. Its error
// is a RefusedError.
func (l *Limits) Begin(ctx context.Context, method string) (Held, error) {
	if l == nil {
		return Held{}, nil
	}
	class := l.classOf(method)
	a, _ := ctx.Value(arrivalKey{}).(*arrival)
	if a != nil && l.queue.took(a, l.queue.now()) && !class.stays() {
		l.shed[Waited][class].Add(1)
		return Held{}, overloaded(rand.IntN(spread))
	}
	if a == nil {
		return l.admit(ctx, Held{limits: l, class: class})
	}
	return l.admit(ctx, Held{limits: l, class: class, over: a.over, cancel: a.cancel})
}

// Unknown is told of a unary call that does not begin, because nobody knows its caller: it waits no more. Counted among
// those that wait, such calls would have others refused.
func (l *Limits) Unknown(ctx context.Context) {
	if l == nil {
		return
	}
	if a, ok := ctx.Value(arrivalKey{}).(*arrival); ok {
		l.queue.took(a, l.queue.now())
	}
}

// BeginStream is Begin for a stream. While it lasts, its connection may have one call more under way.
func (l *Limits) BeginStream(ctx context.Context, class Class) (Held, error) {
	if l == nil {
		return Held{}, nil
	}
	return l.admit(ctx, Held{limits: l, class: class, over: connOf(ctx), streams: 1})
}

func (l *Limits) classOf(method string) Class {
	if class, ok := l.methods[method]; ok {
		return class
	}
	return Others
}

// admit counts a call, and takes what it takes of its caller's bounds.
func (l *Limits) admit(ctx context.Context, h Held) (Held, error) {
	if !l.pool.take(&h) { // many may have arrived at once
		l.shed[Calls][h.class].Add(1)
		return Held{}, overloaded(rand.IntN(spread))
	}
	if h.class != Health {
		h.state = l.callers.of(ctx)
	}
	if why, err := h.state.begin(l.queue.now(), h.class == Protected); err != nil {
		l.shed[why][h.class].Add(1)
		l.pool.give(h)
		return Held{}, err
	}
	l.inFlight[h.class].Add(1)
	return h, nil
}

// End is told of the call's end.
func (h Held) End() {
	if h.limits == nil {
		return
	}
	h.limits.inFlight[h.class].Add(-1)
	h.state.end()
	h.limits.pool.give(h)
	if h.cancel != nil {
		h.cancel()
	}
}

// Spend takes more checks from the caller's rate than the one that Begin took. Its error is a RefusedError.
func (l *Limits) Spend(ctx context.Context, checks int) error {
	if l == nil || checks <= 0 {
		return nil
	}
	err := l.callers.of(ctx).spendMore(l.queue.now(), checks)
	if err != nil {
		l.shed[Rate][Checks].Add(1)
	}
	return err
}

// Pace is Spend for a stream, which waits: what comes too fast stays with the client. It ends early when ctx does.
func (l *Limits) Pace(ctx context.Context, checks int) {
	if l == nil {
		return
	}
	wait := l.callers.of(ctx).borrow(l.queue.now(), checks)
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Unanswered is how many checks a stream may have that are not answered, up to most.
func (l *Limits) Unanswered(most int) int {
	if l == nil || l.queue.off() || l.queue.roomy() {
		return most
	}
	return min(most, max(leastUnanswered, int(l.grpc.perConn.Load())))
}

// leastUnanswered keeps the workers of a stream busy for a round trip.
const leastUnanswered = 64

// Arrived is when a worker of a stream was called for, to be given to Began when it begins: their wait is the server's
// as a call's is.
func (l *Limits) Arrived() int64 {
	if l == nil {
		return 0
	}
	return l.queue.now()
}

// Began is told that a worker begins.
func (l *Limits) Began(arrived int64) {
	if l != nil {
		l.queue.observe(l.queue.now() - arrived)
	}
}
