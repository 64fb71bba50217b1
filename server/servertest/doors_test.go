package servertest_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/store/storetest"
)

var doorHistories = flag.Int("doors.histories", 10, "random histories for TestAllDoorsAnswerAlike")

var doorControllers = []string{"example", "jasminai", "jsers", "livex", "somesing", "z-image"}

// doorIDs are those of a history: of one who stands alone, or of people who are linked and parted, of whom the
// last is a household.
func doorIDs(seed int) []string {
	id := fmt.Sprint("u", seed)
	if seed%3 == 0 {
		return []string{id}
	}
	return []string{id, id + "-cookie", id + "-mail", id + "-household"}
}

// doorStore records random histories, each for every controller, and returns the directory of their store.
// Purposes of the generator are those of controllers, or become marketing_email and ai_training.
func doorStore(t *testing.T, histories int) string {
	t.Helper()
	dir := t.TempDir()
	store, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range histories {
		for _, controller := range doorControllers {
			recordDoors(t.Context(), store, controller, seed)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// recordDoors records one history. What the erasures, annulments and links of a history refuse is left out of it.
func recordDoors(ctx context.Context, store *pebble.Store, controller string, seed int) {
	random, ids := rand.New(rand.NewPCG(uint64(seed), 14)), doorIDs(seed)
	record := func(id string, e consent.Event) {
		subject := consent.Subject{Controller: controller, ID: id}
		e.ID = ids[0] + e.ID
		_, _ = store.Record(ctx, consent.Batch{Subject: subject, Events: []consent.Event{e}, RecordedAt: e.OccurredAt + 1e9})
	}
	for n, e := range storetest.NewGenerator(uint64(seed)).Events(1 + seed%15) {
		if len(ids) > 1 {
			id, relation := relate(random, ids)
			record(id, consent.Event{
				ID: fmt.Sprint("-link-", n), OccurredAt: e.OccurredAt, Source: "support", Evidence: "urn:case:1", Fact: relation,
			})
		}
		switch f := e.Fact.(type) {
		case consent.Annulment:
			e.Fact = consent.Annulment{EventID: ids[0] + f.EventID}
		case consent.Consent:
			if f.Purpose == "analytics" {
				f.Purpose = "ai_training"
			}
			e.Fact = f
		}
		record(ids[random.IntN(len(ids))], e)
	}
}

// relate links ids mostly, and now and then parts them or makes the household's shared.
func relate(random *rand.Rand, ids []string) (id string, fact consent.Fact) {
	a := random.IntN(len(ids))
	id, with := ids[a], ids[(a+1+random.IntN(len(ids)-1))%len(ids)]
	switch n := random.IntN(10); {
	case n < 6:
		return id, consent.LinkOf(id, with)
	case n < 8:
		return id, consent.Unlink{With: with}
	default:
		return ids[len(ids)-1], consent.Sharing{Shared: true}
	}
}

// TestAllDoorsAnswerAlike asks about all purposes of random people by every way there is to ask: Check past the cache
// and from it, over streams and by single calls, BatchCheck, ListPurposes, and a near cache before and after it knows
// the answer. The whole answers are equal, but for ids and tokens, and so are those under all ids of a person.
func TestAllDoorsAnswerAlike(t *testing.T) {
	histories := *doorHistories
	s := servertest.Start(t, servertest.Options{DataDir: doorStore(t, histories)})
	dial := func(o ...client.Option) *client.Client {
		c, err := client.Dial(s.Addr, o...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	d := doors{
		t: t, streams: dial(), unary: dial(client.WithoutCoalescing()),
		near: dial(client.WithNearCache(client.NearCacheConfig{})),
	}
	awaitNear(t, d.near)
	for seed := range histories {
		for _, controller := range doorControllers {
			d.history(controller, doorIDs(seed))
		}
	}
	hits := d.near.NearCacheStats().Hits
	t.Logf("%d answers compared, %d of them ALLOW, %d from the near cache", d.compared, d.allowed, hits)
	t.Logf("%d answers more compared with those under another id of the person; %d shared ids", d.linked, d.shared)
	if d.compared < 100 || d.allowed == 0 || hits < uint64(d.compared/20) || d.linked < d.compared/50 || d.shared == 0 {
		t.Error("too few answers, ALLOWs or hits: the test says little")
	}
}

// awaitNear asks until a near cache answers.
func awaitNear(t *testing.T, c *client.Client) {
	t.Helper()
	for c.NearCacheStats().Hits == 0 {
		if _, err := c.Check(t.Context(), client.NewCheck("example", "nobody", "storage")); err != nil {
			t.Fatal(err)
		}
	}
}

type doors struct {
	t                    *testing.T
	streams, unary, near *client.Client
	compared, allowed    int
	// linked counts the answers that were compared with those under another id, shared the ids that are shared.
	linked, shared int
}

// history compares all answers about the ids of one, and those of one person with each other.
func (d *doors) history(controller string, ids []string) {
	first := map[string][]client.PurposeDecision{}
	for _, id := range ids {
		listed := d.person(controller, id)
		got, err := d.unary.GetSubject(d.t.Context(), &consentv1.GetSubjectRequest{Controller: controller, SubjectId: id})
		if err != nil {
			d.t.Fatal(err)
		}
		if got.GetPerson().GetShared() {
			d.shared++
			continue
		}
		whose := fmt.Sprint(got.GetPerson().GetSubjectIds())
		if first[whose] == nil {
			first[whose] = listed
			continue
		}
		d.linked += len(listed)
		if diff := cmp.Diff(first[whose], listed, sameAnswer...); diff != "" {
			d.t.Errorf("%s: one of %s is answered other than %s:\n%s", controller, whose, id, diff)
		}
	}
}

// sameAnswer compares decisions but for what differs from call to call.
var sameAnswer = cmp.Options{
	cmpopts.IgnoreFields(client.Decision{}, "ID", "ConsistencyToken"), cmpopts.EquateEmpty(), protocmp.Transform(),
}

// person compares all answers about one, and returns them.
func (d *doors) person(controller, id string) []client.PurposeDecision {
	d.t.Helper()
	listed, err := d.unary.ListPurposes(d.t.Context(), &consentv1.ListPurposesRequest{Controller: controller, SubjectId: id})
	if err != nil {
		d.t.Fatal(err)
	}
	batch := &consentv1.BatchCheckRequest{}
	for _, p := range listed {
		batch.Requests = append(batch.Requests, client.NewCheck(controller, id, p.Purpose))
	}
	results, err := d.unary.BatchCheck(d.t.Context(), batch)
	if err != nil {
		d.t.Fatal(err)
	}
	for i, p := range listed {
		fresh := client.NewCheck(controller, id, p.Purpose)
		fresh.Consistency = client.FullyConsistent()
		want := d.check(d.unary, fresh)
		d.same("ListPurposes", want, p.Decision, batch.Requests[i])
		d.same("BatchCheck", want, results[i].Decision, batch.Requests[i])
		for door, c := range map[string]*client.Client{"Check": d.unary, "CheckStream": d.streams, "near cache, first": d.near} {
			d.same(door, want, d.check(c, batch.Requests[i]), batch.Requests[i])
		}
		d.same("near cache, again", want, d.check(d.near, batch.Requests[i]), batch.Requests[i])
	}
	return listed
}

func (d *doors) check(c *client.Client, r *consentv1.CheckRequest) client.Decision {
	d.t.Helper()
	got, err := c.Check(d.t.Context(), r)
	if err != nil {
		d.t.Fatalf("%v: %v", r, err)
	}
	return got
}

func (d *doors) same(door string, want, got client.Decision, r *consentv1.CheckRequest) {
	d.t.Helper()
	d.compared++
	if got.Allowed {
		d.allowed++
	}
	if diff := cmp.Diff(want, got, sameAnswer); diff != "" {
		d.t.Errorf("%s of %v (-Check past the cache +%s):\n%s", door, r, door, diff)
	}
}
