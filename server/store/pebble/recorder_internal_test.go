package pebble

import (
	"bytes"
	"testing"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/consentd/consentd/server/consent"
)

// TestStoreOfFormat3NamesNobody: what was recorded before callers were was recorded by nobody, and stays an older
// program's to read until this one has opened it.
func TestStoreOfFormat3NamesNobody(t *testing.T) {
	files := vfs.NewMem()
	s := mustOpen(t, files, nil)
	who := subject(1)
	mustRecord(t, s, grantOf(who, "old")) // by nobody, which is written as format 3 did
	identity := bytes.Clone(s.identity())
	mustClose(t, s)
	identity[0] = 3
	edit(t, files, engine.Options{Comparer: comparer()}, identityKey, identity)

	s = mustOpen(t, files, nil)
	if value, err := s.get(s.db, identityKey); err != nil || value[0] != format || format < 4 {
		t.Errorf("identity %v, error %v: the older program must not read on", value, err)
	}
	mailer := consent.Identity{Kind: "key", ID: "mailer"}
	batch := grantOf(who, "new")
	batch.By = mailer
	mustRecord(t, s, batch)
	again := grantOf(who, "old")
	again.By = mailer
	if r := mustRecord(t, s, again); r.Duplicates != 1 {
		t.Errorf("an old event repeated by a caller: %+v", r)
	}
	page, err := s.Events(t.Context(), who, consent.Page{Limit: 9})
	if err != nil || len(page.Entries) != 2 {
		t.Fatalf("events %+v, error %v", page, err)
	}
	if old, recent := page.Entries[0], page.Entries[1]; !old.By.IsZero() || recent.By != mailer {
		t.Errorf("recorded by %v and %v", old.By, recent.By)
	}
}
