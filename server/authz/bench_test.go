package authz_test

import (
	"context"
	"testing"
	"time"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// emptyStore knows nobody; only what a warm cache needs of a store is there.
type emptyStore struct{ store.Store }

func (emptyStore) Applied() consent.Revision { return 1 }

func (emptyStore) Read(context.Context, consent.Subject) (consent.Snapshot, error) {
	return consent.Snapshot{State: &consent.State{}, AsOf: 1}, nil
}

func (emptyStore) Close() error { return nil }

// warm returns an authorizer over a cache that holds the state of request's subject.
func warm(t testing.TB, r *consent.Request, observers ...authz.Observer) *authz.Authorizer {
	t.Helper()
	c, err := cache.New(cache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c.Attach(emptyStore{})
	t.Cleanup(func() { _ = c.Close() })
	policies := &stubPolicies{revision: "p1", purposes: []string{"a"}, decide: allowAll}
	a, err := authz.New(authz.Config{States: c, Policies: func() authz.Policies { return policies }, Observers: observers})
	if err != nil {
		t.Fatal(err)
	}
	for c.Stats().Hits == 0 {
		if _, err := a.Check(t.Context(), r, authz.Consistency{}); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func BenchmarkCheckWithoutEvaluation(b *testing.B) {
	r := request("user-1", "a", "user.contact", "user.behavior")
	a := warm(b, &r)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		d, err := a.Check(ctx, &r, authz.Consistency{})
		if err != nil || d.Effect != consent.Allow {
			b.Fatal(d, err)
		}
	}
}

// With a token, and with the token of the answer, as a server does it.
func BenchmarkCheckWithTokens(b *testing.B) {
	r := request("user-1", "a")
	a := warm(b, &r)
	token := tokenOf(a, 1)
	b.ReportAllocs()
	for b.Loop() {
		d, err := a.Check(context.Background(), &r, authz.Consistency{Token: token})
		if err != nil || tokenOf(a, d.StateRevision) != token {
			b.Fatal(d, err)
		}
	}
}

// counting is an observer.
type counting struct{ decided int }

func (c *counting) Decided(_ context.Context, d *authz.Decided) {
	if d.Decision.Effect == consent.Allow && d.Request != nil {
		c.decided++
	}
}

// TestCheckAllocatesTwice, also where an observer is told.
func TestCheckAllocatesTwice(t *testing.T) {
	r, told := request("user-1", "a", "user.contact"), &counting{}
	a := warm(t, &r, told)
	n := testing.AllocsPerRun(1000, func() {
		if _, err := a.Check(context.Background(), &r, authz.Consistency{}); err != nil {
			t.Fatal(err)
		}
	})
	if n > 2 {
		t.Errorf("%v allocations, want at most 2: the snapshot and the id", n)
	}
	if told.decided < 1000 {
		t.Errorf("the observer was told of %d decisions", told.decided)
	}
}
