package acts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

var (
	portal = consent.Identity{Kind: "token", ID: "portal", Issuer: "https://id.example"}
	noon   = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
)

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func mustOpen(t testing.TB, c Config) *Log {
	t.Helper()
	l, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.writer.lock.Close() }) // harmless after Close
	return l
}

func mustClose(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func (l *Log) mustWrite(t testing.TB, a Act) {
	t.Helper()
	if err := l.Write(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// read returns the lines of a file.
func read(t testing.TB, path string) (lines []line) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for one := range strings.Lines(string(text)) {
		var l line
		if err := json.Unmarshal([]byte(one), &l); err != nil {
			t.Fatalf("%q: %v", one, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// verified fails unless the files are whole.
func verified(t testing.TB, files ...string) Report {
	t.Helper()
	r, err := Verify(files...)
	if err != nil || len(r.Faults) > 0 || r.Torn {
		t.Fatalf("verified: %+v, error %v", r, err)
	}
	return r
}

func explained(subject string) Act {
	return Act{Method: "Explain", By: portal, Controller: "example", Subject: subject, Purpose: "analytics", Outcome: "OK"}
}

func TestLinesSayWhatWasDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "acts.jsonl")
	l := mustOpen(t, Config{File: path, Now: func() time.Time { return noon }})
	l.mustWrite(t, Act{
		Method: "RecordEvents", By: portal, RequestID: "r1", Controller: "example", Subject: "<a&b>",
		Events: []Event{{"e1", "consent"}, {"e2", "objection"}}, Outcome: "OK",
	})
	l.mustWrite(t, Act{
		Method: "GetSubject", Controller: "example", Subject: "s", Past: true, Denied: true, Outcome: "PERMISSION_DENIED",
	})
	l.mustWrite(t, Act{Method: "ActivatePolicy", By: portal, Files: 3, Begun: true})
	mustClose(t, l)
	got := read(t, path)
	for i := range got {
		got[i].Prev = ""
	}
	who := &caller{"token", "portal", "https://id.example"}
	want := []line{
		{Seq: 1, At: noon, Method: "RecordEvents", Caller: who, RequestID: "r1", Controller: "example", Subject: "<a&b>",
			Events: []Event{{"e1", "consent"}, {"e2", "objection"}}, Authorized: true, Outcome: "OK"},
		{Seq: 2, At: noon, Method: "GetSubject", Controller: "example", Subject: "s", Past: true, Outcome: "PERMISSION_DENIED"},
		{Seq: 3, At: noon, Method: "ActivatePolicy", Caller: who, Files: 3, Authorized: true, Outcome: outcomeBegun},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if r := verified(t, path); r.Lines != 3 || r.First != 1 || r.Last != 3 || !r.From.Equal(noon) {
		t.Errorf("verified %+v", r)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to others: %v, error %v", info.Mode(), err)
	}
}

// TestWriteReturnsWhenTheLineIsSynced, and not before; acts that wait share an fsync.
func TestWriteReturnsWhenTheLineIsSynced(t *testing.T) {
	d := &disk{hang: make(chan struct{})}
	d.room.Store(-1)
	path := filepath.Join(t.TempDir(), "acts.jsonl")
	l := mustOpen(t, Config{File: path, open: d.open})
	const acts = 200
	var answered atomic.Int64
	var writers sync.WaitGroup
	for i := range acts {
		writers.Go(func() {
			if err := l.Write(context.Background(), explained(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
			answered.Add(1)
		})
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(read(t, path)) == 0 || l.queued() < acts-50 {
		if time.Now().After(deadline) {
			t.Fatal("nothing is written")
		}
	}
	if n := answered.Load(); n != 0 {
		t.Errorf("%d acts were answered before any fsync", n)
	}
	close(d.hang)
	writers.Wait()
	mustClose(t, l)
	if r := verified(t, path); r.Lines != acts {
		t.Errorf("%d lines of %d acts", r.Lines, acts)
	}
	if n := d.syncs.Load(); n == 0 || n >= acts/2 {
		t.Errorf("%d fsyncs for %d acts at once", n, acts)
	}
}

func (l *Log) queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.mu.queue)
}

func TestChainGoesOnAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts.jsonl")
	for range 3 {
		l := mustOpen(t, Config{File: path})
		l.mustWrite(t, explained("s"))
		l.mustWrite(t, explained(strings.Repeat("long", 40_000))) // longer than a block of the search for the last line
		mustClose(t, l)
	}
	if r := verified(t, path); r.Lines != 6 || r.Last != 6 {
		t.Errorf("verified %+v", r)
	}
}

// TestTornLineIsCut: whatever a crash left of the last line.
func TestTornLineIsCut(t *testing.T) {
	for name, torn := range map[string]string{
		"half a line": `{"seq":3,"time":"2026-11-30T12:`, "zeros": strings.Repeat("\x00", 5000), "one byte": "{",
		"more than a block": `{"seq":3,"subject":"` + strings.Repeat("x", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			path, log := filepath.Join(t.TempDir(), "acts.jsonl"), &logBuffer{}
			l := mustOpen(t, Config{File: path})
			l.mustWrite(t, explained("a"))
			l.mustWrite(t, explained("b"))
			mustClose(t, l)
			appendTo(t, path, torn)
			if r, err := Verify(path); err != nil || !r.Torn || len(r.Faults) > 0 || r.Lines != 2 {
				t.Errorf("before it is cut: %+v, error %v", r, err)
			}
			l = mustOpen(t, Config{File: path, Logger: slog.New(slog.NewTextHandler(log, nil))})
			l.mustWrite(t, explained("c"))
			mustClose(t, l)
			if r := verified(t, path); r.Lines != 3 || r.Last != 3 {
				t.Errorf("verified %+v", r)
			}
			if !strings.Contains(log.String(), "cut off") || !strings.Contains(log.String(), fmt.Sprintf("bytes=%d", len(torn))) {
				t.Errorf("log: %s", log)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "acts.jsonl")
	appendTo(t, path, "torn and nothing before it")
	l := mustOpen(t, Config{File: path})
	l.mustWrite(t, explained("a"))
	mustClose(t, l)
	if r := verified(t, path); r.Lines != 1 || r.First != 1 {
		t.Errorf("after a file that was torn from its start: %+v", r)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "acts.jsonl")
	c := Config{File: path, Rotate: minRotate}
	big := explained(strings.Repeat("x", 600<<10))
	l := mustOpen(t, c)
	for range 3 {
		l.mustWrite(t, big)
	}
	mustClose(t, l)
	files := []string{filepath.Join(dir, "acts-000001.jsonl"), filepath.Join(dir, "acts-000002.jsonl"), path}
	if r := verified(t, files...); r.Lines != 3 {
		t.Errorf("verified %+v", r)
	}
	// A crash after the file was numbered, and before the next was begun.
	if err := os.Rename(path, filepath.Join(dir, "acts-000003.jsonl")); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, c)
	l.mustWrite(t, explained("s"))
	files = append(files[:2], filepath.Join(dir, "acts-000003.jsonl"), path)
	if r := verified(t, files...); r.Lines != 4 || r.Last != 4 {
		t.Errorf("verified %+v", r)
	}
	// Nothing is written over.
	if err := os.WriteFile(filepath.Join(dir, "acts-000004.jsonl"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.mustWrite(t, big)
	if err := l.Write(t.Context(), big); !errors.Is(err, consent.ErrUnaudited) {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "acts-000004.jsonl")); err != nil {
		t.Fatal(err)
	}
	l.mustWrite(t, big)
	mustClose(t, l)
	if r := verified(t, append(files[:3:3], filepath.Join(dir, "acts-000004.jsonl"), path)...); r.Lines != 6 {
		t.Errorf("verified %+v", r)
	}
}

// TestFileIsMovedAway: nothing is written where nobody looks.
func TestFileIsMovedAway(t *testing.T) {
	dir, log := t.TempDir(), &logBuffer{}
	path, moved := filepath.Join(dir, "acts.jsonl"), filepath.Join(dir, "moved")
	l := mustOpen(t, Config{File: path, Logger: slog.New(slog.NewTextHandler(log, nil))})
	l.mustWrite(t, explained("a"))
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	l.mustWrite(t, explained("b"))
	mustClose(t, l)
	if r := verified(t, moved, path); r.Lines != 2 {
		t.Errorf("verified %+v", r)
	}
	if !strings.Contains(log.String(), "moved or removed") {
		t.Errorf("log: %s", log)
	}
}

func TestOpenRefusesWhatItCannotUse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "acts.jsonl")
	l := mustOpen(t, Config{File: path})
	if _, err := Open(Config{File: path}); err == nil || !strings.Contains(err.Error(), "audit-file: ") ||
		!strings.Contains(err.Error(), "another process") {
		t.Errorf("a file that is in use: %v", err)
	}
	mustClose(t, l)
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	device := filepath.Join(dir, "device")
	if err := os.Symlink(os.DevNull, device); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{dir, device, filepath.Join(dir, "plain", "acts.jsonl")} {
		if _, err := Open(Config{File: file}); err == nil || !strings.HasPrefix(err.Error(), "audit-file: "+file) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := (Config{Rotate: 1000}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "audit-rotate: ") {
		t.Errorf("a small size: %v", err)
	}
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestClosedLogRefuses(t *testing.T) {
	l := mustOpen(t, Config{File: filepath.Join(t.TempDir(), "acts.jsonl")})
	mustClose(t, l)
	if err := l.Write(t.Context(), explained("s")); !errors.Is(err, consent.ErrUnaudited) {
		t.Errorf("error %v", err)
	}
	l.Note(explained("s"))
}

func BenchmarkWrite(b *testing.B) {
	l := mustOpen(b, Config{File: filepath.Join(b.TempDir(), "acts.jsonl")})
	for b.Loop() {
		l.mustWrite(b, explained("s"))
	}
	mustClose(b, l)
}

func BenchmarkWriteParallel(b *testing.B) {
	l := mustOpen(b, Config{File: filepath.Join(b.TempDir(), "acts.jsonl")})
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.mustWrite(b, explained("s"))
		}
	})
	mustClose(b, l)
	b.ReportMetric(float64(l.Stats().Lines)/float64(l.Stats().Syncs), "acts/fsync")
}
