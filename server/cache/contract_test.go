package cache_test

import (
	"testing"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/store/storetest"
)

// A cached store keeps every promise of a store.
func TestContract(t *testing.T) {
	for name, config := range map[string]cache.Config{"cached": {MaxBytes: 1 << 20}, "tiny": {MaxBytes: 2 << 10}} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t testing.TB, observers store.Observers) storetest.Instance {
				dir := t.TempDir()
				reopen := func(t testing.TB) store.Store { return overPebble(t, config, dir, observers) }
				return storetest.Instance{Store: reopen(t), Reopen: reopen}
			}, storetest.Except{
				Promise: "FailedChangesKeepTheirRevisions", Reason: "records pass through to the store, whose own test breaks its disk",
			})
		})
	}
}

// overPebble returns a cache over a store in dir, whose changes are told to observers too.
func overPebble(t testing.TB, config cache.Config, dir string, observers store.Observers) *cache.Cache {
	t.Helper()
	c, err := cache.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s, err := pebble.Open(dir, pebble.Options{
		Observers: store.Observers{Ahead: observers.Ahead, After: both{c, observers.After}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Attach(s)
	return c
}

// both tells two observers of every change.
type both struct{ first, second store.Observer }

func (b both) Changed(c store.Change) {
	b.first.Changed(c)
	b.second.Changed(c)
}
