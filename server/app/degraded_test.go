package app_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
)

// away is a store that can be out of reach.
type away struct {
	store.Store
	gone atomic.Bool
}

func (s *away) Read(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	if s.gone.Load() {
		return consent.Snapshot{}, consent.ErrUnavailable
	}
	return s.Store.Read(ctx, subject)
}

func (s *away) ReadLatest(ctx context.Context, subject consent.Subject) (consent.Snapshot, error) {
	return s.Read(ctx, subject)
}

// node is one of several over a store: it stands or not, and knows when it last heard of all.
type node struct {
	*authz.Authorizer
	cache *cache.Cache
	store *away
	// stands is whether it holds its lease; clock and watermark are in nanoseconds.
	stands           atomic.Bool
	clock, watermark atomic.Int64
}

// Until implements cache.Standing.
func (n *node) Until() int64 {
	if n.stands.Load() {
		return 1
	}
	return 0
}

// Holds implements cache.Standing.
func (n *node) Holds(int64) bool { return n.stands.Load() }

// degrading are the example's policies, of which some purposes declare what they come to.
func degrading(t *testing.T) *policy.Set {
	t.Helper()
	set, err := policy.Load(servertest.Degrading(t), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{}
	var err error
	n.cache, err = cache.New(cache.Config{
		Standing: n, Clock: func() time.Duration { return time.Duration(n.clock.Load()) },
		Watermark: func() time.Duration { return time.Duration(n.watermark.Load()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := pebble.Open(t.TempDir(), pebble.Options{Observers: store.Observers{After: n.cache}})
	if err != nil {
		t.Fatal(err)
	}
	n.store = &away{Store: embedded}
	n.cache.Attach(n.store)
	t.Cleanup(func() { _ = n.cache.Close() })
	set := degrading(t)
	n.Authorizer, err = authz.New(authz.Config{
		States: n.cache, Stale: n.cache, Holds: n.Holds, Policies: func() authz.Policies { return set }, StoreID: n.cache.ID(),
	})
	if err != nil {
		t.Fatal(err)
	}
	n.stands.Store(true)
	n.clock.Store(int64(time.Hour))
	n.watermark.Store(int64(time.Hour))
	return n
}

// says is an answer in a word or two.
func (n *node) says(t *testing.T, id, purpose string, c authz.Consistency, categories ...string) string {
	t.Helper()
	d, err := n.Check(t.Context(), &consent.Request{
		Subject: consent.Subject{Controller: "example", ID: id}, Purpose: purpose, DataCategories: categories,
	}, c)
	switch {
	case errors.Is(err, consent.ErrUnavailable):
		return "UNAVAILABLE"
	case err != nil:
		t.Fatal(err)
	case d.Degraded != 0:
		return d.Effect.String() + " " + d.Degraded.String() + " " + d.StateAge.String()
	}
	return d.Effect.String()
}

// TestWhenTheStoreIsAway has a check for each row of the guide's table, by the shipped policies.
func TestWhenTheStoreIsAway(t *testing.T) {
	n := newNode(t)
	given := consent.Event{ID: "1", OccurredAt: consent.InstantOf(time.Now().Add(-time.Hour)), Source: "privacy_settings",
		Evidence: "urn:e", Fact: consent.Consent{Purpose: "service_delivery", Status: consent.Given, NoticeVersion: 3, Explicit: true}}
	for _, id := range []string{"u", "v"} {
		batch := consent.Batch{Subject: consent.Subject{Controller: "example", ID: id}, Events: []consent.Event{given}}
		batch.Events[0].ID += id
		if _, err := n.cache.Record(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	for n.cache.Stats().Hits == 0 {
		n.says(t, "u", "service_delivery", authz.Consistency{})
	}
	purposes := []string{"marketing_email", "product_improvement", "service_delivery"} // fail, deny, serve_stale
	row := func(what string, id string, c authz.Consistency, want ...string) {
		t.Helper()
		for i, purpose := range purposes {
			if got := n.says(t, id, purpose, c); got != want[i] {
				t.Errorf("%s: %s of %s is %s, want %s", what, purpose, id, got, want[i])
			}
		}
	}
	n.store.gone.Store(true)
	row("in memory", "u", authz.Consistency{}, "DENY", "ALLOW", "ALLOW")
	row("not in memory", "v", authz.Consistency{}, "UNAVAILABLE", "DENY DENIED 0s", "UNAVAILABLE")
	n.stands.Store(false)
	n.clock.Add(int64(5 * time.Minute))
	row("out of touch", "u", authz.Consistency{}, "UNAVAILABLE", "DENY DENIED 0s", "ALLOW STALE 5m0s")
	const special = "user.health_and_medical"
	if got := n.says(t, "u", "service_delivery", authz.Consistency{}, special); got != "UNAVAILABLE" {
		t.Errorf("what needs a consent that may have been withdrawn is %s", got)
	}
	row("read the store", "u", authz.Consistency{Freshness: consent.FullyConsistent}, "UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE")
	n.clock.Add(1)
	row("out of touch for too long", "u", authz.Consistency{}, "UNAVAILABLE", "DENY DENIED 0s", "UNAVAILABLE")
	n.clock.Add(-1)
	n.cache.Changed(store.Change{Subject: consent.Subject{Controller: "example", ID: "u"}, Revision: 3})
	row("changed since", "u", authz.Consistency{}, "UNAVAILABLE", "DENY DENIED 0s", "UNAVAILABLE")
	n.stands.Store(true)
	n.store.gone.Store(false)
	row("it is back", "v", authz.Consistency{}, "DENY", "ALLOW", "ALLOW")
	if got := n.says(t, "v", "service_delivery", authz.Consistency{}, special); got != "ALLOW" {
		t.Errorf("with the consent it is %s", got)
	}
}
