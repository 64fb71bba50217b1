package consent_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/storetest"
)

// Any order of arrival, in batches of any size, adds up to the state that Fold gives.
func TestAnyOrderOfArrival(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		checkOrders(t, recorded(storetest.NewGenerator(seed).Events(1+r.IntN(12)), r), r)
	}
}

// checkOrders fails unless three random orders of arrival give the state of Fold.
func checkOrders(t *testing.T, events []consent.Entry, choose storetest.Chooser) {
	t.Helper()
	want := consent.FoldEntries(events)
	for range 3 {
		shuffle(events, choose)
		if diff := cmp.Diff(want, consent.FoldEntries(events)); diff != "" {
			t.Fatalf("Fold of %v (-want +got):\n%s", events, diff)
		}
		if diff := cmp.Diff(want, arrive(t, acceptable(events), 1+choose.IntN(3))); diff != "" {
			t.Fatalf("arrival of %v (-fold +arrived):\n%s", events, diff)
		}
	}
}

// acceptable is the order with each annulment after what it annuls, as stores ask.
func acceptable(events []consent.Entry) []consent.Entry {
	var late []consent.Entry
	rest := slices.DeleteFunc(slices.Clone(events), func(e consent.Entry) bool {
		_, ok := e.Event.Fact.(consent.Annulment)
		if ok {
			late = append(late, e)
		}
		return ok
	})
	return append(rest, late...)
}

// recorded are events that were recorded at times of their own, some before they occurred.
func recorded(events []consent.Event, choose storetest.Chooser) []consent.Entry {
	list := entries(events)
	for i := range list {
		list[i].RecordedAt = consent.InstantOf(storetest.Epoch) + consent.Instant(choose.IntN(18))*5e8
	}
	return list
}

func shuffle[T any](events []T, choose storetest.Chooser) {
	for i := len(events) - 1; i > 0; i-- {
		j := choose.IntN(i + 1)
		events[i], events[j] = events[j], events[i]
	}
}

func TestDuplicatesChangeNothing(t *testing.T) {
	for seed := range uint64(500) {
		events := storetest.NewGenerator(seed).Events(6)
		if diff := cmp.Diff(consent.Fold(events), consent.Fold(slices.Concat(events, events[2:], events[:3]))); diff != "" {
			t.Fatalf("seed %d (-once +twice):\n%s", seed, diff)
		}
	}
}

// A state that was shared never changes: Advance works on a copy.
func TestAdvanceLeavesItsArguments(t *testing.T) {
	for seed := range uint64(500) {
		events := entries(storetest.NewGenerator(seed).Events(8))
		before := consent.FoldEntries(events[:4])
		bytes := encode(t, before)
		fresh := slices.Clone(events[4:])
		if _, err := consent.Advance(before, fresh, func() ([]consent.Entry, error) { return events[:4], nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(bytes, encode(t, before)); diff != "" {
			t.Fatalf("seed %d: the state changed:\n%s", seed, diff)
		}
		if diff := cmp.Diff(events[4:], fresh); diff != "" {
			t.Fatalf("seed %d: the events changed:\n%s", seed, diff)
		}
	}
}

// bytesChooser lets a fuzzer choose; after its last byte it chooses 0.
type bytesChooser struct{ data []byte }

func (c *bytesChooser) IntN(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

func FuzzFold(f *testing.F) {
	f.Add([]byte{}, byte(3))
	f.Add([]byte("consents, objections, restrictions, opt-outs, signals, erasures and profiles in some order or other"), byte(9))
	f.Fuzz(func(t *testing.T, data []byte, n byte) {
		choose := &bytesChooser{data}
		events := storetest.NewGeneratorFrom(choose).Events(int(n % 10))
		for _, e := range events {
			if faults := e.Validate(consent.InstantOf(storetest.Epoch) + consent.MaxAhead); len(faults) > 0 {
				t.Fatalf("generated %v: %v", e, faults)
			}
		}
		checkOrders(t, recorded(events, choose), choose)
		var back consent.State
		state := consent.Fold(events)
		if err := back.UnmarshalBinary(encode(t, state)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(state, &back, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("stored state (-folded +decoded):\n%s", diff)
		}
	})
}
