package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// markAt fails unless the revision has a mark.
func markAt(t *testing.T, s *Store, r consent.Revision) store.Mark {
	t.Helper()
	mark, ok, err := s.Mark(t.Context(), r)
	if err != nil || !ok {
		t.Fatalf("mark of revision %d: %v, error %v", r, ok, err)
	}
	return mark
}

// TestChainBeginsInOlderStores: at their newest revision, with no mark before it, and it stays the same.
func TestChainBeginsInOlderStores(t *testing.T) {
	dir := unpack(t, "format-3")
	s, _ := openLogged(t, dir)
	last := s.Applied()
	begun := store.Begin(s.id, last)
	if got := markAt(t, s, last); got != begun.Mark() {
		t.Errorf("the chain begins with mark %x, want %x", got, begun.Mark())
	}
	if _, ok, err := s.Mark(t.Context(), last-1); ok || err != nil {
		t.Errorf("a revision from before chains has a mark: %v, error %v", ok, err)
	}
	next := mustRecord(t, s, grantOf(subject(1), "next")).Revision
	want := markAt(t, s, next)
	mustClose(t, s)
	s, _ = openLogged(t, dir)
	if got := markAt(t, s, next); got != want || markAt(t, s, last) != begun.Mark() {
		t.Errorf("marks differ after reopening")
	}
	mustClose(t, s)
	if report, err := Verify(dir); err != nil || len(report.Faults) > 0 {
		t.Errorf("%v, error %v", report, err)
	}
}

// TestMarksOutlastMemory reads from the disk the marks that memory does not hold any more.
func TestMarksOutlastMemory(t *testing.T) {
	files := vfs.NewMem()
	s := mustOpen(t, files, nil)
	var want []store.Mark
	for _, id := range []string{"a", "b", "c"} {
		want = append(want, markAt(t, s, mustRecord(t, s, grantOf(subject(1), id)).Revision))
	}
	s.marks.Clear()
	for i, mark := range want {
		if got := markAt(t, s, consent.Revision(i+1)); got != mark {
			t.Errorf("mark of revision %d is %x from the disk, %x from memory", i+1, got, mark)
		}
	}
	mustClose(t, s)
	s = mustOpen(t, files, nil)
	for i, mark := range want {
		if got, ok := s.marks.Get(consent.Revision(i + 1)); !ok || got != mark {
			t.Errorf("after reopening memory has %x, %v of revision %d, want %x", got, ok, i+1, mark)
		}
	}
}
