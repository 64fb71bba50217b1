package app

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/postgres"
	"github.com/consentd/consentd/server/watch"
)

// joinTimeout bounds how long a node tries to join the others, leaveTimeout how long it tells them that it leaves.
const joinTimeout, leaveTimeout = 15 * time.Second, 5 * time.Second

// openDatabase connects to the store that nodes share, if there is one: policies are in it too. Nothing is recorded or
// read yet.
func (a *App) openDatabase() error {
	c := a.config.Store
	if !c.shared() {
		return nil
	}
	if err := a.lockDataDir(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), joinTimeout)
	defer cancel()
	var err error
	if a.database, err = postgres.Open(ctx, postgres.Config{
		URL: c.URL, ReadReplicas: c.ReadReplicas, Node: a.node.id, MaxConns: c.Connections, Marks: a.marks, Writes: a.health.wrote,
		Synced: a.durations.synced, Logger: a.config.Logger,
	}); err != nil {
		return err
	}
	a.config.shared = &sharedStore{sets: a.database.Policies(), name: databaseName(c.URL)}
	return nil
}

// databaseName is what people call a database, without who asks and by what password.
func databaseName(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "PostgreSQL"
	}
	return fmt.Sprintf("PostgreSQL, %s on %s", strings.TrimPrefix(u.Path, "/"), u.Host)
}

// join makes this process a node of the store: it is registered before anything is read that is kept.
func (a *App) join() error {
	a.queued = a.database.Queued
	a.states.Attach(a.database)
	var err error
	if a.watchers, err = a.newHub(a.database); err != nil {
		return err
	}
	a.report = newPolicyReport(a.activation, func(ctx context.Context) error {
		return a.watchers.Fence(ctx, 0)
	})
	if a.member, err = cluster.New(a.memberConfig()); err != nil {
		return err
	}
	a.report.told = a.member.PolicyChanged
	a.standing.member.Store(a.member)
	nodes := clusterNodes{member: a.member, self: a.self, newest: func() uint64 { return a.manager.Status().Newest }}
	a.nodes, a.waiter = nodes, nodes
	ctx, cancel := context.WithTimeout(context.Background(), joinTimeout)
	defer cancel()
	if err := a.member.Start(ctx); err != nil {
		return err
	}
	a.database.Follow(a.member.Feed())
	return nil
}

func (a *App) memberConfig() cluster.Config {
	return cluster.Config{
		Database: a.database, ID: a.node.id, Marks: a.marks,
		Observers: a.database.Observing(store.Observers{After: followers{a.states, a.watchers}, Lost: a.lost}),
		Watchers:  a.watchers, Behind: watch.Held(a.config.CacheLease), Idle: func() bool { return a.watchers.Stats().Leases == 0 },
		Lease: a.config.Store.Lease, MaxStaleness: a.config.Store.MaxStaleness,
		About: a.about, Policy: a.report.Number, PolicyHeard: a.manager.Heard, Logger: a.config.Logger,
	}
}

// lost is told that nothing kept from the store before counts any more.
func (a *App) lost(since consent.Revision) {
	a.states.Begin(since)
	a.watchers.Begin(since)
}

// followers are told of each change: first the cache, whose floor must have risen before near caches behind this node
// confirm it.
type followers struct{ states, watchers store.Observer }

// Changed implements store.Observer.
func (f followers) Changed(c store.Change) {
	f.states.Changed(c)
	f.watchers.Changed(c)
}

// fencing keeps caches of decisions honest, and holds fenced writes until no node answers from before them.
type fencing struct {
	*watch.Hub
	member *cluster.Member
}

// Fence implements grpcapi.Watchers. The member waits for the caches behind this node too.
func (f fencing) Fence(ctx context.Context, r consent.Revision) error { return f.member.Fence(ctx, r) }

// leave ends the node, after its calls have ended and before its store is closed.
func (a *App) leave() {
	if a.member == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := a.member.Close(ctx); err != nil {
		a.config.Logger.Warn("the other nodes could not be told that this one ends: their fenced writes wait until its lease has run out",
			"error", err)
	}
}
