package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

// TestMain is also the clients' processes.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		exitWith(runAgent(os.Stdin, os.Stdout))
	}
	code := m.Run()
	if builtDir != "" {
		_ = os.RemoveAll(builtDir)
	}
	os.Exit(code)
}

// builtDir holds what serverDir has built; empty: nothing.
var builtDir string

// serverDir holds the server that is built once for all tests.
var serverDir = sync.OnceValues(func() (_ string, err error) {
	if builtDir, err = os.MkdirTemp("", "consentd-histories"); err != nil {
		return "", err
	}
	_, err = build(context.Background(), builtDir, "consentd", []edit{steppable})
	return builtDir, err
})

var allPlants = flag.Bool("plants", false, "TestPlants: all of them, each of which takes up to a minute")

// short is a history of some seconds.
func short() options {
	return options{
		duration: 8 * time.Second, store: pebbleStore, nodes: 1, clients: 2, subjects: 64, hot: 8, checks: 3000, writes: 40,
		seed: uint64(time.Now().UnixNano()), calm: 800 * time.Millisecond, staleness: 500 * time.Millisecond, lease: 2 * time.Second,
	}
}

func TestHistoryOfTheEmbeddedStore(t *testing.T) {
	requireHistory(t, short())
}

// All goes wrong here that the shared store stands without a loss: what may lose history takes a minute to settle.
func TestHistoryOfThreeNodes(t *testing.T) {
	o := short()
	o.store, o.nodes, o.duration = postgresStore, 3, 15*time.Second
	for _, f := range slices.Concat(nodeFaults, clientFaults, databaseFaults) {
		o.only = append(o.only, f.name)
	}
	requireHistory(t, o)
}

func requireHistory(t *testing.T, o options) {
	t.Helper()
	t.Logf("seed %d", o.seed)
	dir, err := serverDir()
	if err != nil {
		t.Fatal(err)
	}
	o.server = builtServer(dir)
	c, err := run(t.Context(), o)
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.checks < 500 || c.allowed < 20 || c.withdrawals < 5 || c.linear < 50 {
		t.Errorf("%+v: the history says little", c)
	}
}

// Each plant still fits the source, and is found.
func TestPlants(t *testing.T) {
	for name, p := range plants {
		t.Run(name, func(t *testing.T) {
			edits, _ := plantNamed(name)
			if _, err := overlay(t.TempDir(), append(edits, steppable)); err != nil {
				t.Fatal(err)
			}
			if p.shared && !*allPlants {
				t.Skip("only with -plants")
			}
			requireFound(t, name, p)
		})
	}
}

func requireFound(t *testing.T, name string, p plant) {
	t.Helper()
	o := short()
	o.plant, o.untilBroken, o.duration, o.only, o.calm = name, true, time.Minute, p.only, -1
	if p.only != nil {
		o.calm = 200 * time.Millisecond
	}
	if p.shared {
		o.store, o.nodes, o.duration = postgresStore, 3, 2*time.Minute
	}
	if p.with != nil {
		p.with(&o)
	}
	if _, err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "broken: ") {
		t.Errorf("run: %v, want a broken rule", err)
	}
}
