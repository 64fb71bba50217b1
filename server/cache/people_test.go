package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
)

// people is a cache over a store in memory, whose observers it alone is.
func people(t testing.TB, config cache.Config) (*cache.Cache, *pebble.Store) {
	t.Helper()
	c, err := cache.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s, err := pebble.Open("data", pebble.Options{FS: vfs.NewMem(), Observers: store.Observers{After: c}})
	if err != nil {
		t.Fatal(err)
	}
	c.Attach(s)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, s
}

// say records an event of a subject, with evidence, a second later than the change before.
func say(t testing.TB, s store.Store, who consent.Subject, event string, fact consent.Fact) consent.Recorded {
	t.Helper()
	now := consent.Instant(s.Applied()+1) * 1e9
	r, err := s.Record(context.Background(), consent.Batch{Subject: who, RecordedAt: now, Events: []consent.Event{{
		ID: event, OccurredAt: now, Source: "support", Evidence: "urn:ticket:1", Fact: fact,
	}}})
	if err != nil {
		t.Fatalf("%s of %s: %v", event, who.ID, err)
	}
	return r
}

// family links user-1 to user-(n-1) to user-0.
func family(t testing.TB, s store.Store, n int) {
	t.Helper()
	for i := 1; i < n; i++ {
		say(t, s, subject(0), fmt.Sprint("link-", i), consent.Link{With: subject(i).ID})
	}
}

// One load of each id fills the cache, each hit is one, and a change under one id makes the first that is asked read
// anew, for all of them.
func TestPeopleAreCachedOnce(t *testing.T) {
	prepared := 0
	c, _ := people(t, cache.Config{Prepare: func(*consent.State) (any, int) { prepared++; return prepared, 100 }})
	family(t, c, 3)
	say(t, c, subject(1), "stop", consent.Objection{})
	for range 2 {
		for i := range 3 {
			if s := snapshot(t, c, subject(i)); len(s.State.Objections) != 1 || s.Prepared == nil || s.AsOf != 3 {
				t.Errorf("id %d reads %+v", i, s)
			}
		}
	}
	wantCounts(t, c, counted{Misses: 3, Loads: 3, Hits: 3})
	if prepared != 1 {
		t.Errorf("prepared %d times, want once for all ids", prepared)
	}
	say(t, c, subject(2), "lift", consent.Objection{Lifted: true})
	for i := range 3 {
		if s := snapshot(t, c, subject(i)); s.Changed != 4 || s.AsOf != 4 {
			t.Errorf("id %d reads %+v", i, s)
		}
	}
	wantCounts(t, c, counted{Misses: 3, Loads: 4, Hits: 5, Invalid: 1})
	say(t, c, subject(0), "part", consent.Unlink{With: subject(2).ID})
	if a, b := snapshot(t, c, subject(0)), snapshot(t, c, subject(2)); a.Person == b.Person || b.Person != (consent.PersonKey{}) {
		t.Errorf("parted, but %v and %v", a.Person, b.Person)
	}
}

// An id that was read after a change finds a person who was read before it: the state is not served, whatever the alias
// says. ristretto may drop the one and take in the other.
func TestOldStateBehindAFreshIDIsNotServed(t *testing.T) {
	c, s := people(t, cache.Config{})
	family(t, c, 2)
	old := snapshot(t, c, subject(0))
	say(t, s, subject(1), "stop", consent.Objection{})
	c.PlantAlias(subject(0), old.Person, s.Applied())
	if got := snapshot(t, c, subject(0)); len(got.State.Objections) != 1 || got.Person != old.Person {
		t.Errorf("read %+v", got)
	}
	// Nor is the state of a person who is no more, behind an alias from before.
	say(t, s, subject(1), "part", consent.Unlink{With: subject(0).ID})
	if got := snapshot(t, c, subject(0)); len(got.State.Objections) != 0 || got.Person != (consent.PersonKey{}) {
		t.Errorf("read %+v", got)
	}
}

// Any id's floor is raised by a change under any other, before the change is announced.
func TestChangesRaiseTheFloorsOfAllIDs(t *testing.T) {
	c, _ := people(t, cache.Config{})
	family(t, c, 8)
	r := say(t, c, subject(5), "stop", consent.Objection{}).Revision
	for i := range 8 {
		if floor := c.Floor(subject(i)); floor != r {
			t.Errorf("the floor of id %d is %d, want %d", i, floor, r)
		}
	}
}

func TestHitsOfPeopleAllocateNothing(t *testing.T) {
	c, _ := people(t, cache.Config{})
	family(t, c, 8)
	say(t, c, subject(5), "stop", consent.Objection{})
	snapshot(t, c, subject(3))
	ctx, who := context.Background(), subject(3)
	if n := testing.AllocsPerRun(100, func() { _, _ = c.Snapshot(ctx, who, consent.MinimizeLatency) }); n > 0 && !cache.RaceEnabled {
		t.Errorf("%v allocations a hit", n)
	}
}

// TestNoStaleReadOfPeople: writes, links and partings under some ids, reads under all: no read that starts after an
// acknowledged change is older, whichever id it was said under, and no state is that of another membership than its
// key's.
func TestNoStaleReadOfPeople(t *testing.T) {
	for name, config := range map[string]cache.Config{"tiny": {MaxBytes: 4 << 10}, "off": {Disabled: true}} {
		t.Run(name, func(t *testing.T) { racePeople(t, config) })
	}
	t.Run("huge", func(t *testing.T) {
		if s := racePeople(t, cache.Config{MaxBytes: 64 << 20}); s.Hits == 0 || s.Invalid == 0 {
			t.Errorf("stats are %+v: without hits and invalid entries the race means nothing", s)
		}
	})
}

const racedIDs, raceChanges = 6, 600

// peopleRace has ids of which each objected to a purpose of its own, so that a state tells whose it is.
type peopleRace struct {
	*testing.T
	*cache.Cache
	acknowledged [racedIDs]atomic.Uint64
	// members are those of each person, by the key.
	members sync.Map
	done    atomic.Bool
	reads   atomic.Int64
}

func racePeople(t *testing.T, config cache.Config) cache.Stats {
	c, _ := people(t, config)
	race := &peopleRace{T: t, Cache: c}
	for i := range racedIDs {
		race.say(i, fmt.Sprint("own-", i), consent.Objection{Purposes: []string{subject(i).ID}})
	}
	var readers sync.WaitGroup
	for n := range 3 {
		readers.Go(func() { race.read(rand.New(rand.NewPCG(uint64(n), 1))) })
	}
	race.write(rand.New(rand.NewPCG(7, 7)))
	race.done.Store(true)
	readers.Wait()
	t.Logf("%d reads, %+v", race.reads.Load(), c.Stats())
	return c.Stats()
}

// say records an event, and what is acknowledged of all ids.
func (r *peopleRace) say(i int, event string, fact consent.Fact) {
	got := say(r, r.Cache, subject(i), event, fact)
	for j := range racedIDs {
		if j == i || slices.Contains(got.Also, subject(j).ID) {
			r.acknowledged[j].Store(uint64(got.Revision))
		}
	}
}

// write links and parts the ids 1 to 5 and the id 0, and has any of them withdraw and give.
func (r *peopleRace) write(random *rand.Rand) {
	var linked [racedIDs]bool
	for n := range raceChanges {
		i := random.IntN(racedIDs)
		switch event := fmt.Sprint(n); {
		case n%3 > 0 || i == 0:
			r.say(i, event, consent.Consent{Purpose: "analytics", Status: consent.Given, NoticeVersion: uint32(n + 1)})
		case linked[i]:
			r.say(i, event, consent.Unlink{With: subject(0).ID})
			linked[i] = false
		default:
			r.say(0, event, consent.Link{With: subject(i).ID})
			linked[i] = true
		}
	}
}

func (r *peopleRace) read(random *rand.Rand) {
	for !r.done.Load() && !r.Failed() {
		i := random.IntN(racedIDs)
		want := consent.Revision(r.acknowledged[i].Load())
		got, err := r.Read(context.Background(), subject(i))
		if err != nil || got.Changed < want || got.AsOf < want {
			r.Errorf("id %d: revision %d as of %d, error %v; want at least %d", i, got.Changed, got.AsOf, err, want)
			return
		}
		var purposes []string
		for _, o := range got.State.Objections {
			purposes = append(purposes, o.Purpose)
		}
		members := strings.Join(purposes, " ")
		if !slices.Contains(purposes, subject(i).ID) {
			r.Errorf("id %d reads the state of %s", i, members)
		}
		if first, _ := r.members.LoadOrStore(got.Person, members); got.Person != (consent.PersonKey{}) && first != members {
			r.Errorf("key %v is that of %v and of %v", got.Person, first, members)
		}
		r.reads.Add(1)
	}
}

// BenchmarkMemoryOfIDs compares what each id beyond a person's first costs by the cache's reckoning with what it takes
// on the heap. The ids have 16 bytes.
func BenchmarkMemoryOfIDs(b *testing.B) {
	const entries, extra = 20_000, 8
	for b.Loop() {
		c, f := open(b, cache.Config{MaxBytes: 1 << 30})
		fill := func(from, to int) (bytes, cost float64) {
			before, charged := heap(), c.Stats().Bytes
			for i := range entries {
				state := fourConsents(b, fmt.Sprint(i))
				for j := from; j < to; j++ {
					s := consent.Subject{Controller: "example", ID: fmt.Sprintf("cookie:%08d%d", i, j)}
					f.mu.snapshots[s] = consent.Snapshot{State: state, Changed: 1, Person: consent.PersonKey{Revision: 1, Index: uint32(i)}}
					snapshot(b, c, s)
					delete(f.mu.snapshots, s)
				}
			}
			return float64(heap() - before), float64(c.Stats().Bytes - charged)
		}
		fill(0, 1)
		bytes, cost := fill(1, 1+extra)
		b.ReportMetric(bytes/entries/extra, "heap-bytes/id")
		b.ReportMetric(cost/entries/extra, "cost-bytes/id")
		if s := c.Stats(); s.Evictions+s.Rejections > 0 {
			b.Fatalf("stats are %+v, want all entries kept", s)
		}
	}
}

// BenchmarkHitOfPeople is a hit by an id that stands alone, and by one of eight.
func BenchmarkHitOfPeople(b *testing.B) {
	c, _ := people(b, cache.Config{})
	family(b, c, 8)
	say(b, c, subject(100), "alone", consent.Objection{})
	for name, s := range map[string]consent.Subject{"alone": subject(100), "eight": subject(3)} {
		b.Run(name, func(b *testing.B) {
			snapshot(b, c, s)
			for b.Loop() {
				if _, err := c.Snapshot(b.Context(), s, consent.MinimizeLatency); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
