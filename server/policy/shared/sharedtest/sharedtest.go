// Package sharedtest holds the promises of shared.Sets, one named test each, to run against every store that has sets;
// and one in memory, for tests of those who use them.
package sharedtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/shared"
)

// Instance is what is under test: a store without sets, as one node has it.
type Instance struct {
	shared.Sets
	// Other is the same store as another node has it.
	Other shared.Sets
	// Break has every call fail until mend is called. Nil: the promise UnavailableIsSaid is skipped.
	Break func() (mend func())
}

// Maker makes an empty one.
type Maker func(t testing.TB) Instance

// Run runs every promise on an instance of its own.
func Run(t *testing.T, empty Maker) {
	for _, p := range []struct {
		name  string
		check func(*testing.T, Instance)
	}{
		{"NothingIsActiveAtFirst", nothingIsActiveAtFirst},
		{"WhatIsPutIsFetched", whatIsPutIsFetched},
		{"SetsAreNeverChanged", setsAreNeverChanged},
		{"OnlyKeptSetsAreActivated", onlyKeptSetsAreActivated},
		{"ActivationsAreTold", activationsAreTold},
		{"ActivationsFollowTheNewest", activationsFollowTheNewest},
		{"OfTwoAtOnceOneIsMade", ofTwoAtOnceOneIsMade},
		{"HistoryIsNewestFirst", historyIsNewestFirst},
		{"LargeSetsAreKept", largeSetsAreKept},
		{"UnavailableIsSaid", unavailableIsSaid},
		{"ContextsBoundCalls", contextsBoundCalls},
	} {
		t.Run(p.name, func(t *testing.T) { p.check(t, empty(t)) })
	}
}

// SetOf is a set whose digest and revision are made of a name.
func SetOf(name string) shared.Set {
	return shared.Set{
		Digest: strings.Repeat("0", 64-len(name)) + name, Revision: "revision " + name, Controllers: []string{"acme", name},
		Packed: []byte("PK\x00\xff " + name),
	}
}

// ActivationOf activates the set of a name.
func ActivationOf(number uint64, name string) shared.Activation {
	return shared.Activation{
		Number: number, Digest: SetOf(name).Digest, Revision: SetOf(name).Revision, Controllers: SetOf(name).Controllers,
		Previous: "before", ProvenBy: "node 1", Prover: "v1", At: consent.Instant(1_800_000_000_000_001_000 + number*1000),
		By: consent.Identity{Kind: "key", ID: "release", Issuer: "https://id.example"},
	}
}

func put(t *testing.T, s shared.Sets, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := s.Put(t.Context(), SetOf(name)); err != nil {
			t.Fatalf("Put %s: %v", name, err)
		}
	}
}

func activate(t *testing.T, s shared.Sets, a shared.Activation) {
	t.Helper()
	if err := s.Activate(t.Context(), a); err != nil {
		t.Fatalf("Activate %d: %v", a.Number, err)
	}
}

func nothingIsActiveAtFirst(t *testing.T, i Instance) {
	if _, ok, err := i.Current(t.Context()); ok || err != nil {
		t.Errorf("Current: %v, %v", ok, err)
	}
	if h, err := i.History(t.Context(), 10); len(h) > 0 || err != nil {
		t.Errorf("History: %v, %v", h, err)
	}
	if _, err := i.Fetch(t.Context(), SetOf("a").Digest); !errors.Is(err, shared.ErrNoSet) {
		t.Errorf("Fetch: %v, want ErrNoSet", err)
	}
}

func whatIsPutIsFetched(t *testing.T, i Instance) {
	put(t, i, "a", "b")
	for _, name := range []string{"a", "b"} {
		for _, s := range []shared.Sets{i, i.Other} {
			if got, err := s.Fetch(t.Context(), SetOf(name).Digest); err != nil || !bytes.Equal(got, SetOf(name).Packed) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
}

func setsAreNeverChanged(t *testing.T, i Instance) {
	put(t, i, "a")
	again := SetOf("b")
	again.Digest = SetOf("a").Digest
	if err := i.Other.Put(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if got, err := i.Fetch(t.Context(), again.Digest); err != nil || !bytes.Equal(got, SetOf("a").Packed) {
		t.Errorf("%q, %v: what was kept has changed", got, err)
	}
}

func onlyKeptSetsAreActivated(t *testing.T, i Instance) {
	if err := i.Activate(t.Context(), ActivationOf(1, "a")); !errors.Is(err, shared.ErrNoSet) {
		t.Errorf("Activate: %v, want ErrNoSet", err)
	}
	if _, ok, err := i.Current(t.Context()); ok || err != nil {
		t.Errorf("Current: %v, %v", ok, err)
	}
}

func activationsAreTold(t *testing.T, i Instance) {
	put(t, i, "a", "b")
	nobody := ActivationOf(2, "b")
	nobody.By, nobody.Previous = consent.Identity{}, SetOf("a").Revision
	for _, want := range []shared.Activation{ActivationOf(1, "a"), nobody} {
		activate(t, i, want)
		for _, s := range []shared.Sets{i, i.Other} {
			got, ok, err := s.Current(t.Context())
			if diff := cmp.Diff(want, got); err != nil || !ok || diff != "" {
				t.Errorf("Current: %v, %v (-want +got):\n%s", ok, err, diff)
			}
		}
	}
}

func activationsFollowTheNewest(t *testing.T, i Instance) {
	put(t, i, "a", "b")
	refused := func(number uint64) {
		t.Helper()
		if err := i.Other.Activate(t.Context(), ActivationOf(number, "b")); !errors.Is(err, consent.ErrPolicyRevision) {
			t.Errorf("Activate %d: %v, want ErrPolicyRevision", number, err)
		}
	}
	refused(2)
	activate(t, i, ActivationOf(1, "a"))
	refused(1)
	refused(3)
	if got, _, err := i.Current(t.Context()); err != nil || got.Digest != SetOf("a").Digest {
		t.Errorf("what was refused is in force: %+v, %v", got, err)
	}
	activate(t, i.Other, ActivationOf(2, "a")) // the same set again
}

func ofTwoAtOnceOneIsMade(t *testing.T, i Instance) {
	const rounds, racers = 10, 4
	var names []string
	for r := range racers {
		names = append(names, fmt.Sprint("r", r))
	}
	put(t, i, names...)
	for round := range uint64(rounds) {
		var made atomic.Int64
		var group sync.WaitGroup
		for r := range racers {
			group.Go(func() {
				err := []shared.Sets{i.Sets, i.Other}[r%2].Activate(t.Context(), ActivationOf(round+1, names[r]))
				if err == nil {
					made.Add(1)
				} else if !errors.Is(err, consent.ErrPolicyRevision) {
					t.Errorf("Activate: %v, want ErrPolicyRevision", err)
				}
			})
		}
		group.Wait()
		if n := made.Load(); n != 1 {
			t.Fatalf("round %d: %d activations were made, want 1", round, n)
		}
	}
	if h, err := i.History(t.Context(), 100); err != nil || len(h) != rounds {
		t.Errorf("%d activations, %v, want %d", len(h), err, rounds)
	}
}

func historyIsNewestFirst(t *testing.T, i Instance) {
	put(t, i, "a", "b")
	for n, name := range []string{"a", "b", "a"} {
		activate(t, i, ActivationOf(uint64(n)+1, name))
	}
	want := []shared.Activation{ActivationOf(3, "a"), ActivationOf(2, "b"), ActivationOf(1, "a")}
	for _, limit := range []int{1, 2, 3, 1000} {
		got, err := i.Other.History(t.Context(), limit)
		if diff := cmp.Diff(want[:min(limit, len(want))], got); err != nil || diff != "" {
			t.Errorf("at most %d: %v (-want +got):\n%s", limit, err, diff)
		}
	}
}

// largeSetsAreKept: a call takes 4 MiB, and a set as many files as fit.
func largeSetsAreKept(t *testing.T, i Instance) {
	s := SetOf("large")
	s.Packed = bytes.Repeat([]byte("0123456789abcde\x00"), 5<<20/16)
	if err := i.Put(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if got, err := i.Other.Fetch(t.Context(), s.Digest); err != nil || !bytes.Equal(got, s.Packed) {
		t.Errorf("%d bytes of %d, %v", len(got), len(s.Packed), err)
	}
}

// calls are all calls of a store's sets.
func calls(ctx context.Context, s shared.Sets) map[string]error {
	_, _, current := s.Current(ctx)
	_, fetch := s.Fetch(ctx, SetOf("a").Digest)
	_, history := s.History(ctx, 1)
	return map[string]error{
		"Put": s.Put(ctx, SetOf("b")), "Activate": s.Activate(ctx, ActivationOf(1, "a")), "Current": current, "Fetch": fetch,
		"History": history,
	}
}

func unavailableIsSaid(t *testing.T, i Instance) {
	if i.Break == nil {
		t.Skip("nothing breaks this store")
	}
	put(t, i, "a")
	mend := i.Break()
	for name, err := range calls(t.Context(), i) {
		if !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
	}
	mend()
	for name, err := range calls(t.Context(), i) {
		if err != nil {
			t.Errorf("%s after it was mended: %v", name, err)
		}
	}
}

func contextsBoundCalls(t *testing.T, i Instance) {
	put(t, i, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range calls(ctx, i) {
		if !errors.Is(err, consent.ErrUnavailable) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want ErrUnavailable or the context's", name, err)
		}
	}
	if _, ok, err := i.Current(t.Context()); ok || err != nil {
		t.Errorf("a call whose context had ended activated something: %v, %v", ok, err)
	}
}
