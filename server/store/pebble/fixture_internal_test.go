package pebble

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/storetest"
)

// writeFixture has TestWriteFixture make the store of this version anew. Whoever changes the format counts it up and
// writes another; those that are there stay as they are, for every later version has to open them.
var writeFixture = flag.Bool("fixture.write", false, "write testdata/format-N.tar.gz and .json of the store's format of today")

// fixture is what a store of testdata holds, as the version that wrote it read it back.
type fixture struct {
	Format   int
	StoreID  string
	Revision consent.Revision
	// Chain is that of the newest revision, in hexadecimal; since format 5.
	Chain string `json:",omitempty"`
	IDs   []fixtureID
}

// fixtureID is an id of a fixture: who it names, its state, and its own ledger.
type fixtureID struct {
	Subject consent.Subject
	Person  consent.Person
	Changed consent.Revision
	State   json.RawMessage
	Ledger  []fixtureEntry
}

type fixtureEntry struct {
	Kind  string
	Entry json.RawMessage
}

// fixtureEpoch is when the events of a fixture begin to be recorded: a minute after the generator's.
var fixtureEpoch = consent.InstantOf(storetest.Epoch) + 60_000_000_000

// fixtureWriter records what a fixture holds.
type fixtureWriter struct {
	t     *testing.T
	store *Store
	count int
	seen  []consent.Subject
}

// record records an event of each fact in a batch of its own. It returns the id of the last.
func (w *fixtureWriter) record(id string, facts ...consent.Fact) (last string) {
	w.t.Helper()
	who := consent.Subject{Controller: "example", ID: id}
	for _, fact := range facts {
		w.count++
		last = fmt.Sprintf("event-%d", w.count)
		event := consent.Event{ID: last, OccurredAt: w.now() - 1, Source: "support", Evidence: "urn:ticket:1", Fact: fact}
		mustRecord(w.t, w.store, w.batch(who, event))
		// Said twice: a duplicate leaves nothing.
		if again := mustRecord(w.t, w.store, w.batch(who, event)); again.Duplicates != 1 {
			w.t.Fatalf("%v was recorded twice", event)
		}
	}
	return last
}

func (w *fixtureWriter) now() consent.Instant {
	return fixtureEpoch + consent.Instant(w.count)*1_000_000_000
}

func (w *fixtureWriter) batch(who consent.Subject, events ...consent.Event) consent.Batch {
	if !slices.Contains(w.seen, who) {
		w.seen = append(w.seen, who)
	}
	return consent.Batch{Subject: who, Events: events, RecordedAt: w.now()}
}

// kinds records every kind of event, and every value of what they say.
func (w *fixtureWriter) kinds() {
	yes, no, place := true, false, "DE-BY"
	w.record("consents",
		consent.Consent{Purpose: "analytics", Status: consent.Requested},
		consent.Consent{Purpose: "analytics", Status: consent.Given, NoticeVersion: 3, Explicit: true, GivenBy: consent.ByParent,
			Countries: []string{"DE", "JP"}, ExpiresAt: fixtureEpoch + 1e18},
		consent.Consent{Purpose: "third_party_disclosure", Status: consent.Given, NoticeVersion: 1,
			Recipients: []string{"acme", "globex"}},
		consent.Consent{Purpose: "third_party_disclosure", Status: consent.Withdrawn, Recipients: []string{"acme"}},
		consent.Consent{Purpose: "marketing_email", Status: consent.Refused, GivenBy: consent.ByAgent},
		consent.Consent{Purpose: "personalization", Status: consent.Invalidated, GivenBy: consent.ByController})
	w.record("stops",
		consent.Objection{}, consent.Objection{Purposes: []string{"analytics"}, Lifted: true},
		consent.Restriction{Ground: consent.Ground(1)}, consent.Restriction{Ground: consent.Ground(2), Purposes: []string{"analytics"}},
		consent.Restriction{Ground: consent.Ground(1), Lifted: true},
		consent.OptOut{Kind: consent.OptOutKind(1)}, consent.OptOut{Kind: consent.OptOutKind(2)},
		consent.OptOut{Kind: consent.OptOutKind(2), Lifted: true},
		consent.Signals{GPC: &yes, DNT: &no}, consent.Signals{GPC: &no})
	w.record("profile", consent.Profile{
		Jurisdiction: &place, Age: &consent.Age{Min: 16, Max: consent.Unbounded}, AccountStatus: 1, LastActivityAt: fixtureEpoch,
		RetentionUntil: fixtureEpoch + 1e18,
		Relationship:   &consent.Relationship{LastSaleAt: fixtureEpoch, SellingEntity: "acme", OptOutOffered: true},
	})
	w.record("cancelled", grantFact,
		consent.Erasure{Stage: consent.ErasureRequested}, consent.Erasure{Stage: consent.ErasureCancelled})
	w.record("erased", grantFact, consent.Erasure{Stage: consent.ErasureRequested},
		consent.Erasure{Stage: consent.ErasureInProgress}, consent.Erasure{Stage: consent.ErasureCompleted})
	w.record("back", grantFact,
		consent.Erasure{Stage: consent.ErasureCompleted}, consent.Erasure{Stage: consent.ErasureRestarted}, grantFact)
	mistake := w.record("annulled", grantFact, consent.Objection{})
	w.record("annulled", consent.Annulment{EventID: mistake})
	w.record("ünïcode \x00 ", consent.Objection{})
}

var grantFact = consent.Consent{Purpose: "analytics", Status: consent.Given, NoticeVersion: 1}

// people records who is who: a person of three ids, one that was parted, one that was erased, a household.
func (w *fixtureWriter) people() {
	w.record("account:1", grantFact, consent.LinkOf("account:1", "cookie:a"), consent.LinkOf("account:1", "device:b"))
	stop := w.record("cookie:a", consent.Objection{Purposes: []string{"marketing_email"}})
	w.record("device:b", consent.Annulment{EventID: stop}, consent.Consent{Purpose: "analytics", Status: consent.Withdrawn})
	w.record("account:2", grantFact, consent.LinkOf("account:2", "cookie:c"))
	w.record("cookie:c", consent.Signals{GPC: new(true)}, consent.Unlink{With: "account:2"})
	w.record("account:3", grantFact, consent.LinkOf("account:3", "cookie:d"), consent.Erasure{Stage: consent.ErasureRequested},
		consent.Erasure{Stage: consent.ErasureCompleted})
	w.record("till", consent.Sharing{Shared: true}, consent.Objection{Purposes: []string{"analytics"}}, grantFact)
	for _, id := range []string{"account:1", "account:4", "account:5"} {
		w.record(id, consent.LinkOf(id, "till"))
	}
	w.record("account:5", consent.Objection{})
	link := w.record("account:6", consent.LinkOf("account:6", "cookie:e"))
	w.record("cookie:e", consent.Annulment{EventID: link})
	w.record("till-of-old", consent.Sharing{Shared: true}, consent.Sharing{Shared: false}, grantFact)
}

// random records batches of several events; what an erasure refuses is left out.
func (w *fixtureWriter) random(seed uint64, subjects int) {
	g := storetest.NewGenerator(seed)
	for range subjects {
		who := g.Subject()
		who.Controller = []string{"example", "a", "another"}[w.count%3]
		for i := range 4 {
			w.count++
			b := w.batch(who, g.Events(1+i%3)...)
			b.By = []consent.Identity{{}, {Kind: "key", ID: "crm"}, {Kind: "token", ID: "7", Issuer: "https://id.example"}}[i%3]
			_, err := w.store.Record(w.t.Context(), b)
			if _, refused := errors.AsType[*consent.EventError](err); err != nil && !refused {
				w.t.Fatal(err)
			}
		}
	}
}

// TestWriteFixture writes the store of this version, with one part of it in tables, one in the log, as a process that
// was killed leaves it.
func TestWriteFixture(t *testing.T) {
	if !*writeFixture {
		t.Skip("writes only with -fixture.write")
	}
	name := fmt.Sprintf("format-%d", format)
	path := filepath.Join(t.TempDir(), name)
	s, _ := openLogged(t, path)
	w := &fixtureWriter{t: t, store: s}
	w.kinds()
	w.random(1, 12)
	if err := errors.Join(s.db.Flush(), s.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false)); err != nil {
		t.Fatal(err)
	}
	w.people()
	w.random(2, 6)
	packed := pack(t, path, name)
	written, err := json.Marshal(contents(t, s, w.seen))
	if err != nil {
		t.Fatal(err)
	}
	// One id a line.
	written = bytes.ReplaceAll(written, []byte(`{"Subject"`), []byte("\n{\"Subject\""))
	if err := errors.Join(os.WriteFile("testdata/"+name+".tar.gz", packed, 0o644),
		os.WriteFile("testdata/"+name+".json", append(written, '\n'), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d ids, revision %d, %d bytes packed", len(w.seen), s.Applied(), len(packed))
}

// contents is what a store holds of some ids.
func contents(t *testing.T, s *Store, ids []consent.Subject) fixture {
	t.Helper()
	f := fixture{
		Format: format, StoreID: hex.EncodeToString(s.id[:]), Revision: s.Applied(), Chain: hex.EncodeToString(s.head.chain[:]),
	}
	for _, who := range ids {
		got, err := s.Read(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		person, err := s.Person(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		id := fixtureID{Subject: who, Person: person, Changed: got.Changed, State: encoded(t, got.State)}
		for _, e := range ownLedger(t, s, who) {
			id.Ledger = append(id.Ledger, fixtureEntry{e.Event.Fact.KindName(), encoded(t, e)})
		}
		f.IDs = append(f.IDs, id)
	}
	return f
}

func ownLedger(t *testing.T, s *Store, who consent.Subject) []consent.Entry {
	t.Helper()
	page, err := s.Events(t.Context(), who, consent.Page{Limit: 1 << 20, Alone: true})
	if err != nil {
		t.Fatal(err)
	}
	return page.Entries
}

func encoded(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pack returns a directory as a packed archive, with its files under name.
func pack(t *testing.T, dir, name string) []byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	files := tar.NewWriter(zipped)
	if err := files.WriteHeader(&tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o700}); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		err = files.WriteHeader(&tar.Header{Name: name + "/" + e.Name(), Mode: 0o600, Size: int64(len(content))})
		if _, writing := files.Write(content); err != nil || writing != nil {
			t.Fatal(err, writing)
		}
	}
	if err := errors.Join(files.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestStoresOfEveryVersionOpen opens what earlier versions wrote, compares it with what they read back, and goes on
// from there. States may differ where the rules of folding changed since: then the folded ledger is what counts, and
// whoever changes the rules says so here, with the format from which on states are as they are now.
func TestStoresOfEveryVersionOpen(t *testing.T) {
	const statesSince = 3
	names, err := filepath.Glob("testdata/format-*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			var want fixture
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(content, &want); err != nil {
				t.Fatal(err)
			}
			dir := unpack(t, fmt.Sprintf("format-%d", want.Format))
			s, _ := openLogged(t, dir)
			compareFixture(t, s, want, want.Format >= statesSince)
			replayFixture(t, s, want)
			continueFixture(t, s, want)
			mustClose(t, s)
			s, _ = openLogged(t, dir)
			want.IDs = want.IDs[1:] // to the first continueFixture adds
			want.Revision++
			want.Chain = ""
			compareFixture(t, s, want, want.Format >= statesSince)
		})
	}
}

func compareFixture(t *testing.T, s *Store, want fixture, states bool) {
	t.Helper()
	var ids []consent.Subject
	for _, id := range want.IDs {
		ids = append(ids, id.Subject)
	}
	got := contents(t, s, ids)
	if want.Chain != "" && got.Chain != want.Chain {
		t.Errorf("chain %s, want %s", got.Chain, want.Chain)
	}
	if got.StoreID != want.StoreID || got.Revision != want.Revision {
		t.Errorf("store %s at %d, want %s at %d", got.StoreID, got.Revision, want.StoreID, want.Revision)
	}
	entries := 0
	for i, id := range want.IDs {
		g := got.IDs[i]
		if !slices.Equal(g.Person.IDs, id.Person.IDs) || !slices.Equal(g.Person.Shared, id.Person.Shared) || g.Changed != id.Changed {
			t.Errorf("%q is %+v, changed at %d; want %+v, %d", id.Subject.ID, g.Person, g.Changed, id.Person, id.Changed)
		}
		if states && !holds(t, id.State, g.State) {
			t.Errorf("state of %q:\n got %s\nwant %s", id.Subject.ID, g.State, id.State)
		}
		if len(g.Ledger) != len(id.Ledger) {
			t.Errorf("%q has %d entries, want %d", id.Subject.ID, len(g.Ledger), len(id.Ledger))
			continue
		}
		for j, e := range id.Ledger {
			entries++
			if g := g.Ledger[j]; g.Kind != e.Kind || !holds(t, e.Entry, g.Entry) {
				t.Errorf("entry %d of %q:\n got %s %s\nwant %s %s", j, id.Subject.ID, g.Kind, g.Entry, e.Kind, e.Entry)
			}
		}
		wantFolded(t, s, id.Subject)
	}
	if len(want.IDs) < 30 || entries < 100 {
		t.Errorf("only %d ids and %d entries compared", len(want.IDs), entries)
	}
}

// wantFolded fails unless the state of an id is what all ledgers that it depends on fold to.
func wantFolded(t *testing.T, s *Store, who consent.Subject) {
	t.Helper()
	graph, err := consent.Gather([]string{who.ID}, func(id string) ([]consent.Entry, error) {
		return ledger(s.db, consent.Subject{Controller: who.Controller, ID: id})
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := find(s.db, who, true)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := graph.State(who.ID).AppendBinary(nil)
	if got, _ := r.State.AppendBinary(nil); !bytes.Equal(got, want) {
		t.Errorf("the state of %q is not what its ledgers fold to", who.ID)
	}
}

// holds reports whether what an older version wrote is in what this one reads: fields may have come since, and are
// nothing in what was written before.
func holds(t *testing.T, want, got json.RawMessage) bool {
	t.Helper()
	return within(decoded(t, want), decoded(t, got))
}

// decoded keeps numbers as they are written: instants do not fit into floating point.
func decoded(t *testing.T, text json.RawMessage) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// nothing reports whether a value is that of a field that says nothing.
func nothing(value any) bool {
	if fields, ok := value.(map[string]any); ok {
		for _, field := range fields {
			if !nothing(field) {
				return false
			}
		}
		return true
	}
	return value == nil || value == json.Number("0") || reflect.ValueOf(value).IsZero()
}

func within(want, got any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		for key := range w {
			ok = ok && within(w[key], g[key])
		}
		for key, value := range g {
			if _, known := w[key]; !known {
				ok = ok && nothing(value)
			}
		}
		return ok
	case []any:
		g, _ := got.([]any)
		if len(w) != len(g) {
			return false
		}
		for i := range w {
			if !within(w[i], g[i]) {
				return false
			}
		}
		return true
	}
	if got, ok := got.([]any); ok && want == nil {
		return len(got) == 0
	}
	return want == got
}

// replayFixture says every event again: it is known by its id, with the same content and no other.
func replayFixture(t *testing.T, s *Store, want fixture) {
	t.Helper()
	for _, id := range want.IDs {
		for _, e := range ownLedger(t, s, id.Subject) {
			if e.SubjectID != id.Subject.ID || e.Event.LinkedWith() != "" {
				continue // said under another id, or perhaps
			}
			batch := consent.Batch{Subject: id.Subject, Events: []consent.Event{e.Event}, RecordedAt: e.RecordedAt}
			if r, err := s.Record(t.Context(), batch); err != nil || r.Duplicates != 1 || r.Revision != want.Revision {
				t.Errorf("%v said again: %+v, %v; want a duplicate", e.Event, r, err)
			}
			batch.Events[0].Source = "another"
			if _, err := s.Record(t.Context(), batch); !errors.Is(err, consent.ErrEventConflict) {
				t.Errorf("%v with another source: %v, want a conflict", e.Event, err)
			}
		}
	}
}

// continueFixture records a change of the first id.
func continueFixture(t *testing.T, s *Store, want fixture) {
	t.Helper()
	who := want.IDs[0].Subject
	withdrawn := batchOf(who, "after", consent.Consent{Purpose: "analytics", Status: consent.Withdrawn})
	withdrawn.RecordedAt, withdrawn.Events[0].OccurredAt = fixtureEpoch+1e18, fixtureEpoch+1e18
	if r := mustRecord(t, s, withdrawn); r.Revision != want.Revision+1 {
		t.Errorf("the next change takes revision %d, want %d", r.Revision, want.Revision+1)
	}
	got, err := s.Read(t.Context(), who)
	if err != nil || got.State.Consents[0].Own.Status != consent.Withdrawn {
		t.Errorf("the withdrawal does not count: %+v, %v", got.State.Consents[0], err)
	}
	wantFolded(t, s, who)
}
