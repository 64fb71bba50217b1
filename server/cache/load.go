package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/consentd/consentd/server/consent"
)

// flightKey is what callers must share to share a read. The floor is part of it: who saw a higher floor started after a
// change that an older read may have missed. So is the history.
type flightKey struct {
	subject consent.Subject
	wanted
}

// flight is a read of the store on behalf of all callers that wait for it.
type flight struct {
	// ctx has the deadline of the read and nothing of any caller's context. It ends after done.
	ctx    context.Context
	cancel context.CancelFunc
	// done is closed once snapshot and err are set.
	done     chan struct{}
	snapshot consent.Snapshot
	err      error
}

type flights struct {
	mu struct {
		sync.Mutex
		open   map[flightKey]*flight
		closed bool
	}
	running sync.WaitGroup
}

func (f *flights) close() {
	f.mu.Lock()
	f.mu.closed = true
	f.mu.Unlock()
	f.running.Wait()
}

var errClosed = fmt.Errorf("reading subject state: %w: the cache is closed", consent.ErrUnavailable)

// load returns what was found by a read that starts now or started since the caller's floor was raised.
func (c *Cache) load(ctx context.Context, key flightKey) (consent.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return consent.Snapshot{}, err
	}
	f, err := c.join(key)
	if err != nil {
		return consent.Snapshot{}, err
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return consent.Snapshot{}, ctx.Err()
	case <-f.ctx.Done():
		return f.late(c.config)
	}
	return f.snapshot, f.err
}

// late returns the result of a flight whose context has ended: because it was done, or because a store does not heed
// deadlines.
func (f *flight) late(config Config) (consent.Snapshot, error) {
	select {
	case <-f.done:
		return f.snapshot, f.err
	default:
		return consent.Snapshot{}, fmt.Errorf(
			"reading subject state: %w: no answer within %v", consent.ErrUnavailable, config.LoadTimeout)
	}
}

// join returns the open flight for key, or starts one. A flight past its deadline is not joined: the next may fare
// better.
func (c *Cache) join(key flightKey) (*flight, error) {
	mu := &c.flights.mu
	mu.Lock()
	defer mu.Unlock()
	if f := mu.open[key]; f != nil && f.ctx.Err() == nil {
		return f, nil
	}
	if mu.closed {
		return nil, errClosed
	}
	f := &flight{done: make(chan struct{})}
	f.ctx, f.cancel = context.WithTimeout(context.Background(), c.config.LoadTimeout)
	mu.open[key] = f
	c.flights.running.Go(func() { c.fly(key, f) })
	return f, nil
}

func (c *Cache) fly(key flightKey, f *flight) {
	defer f.cancel()
	c.counts.loads.Add(1)
	f.snapshot, f.err = c.fetch(f.ctx, key)
	if f.err != nil {
		c.counts.loadErrors.Add(1)
	}
	c.flights.land(key, f)
	close(f.done) // last: who has its result does not join it again
}

func (f *flights) land(key flightKey, landed *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.open[key] == landed {
		delete(f.mu.open, key)
	}
}

// fetch reads the store and puts what it read into the cache. A panic below becomes an error: it must not take down the
// process from a goroutine that no handler guards.
func (c *Cache) fetch(ctx context.Context, key flightKey) (snapshot consent.Snapshot, err error) {
	defer func() {
		if p := recover(); p != nil {
			snapshot, err = consent.Snapshot{}, fmt.Errorf("reading subject state: panic: %v", p)
		}
	}()
	snapshot, err = c.store.Read(ctx, key.subject)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && snapshot.AsOf < key.floor {
		err = fmt.Errorf("state is as of %d, but change %d was announced", snapshot.AsOf, key.floor)
	}
	if err != nil {
		return consent.Snapshot{}, unavailable(err)
	}
	return c.keep(key, snapshot), nil
}

// unavailable wraps err as consent.ErrUnavailable. It hides context errors: they are the read's, not the caller's.
func unavailable(err error) error {
	if errors.Is(err, consent.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("reading subject state: %w: %v", consent.ErrUnavailable, err)
}
