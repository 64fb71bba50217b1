package pebble_test

import (
	"flag"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/store/storetest"
)

var histories = flag.Int("people.histories", 300, "how many random histories of people TestPeopleAgreeWithTheModel records")

// TestPeopleAgreeWithTheModel records random histories of ids that are linked, parted and shared, each under a controller of its own,
// and compares each state after each change with a model; and again after reopening, and after recording the same anew.
func TestPeopleAgreeWithTheModel(t *testing.T) {
	const dir = "data"
	options := pebble.Options{FS: vfs.NewMem()} // no disk to wait for: there are many thousand changes
	s := open(t, dir, options)
	var done []storetest.History
	links, refused := 0, 0
	for seed := range uint64(*histories) {
		done = append(done, storetest.RecordHistory(t, s, seed))
		links, refused = links+done[len(done)-1].Links, refused+done[len(done)-1].Refused
		if len(done) < 500 && seed < uint64(*histories)-1 {
			continue
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, options)
		for _, h := range done {
			h.Check(t, s)
			h.Replay(t, s)
		}
		done = nil
	}
	t.Logf("%d histories, %d events of who is who recorded, %d batches refused", *histories, links, refused)
	if links < *histories || refused < *histories/2 {
		t.Error("too few links or refusals: the histories say little")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
