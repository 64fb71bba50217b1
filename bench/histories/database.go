package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

const databaseName = "postgres"

// database is a PostgreSQL with two standbys, of which commits wait for one. Its methods are for one goroutine.
type database struct {
	primary *pgtest.Server
	// synchronous and asynchronous follow the primary; lag is between it and the asynchronous one.
	synchronous, asynchronous *pgtest.Server
	lag                       *pgtest.Proxy
	// proxies are the nodes' ways to the primary.
	proxies []*pgtest.Proxy
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
	return nil
}

// proxy is a node's way to whatever is the primary.
func (d *database) proxy() (*pgtest.Proxy, error) {
	p, err := pgtest.StartProxy(d.primary.Addr())
	if err == nil {
		d.proxies = append(d.proxies, p)
	}
	return p, err
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
	for _, p := range d.proxies {
		p.Target(to.Addr())
	}
	return old.Close()
}

func (d *database) end() {
	for _, s := range []*pgtest.Server{d.synchronous, d.asynchronous, d.primary} {
		if s != nil {
			_ = s.Close() // its folder is below a temporary one
		}
	}
	if d.lag != nil {
		d.lag.Close()
	}
}
