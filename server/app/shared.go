package app

import (
	"context"
	"encoding/json"
	"time"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/postgres"
	"github.com/consentd/consentd/server/watch"
)

// joinTimeout bounds how long a node tries to join the others, leaveTimeout how long it tells them that it leaves.
const joinTimeout, leaveTimeout = 15 * time.Second, 5 * time.Second

// openShared joins the nodes of a database: the node is registered before anything is read that is kept.
func (a *App) openShared() error {
	if err := a.lockDataDir(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), joinTimeout)
	defer cancel()
	c, marks := a.config.Store, new(store.Marks)
	ledger, err := postgres.Open(ctx, postgres.Config{
		URL: c.URL, ReadReplicas: c.ReadReplicas, MaxConns: c.Connections, Marks: marks, Writes: a.health.wrote,
		Synced: a.durations.synced, Logger: a.config.Logger,
	})
	if err != nil {
		return err
	}
	a.queued, a.marks = ledger.Queued, marks
	a.states.Attach(ledger)
	if a.watchers, err = a.newHub(ledger); err != nil {
		return err
	}
	if a.member, err = a.newMember(ledger); err != nil {
		return err
	}
	a.standing.member.Store(a.member)
	if err := a.member.Start(ctx); err != nil {
		return err
	}
	ledger.Follow(a.member.Feed())
	return nil
}

// newMember makes this process a node of the store.
func (a *App) newMember(database cluster.Database) (*cluster.Member, error) {
	return cluster.New(cluster.Config{
		Database: database, Observers: store.Observers{After: followers{a.states, a.watchers}}, Lost: a.lost, Marks: a.marks,
		Watchers: a.watchers, Behind: a.watchers.Held(), Idle: func() bool { return a.watchers.Stats().Leases == 0 },
		Lease: a.config.Store.Lease, MaxStaleness: a.config.Store.MaxStaleness,
		About: a.about, Logger: a.config.Logger,
	})
}

// lost is told that nothing kept from the store before counts any more.
func (a *App) lost(since consent.Revision) {
	a.states.Begin(since)
	a.watchers.Begin(since)
}

// followers are told of each change: first the cache, whose floor must have risen before near caches behind this node
// confirm it.
type followers struct {
	states   store.Observer
	watchers store.Observer
}

// Changed implements store.Observer.
func (f followers) Changed(c store.Change) {
	f.states.Changed(c)
	f.watchers.Changed(c)
}

// about is what people see of this node where nodes are listed.
type about struct {
	Name      string    `json:"name"`
	Address   string    `json:"address,omitempty"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
}

func (a *App) about() []byte {
	b, _ := json.Marshal(a.aboutThis()) // it cannot fail
	return b
}

// fencing keeps caches of decisions honest, and holds fenced writes until no node answers from before them.
type fencing struct {
	*watch.Hub
	member *cluster.Member
}

// Fence implements grpcapi.Watchers: the member waits for its own watchers too.
func (f fencing) Fence(ctx context.Context, r consent.Revision) error { return f.member.Fence(ctx, r) }

// leave ends the node, after its calls have ended and before its store is closed.
func (a *App) leave() {
	if a.member == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := a.member.Close(ctx); err != nil {
		a.config.Logger.Warn("the other nodes could not be told that this one ends: their fenced writes wait for its lease once",
			"error", err)
	}
}
