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
func (l *Limits) Arrive(ctx context.Context, method string) (context.Context, error) {
	class, ok := l.methods[method]
	if !ok {
		return ctx, nil
	}
	now := l.queue.now()
	if class != Protected && l.queue.full(now) && soon(ctx) {
		l.shed[Queue][class].Add(1)
		return ctx, l.refusals[rand.IntN(spread)]
	}
	return &arrival{Context: ctx, number: l.queue.arrived.Add(1), at: now}, nil
}

func soon(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) < longDeadline
}

// Held is a call that was admitted. The zero value holds nothing.
type Held struct {
	limits *Limits
	state  *state
	class  Class
	conn   *conn
}

// Begin admits a unary call that is about to run, before it is decoded; End of what it returns must follow. Its error
// is a RefusedError.
func (l *Limits) Begin(ctx context.Context, method string) (Held, error) {
	if l == nil {
		return Held{}, nil
	}
	class := l.classOf(method)
	if a, ok := ctx.Value(arrivalKey{}).(*arrival); ok {
		if late := l.queue.took(a, l.queue.now()); late && class != Protected {
			l.shed[Waited][class].Add(1)
			return Held{}, overloaded(rand.IntN(spread))
		}
	}
	return l.admit(ctx, class)
}

// BeginStream is Begin for a stream. While it lasts, its connection may have one call more under way.
func (l *Limits) BeginStream(ctx context.Context) (Held, error) {
	if l == nil {
		return Held{}, nil
	}
	held, err := l.admit(ctx, Others)
	if err == nil {
		if held.conn = connOf(ctx); held.conn != nil {
			held.conn.streams.Add(1)
		}
	}
	return held, err
}

func (l *Limits) classOf(method string) Class {
	if class, ok := l.methods[method]; ok {
		return class
	}
	return Others
}

// admit takes what the call's caller has of it.
func (l *Limits) admit(ctx context.Context, class Class) (Held, error) {
	state := l.callers.of(ctx)
	if why, err := state.begin(l.queue.now(), class == Protected); err != nil {
		l.shed[why][class].Add(1)
		return Held{}, err
	}
	l.inFlight[class].Add(1)
	return Held{limits: l, state: state, class: class}, nil
}

// End is told of the call's end.
func (h Held) End() {
	if h.limits == nil {
		return
	}
	h.limits.inFlight[h.class].Add(-1)
	h.state.end()
	if h.conn != nil {
		h.conn.streams.Add(-1)
	}
}

// Spend takes more checks from the caller's rate than the one that Begin took. Its error is a RefusedError.
func (l *Limits) Spend(ctx context.Context, checks int) error {
	if l == nil || checks <= 0 {
		return nil
	}
	err := l.callers.of(ctx).spend(l.queue.now(), checks, 0)
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
