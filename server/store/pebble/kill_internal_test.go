package pebble

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
)

var killRounds = flag.Int("kill.rounds", 4, "how often TestKilledWhileLinking kills the process that writes")

// killDir is the environment variable that makes a process of this test the one that is killed: the directory of its
// store.
const (
	killDir     = "CONSENTD_TEST_KILL_DIR"
	killIDs     = 12
	killWriters = 6
)

// TestKilledWhileLinking has another process link, part, share and withdraw as fast as it can, and kills it at
// random moments. After each kill every acknowledged event is there, each link stands in both ledgers, and each id
// reads what the ledgers make of it: nothing is half linked.
func TestKilledWhileLinking(t *testing.T) {
	if dir := os.Getenv(killDir); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	dir, random, acknowledged := filepath.Join(t.TempDir(), "store"), rand.New(rand.NewPCG(1, 2)), map[string]bool{}
	links := 0
	for round := range *killRounds {
		killRound(t, dir, 1+random.IntN(200), acknowledged)
		links = verifyKilled(t, dir, acknowledged)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d kills, %d changes acknowledged, %d links and partings recorded", *killRounds, len(acknowledged), links)
	if links < *killRounds {
		t.Error("too few links: the kills say little")
	}
}

// killRound starts the process, kills it after so many acknowledgements, and notes all of them.
func killRound(t *testing.T, dir string, after int, acknowledged map[string]bool) {
	t.Helper()
	writer := exec.Command(os.Args[0], "-test.run=^TestKilledWhileLinking$", "-test.timeout=2m")
	writer.Env = append(os.Environ(), killDir+"="+dir)
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	n := 0
	for lines.Scan() {
		id, ok := strings.CutPrefix(lines.Text(), "recorded ")
		if !ok {
			continue // a line that the kill cut off, or what a test says
		}
		acknowledged[id] = true
		if n++; n == after {
			if err := writer.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _ = writer.Wait(); n < after {
		t.Fatalf("the writer ended after %d changes by itself", n)
	}
}

// writeUntilKilled records changes from several goroutines, and says which are acknowledged. Refusals are no news.
func writeUntilKilled(t *testing.T, dir string) {
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	begun := s.Applied()
	var writers sync.WaitGroup
	for w := range killWriters {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(begun), uint64(w)))
			for n := 0; ; n++ {
				batch := killBatch(random, fmt.Sprintf("%d-%d-%d", begun, w, n))
				at := consent.Instant(begun+consent.Revision(n)+1) * 1e9
				batch.RecordedAt, batch.Events[0].OccurredAt = at, at
				if _, err := s.Record(t.Context(), batch); err == nil {
					fmt.Printf("recorded %s\n", batch.Events[0].ID)
				} else if errors.Is(err, consent.ErrUnavailable) {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
}

func killBatch(random *rand.Rand, event string) consent.Batch {
	who, other := subject(random.IntN(killIDs)), subject(random.IntN(killIDs))
	var fact consent.Fact = consent.Objection{Purposes: []string{event[:1]}, Lifted: random.IntN(2) == 0}
	switch n := random.IntN(10); {
	case n < 4 && who != other:
		fact = consent.Link{With: other.ID, Linked: random.IntN(2) == 0}
	case n < 7 && who != other:
		fact = consent.Unlink{With: other.ID}
	case n == 7:
		fact = consent.Sharing{Shared: random.IntN(3) == 0}
	}
	batch := batchOf(who, event, fact)
	batch.Events[0].Evidence = "urn:ticket:1"
	return batch
}

// verifyKilled opens the store as a kill left it, and returns how many links and partings it has.
func verifyKilled(t *testing.T, dir string, acknowledged map[string]bool) (links int) {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	revisions, ledgers := map[consent.Revision]bool{}, map[string][]consent.Entry{}
	for i := range killIDs {
		id := subject(i).ID
		if ledgers[id], err = ledger(s.db, subject(i)); err != nil {
			t.Fatal(err)
		}
		for _, e := range ledgers[id] {
			delete(acknowledged, e.Event.ID)
			revisions[e.Revision] = true
		}
	}
	for id := range acknowledged {
		t.Errorf("event %s was acknowledged and is lost", id)
	}
	for id, entries := range ledgers {
		for _, e := range entries {
			acknowledged[e.Event.ID] = true
			if with := e.Event.LinkedWith(); with != "" {
				links++
				if !slices.ContainsFunc(ledgers[with], func(o consent.Entry) bool {
					return o.Event.ID == e.Event.ID && o.Event.LinkedWith() == id && o.Revision == e.Revision
				}) {
					t.Errorf("event %s stands in the ledger of %s, and not in that of %s", e.Event.ID, id, with)
				}
			}
		}
	}
	if len(revisions) != int(s.Applied()) {
		t.Errorf("%d revisions, applied %d", len(revisions), s.Applied())
	}
	verifyPeople(t, s, ledgers)
	return links / 2
}

// verifyPeople compares what each id reads with what the ledgers make of it, and the number of people with the rows
// that are kept.
func verifyPeople(t *testing.T, s *Store, ledgers map[string][]consent.Entry) {
	t.Helper()
	keys := map[consent.PersonKey]bool{}
	for id := range ledgers {
		g, err := consent.Gather([]string{id}, func(id string) ([]consent.Entry, error) { return ledgers[id], nil })
		if err != nil {
			t.Fatal(err)
		}
		r, err := find(s.db, consent.Subject{Controller: "example", ID: id}, true)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := g.State(id).AppendBinary(nil)
		if got, _ := r.State.AppendBinary(nil); string(got) != string(want) {
			t.Errorf("%s is not what its ledgers fold to", id)
		}
		person, whole := r.Who(id), g.Person(id)
		if !slices.Equal(person.IDs, whole.IDs) || !slices.Equal(person.Shared, whole.Shared) {
			t.Errorf("%s is of %v, the ledgers say %v", id, person, whole)
		}
		keys[r.Key] = true
	}
	delete(keys, consent.PersonKey{})
	iter, err := s.db.NewIter(&engine.IterOptions{LowerBound: []byte{tablePeople}, UpperBound: []byte{tablePeople + 1}})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for valid := iter.First(); valid; valid = iter.Next() {
		rows++
	}
	if err := iter.Close(); err != nil || rows != len(keys) {
		t.Errorf("%d rows of people, error %v; want %d", rows, err, len(keys))
	}
}
