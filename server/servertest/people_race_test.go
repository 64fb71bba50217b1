package servertest_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// How much TestAWithdrawalIsFinalUnderEveryID does, with each of its caches. The long form is
//
//	go test -race ./server/servertest -run TestAWithdrawalIsFinalUnderEveryID -people.checks 340000 -timeout 1h -v
var peopleChecks = flag.Int("people.checks", 12_000, "TestAWithdrawalIsFinalUnderEveryID: how many checks at least, per cache")

const (
	raceFamilies = 4
	raceCheckers = 4
	// raceDwell is how many checks of its ids there are at most before the next is said of a family.
	raceDwell = 100
	// tinyCache is the least that the server takes. It holds some thousand unknown ids, of which there are
	// raceStrangers.
	tinyCache     = 1 << 20
	raceStrangers = 20_000
)

// TestAWithdrawalIsFinalUnderEveryID withdraws under one id while others are checked, by every way to ask, and ids
// are linked, parted, annulled and linked to one that is shared. A check that starts after a change was
// acknowledged, and ends before the next begins, is what the change makes of it under every id of the person:
// never ALLOW after a withdrawal. So is one that a near cache may answer, where the withdrawal was fenced.
func TestAWithdrawalIsFinalUnderEveryID(t *testing.T) {
	for name, options := range map[string]servertest.Options{
		"tiny": {CacheSize: tinyCache}, "huge": {CacheSize: 64 << 20}, "off": {CacheOff: true},
	} {
		t.Run(name, func(t *testing.T) {
			// A server that starts makes fences wait until leases of the one before have run out.
			options.CacheLease = 500 * time.Millisecond
			r := newPeopleRace(t, options)
			r.run()
			hits := r.server.Metric(t, "consentd_cache_lookups_total", map[string]string{"result": "hit"})
			invalid := r.server.Metric(t, "consentd_cache_lookups_total", map[string]string{"result": "invalid"})
			gone := r.server.Metric(t, "consentd_cache_evictions_total", nil)
			gone += r.server.Metric(t, "consentd_cache_rejections_total", nil)
			t.Logf("cache: %v hits, %v invalid, %v evicted or not taken in", hits, invalid, gone)
			if name == "huge" && (hits == 0 || invalid == 0) || name == "tiny" && gone == 0 {
				t.Error("without hits, invalid entries and evictions the race means nothing")
			}
		})
	}
}

// peopleRace is one run.
type peopleRace struct {
	t                    *testing.T
	server               *servertest.Server
	streams, unary, near *client.Client
	families             [raceFamilies]atomic.Pointer[family]
	// crowded says that checks of many others push entries out of the cache.
	crowded bool

	checks, judged, nearJudged, allowed, wrong atomic.Int64
	said                                       [sayingKinds]atomic.Int64
	refused                                    atomic.Int64
}

func newPeopleRace(t *testing.T, options servertest.Options) *peopleRace {
	r := &peopleRace{t: t, server: servertest.Start(t, options), crowded: options.CacheSize == tinyCache}
	dial := func(o ...client.Option) *client.Client {
		c, err := client.Dial(r.server.Addr, append(o, client.WithTimeout(time.Minute))...) // the machine may be busy
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	r.streams, r.unary = dial(), dial(client.WithoutCoalescing())
	r.near = dial(client.WithNearCache(client.NearCacheConfig{}))
	awaitNear(t, r.near)
	return r
}

// run says and checks until there were checks enough.
func (r *peopleRace) run() {
	ctx, stop := context.WithCancel(r.t.Context())
	defer stop()
	var running sync.WaitGroup
	for n := range raceFamilies {
		random := rand.New(rand.NewPCG(14, uint64(n)))
		r.begin(ctx, n, 0, random)
		running.Go(func() {
			defer stop()
			r.write(ctx, n, random)
		})
	}
	for n := range raceCheckers {
		random := rand.New(rand.NewPCG(41, uint64(n)))
		running.Go(func() {
			defer stop()
			for ctx.Err() == nil && r.wrong.Load() == 0 && r.checks.Load() < int64(*peopleChecks) {
				r.check(random)
			}
		})
	}
	running.Wait()
	r.report()
}

func (r *peopleRace) report() {
	r.t.Helper()
	hits := r.near.NearCacheStats().Hits
	given, withdrawn := r.said[sayGive].Load(), r.said[sayWithdraw].Load()
	linked, parted, annulled := r.said[sayLink].Load(), r.said[sayUnlink].Load(), r.said[sayAnnul].Load()
	r.t.Logf("%d checks, %d judged and %d of near caches, %d ALLOW, %d wrong; %d answered by the near cache",
		r.checks.Load(), r.judged.Load(), r.nearJudged.Load(), r.allowed.Load(), r.wrong.Load(), hits)
	r.t.Logf("%d given, %d withdrawn, %d linked, %d parted, %d annulled, %d refused",
		given, withdrawn, linked, parted, annulled, r.refused.Load())
	checks := r.checks.Load()
	if r.wrong.Load() > 0 {
		return
	}
	if checks < int64(*peopleChecks) || min(given, withdrawn, linked, parted, annulled) == 0 || hits < uint64(checks/20) ||
		r.judged.Load() < checks/10 || r.nearJudged.Load() < checks/20 || r.allowed.Load() < checks/20 {
		r.t.Error("too few checks, changes, ALLOWs or hits: the test says little")
	}
}

// begin declares the shared id of a new family, and lets it be checked.
func (r *peopleRace) begin(ctx context.Context, n, generation int, random *rand.Rand) {
	f := newFamily(fmt.Sprintf("family-%d-%d", n, generation), random)
	e := &consentv1.Event{Id: f.name + "/shared", OccurredAt: f.at(-1), Source: "support"}
	declared(true)(e)
	if _, err := r.server.Consents.RecordEvents(ctx, &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: f.id(household), Events: []*consentv1.Event{e}, Fence: true,
	}); err != nil && ctx.Err() == nil {
		r.t.Errorf("declaring %s shared: %v", f.id(household), err)
	}
	r.families[n].Store(f)
}

// write says one thing after the other of families, and lets each be checked.
func (r *peopleRace) write(ctx context.Context, n int, random *rand.Rand) {
	for generation := 1; ctx.Err() == nil; generation++ {
		f := r.families[n].Load()
		for len(f.sayings) < familySayings && ctx.Err() == nil {
			checked := f.checked.Load() + random.Int64N(raceDwell)
			if !r.say(ctx, f, f.next()) {
				return
			}
			await(ctx, func() bool { return f.checked.Load() >= checked })
		}
		r.begin(ctx, n, generation, random)
	}
}

func await(ctx context.Context, done func() bool) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() && ctx.Err() == nil {
		<-tick.C
	}
}

// say records a saying, and then says what checks must show. What the server refuses changes nothing.
func (r *peopleRace) say(ctx context.Context, f *family, s saying) bool {
	before, next := f.expected(), f.after(s).expected()
	f.hide(before, next)
	fence := f.random.IntN(2) == 0
	err := r.send(ctx, f, s, fence)
	switch {
	case ctx.Err() != nil:
		return false
	case status.Code(err) == codes.FailedPrecondition:
		r.refused.Add(1)
		f.show(next, before, false) // nearly all: a near cache may have heard more
		return true
	case err != nil:
		r.t.Errorf("%s: saying %d, %+v: %v", f.name, len(f.sayings), s, err)
		return false
	}
	f.say(s)
	f.show(before, next, fence)
	r.said[s.kind].Add(1)
	return true
}

func (r *peopleRace) send(ctx context.Context, f *family, s saying, fence bool) (err error) {
	id, at := f.eventID(len(f.sayings)), f.at(len(f.sayings))
	switch s.kind {
	case sayLink:
		_, err = r.server.Consents.LinkSubjects(ctx, &consentv1.LinkSubjectsRequest{
			Controller: "example", SubjectId: f.id(s.under), LinkedId: f.id(s.with), EventId: id, OccurredAt: at,
			Source: "login", Fence: fence,
		})
	case sayUnlink:
		_, err = r.server.Consents.UnlinkSubjects(ctx, &consentv1.UnlinkSubjectsRequest{
			Controller: "example", SubjectId: f.id(s.under), LinkedId: f.id(s.with), EventId: id, OccurredAt: at,
			Source: "support", Evidence: "urn:case:1", Fence: fence,
		})
	default:
		_, err = r.server.Consents.RecordEvents(ctx, &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: f.id(s.under), Events: []*consentv1.Event{f.event(s)}, Fence: fence,
		})
	}
	return err
}

// check asks about the ids of a family by all doors.
func (r *peopleRace) check(random *rand.Rand) {
	f := r.families[random.IntN(raceFamilies)].Load()
	here := func(s *shown) *atomic.Uint64 { return &s.here }
	near := func(s *shown) *atomic.Uint64 { return &s.near }
	r.batch(door{"Check", r.unary, here}, f, random.IntN(familyIDs))
	r.batch(door{"CheckStream", r.streams, here}, f, random.IntN(familyIDs))
	r.batch(door{"BatchCheck", r.unary, here}, f, random.Perm(familyIDs)...)
	for range 3 * familyIDs {
		r.batch(door{"near cache", r.near, near}, f, random.IntN(familyIDs))
	}
	r.batch(door{"near cache, BatchCheck", r.near, near}, f, random.Perm(familyIDs)...)
	if r.crowded {
		r.crowd(random)
	}
}

// crowd asks about ids of whom nothing is known.
func (r *peopleRace) crowd(random *rand.Rand) {
	batch := &consentv1.BatchCheckRequest{}
	for range 64 {
		id := fmt.Sprint("stranger-", random.IntN(raceStrangers))
		batch.Requests = append(batch.Requests, client.NewCheck("example", id, "ai_training"))
	}
	if _, err := r.unary.BatchCheck(r.t.Context(), batch); err != nil {
		r.t.Error(err)
	}
}

// door is a way to ask, and what must be shown there.
type door struct {
	name   string
	client *client.Client
	shown  func(*shown) *atomic.Uint64
}

// batch asks about ids at once: one by Check, several by BatchCheck.
func (r *peopleRace) batch(d door, f *family, ids ...int) {
	before := make([]uint64, len(ids))
	batch := &consentv1.BatchCheckRequest{}
	for n, i := range ids {
		before[n] = d.shown(&f.shown[i]).Load()
		batch.Requests = append(batch.Requests, client.NewCheck("example", f.id(i), "ai_training"))
	}
	results, err := make([]client.Result, 1), error(nil)
	if len(ids) == 1 {
		results[0].Decision, err = d.client.Check(r.t.Context(), batch.GetRequests()[0])
	} else {
		results, err = d.client.BatchCheck(r.t.Context(), batch)
	}
	if err != nil {
		r.wrong.Add(1)
		r.t.Errorf("%s: %v", d.name, err)
		return
	}
	for n, i := range ids {
		if results[n].Err != nil {
			r.t.Errorf("%s of %s: %v", d.name, f.id(i), results[n].Err)
		}
		if d.shown(&f.shown[i]).Load() == before[n] {
			r.judge(d, f.id(i), expectation(before[n]%uint64(expectations)), results[n].Decision)
		}
	}
	r.checks.Add(int64(len(ids)))
	f.checked.Add(int64(len(ids)))
}

// judge compares an answer with what nothing has changed since.
func (r *peopleRace) judge(d door, id string, want expectation, got client.Decision) {
	if got.Allowed {
		r.allowed.Add(1)
	}
	if want == unsure {
		return
	}
	if d.client == r.near {
		r.nearJudged.Add(1)
	} else {
		r.judged.Add(1)
	}
	if got.Allowed != (want == mustAllow) {
		r.wrong.Add(1)
		r.t.Errorf("%s of %s: ALLOW is %v, want %v; %v", d.name, id, got.Allowed, want == mustAllow, got.Reasons)
	}
}
