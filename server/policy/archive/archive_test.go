package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
)

// acme is a set of one controller whose purpose has this clause.
func acme(t testing.TB, clause string) *policy.Set {
	t.Helper()
	set, err := policy.Load(fstest.MapFS{
		"controllers/acme/data.yaml": {Data: fmt.Appendf(nil,
			"name: Acme\nnotice: {version: 1, material: 1}\npurposes:\n  storage: {basis: CONTRACT, clause: %q}\n", clause)},
		"controllers/acme/acme.rego": {Data: []byte(`package consentd.controllers.acme

decision := {
	"decision": "ALLOW", "reasons": [{"code": "BASIS_HOLDS", "clause": data.controllers.acme.purposes.storage.clause}],
	"legal_basis": "CONTRACT", "obligations": [], "permitted_data_categories": [],
}
`)},
	}, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// spans are the history of an archive.
func spans(t testing.TB, a *archive.Archive) []consent.PolicySpan {
	t.Helper()
	list, err := a.History(context.Background())
	if err != nil {
		t.Error(err)
	}
	return list
}

func open(t testing.TB, dir string, keep int) *archive.Archive {
	t.Helper()
	a, err := archive.Open(archive.Config{Dir: dir, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func begin(t testing.TB, a *archive.Archive, set *policy.Set, at consent.Instant) {
	t.Helper()
	if err := a.Begin(set, "the test", at); err != nil {
		t.Fatal(err)
	}
}

// clauseOf loads a kept set and returns what it answers.
func clauseOf(t testing.TB, a *archive.Archive, revision string) string {
	t.Helper()
	set, err := a.Set(t.Context(), revision)
	if err != nil {
		t.Fatal(err)
	}
	d := set.Decide(t.Context(), &consent.Request{Subject: consent.Subject{Controller: "acme", ID: "s"}, Purpose: "storage"},
		&consent.Snapshot{State: &consent.State{}}, 1)
	return d.Reasons[0].Clause
}

func revisionAt(t testing.TB, a *archive.Archive, at consent.Instant) string {
	t.Helper()
	span, err := a.At(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	return span.Revision
}

// TestHistory: sets come and go and come again, a restart goes on where the last process ended, and each instant has
// its set.
func TestHistory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	one, two := acme(t, "1"), acme(t, "2")
	a := open(t, dir, 0)
	begin(t, a, one, 100)
	begin(t, a, one, 150) // in force already
	begin(t, a, two, 200)
	a = open(t, dir, 0)
	begin(t, a, two, 250) // a restart
	begin(t, a, one, 300)
	if err := a.Begin(one, "elsewhere", 400); err != nil {
		t.Fatal(err)
	}
	span := func(set *policy.Set, from, until consent.Instant, source string) consent.PolicySpan {
		return consent.PolicySpan{
			Revision: set.Revision(), From: from, Until: until, Source: source, Controllers: []string{"acme"}, Kept: true,
		}
	}
	want := []consent.PolicySpan{
		span(one, 400, 0, "elsewhere"), span(one, 300, 400, "the test"), span(two, 200, 300, "the test"), span(one, 100, 200, "the test"),
	}
	for name, a := range map[string]*archive.Archive{"as written": a, "as read": open(t, dir, 0)} {
		if diff := cmp.Diff(want, spans(t, a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for at, set := range map[consent.Instant]*policy.Set{100: one, 199: one, 200: two, 299: two, 300: one, 1 << 60: one} {
			if got := revisionAt(t, a, at); got != set.Revision() {
				t.Errorf("%s: at %d %s was in force", name, at, got)
			}
		}
		if got := clauseOf(t, a, one.Revision()) + clauseOf(t, a, two.Revision()) + clauseOf(t, a, one.Revision()); got != "121" {
			t.Errorf("%s: the kept sets answer %s", name, got)
		}
		var gone *consent.PolicyNotKeptError
		if _, err := a.At(t.Context(), 99); !errors.As(err, &gone) || gone.At != 99 || !strings.Contains(err.Error(), "begins on") {
			t.Errorf("%s: before the history: %v", name, err)
		}
	}
	if _, err := open(t, t.TempDir(), 0).At(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "no history") {
		t.Errorf("an empty history: %v", err)
	}
}

// A clock that was set back makes no span that ends before it begins, and no two that overlap.
func TestAClockThatWasSetBack(t *testing.T) {
	a := open(t, t.TempDir(), 0)
	one, two := acme(t, "1"), acme(t, "2")
	begin(t, a, one, 100)
	begin(t, a, two, 50)
	for at, set := range map[consent.Instant]*policy.Set{100: two, 150: two} {
		if got := revisionAt(t, a, at); got != set.Revision() {
			t.Errorf("at %d %s was in force", at, got)
		}
	}
	if _, err := a.At(t.Context(), 60); err == nil {
		t.Error("something was in force before the first set")
	}
}

// TestKeep: the newest sets are kept, as many as configured, also after a restart with a smaller number. Older spans
// say that their set is not.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, 3)
	var sets []*policy.Set
	for i := range 5 {
		sets = append(sets, acme(t, fmt.Sprint(i)))
		begin(t, a, sets[i], consent.Instant(100*(i+1)))
	}
	expectKept(t, a, 3, 5)
	_, err := a.Set(t.Context(), sets[1].Revision())
	var gone *consent.PolicyNotKeptError
	if !errors.As(err, &gone) || gone.Revision != sets[1].Revision() || !strings.Contains(err.Error(), "policies-keep is 3") {
		t.Errorf("a set that is not kept: %v", err)
	}
	if got := revisionAt(t, a, 250); got != sets[1].Revision() {
		t.Errorf("the history forgot %s", sets[1].Revision())
	}
	if clauseOf(t, a, sets[2].Revision()) != "2" {
		t.Error("a kept set is not there")
	}
	a = open(t, dir, 1)
	begin(t, a, sets[4], 600)
	expectKept(t, a, 1, 5)
	begin(t, a, sets[0], 700) // it was not kept, and is now
	if clauseOf(t, a, sets[0].Revision()) != "0" {
		t.Error("a set that came back is not kept")
	}
	if h := spans(t, a); !h[0].Kept || h[1].Kept || !h[5].Kept || len(h) != 6 {
		t.Errorf("the set that came back is kept for both of its spans: %+v", h)
	}
	if names, err := os.ReadDir(filepath.Join(dir, "sets")); err != nil || len(names) != 1 {
		t.Errorf("%d files are left: %v", len(names), err)
	}
}

func expectKept(t *testing.T, a *archive.Archive, newest, all int) {
	t.Helper()
	history := spans(t, a)
	if len(history) != all {
		t.Errorf("%d spans, want %d", len(history), all)
	}
	for i, s := range history {
		if s.Kept != (i < newest) {
			t.Errorf("span %d of %d: kept is %v", i, len(history), s.Kept)
		}
	}
}

// TestDamage: what was changed on disk is never taken for what was in force.
func TestDamage(t *testing.T) {
	one, two := acme(t, "1"), acme(t, "2")
	for name, row := range map[string]struct {
		harm func(t *testing.T, dir, set string)
		says string
	}{
		"a byte of a set": {func(t *testing.T, _, set string) { change(t, set, []byte("CONTRACT"), []byte("CONTRACU")) }, "damaged"},
		"half of a set":   {func(t *testing.T, _, set string) { cut(t, set) }, "damaged"},
		"another set": {func(t *testing.T, dir, set string) {
			if err := os.Rename(filepath.Join(dir, "sets", two.Revision()+".zip"), set); err != nil {
				t.Fatal(err)
			}
		}, "damaged"},
		"no set any more": {func(t *testing.T, _, set string) {
			if err := os.Remove(set); err != nil {
				t.Fatal(err)
			}
		}, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var log bytes.Buffer
			a, err := archive.Open(archive.Config{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			begin(t, a, one, 100)
			begin(t, a, two, 200)
			row.harm(t, dir, filepath.Join(dir, "sets", one.Revision()+".zip"))
			_, err = a.Set(t.Context(), one.Revision())
			var gone *consent.PolicyNotKeptError
			if !errors.As(err, &gone) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), dir) {
				t.Errorf("Set: %v", err)
			}
			if !strings.Contains(log.String(), "kept policies") || !strings.Contains(log.String(), one.Revision()) {
				t.Errorf("the log does not say so: %s", log.String())
			}
			begin(t, a, one, 300) // in force again, so it is kept again
			if clauseOf(t, a, one.Revision()) != "1" {
				t.Error("a damaged set was not mended")
			}
		})
	}
	for name, row := range map[string]struct {
		harm func(t *testing.T, history string)
		says string
	}{
		"another time": {func(t *testing.T, history string) { change(t, history, []byte(`"from":"1970`), []byte(`"from":"1971`)) },
			"digest differs"},
		"half of it": {cut, "damaged"},
		"a newer format": {func(t *testing.T, history string) { change(t, history, []byte(`history":1`), []byte(`history":2`)) },
			"newer format, 2"},
		"nothing": {func(t *testing.T, history string) { write(t, history, nil) }, "line 1"},
	} {
		dir := t.TempDir()
		begin(t, open(t, dir, 0), one, 100)
		row.harm(t, filepath.Join(dir, "history.jsonl"))
		if _, err := archive.Open(archive.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), row.says) ||
			!strings.Contains(err.Error(), "remove") {
			t.Errorf("history, %s: %v", name, err)
		}
	}
}

// What cannot be written is told, the history is right in memory, and the next attempt writes it.
func TestADiskThatRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "sets"), nil) // a file where the folder should be
	a, err := archive.Open(archive.Config{Dir: filepath.Join(dir, "policies")})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "policies"), nil)
	one := acme(t, "1")
	if err := a.Begin(one, "the test", 100); err == nil {
		t.Fatal("kept in a file")
	}
	if err := a.Keep(one); err == nil {
		t.Error("kept in a file")
	}
	if h := spans(t, a); len(h) != 1 || h[0].Kept {
		t.Errorf("history %+v", h)
	}
	if err := os.Remove(filepath.Join(dir, "policies")); err != nil {
		t.Fatal(err)
	}
	if err := a.Begin(one, "the test", 200); err != nil {
		t.Fatal(err)
	}
	if h := spans(t, open(t, filepath.Join(dir, "policies"), 0)); len(h) != 1 || !h[0].Kept || h[0].From != 100 {
		t.Errorf("on disk %+v", h)
	}
}

// killed names the folder in which this process changes sets until it is killed.
const killed = "CONSENTD_ARCHIVE_KILLED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killed); dir != "" {
		changeForEver(dir)
	}
	os.Exit(m.Run())
}

// changeForEver says a word on standard output after each change.
func changeForEver(dir string) {
	t := &testing.T{}
	a := open(t, dir, 3)
	sets := []*policy.Set{acme(t, "1"), acme(t, "2"), acme(t, "3"), acme(t, "4"), acme(t, "5")}
	for i := 0; ; i++ {
		if err := a.Begin(sets[i%len(sets)], "the test", consent.InstantOf(time.Now())); err != nil {
			panic(err)
		}
		fmt.Println(sets[i%len(sets)].Revision())
	}
}

// TestKill: a process that is killed at any moment leaves a history that reads, whose newest sets are kept whole, and
// which has each change that was acknowledged.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	rounds, acknowledged := 20, 0
	for round := range rounds {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), killed+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		last := ""
		for range 1 + rand.IntN(20) {
			if _, err := fmt.Fscanln(out, &last); err != nil {
				t.Fatal(err)
			}
			acknowledged++
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, seen := last, 0
		for ; err == nil; _, err = fmt.Fscanln(out, &rest) {
			last = rest // said before it was killed
			seen++
		}
		_ = child.Wait()
		a := open(t, dir, 3)
		history := spans(t, a)
		newest := map[string]bool{}
		for _, s := range history {
			if len(newest) < 3 {
				newest[s.Revision] = true
			}
		}
		for revision := range newest {
			if _, err := a.Set(t.Context(), revision); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
		// At most the change under way is newer than the last that was said to be done.
		if history[0].Revision != last && history[1].Revision != last {
			t.Errorf("round %d: the change to %s is lost: %+v", round, last, history[:2])
		}
	}
	t.Logf("%d kills, %d changes", rounds, acknowledged)
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, file string, from, to []byte) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(content, from) {
		t.Fatalf("%s has no %q", file, from)
	}
	write(t, file, bytes.Replace(content, from, to, 1))
}

func cut(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, content[:len(content)/2])
}
