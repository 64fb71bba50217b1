package authz_test

import (
	"context"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// memory is what an authorizer's decisions are remembered on, and the fixture's own clock and lease.
type memory struct {
	*fixture
	floors  *remembered.Floors
	until   int64
	holds   bool
	current consent.Instant
}

func (m *memory) Until() (int64, bool) { return m.until, m.until != 0 }

func (m *memory) Floors() *remembered.Floors { return m.floors }

func (m *memory) Slot(s consent.Subject) uint32 { return crc32.ChecksumIEEE([]byte(s.ID)) % 1024 }

// change is one of a subject.
func (m *memory) change(id string, r consent.Revision) {
	m.floors.Raise(m.Slot(consent.Subject{ID: id}), uint64(r))
	m.floors.Announce(uint64(r))
}

func newMemory(t *testing.T) *memory {
	t.Helper()
	m := &memory{floors: remembered.NewFloors(1024, 5), until: 7, holds: true, current: now}
	m.fixture = newFixture(t, func(c *authz.Config) {
		c.Footings = m
		c.Holds = func(until int64) bool { return until == 7 && m.holds }
		c.Now = func() consent.Instant { return m.current }
	})
	m.states.snapshots[0].Until = 7
	return m
}

// keep decides a request and keeps the decision.
func (m *memory) keep(t *testing.T, r consent.Request) *authz.Kept {
	t.Helper()
	footing := m.Footing()
	d, err := m.Check(t.Context(), &r, authz.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	terms, ok := m.Terms(footing, r.Subject, &d)
	if !ok {
		t.Fatal("it may not be given again")
	}
	return &authz.Kept{Terms: terms, Request: r, Parts: []authz.Part{{Purpose: r.Purpose, Decision: &d, ValidUntil: d.ValidUntil}}}
}

// TestWhatIsKeptIsGivenAgain until one of the things that it rests on changes.
func TestWhatIsKeptIsGivenAgain(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*memory)
		c      authz.Consistency
		want   bool
		asOf   consent.Revision
	}{
		"nothing happened":         {want: true, asOf: 5},
		"another's change":         {change: func(m *memory) { m.change("v", 9) }, want: true, asOf: 9},
		"its change":               {change: func(m *memory) { m.change("u", 9) }},
		"other policies":           {change: func(m *memory) { m.policies.revision = "p2" }},
		"another history":          {change: func(m *memory) { m.floors = remembered.NewFloors(1024, 5) }},
		"a moment before its end":  {change: func(m *memory) { m.current = now + 99 }, want: true, asOf: 5},
		"its end":                  {change: func(m *memory) { m.current = now + 100 }},
		"the clock was set back":   {change: func(m *memory) { m.current = now - 1 }},
		"the lease is over":        {change: func(m *memory) { m.until = 0 }},
		"the lease ends meanwhile": {change: func(m *memory) { m.holds = false }},
		"fully consistent":         {c: authz.Consistency{Freshness: consent.FullyConsistent}},
		"a token that it reflects": {c: authz.Consistency{Token: tokenOf(newFixture(t, nil), 5)}, want: true, asOf: 5},
		"a token that it is too old": {
			change: func(m *memory) { m.states.newest, m.states.applied = 8, 8 },
			c:      authz.Consistency{Token: tokenOf(newFixture(t, nil), 8)},
		},
	} {
		m := newMemory(t)
		m.policies.decide = func(r *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
			d := allowAll(r, s, at)
			d.ValidUntil = now + 100
			return d
		}
		kept := m.keep(t, request("u", "a"))
		if row.change != nil {
			row.change(m)
		}
		again, ok, err := m.Repeat(t.Context(), kept, row.c)
		if err != nil || ok != row.want {
			t.Errorf("%s: %v, %v; want %v", name, ok, err, row.want)
		}
		if !ok {
			continue
		}
		d, err := m.Given(t.Context(), &again, &kept.Parts[0])
		if err != nil || d.StateRevision != row.asOf || d.ID == kept.Parts[0].Decision.ID || d.Effect != consent.Allow {
			t.Errorf("%s: %+v, %v; want as of %d", name, d, err, row.asOf)
		}
	}
}

func TestRepeatingFailsAsAnyCallDoes(t *testing.T) {
	m := newMemory(t)
	kept := m.keep(t, request("u", "a"))
	if _, ok, err := m.Repeat(t.Context(), kept, authz.Consistency{Token: "garbage"}); ok || !errors.Is(err, consent.ErrBadToken) {
		t.Errorf("a bad token: %v, %v", ok, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok, err := m.Repeat(ctx, kept, authz.Consistency{}); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("a call that is over: %v, %v", ok, err)
	}
}

// TestWhatMayNotBeGivenAgain: what failed, what rests on no state, and what was overtaken while it was decided.
func TestWhatMayNotBeGivenAgain(t *testing.T) {
	decided := consent.Decision{
		Effect: consent.Deny, Reasons: []consent.Reason{{Code: consent.ConsentMissing}}, StateRevision: 5, PolicyRevision: "p1",
	}
	failed, degraded, old, other, over := consent.Failed(), decided, decided, decided, decided
	failed.StateRevision, failed.PolicyRevision = 5, "p1"
	degraded.Degraded = consent.DegradedStale
	old.StateRevision, other.PolicyRevision, over.ValidUntil = 4, "p2", now
	subject := consent.Subject{Controller: "example", ID: "u"}
	m := newMemory(t)
	for name, row := range map[string]struct {
		decisions []*consent.Decision
		want      bool
	}{
		"decided":                              {[]*consent.Decision{&decided}, true},
		"several":                              {[]*consent.Decision{&decided, &decided}, true},
		"none":                                 {nil, false},
		"a policy failed":                      {[]*consent.Decision{&decided, &failed}, false},
		"by an old state, for want of a newer": {[]*consent.Decision{&degraded}, false},
		"below the floor":                      {[]*consent.Decision{&decided, &old}, false},
		"by two sets of policies":              {[]*consent.Decision{&decided, &other}, false},
		"over already":                         {[]*consent.Decision{&over}, false},
	} {
		if _, ok := m.Terms(m.Footing(), subject, row.decisions...); ok != row.want {
			t.Errorf("%s: %v", name, ok)
		}
	}
	footing := m.Footing()
	m.change("u", 6)
	if _, ok := m.Terms(footing, subject, &decided); ok {
		t.Error("overtaken while it was decided, and kept")
	}
	footing = m.Footing()
	m.holds = false
	if _, ok := m.Terms(footing, subject, &decided); ok {
		t.Error("the lease ended while it was decided, and it is kept")
	}
	if _, ok := newFixture(t, nil).Terms(authz.Footing{}, subject, &decided); ok {
		t.Error("kept, though nothing is")
	}
}

// TestABatchOfKeptAndDecided: it shows one instant. What changes while the others are decided has all decided.
func TestABatchOfKeptAndDecided(t *testing.T) {
	type outcome struct{ Again bool }
	all, none := []outcome{{true}, {false}, {true}}, []outcome{{false}, {false}, {false}}
	for name, row := range map[string]struct {
		meanwhile func(*memory)
		want      []outcome
	}{
		"nothing happens":                         {nil, all},
		"another's change":                        {func(m *memory) { m.change("x", 9) }, all},
		"a change of one that is kept":            {func(m *memory) { m.change("w", 9) }, none},
		"the lease ends":                          {func(m *memory) { m.holds = false }, none},
		"history is lost":                         {func(m *memory) { m.floors = remembered.NewFloors(1024, 5) }, none},
		"time ends one that is kept":              {func(m *memory) { m.current = now + 100 }, none},
		"the new one is read later than is known": {func(m *memory) { m.states.snapshots[0].AsOf = 6 }, none},
	} {
		m := newMemory(t)
		m.policies.decide = func(r *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
			d := allowAll(r, s, at)
			d.ValidUntil = now + 100
			return d
		}
		kept := []*authz.Kept{m.keep(t, request("u", "a")), nil, m.keep(t, request("w", "a"))}
		m.states.during = func() {
			if row.meanwhile != nil {
				row.meanwhile(m)
			}
		}
		requests := []consent.Request{request("u", "a"), request("v", "a"), request("w", "a")}
		results, err := m.BatchCheck(t.Context(), requests, kept, authz.Consistency{})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]outcome, len(results))
		for i, r := range results {
			got[i] = outcome{r.Again}
			if r.Err != nil || r.Decision.Effect != consent.Allow {
				t.Errorf("%s: %d is %+v", name, i, r)
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestKeptOfABatchThatDoesNotCount is decided, and the rest is given again.
func TestKeptOfABatchThatDoesNotCount(t *testing.T) {
	m := newMemory(t)
	kept := []*authz.Kept{m.keep(t, request("u", "a")), m.keep(t, request("w", "a"))}
	m.change("u", 9)
	m.states.snapshots[0].AsOf = 9
	results, err := m.BatchCheck(t.Context(), []consent.Request{request("u", "a"), request("w", "a")}, kept, authz.Consistency{})
	if err != nil || results[0].Again || !results[1].Again || results[1].Decision.StateRevision != 9 {
		t.Errorf("%+v, %v", results, err)
	}
}

// TestObserversAreToldOfWhatIsGivenAgain, with an id of its own each time, and a refusal of the record is the call's.
func TestObserversAreToldOfWhatIsGivenAgain(t *testing.T) {
	told := &counting{}
	m := newMemory(t)
	kept := m.keep(t, request("u", "a"))
	m.config.Observers = []authz.Observer{told}
	var err error
	if m.Authorizer, err = authz.New(m.config); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 100 {
		again, ok, err := m.Repeat(t.Context(), kept, authz.Consistency{})
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		d, err := m.Given(t.Context(), &again, &kept.Parts[0])
		if err != nil || seen[d.ID] {
			t.Fatalf("%+v, %v", d, err)
		}
		seen[d.ID] = true
	}
	if told.decided != 100 {
		t.Errorf("told of %d", told.decided)
	}
}

// TestGivingAgainAllocatesNothing, also where an observer is told. Ids come sixteen at a time.
func TestGivingAgainAllocatesNothing(t *testing.T) {
	m := newMemory(t)
	kept := m.keep(t, request("u", "a", "user.contact"))
	m.config.Observers = []authz.Observer{&counting{}}
	var err error
	if m.Authorizer, err = authz.New(m.config); err != nil {
		t.Fatal(err)
	}
	var again authz.Repetition
	n := testing.AllocsPerRun(1600, func() {
		var ok bool
		if again, ok, err = m.Repeat(context.Background(), kept, authz.Consistency{}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if _, err = m.Given(context.Background(), &again, &kept.Parts[0]); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
