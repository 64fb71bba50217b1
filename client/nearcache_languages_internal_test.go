//go:build linux

package client

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The clients of other languages are driven as processes too: an executable client/<language>/safety, or
// safety-<variant> where a language has several clients, does what checkSafety does. What it is told:
//
//   - SAFETY_TARGET is the server's address, SAFETY_IDS how many ids each of the subjects has (safetyID).
//   - SAFETY_RECORDS is what the names of the files begin with to which its checkers write (checkRecord): "-0" follows,
//     "-1", and so on. They are there as soon as it can be told of clocks.
//   - SAFETY_PLANT is the fault that its near cache is to have: floor, lease or policy; empty: none.
//   - A line on stdin is how far its wall clock is off from then on, in nanoseconds. At the end of stdin it ends, with
//     NearCacheStats on stdout, as JSON.
//
// It runs in the root of the repository. Exit status 77 says, with a line on stderr, that it is not set up.

const (
	// goClient is the client of this package.
	goClient = "go"
	// notSetUp is the exit status of an executable that lacks what setup installs.
	notSetUp = 77
	// safetyStart is how long a client may take to begin.
	safetyStart = time.Minute
	// languagePart is which part of the flags' counts a language does in the default run.
	languagePart = 5
)

// TestNearCacheSafetyOfLanguages is TestNearCacheSafety, and its first planted fault, for each client that is set up.
// The long form is that of TestNearCacheSafety with -safety.client, and with it
// TestNearCacheSafetySeesPlantedFaults has the other faults too.
func TestNearCacheSafetyOfLanguages(t *testing.T) {
	for _, client := range safetyLanguages(t) {
		t.Run(client, func(t *testing.T) {
			requireSafe(t, safetyConfig{client: client, ids: 2, part: languagePart})
		})
		t.Run(client+", floor planted", func(t *testing.T) {
			mustSeeFault(t, safetyConfig{client: client, plant: "floor", ids: 1}, (*safety).onlyWrites)
		})
	}
}

// safetyLanguages are the clients of languages that can be set up: with each its variants, or that it has none.
func safetyLanguages(t *testing.T) (clients []string) {
	setups, err := filepath.Glob("*/setup")
	if err != nil || len(setups) == 0 {
		t.Fatalf("no language has a setup: %v", err)
	}
	for _, setup := range setups {
		language := filepath.Dir(setup)
		executables, err := filepath.Glob(language + "/safety*")
		if err != nil {
			t.Fatal(err)
		}
		if len(executables) == 0 {
			clients = append(clients, language)
		}
		for _, e := range executables {
			clients = append(clients, language+strings.TrimPrefix(filepath.Base(e), "safety"))
		}
	}
	return clients
}

// safetyExecutable is that of a client, in the root of the repository: python-asyncio is client/python/safety-asyncio.
func safetyExecutable(client string) string {
	language, variant, has := strings.Cut(client, "-")
	if has {
		variant = "-" + variant
	}
	return filepath.Join("client", language, "safety"+variant)
}

// requireSafety skips where a client has no executable.
func requireSafety(t *testing.T, client string) {
	t.Helper()
	if client == goClient {
		return
	}
	if _, err := os.Stat(filepath.Join("..", safetyExecutable(client))); err != nil {
		t.Skipf("SKIPPED: %s has no near cache to be tested: %v", client, err)
	}
}

func (s *safety) startClient(i int) *process {
	env := map[string]string{
		"SAFETY_TARGET": s.proxy.address(), "SAFETY_RECORDS": s.records(i), "SAFETY_PLANT": s.config.plant,
		"SAFETY_IDS": strconv.Itoa(s.config.ids),
	}
	if s.config.client == goClient {
		return startRole(s.t, "client", env)
	}
	command := exec.Command("./" + safetyExecutable(s.config.client))
	command.Dir = ".."
	return startProcess(s.t, s.config.client, command, env)
}

func (s *safety) records(i int) string { return filepath.Join(s.dir, fmt.Sprintf("records-%d", i)) }

// awaitClients waits until all checkers have begun, and skips where a client is not set up.
func (s *safety) awaitClients() {
	deadline := time.After(safetyStart)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(s.recordFiles()) < safetyClients*safetyCheckers {
		select {
		case <-tick.C:
		case <-s.clients[0].ended:
			s.clients[0].requireSetUp()
		case <-deadline:
			s.t.Fatalf("%s has not begun within %v: %v", s.config.client, safetyStart, s.recordFiles())
		}
	}
}

// requireSetUp ends the test of a client that ended before it began.
func (p *process) requireSetUp() {
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok && exit.ExitCode() == notSetUp {
		p.t.Skipf("SKIPPED: %s is not set up: run client/%s/setup", p.name, p.name)
	}
	p.t.Fatalf("%s ended before it began: %v", p.name, p.err)
}
