package pebble

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// dir is the data directory in memory.
const dir = "data"

func mustOpen(t testing.TB, files vfs.FS, observer store.Observer) *Store {
	t.Helper()
	s, err := Open(dir, Options{FS: files, Observers: store.Observers{After: observer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func subject(i int) consent.Subject {
	return consent.Subject{Controller: "example", ID: fmt.Sprintf("subject-%d", i)}
}

// grantOf is a batch of one grant with the given event id.
func grantOf(who consent.Subject, id string) consent.Batch {
	return batchOf(who, id, consent.Consent{Purpose: "analytics", Status: consent.Given, NoticeVersion: 1})
}

func batchOf(who consent.Subject, id string, fact consent.Fact) consent.Batch {
	return consent.Batch{Subject: who, RecordedAt: 7, Events: []consent.Event{{ID: id, OccurredAt: 5, Source: "support", Fact: fact}}}
}

func mustRecord(t testing.TB, s *Store, batch consent.Batch) consent.Recorded {
	t.Helper()
	r, err := s.Record(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// changes is an observer that remembers.
type changes struct {
	mu   sync.Mutex
	seen []store.Change
}

func (c *changes) Changed(change store.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, change)
}

func (c *changes) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

// audit fails unless the revisions of all subjects' ledgers have no gap, each state is its folded ledger, and Applied
// is the newest revision. It returns the ids of all events.
func audit(t testing.TB, s *Store, subjects []consent.Subject) map[string]bool {
	t.Helper()
	found, revisions := map[string]bool{}, map[consent.Revision]bool{}
	for _, who := range subjects {
		entries := allEntries(t, s, who)
		for _, e := range entries {
			found[e.Event.ID], revisions[e.Revision] = true, true
		}
		got, err := s.Read(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(consent.FoldEntries(entries), got.State, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("state of %v (-folded ledger +got):\n%s", who, diff)
		}
	}
	for r := consent.Revision(1); r <= s.Applied(); r++ {
		if !revisions[r] {
			t.Fatalf("revision %d of %d is missing", r, s.Applied())
		}
	}
	if len(revisions) != int(s.Applied()) {
		t.Fatalf("%d revisions, applied %d", len(revisions), s.Applied())
	}
	return found
}

// allEntries are those of all pages: one ends at 1 MiB.
func allEntries(t testing.TB, s *Store, who consent.Subject) (all []consent.Entry) {
	t.Helper()
	for page := (consent.Page{Limit: 1 << 30}); ; {
		got, err := s.Events(t.Context(), who, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got.Entries...)
		if page.After = got.Next; page.After == "" {
			return all
		}
	}
}

// oneUsefulLine fails unless err is one line that contains all of want.
func oneUsefulLine(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range append(want, "data") {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than a line", err)
	}
}
