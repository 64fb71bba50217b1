package main

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain is also the clients' processes.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		exitWith(runAgent(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

var allPlants = flag.Bool("plants", false, "TestPlants: all of them, each of which takes up to a minute")

// short is a history of some seconds.
func short() options {
	return options{
		duration: 12 * time.Second, store: pebbleStore, nodes: 1, clients: 2, subjects: 64, hot: 8, checks: 3000, writes: 40,
		seed: uint64(time.Now().UnixNano()), calm: 800 * time.Millisecond, staleness: 500 * time.Millisecond, lease: 2 * time.Second,
	}
}

func TestHistoryOfTheEmbeddedStore(t *testing.T) {
	o := short()
	t.Logf("seed %d", o.seed)
	c, err := run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if c.checks < 500 || c.allowed < 50 || c.withdrawals < 10 || c.linear < 50 {
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
	if _, err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "broken: ") {
		t.Errorf("run: %v, want a broken rule", err)
	}
}
