package servertest_test

import (
	"flag"
	"fmt"
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

// doorStore records random histories, each for every controller, and returns the directory of their store. Purposes of
// the generator are those of controllers, or become marketing_email and ai_training.
func doorStore(t *testing.T, histories int) string {
	t.Helper()
	dir := t.TempDir()
	store, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(histories) {
		for _, controller := range doorControllers {
			subject := consent.Subject{Controller: controller, ID: fmt.Sprint("u", seed)}
			for _, e := range storetest.NewGenerator(seed).Events(1 + int(seed%15)) {
				e.ID = subject.ID + e.ID
				switch f := e.Fact.(type) {
				case consent.Annulment:
					e.Fact = consent.Annulment{EventID: subject.ID + f.EventID}
				case consent.Consent:
					if f.Purpose == "analytics" {
						f.Purpose = "ai_training"
					}
					e.Fact = f
				}
				// What the erasures and annulments of a history refuse is left out of it.
				_, _ = store.Record(t.Context(), consent.Batch{Subject: subject, Events: []consent.Event{e}, RecordedAt: e.OccurredAt + 1e9})
			}
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAllDoorsAnswerAlike asks about all purposes of random people by every way there is to ask: Check past the cache
// and from it, over streams and by single calls, BatchCheck, ListPurposes, and a near cache before and after it knows
// the answer. The whole answers are equal, but for ids and tokens.
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
			d.person(controller, fmt.Sprint("u", seed))
		}
	}
	hits := d.near.NearCacheStats().Hits
	t.Logf("%d answers compared, %d of them ALLOW, %d from the near cache", d.compared, d.allowed, hits)
	if d.compared < 100 || d.allowed == 0 || hits < uint64(d.compared/20) {
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
}

// person compares all answers about one.
func (d *doors) person(controller, id string) {
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
	ignored := cmpopts.IgnoreFields(client.Decision{}, "ID", "ConsistencyToken")
	if diff := cmp.Diff(want, got, ignored, cmpopts.EquateEmpty(), protocmp.Transform()); diff != "" {
		d.t.Errorf("%s of %v (-Check past the cache +%s):\n%s", door, r, door, diff)
	}
}
