package reload_test

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Reload reads the source though it says of no change, and tells what came of it.
func TestReloadReadsTheSourceAtOnce(t *testing.T) {
	b := newBench(t, newScripted(acme(t, "first")), nil)
	b.start(t)
	put := func(clause string) {
		b.source.mu.Lock()
		defer b.source.mu.Unlock()
		b.source.files = acme(t, clause)
		if clause == "bad" {
			b.source.files = bad(t)
		}
	}
	for _, row := range []struct {
		clause, inForce string
		faults          int
	}{{"first", "first", 0}, {"second", "second", 0}, {"bad", "second", 1}, {"third", "third", 0}} {
		put(row.clause)
		status, err := b.Reload(t.Context())
		<-b.observed
		if err != nil || len(status.Faults) != row.faults {
			t.Errorf("%s: %v, faults %v", row.clause, err, status.Faults)
		}
		if got := b.clause(t); got != row.inForce {
			t.Errorf("%s: the policies of %s are in force, want %s", row.clause, got, row.inForce)
		}
	}
}

// Many who ask at once, beside changes of the source, are all answered.
func TestReloadsAtOnce(t *testing.T) {
	b := newBench(t, newScripted(acme(t, "first")), nil)
	b.start(t)
	const askers, times = 4, 5
	done := make(chan struct{})
	defer close(done)
	go func() { // a change that comes beside a question is read with it, so nobody knows how many readings there are
		for {
			select {
			case <-b.observed:
			case <-done:
				return
			}
		}
	}()
	var group sync.WaitGroup
	for range askers {
		group.Go(func() {
			for range times {
				if _, err := b.Reload(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		for range times {
			b.source.changed <- struct{}{}
		}
	})
	group.Wait()
}

func TestReloadEndsWithItsContext(t *testing.T) {
	b := newBench(t, nil, nil)
	b.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Reload(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}
