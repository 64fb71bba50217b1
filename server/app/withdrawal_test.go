package app_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
)

// TestWithdrawalIsFinal: writers give and withdraw consents, readers check the same subjects as fast as they can, over
// the real store, cache and authorizer. No check that starts after a withdrawal was acknowledged, and ends before the
// next grant begins, is ALLOW.
func TestWithdrawalIsFinal(t *testing.T) {
	loader := policy.NewLoader(policy.Options{})
	defer loader.Close()
	set, err := loader.Read(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	// A million checks under the race detector take minutes with real policies, so most leave them out: a given consent
	// allows.
	for name, r := range map[string]*race{
		"huge cache":               {config: cache.Config{MaxBytes: 256 << 20}, policies: givenAllows{}, enough: 900_000},
		"tiny cache":               {config: cache.Config{MaxBytes: 8 << 10}, policies: givenAllows{}, enough: 100_000},
		"huge cache, all policies": {config: cache.Config{MaxBytes: 256 << 20, Prepare: loader.Prepare}, policies: set, enough: 50_000},
		"tiny cache, all policies": {config: cache.Config{MaxBytes: 8 << 10, Prepare: loader.Prepare}, policies: set, enough: 20_000},
	} {
		t.Run(name, r.test)
	}
}

const (
	raceSubjects = 64
	raceWriters  = 4
	raceReaders  = 4
)

// race is one race: its set-up and what came of it.
type race struct {
	config   cache.Config
	policies authz.Policies
	// enough is how many checks end the race.
	enough int64

	states     *cache.Cache
	authorizer *authz.Authorizer
	// phase counts a subject's changes of phase: odd while a withdrawal is acknowledged and no grant has begun since.
	phase                  [raceSubjects]atomic.Uint64
	checks, after, allowed atomic.Int64
}

func (r *race) test(t *testing.T) {
	if testing.Short() {
		r.enough /= 20
	}
	r.open(t)
	r.run(t)
	t.Logf("%d checks, %d of them wholly after a withdrawal, %d ALLOW; %+v",
		r.checks.Load(), r.after.Load(), r.allowed.Load(), r.states.Stats())
}

// done reports whether there were enough checks, and enough of those that say something: on a slow disk they come late.
func (r *race) done() bool {
	return r.checks.Load() >= r.enough && r.after.Load() >= r.enough/20 && r.allowed.Load() > 0
}

func (r *race) open(t *testing.T) {
	var err error
	if r.states, err = cache.New(r.config); err != nil {
		t.Fatal(err)
	}
	store, err := pebble.Open(t.TempDir(), pebble.Options{Observers: store.Observers{After: r.states}})
	if err != nil {
		t.Fatal(err)
	}
	r.states.Attach(store)
	t.Cleanup(func() {
		if err := r.states.Close(); err != nil {
			t.Error(err)
		}
	})
	r.authorizer, err = authz.New(authz.Config{
		States: r.states, Policies: func() authz.Policies { return r.policies }, StoreID: store.ID(),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *race) run(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var writers, readers sync.WaitGroup
	for w := range raceWriters {
		writers.Go(func() { r.write(ctx, t, w) })
	}
	for seed := range raceReaders {
		readers.Go(func() { r.read(t, seed) })
	}
	readers.Wait()
	stop()
	writers.Wait()
}

// write gives and withdraws the consents of its own subjects in turn.
func (r *race) write(ctx context.Context, t *testing.T, w int) {
	for n := 1; ctx.Err() == nil; n++ {
		for s := w; s < raceSubjects && ctx.Err() == nil; s += raceWriters {
			if n > 1 {
				r.phase[s].Add(1) // even: a grant begins
			}
			r.record(t, s, 2*n, consent.Given)
			r.record(t, s, 2*n+1, consent.Withdrawn)
			r.phase[s].Add(1) // odd: the withdrawal is acknowledged
		}
	}
}

// record records a subject's event of second n: a withdrawal counts to the end of its second.
func (r *race) record(t *testing.T, s, n int, status consent.Status) {
	at := consent.Instant(n) * consent.Instant(time.Second)
	done, err := r.states.Record(context.Background(), consent.Batch{
		Subject: raceSubject(s), RecordedAt: at,
		Events: []consent.Event{{
			ID: fmt.Sprintf("%d-%d", s, n), OccurredAt: at,
			Fact: consent.Consent{Purpose: "marketing_email", Status: status, NoticeVersion: 3},
		}},
	})
	if err != nil || done.Outcomes[0].Effect != consent.Counted {
		t.Errorf("recording: %+v, %v; a grant that does not count says nothing", done, err)
	}
}

func (r *race) read(t *testing.T, seed int) {
	for i := seed; !r.done(); i += 7 {
		s := i % raceSubjects
		before := r.phase[s].Load()
		d, err := r.authorizer.Check(context.Background(), &consent.Request{Subject: raceSubject(s), Purpose: "marketing_email"},
			authz.Consistency{})
		if err != nil {
			t.Errorf("checking: %v", err)
			return
		}
		r.checks.Add(1)
		if d.Effect == consent.Allow {
			r.allowed.Add(1)
		}
		if before%2 == 1 && r.phase[s].Load() == before {
			r.after.Add(1)
			if d.Effect != consent.Deny {
				t.Errorf("subject %d: ALLOW after an acknowledged withdrawal, phase %d", s, before)
				return
			}
		}
	}
}

func raceSubject(s int) consent.Subject {
	return consent.Subject{Controller: "example", ID: fmt.Sprintf("subject-%d", s)}
}

// givenAllows stands for policies: a given consent allows.
type givenAllows struct{}

func (givenAllows) Revision() string { return "test" }

func (givenAllows) Declared(string, string) (consent.Purpose, bool) { return consent.Purpose{}, false }

func (givenAllows) Purposes(string) ([]string, error) { return []string{"marketing_email"}, nil }

func (givenAllows) Decide(_ context.Context, _ *consent.Request, snapshot *consent.Snapshot, _ consent.Instant) consent.Decision {
	if c := snapshot.State.Consents; len(c) == 1 && c[0].Own.Status == consent.Given {
		return consent.Decision{
			Effect: consent.Allow, Basis: consent.BasisConsent, Reasons: []consent.Reason{{Code: consent.BasisHolds, Clause: "1"}},
		}
	}
	return consent.Decision{Reasons: []consent.Reason{{Code: consent.ConsentMissing, Clause: "1"}}}
}
