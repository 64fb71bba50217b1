package policy_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/engine"
)

// TestEnginesAgree decides the corpus by both engines, with and without a prepared state: whole decisions are equal.
func TestEnginesAgree(t *testing.T) {
	compiled, topdown := policy.NewLoader(policy.Options{ShadowRate: -1}), policy.NewLoader(policy.Options{Engine: policy.Topdown})
	byCompiled, byTopdown := loadBy(t, compiled), loadBy(t, topdown)
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for i := range all {
		if all[i].Expect.Error != "" {
			continue
		}
		events, err := cases.DomainEvents(all[i].Events, "e", start)
		if err != nil {
			t.Fatal(err)
		}
		request, err := all[i].Request(consent.Subject{Controller: all[i].Controller, ID: "subject"})
		if err != nil {
			t.Fatal(err)
		}
		snapshot := &consent.Snapshot{State: consent.Fold(events)}
		want := byTopdown.Decide(context.Background(), &request, snapshot, consent.InstantOf(start))
		bare := byCompiled.Decide(context.Background(), &request, snapshot, consent.InstantOf(start))
		snapshot.Prepared, _ = compiled.Prepare(snapshot.State)
		prepared := byCompiled.Decide(context.Background(), &request, snapshot, consent.InstantOf(start))
		if diff := cmp.Diff(want, bare); diff != "" {
			t.Errorf("%s: compiled differs (-topdown +compiled):\n%s", all[i].Name, diff)
		}
		if diff := cmp.Diff(want, prepared); diff != "" {
			t.Errorf("%s: compiled over a prepared state differs (-topdown +compiled):\n%s", all[i].Name, diff)
		}
	}
	if s := compiled.Stats(); s.Compiled < uint64(len(all))/2 || s.Unsupported != 0 || s.Panics != 0 {
		t.Errorf("stats = %+v: the compiled engine did not decide", s)
	}
}

func loadBy(t testing.TB, l *policy.Loader) *policy.Set {
	t.Helper()
	set, err := l.Read(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// planted is a built-in of another meaning: nothing starts with anything.
func planted() policy.Options {
	return policy.Options{}.WithNative("startswith", func([]engine.Value) (engine.Value, bool) { return engine.False, true })
}

// TestShadowFindsAPlantedDifference: a wrong built-in in the compiled engine changes decisions, and the shadow sees it.
func TestShadowFindsAPlantedDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		o := planted()
		o.ShadowRate, o.Logger = 1, slog.New(slog.NewTextHandler(&log, nil))
		l := policy.NewLoader(o)
		defer l.Close()
		set := loadBy(t, l)
		state := &consent.Snapshot{State: consent.Fold([]consent.Event{
			{ID: "1", OccurredAt: 1, Fact: consent.Profile{AccountStatus: consent.AccountActive}},
		})}
		request := &consent.Request{
			Subject: consent.Subject{Controller: "jasminai", ID: "s"}, Purpose: "service_delivery",
			DataCategories: []string{"user.sensitive.sexual_preferences"},
		}
		if d := set.Decide(context.Background(), request, state, 2); d.Effect != consent.Allow {
			t.Fatalf("the planted built-in changes nothing: %+v", d)
		}
		synctest.Wait()
		if s := l.Stats(); s.Shadowed != 1 || s.Differences != 1 {
			t.Errorf("stats = %+v, want one difference", s)
		}
		for _, want := range []string{"jasminai", "SENSITIVE_DATA_NOT_PERMITTED", "user.sensitive.sexual_preferences"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not have %q: %s", want, log.String())
			}
		}
	})
}

func TestShadowMakesOneInNAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := policy.NewLoader(policy.Options{ShadowRate: 4})
		defer l.Close()
		set := loadBy(t, l)
		request := &consent.Request{Subject: consent.Subject{Controller: "example", ID: "s"}, Purpose: "storage"}
		for range 20 {
			set.Decide(context.Background(), request, &consent.Snapshot{State: &consent.State{}}, 2)
			synctest.Wait()
		}
		if s := l.Stats(); s.Shadowed != 5 || s.Differences != 0 || s.Dropped != 0 {
			t.Errorf("stats = %+v, want 5 of 20 made again and no difference", s)
		}
	})
}

// TestShadowHoldsUpNothing: what the shadow has no room for is dropped and counted.
func TestShadowHoldsUpNothing(t *testing.T) {
	l := policy.NewLoader(policy.Options{ShadowRate: 1})
	set := loadBy(t, l)
	l.Close() // nobody takes from the queue any more
	request := &consent.Request{Subject: consent.Subject{Controller: "example", ID: "s"}, Purpose: "storage"}
	for range 100 {
		set.Decide(context.Background(), request, &consent.Snapshot{State: &consent.State{}}, 2)
	}
	if s := l.Stats(); s.Dropped == 0 || s.Shadowed != 0 {
		t.Errorf("stats = %+v, want dropped ones", s)
	}
}

// TestShadowTakesItsShareOnly: each comparison counts as a millisecond at least, of 250 at once and 10 a second.
func TestShadowTakesItsShareOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // no time passes while somebody runs
		l := policy.NewLoader(policy.Options{ShadowRate: 1})
		defer l.Close()
		set := loadBy(t, l)
		request := &consent.Request{Subject: consent.Subject{Controller: "example", ID: "s"}, Purpose: "storage"}
		for range 1000 {
			set.Decide(context.Background(), request, &consent.Snapshot{State: &consent.State{}}, 2)
			synctest.Wait()
		}
		before := l.Stats()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		after := l.Stats()
		if n := before.Shadowed; n < 250 || n > 252 || before.Dropped == 0 {
			t.Errorf("at once: stats = %+v, want 250 made again and others dropped", before)
		}
		if n := after.Shadowed - before.Shadowed; n < 18 || n > 22 {
			t.Errorf("%d made again within two seconds, want about 20", n)
		}
	})
}

func engineSet(t *testing.T, o policy.Options, rules string) (*policy.Loader, *policy.Set) {
	t.Helper()
	l := policy.NewLoader(o)
	t.Cleanup(l.Close)
	set, err := l.Read(with("controllers/acme/acme.rego", "package consentd.controllers.acme\n\n"+rules+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return l, set
}

// TestPolicyThatExplodesIsStopped: a policy that takes too many steps is a denial, and topdown is not asked to finish
// it.
func TestPolicyThatExplodesIsStopped(t *testing.T) {
	var log bytes.Buffer
	o := policy.Options{ShadowRate: -1, MaxSteps: 100_000, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	l, exploding := engineSet(t, o, `decision := {`+allow+`} if {
	n := numbers.range(1, 1000)
	some i in n
	some j in n
	some k in n
	i + j + k == 0
}`)
	d := exploding.Decide(context.Background(), acmeRequest(), &consent.Snapshot{State: &consent.State{}}, 1)
	if d.Effect != consent.Deny || d.Reasons[0].Code != consent.PolicyError {
		t.Errorf("decision = %+v", d)
	}
	if s := l.Stats(); s.OverBudget != 1 || s.Errors != 1 || s.Topdown != 0 {
		t.Errorf("stats = %+v", s)
	}
}

// TestPolicyErrorHasOPAsWords: a conflict is evaluated again by topdown, which names the rule.
func TestPolicyErrorHasOPAsWords(t *testing.T) {
	var log bytes.Buffer
	o := policy.Options{ShadowRate: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	l, set := engineSet(t, o, "decision := {"+allow+"} if input.controller\n\ndecision := {} if input.purpose")
	if d := set.Decide(context.Background(), acmeRequest(), &consent.Snapshot{State: &consent.State{}}, 1); d.Effect != consent.Deny {
		t.Errorf("decision = %+v", d)
	}
	if s := l.Stats(); s.Compiled != 1 || s.Topdown != 1 || s.Errors != 1 {
		t.Errorf("stats = %+v", s)
	}
	if want := "data.consentd.controllers.acme.decision"; !strings.Contains(log.String(), want) {
		t.Errorf("log = %s, want %s", log.String(), want)
	}
}

// TestPanicFallsBack: a fault of the compiled engine costs time, not the decision.
func TestPanicFallsBack(t *testing.T) {
	var log bytes.Buffer
	o := policy.Options{ShadowRate: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))}.
		WithNative("strings.any_prefix_match", func([]engine.Value) (engine.Value, bool) { panic("planted") })
	l := policy.NewLoader(o)
	set := loadBy(t, l)
	request := &consent.Request{
		Subject: consent.Subject{Controller: "jasminai", ID: "s"}, Purpose: "service_delivery", DataCategories: []string{"user.name"},
	}
	state := consent.Fold([]consent.Event{{ID: "1", OccurredAt: 1, Fact: consent.Objection{}}})
	if d := set.Decide(context.Background(), request, &consent.Snapshot{State: state}, 2); d.Effect != consent.Allow {
		t.Errorf("decision = %+v", d)
	}
	if s := l.Stats(); s.Panics != 1 || s.Topdown != 1 || s.Errors != 0 {
		t.Errorf("stats = %+v", s)
	}
	if !strings.Contains(log.String(), "planted") {
		t.Errorf("the panic is not in the log: %s", log.String())
	}
}

// TestPreparedStateOutlivesItsSet: a state prepared under one set serves the next.
func TestPreparedStateOutlivesItsSet(t *testing.T) {
	l := policy.NewLoader(policy.Options{ShadowRate: -1})
	now := consent.InstantOf(time.Now())
	snapshot := &consent.Snapshot{State: fourConsents("example", now)}
	snapshot.Prepared, _ = l.Prepare(snapshot.State)
	for range 2 {
		set := loadBy(t, l)
		for _, request := range mainRequests("example") {
			if d := set.Decide(context.Background(), &request, snapshot, now); d.Effect != consent.Allow {
				t.Errorf("%s: %+v", request.Purpose, d)
			}
		}
	}
}

// TestSharedStateIsRaceFree decides over prepared states from many goroutines, for the race detector.
func TestSharedStateIsRaceFree(t *testing.T) {
	l := policy.NewLoader(policy.Options{ShadowRate: 8})
	defer l.Close()
	set := loadBy(t, l)
	now := consent.InstantOf(time.Now())
	controllers := []string{"example", "jasminai"}
	snapshots := make([]*consent.Snapshot, len(controllers))
	for i, id := range controllers {
		snapshots[i] = &consent.Snapshot{State: fourConsents(id, now)}
		snapshots[i].Prepared, _ = l.Prepare(snapshots[i].State)
	}
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 200 {
				of := (g + i) % 2
				requests := mainRequests(controllers[of])
				if d := set.Decide(context.Background(), &requests[i%len(requests)], snapshots[of], now); d.Effect != consent.Allow {
					t.Errorf("%+v", d)
				}
			}
		})
	}
	group.Wait()
}

// lockedBuffer is a buffer that the shadow and the test may use at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
