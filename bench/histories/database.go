package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"time"

	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

const databaseName = "postgres"

// database is a PostgreSQL with two standbys, of which commits wait for one. Its methods are for one goroutine.
type database struct {
	primary *pgtest.Server
	// synchronous and asynchronous follow the primary; lag is between it and the asynchronous one.
	synchronous, asynchronous *pgtest.Server
	lag                       *pgtest.Proxy
	// proxies are the nodes' ways to the primary, the last of several by a PgBouncer, where one is installed.
	proxies []*pgtest.Proxy
	bouncer *pgtest.PgBouncer
	// bouncerEnds are what PgBouncers wrote that ended of their own accord, and were started again.
	bouncerEnds []string
	// replica is the nodes' way to the asynchronous standby, which may answer reads.
	replica *pgtest.Proxy
}

func startDatabase(ctx context.Context) (*database, error) {
	primary, err := pgtest.Start(ctx, pgtest.Options{Settings: map[string]string{"max_connections": "300"}})
	if err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	d := &database{primary: primary}
	if err := d.follow(ctx); err != nil {
		d.end()
		return nil, err
	}
	return d, nil
}

// follow makes the standbys.
func (d *database) follow(ctx context.Context) (err error) {
	if d.lag, err = pgtest.StartProxy(d.primary.Addr()); err != nil {
		return err
	}
	if d.synchronous, err = d.primary.Standby(ctx, pgtest.StandbyOptions{Sync: true}); err != nil {
		return fmt.Errorf("making the synchronous standby: %w", err)
	}
	if d.asynchronous, err = d.primary.Standby(ctx, pgtest.StandbyOptions{Via: d.lag.Addr()}); err != nil {
		return fmt.Errorf("making the asynchronous standby: %w", err)
	}
	if d.replica == nil {
		d.replica, err = pgtest.StartProxy(d.asynchronous.Addr())
		return err
	}
	d.replica.Target(d.asynchronous.Addr())
	d.replica.Cut() // whoever reads there must come again
	return nil
}

// connect gives all nodes their ways to whatever is the primary.
func (d *database) connect(ctx context.Context, nodes []*node) error {
	for _, n := range nodes {
		p, err := pgtest.StartProxy(d.primary.Addr())
		if err != nil {
			return err
		}
		d.proxies = append(d.proxies, p)
		n.database = p
		n.flags = append(n.flags, "--store", p.URL(databaseName), "--read-replicas", d.replica.URL(databaseName))
	}
	return d.aim(ctx)
}

// aim has new connections of all nodes go to the primary, by a PgBouncer that is new too: one that could not log in
// waits for a quarter of a minute before it tries again, unless it is told otherwise.
func (d *database) aim(ctx context.Context) error {
	last := len(d.proxies) - 1
	for _, p := range d.proxies[:max(last, 1)] {
		p.Target(d.primary.Addr())
	}
	if last < 1 {
		return nil
	}
	before, at := d.bouncer, d.primary.Addr()
	var err error
	if d.bouncer, err = d.primary.PgBouncer(ctx); err != nil && !errors.Is(err, pgtest.ErrNotInstalled) {
		return err
	}
	if err == nil {
		pooled, err := url.Parse(d.bouncer.URL(databaseName))
		if err != nil {
			return err
		}
		at = pooled.Host
	}
	d.proxies[last].Target(at)
	if before != nil {
		d.bouncerEnds = append(d.bouncerEnds, before.Ends()...)
		return before.Close()
	}
	return nil
}

// pooled are what all PgBouncers so far wrote that ended of their own accord.
func (d *database) pooled() []string {
	if d.bouncer == nil {
		return d.bouncerEnds
	}
	return append(d.bouncerEnds, d.bouncer.Ends()...)
}

// migrate makes the schema.
func (d *database) migrate(ctx context.Context, binary string) error {
	command := exec.CommandContext(ctx, binary, "migrate", "--store", d.primary.URL(databaseName))
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("migrating: %w: %s", err, out)
	}
	return nil
}

// aside gives up all servers but the primary, and that commits wait for any.
func (d *database) aside(ctx context.Context) error {
	var all []error
	for _, s := range []*pgtest.Server{d.synchronous, d.asynchronous} {
		if s != nil && s != d.primary {
			all = append(all, s.Close())
		}
	}
	d.synchronous, d.asynchronous = nil, nil
	if d.lag != nil {
		d.lag.Close()
		d.lag = nil
	}
	return errors.Join(append(all, d.primary.Alone(ctx))...)
}

// restart stops the primary and starts it again. What a kill leaves of its processes may take a moment to go, and it
// does not start before.
func (d *database) restart(ctx context.Context, mode pgtest.Mode) error {
	err := d.primary.Stop(ctx, mode)
	if err != nil {
		return err
	}
	for range 10 {
		if err = d.primary.Start(ctx); err == nil {
			return d.aim(ctx)
		}
		pauseFor(ctx, 200*time.Millisecond)
	}
	return err
}

// failOver kills the primary, has a standby take over, and the nodes go there. Nobody follows it yet.
func (d *database) failOver(ctx context.Context, to *pgtest.Server) error {
	old := d.primary
	if err := old.Stop(ctx, pgtest.Crash); err != nil {
		return err
	}
	if err := to.Promote(ctx); err != nil {
		return fmt.Errorf("promoting a standby: %w", err)
	}
	d.primary = to
	return errors.Join(d.aim(ctx), old.Close())
}

func (d *database) end() {
	for _, s := range []*pgtest.Server{d.synchronous, d.asynchronous, d.primary} {
		if s != nil {
			_ = s.Close() // its folder is below a temporary one
		}
	}
	for _, p := range append(d.proxies, d.lag, d.replica) {
		if p != nil {
			p.Close()
		}
	}
	if d.bouncer != nil {
		_ = d.bouncer.Close()
	}
}
