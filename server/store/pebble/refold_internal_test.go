package pebble

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/change"
)

// unpackFormat1 returns a directory with a store that was written before states remembered the rules of their
// folding:
// 307 subjects, of whom seven show where the rules changed.
func unpackFormat1(t *testing.T) string { return unpack(t, "format-1") }

// unpack returns a directory with the store of a name in testdata.
func unpack(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	for files := tar.NewReader(zipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(parent, name)
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(parent, header.Name)
		if header.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else {
			var content bytes.Buffer
			_, err = io.Copy(&content, files)
			err = errors.Join(err, os.WriteFile(path, content.Bytes(), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func openLogged(t *testing.T, dir string) (*Store, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	s, err := Open(dir, Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, log
}

func stateOfSubject(t *testing.T, s *Store, id string) *consent.State {
	t.Helper()
	got, err := s.Read(t.Context(), consent.Subject{Controller: "example", ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return got.State
}

// allFolded fails unless each state is its folded ledger, and returns how many there are.
func allFolded(t *testing.T, s *Store) (n int) {
	t.Helper()
	err := s.Scan(t.Context(), "", func(who consent.Subject, got consent.Snapshot) error {
		page, err := s.Events(context.Background(), who, consent.Page{Limit: 1 << 30})
		if err != nil {
			return err
		}
		if diff := cmp.Diff(consent.FoldEntries(page.Entries), got.State, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("state of %v (-folded ledger +got):\n%s", who, diff)
		}
		if last := page.Entries[len(page.Entries)-1].Revision; got.Changed != last {
			t.Errorf("%v changed at %d, want %d", who, got.Changed, last)
		}
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStatesOfOlderRulesAreFoldedAnew(t *testing.T) {
	dir := unpackFormat1(t)
	s, log := openLogged(t, dir)
	if !strings.Contains(log.String(), `msg="states were folded anew" states=307`) {
		t.Errorf("log:\n%s", log)
	}
	if n := allFolded(t, s); n != 307 || s.Applied() != 1340 {
		t.Errorf("%d states, applied %d", n, s.Applied())
	}
	for _, id := range []string{"same-second", "ahead"} {
		if got := stateOfSubject(t, s, id).Consents[0].Own.Status; got != consent.Withdrawn {
			t.Errorf("%s: %v", id, got)
		}
	}
	if got := stateOfSubject(t, s, "signal").GPC; !got.Value {
		t.Errorf("a false undid the signal: %+v", got)
	}
	if got := stateOfSubject(t, s, "erased"); got.Erasure.Value != consent.ErasureCompleted || got.Consents[0].Own.Status != 0 {
		t.Errorf("a completed erasure was cancelled: %+v", got)
	}
	if got := stateOfSubject(t, s, "tie").Consents[0].Own; got.Explicit || got.NoticeVersion != 2 {
		t.Errorf("two grants of one instant: %+v", got)
	}
	if got := stateOfSubject(t, s, "far"); got.LastActivityAt.Value >= consent.MaxInstant ||
		got.RetentionUntil.Value >= consent.MaxInstant {
		t.Errorf("instants that nobody may name: %+v", got)
	}
	if got := stateOfSubject(t, s, "imported").Consents[0].Own.Status; got != 0 {
		t.Errorf("an import without evidence: %v", got)
	}
	mustClose(t, s)
	s, log = openLogged(t, dir)
	if strings.Contains(log.String(), "anew") {
		t.Errorf("folded anew twice:\n%s", log)
	}
	if n := allFolded(t, s); n != 307 {
		t.Errorf("%d states", n)
	}
}

// TestFoldingAnewGoesOn interrupts it after the 100th state.
func TestFoldingAnewGoesOn(t *testing.T) {
	dir := unpackFormat1(t)
	interrupted := &Store{log: newMonitor(Options{}), marks: new(store.Marks)}
	if err := interrupted.openEngine(dir, Options{FS: vfs.Default}); err != nil {
		t.Fatal(err)
	}
	if _, err := interrupted.identify(); err != nil {
		t.Fatal(err)
	}
	iter, err := interrupted.db.NewIter(&engine.IterOptions{LowerBound: []byte{tableStates}, UpperBound: []byte{tableStates + 1}})
	if err != nil {
		t.Fatal(err)
	}
	p := refolding{store: interrupted}
	for iter.First(); len(p.group) < 100; iter.Next() {
		if err := p.see(iter.Key(), iter.Value()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(iter.Close(), p.flush(), interrupted.closeEarly()); err != nil {
		t.Fatal(err)
	}
	s, log := openLogged(t, dir)
	if !strings.Contains(log.String(), `msg="states were folded anew" states=207`) {
		t.Errorf("log:\n%s", log)
	}
	if n := allFolded(t, s); n != 307 {
		t.Errorf("%d states", n)
	}
}

// TestStoreOfFormat2GoesOn opens a store that was written before ids could be of people: 60 subjects, 303 changes.
func TestStoreOfFormat2GoesOn(t *testing.T) {
	dir := unpack(t, "format-2")
	s, log := openLogged(t, dir)
	if n := allFolded(t, s); n != 60 || s.Applied() != 303 {
		t.Errorf("%d states, applied %d; log:\n%s", n, s.Applied(), log)
	}
	if value, err := s.get(s.db, identityKey); err != nil || value[0] != format {
		t.Errorf("identity %v, error %v: the older program must not read on", value, err)
	}
	account := consent.Subject{Controller: "example", ID: "account:1"}
	mustRecord(t, s, batchOf(account, "link-1", consent.LinkOf(account.ID, "email_hmac:c")))
	mustRecord(t, s, batchOf(account, "link-2", consent.LinkOf(account.ID, "cookie:a")))
	mustClose(t, s)
	s, _ = openLogged(t, dir)
	if n := allFolded(t, s); n != 58 {
		t.Errorf("%d people and ids, want 58: three of 60 are one", n)
	}
	if a, b := stateOfSubject(t, s, "account:1"), stateOfSubject(t, s, "cookie:a"); !cmp.Equal(a, b, cmpopts.EquateEmpty()) {
		t.Errorf("the ids of one person read different states:\n%s", cmp.Diff(a, b, cmpopts.EquateEmpty()))
	}
}

// TestPeopleAreFoldedAnew marks the states of people and shared ids as made by older rules.
func TestPeopleAreFoldedAnew(t *testing.T) {
	files := vfs.NewMem()
	s := mustOpen(t, files, nil)
	for i := range 4 {
		mustRecord(t, s, grantOf(subject(i), subject(i).ID))
	}
	mustRecord(t, s, batchOf(subject(2), "shared", consent.Sharing{Shared: true}))
	mustRecord(t, s, batchOf(subject(2), "stop", consent.Objection{}))
	for _, other := range []int{1, 2} {
		mustRecord(t, s, batchOf(subject(0), "link-"+subject(other).ID, consent.Link{With: subject(other).ID}))
	}
	want := map[string]*consent.State{}
	for i := range 4 {
		want[subject(i).ID] = stateOfSubject(t, s, subject(i).ID)
	}
	outdated := 0
	for _, table := range []byte{tableStates, tablePeople} {
		iter, err := s.db.NewIter(&engine.IterOptions{LowerBound: []byte{table}, UpperBound: []byte{table + 1}})
		if err != nil {
			t.Fatal(err)
		}
		for iter.First(); iter.Valid(); iter.Next() {
			value := bytes.Clone(iter.Value())
			form := stateForm(t, table, value)
			if form == nil {
				continue
			}
			form[0], form[1] = 1, 0xff
			outdated++
			if err := s.db.Set(iter.Key(), value, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := iter.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if outdated != 3 {
		t.Fatalf("%d states, want those of a person, a shared id and one alone", outdated)
	}
	if err := s.db.Set(foldingKey, []byte{1}, nil); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	s = mustOpen(t, files, nil)
	for id, state := range want {
		if diff := cmp.Diff(state, stateOfSubject(t, s, id), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("state of %s (-before +folded anew):\n%s", id, diff)
		}
	}
}

// stateForm is the part of a value that is the state's binary form; nil: there is none.
func stateForm(t *testing.T, table byte, value []byte) []byte {
	t.Helper()
	r, err := change.ParseRow(value, true)
	if table == tablePeople {
		r, err = change.ParsePerson(value, consent.PersonKey{}, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Alias() {
		return nil
	}
	form, _ := r.State.AppendBinary(nil)
	return value[len(value)-len(form):]
}
