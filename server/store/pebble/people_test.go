package pebble_test

import (
	"flag"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/store/storetest"
)

var histories = flag.Int("people.histories", 200, "how many random histories of people TestPeopleAgreeWithTheModel records")

// TestPeopleAgreeWithTheModel records random histories of ids that are linked, parted and shared, each under a
// controller of its own, and compares each state after each change with a model; and again after reopening, and after
// recording the same anew.
func TestPeopleAgreeWithTheModel(t *testing.T) {
	const each = 500 // histories a store
	links, refused := 0, 0
	for seed := 0; seed < *histories; seed += each {
		for _, h := range recordHistories(t, seed, min(seed+each, *histories)) {
			links, refused = links+h.Links, refused+h.Refused
		}
	}
	t.Logf("%d histories, %d events of who is who recorded, %d batches refused", *histories, links, refused)
	if links < *histories || refused < *histories/2 {
		t.Error("too few links or refusals: the histories say little")
	}
}

// recordHistories has a store in memory: there are many thousand changes, and no disk to wait for.
func recordHistories(t *testing.T, from, to int) (done []storetest.History) {
	options := pebble.Options{FS: vfs.NewMem()}
	s := open(t, "data", options)
	for seed := from; seed < to; seed++ {
		done = append(done, storetest.RecordHistory(t, s, uint64(seed)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, "data", options)
	for _, h := range done {
		h.Check(t, s)
		h.Replay(t, s)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return done
}
