package app

import (
	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/watch"
)

// openStore opens the cache over the store, which the cache owns from then on.
func (a *App) openStore() (err error) {
	c := cache.Config{
		MaxBytes: a.config.CacheSize - a.config.answerBytes(), Disabled: a.config.CacheOff, Prepare: a.loader.Prepare,
		Waiting: a.waiting(),
	}
	open := a.openEmbedded
	if a.database != nil {
		c.Standing, open = &a.standing, a.join
		c.Watermark, c.Clock = a.standing.Watermark, cluster.Boottime
	}
	if a.states, err = cache.New(c); err != nil {
		return err
	}
	if err := open(); err != nil {
		return err
	}
	a.policies.Notify(a.policiesChanged)
	return nil
}

// openEmbedded opens the store in the data directory.
func (a *App) openEmbedded() error {
	ahead := &announcer{}
	ledger, err := pebble.Open(a.config.DataDir, pebble.Options{
		Observers: store.Observers{Ahead: ahead, After: a.states}, Logger: a.config.Logger, Writes: a.health.wrote,
		Synced: a.durations.synced, Marks: a.marks,
		FS: a.config.StoreFS,
	})
	if err != nil {
		return err
	}
	a.queued = ledger.Queued
	a.states.Attach(ledger)
	a.states.Begin(ledger.Applied()) // so that it is known up to where all changes are
	a.backups = a.newBackups(ledger, ledger.ID())
	a.watchers, err = a.newHub(ledger)
	ahead.Hub = a.watchers
	return err
}

// newHub makes what holds near caches to the truth of a store.
func (a *App) newHub(of store.Store) (*watch.Hub, error) {
	c := watch.Config{
		StoreID: of.ID(), Revision: of.Applied(), Policy: func() string { return a.policies.Current().Revision() },
		Lease: a.config.CacheLease, Now: a.config.Now, Fenced: a.durations.fenced,
	}
	if a.database != nil {
		// Other nodes wait for the caches of the process that was before. No node answers from a lost history for longer
		// than it stands.
		c.First, c.Settle = true, watch.Held(a.config.Store.Lease)
		c.Standing = func() bool { return a.standing.Until() != 0 }
	}
	return watch.New(c)
}

// fences is what fenced writes wait for: near caches, and where there are other nodes these, and the caches behind
// them.
func (a *App) fences() grpcapi.Watchers {
	if a.member == nil {
		return a.watchers
	}
	return fencing{a.watchers, a.member}
}

// announcer tells watchers of changes while the disk syncs. The hub needs the opened store, and is set before the first
// change.
type announcer struct{ *watch.Hub }
