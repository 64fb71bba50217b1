package remembered_test

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/consentd/consentd/proto/consent/v1/remembered"
)

// TestTermsHold: each thing that an answer rests on, by itself.
func TestTermsHold(t *testing.T) {
	other := remembered.NewFloors(4, 0)
	announce := func(r uint64) func(*remembered.Terms, *remembered.Floors) {
		return func(_ *remembered.Terms, f *remembered.Floors) { f.Announce(r) }
	}
	raise := func(slot uint32, revisions ...uint64) func(*remembered.Terms, *remembered.Floors) {
		return func(_ *remembered.Terms, f *remembered.Floors) {
			for _, r := range revisions {
				f.Raise(slot, r)
			}
		}
	}
	told := func(slot uint32, r uint64) func(*remembered.Terms, *remembered.Floors) {
		return func(_ *remembered.Terms, f *remembered.Floors) {
			f.Raise(slot, r)
			f.Announce(r)
		}
	}
	for name, row := range map[string]struct {
		change  func(*remembered.Terms, *remembered.Floors)
		policy  string
		atLeast uint64
		asOf    uint64
		want    bool
	}{
		"nothing happened":       {asOf: 70, want: true},
		"others changed":         {change: told(2, 75), asOf: 75, want: true},
		"its slot changed":       {change: raise(1, 71), asOf: 70},
		"changed and announced":  {change: told(1, 71), asOf: 71},
		"read after the change":  {change: raise(1, 70), asOf: 70, want: true},
		"other policies":         {policy: "p2", asOf: 70},
		"another history":        {change: func(r *remembered.Terms, _ *remembered.Floors) { r.Floors = other }, asOf: 70},
		"fresher is demanded":    {atLeast: 71, asOf: 70},
		"as fresh is demanded":   {atLeast: 70, asOf: 70, want: true},
		"announced is demanded":  {change: announce(80), atLeast: 80, asOf: 80, want: true},
		"beyond what was told":   {change: announce(80), atLeast: 81, asOf: 80},
		"a floor never descends": {change: raise(1, 90, 60), asOf: 70},
	} {
		f := remembered.NewFloors(4, 70)
		terms := remembered.Terms{Floors: f, Revision: 70, Slot: 1, Policy: "p1"}
		if row.change != nil {
			row.change(&terms, f)
		}
		if row.policy == "" {
			row.policy = "p1"
		}
		if asOf, got := terms.Current(f, row.policy, row.atLeast); got != row.want || asOf != row.asOf {
			t.Errorf("%s: %v as of %d, want %v as of %d", name, got, asOf, row.want, row.asOf)
		}
	}
}

// TestOlderThanTheFloorsBegin: nothing from before counts.
func TestOlderThanTheFloorsBegin(t *testing.T) {
	f := remembered.NewFloors(4, 70)
	terms := remembered.Terms{Floors: f, Revision: 69}
	if _, ok := terms.Current(f, "", 0); ok || f.Announced() != 70 || f.Slots() != 4 {
		t.Errorf("%v, announced %d, %d slots", ok, f.Announced(), f.Slots())
	}
}

func TestTimeOfAnAnswer(t *testing.T) {
	for _, row := range []struct {
		from, until, now int64
		want             bool
	}{
		{0, 0, 0, true}, {0, 0, math.MaxInt64, true}, {10, 0, 9, false}, {10, 0, 10, true}, {10, 20, 19, true}, {10, 20, 20, false},
		{10, 20, 21, false}, {0, 20, -1, false},
	} {
		terms := remembered.Terms{From: row.from, Until: row.until}
		if got := terms.In(row.now); got != row.want {
			t.Errorf("%+v: %v", row, got)
		}
	}
}

// What was read at several revisions shows one only if no change that is not told yet can lie between.
func TestSeveralAtOnce(t *testing.T) {
	for name, row := range map[string]struct {
		revision, announced uint64
		policy              string
		want                bool
	}{
		"read at it":             {70, 70, "p1", true},
		"told more":              {70, 75, "p1", true},
		"read at a newer one":    {71, 70, "p1", false},
		"overtaken":              {69, 75, "p1", false},
		"decided by other rules": {70, 70, "p2", false},
	} {
		f := remembered.NewFloors(4, 70)
		terms := remembered.Terms{Floors: f, Revision: row.revision, Policy: row.policy}
		if got := terms.CurrentAt(f, "p1", row.announced); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestFloorsUnderWriters: who reads what was announced finds the floors of all changes up to it.
func TestFloorsUnderWriters(t *testing.T) {
	const changes = 20_000
	f := remembered.NewFloors(8, 0)
	var running sync.WaitGroup
	running.Go(func() {
		for r := uint64(1); r <= changes; r++ {
			f.Raise(uint32(r%8), r)
			f.Announce(r)
		}
	})
	for slot := range uint32(8) {
		running.Go(func() {
			for announced := uint64(0); announced < changes; {
				var floor uint64
				announced, floor = f.Of(slot)
				// The newest change of the slot up to what was announced.
				if want := announced - (announced+8-uint64(slot))%8; floor < want && want <= announced {
					t.Errorf("slot %d: floor %d where %d was announced", slot, floor, announced)
					return
				}
			}
		})
	}
	running.Wait()
}

// entry is what the tests keep.
type entry struct {
	remembered.Mark
	key string
}

type table = remembered.Table[entry, *entry]

var seed = maphash.MakeSeed()

func hashOf(n int) uint64 { return maphash.Comparable(seed, n) }

func always(*entry) bool { return true }

func ask(t *table, n, bytes int) (hit bool) {
	key := fmt.Sprint(n)
	is := func(e *entry) bool { return e.key == key }
	if e := t.Find(hashOf(n), is); e != nil {
		e.Use()
		return true
	}
	t.Put(hashOf(n), bytes, &entry{key: key}, is, always)
	return false
}

// TestTableKeepsToItsBytes, whatever comes.
func TestTableKeepsToItsBytes(t *testing.T) {
	const most = 100_000
	kept := remembered.NewTable[entry](1000, most)
	for n := range 50_000 {
		ask(kept, n, 50+n%400)
		if kept.Bytes() > most {
			t.Fatalf("%d bytes after %d", kept.Bytes(), n)
		}
	}
	sum, entries := 0, 0
	kept.All(func(e *entry) { entries++; n := 0; fmt.Sscan(e.key, &n); sum += 50 + n%400 })
	if int64(sum) != kept.Bytes() || entries < 300 {
		t.Errorf("%d entries of %d bytes, the table says %d", entries, sum, kept.Bytes())
	}
}

// TestTableTakesTheSameOnce: a second of one key stands in the place of the first.
func TestTableTakesTheSameOnce(t *testing.T) {
	kept := remembered.NewTable[entry](64, 0)
	is := func(e *entry) bool { return e.key == "a" }
	first, second := &entry{key: "a"}, &entry{key: "a"}
	if gone := kept.Put(1, 0, first, is, always); gone != nil {
		t.Errorf("%v is gone from an empty table", gone)
	}
	if gone := kept.Put(1, 0, second, is, always); gone != first || kept.Find(1, is) != second {
		t.Errorf("gone is %p, want %p", gone, first)
	}
	if kept.Find(2, is) != nil || kept.Find(1, func(*entry) bool { return false }) != nil {
		t.Error("found by another hash, or though it is not the one")
	}
	var none table
	if none.Find(1, is) != nil || none.Put(1, 0, first, is, always) != first {
		t.Error("the zero value keeps something")
	}
}

// TestOutdatedGoFirst: what does not count any more makes room before what is of use.
func TestOutdatedGoFirst(t *testing.T) {
	kept := remembered.NewTable[entry](8, 0)
	for n := range 8 {
		ask(kept, n, 0)
		ask(kept, n, 0)
	}
	outdated := func(e *entry) bool { return e.key != "3" }
	gone := kept.Put(hashOf(100), 0, &entry{key: "100"}, func(*entry) bool { return false }, outdated)
	if gone == nil || gone.key != "3" {
		t.Errorf("%+v made room, want 3", gone)
	}
}

// TestAScanPushesOutLittle: a million that are asked once leave what is asked often where it is, and what is asked
// often later comes in all the same.
func TestAScanPushesOutLittle(t *testing.T) {
	const size, hot, scan = 8192, 4096, 1_000_000
	kept := remembered.NewTable[entry](size, 0)
	hits, asked := 0, 0
	hotOnes := func(from int) {
		for n := range hot {
			asked++
			if ask(kept, from+n, 0) {
				hits++
			}
		}
	}
	for range 4 {
		hotOnes(0)
	}
	hits, asked = 0, 0
	for n := range scan {
		ask(kept, 10_000_000+n, 0)
		if n%(scan/50) == 0 {
			hotOnes(0)
		}
	}
	if hits < asked*95/100 {
		t.Errorf("under the scan %d of %d that are asked often were there", hits, asked)
	}
	for range 20 {
		hotOnes(1_000_000)
	}
	hits, asked = 0, 0
	hotOnes(1_000_000)
	if hits < asked*90/100 {
		t.Errorf("of what is asked often now %d of %d were there", hits, asked)
	}
}

// TestTableUnderLoad is for the race detector.
func TestTableUnderLoad(t *testing.T) {
	kept := remembered.NewTable[entry](256, 20_000)
	var running sync.WaitGroup
	for seed := range 4 {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(seed), 2))
			for range 20_000 {
				ask(kept, random.IntN(600), 100)
			}
		})
	}
	running.Wait()
	if kept.Bytes() < 0 || kept.Bytes() > 20_000 {
		t.Errorf("%d bytes", kept.Bytes())
	}
}

// BenchmarkFind is a lookup of one that is there.
func BenchmarkFind(b *testing.B) {
	kept := remembered.NewTable[entry](1<<16, 0)
	for n := range 1000 {
		ask(kept, n, 0)
	}
	hash := hashOf(7)
	for b.Loop() {
		if kept.Find(hash, func(e *entry) bool { return e.key == "7" }) == nil {
			b.Fatal("not found")
		}
	}
}
