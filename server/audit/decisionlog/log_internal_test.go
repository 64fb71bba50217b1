package decisionlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// decided is the nth decision.
func decided(n int) *authz.Decided {
	d := sampleDecided()
	d.Decision.ID = fmt.Sprintf("%032x", n)
	d.Request.Subject.ID = fmt.Sprintf("u%d", n)
	return d
}

// open opens a log that is closed with the test.
func open(t *testing.T, c Config) *Log {
	t.Helper()
	l, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// readFile returns the lines of a log, which must be whole.
func readFile(t *testing.T, name string) (all []line.Line) {
	t.Helper()
	r, err := line.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		l, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s:%v", name, err)
		}
		all = append(all, l)
	}
	if r.Torn() {
		t.Errorf("%s is torn", name)
	}
	return all
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func record(t *testing.T, l *Log, n int) {
	t.Helper()
	for i := range n {
		if err := l.Recorded(t.Context(), decided(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestALineOfNoStateHasNone: what was denied because the state could not be read names no revision, and the next line
// is not taken for one.
func TestALineOfNoStateHasNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log.jsonl")
	l := open(t, Config{Sink: file})
	for _, decision := range []consent.Decision{consent.Unavailable("§1"), *sampleDecided().Decision} {
		d := sampleDecided()
		d.Decision = &decision
		if err := l.Recorded(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got := readFile(t, file)
	if len(got) != 2 || got[0].HasState || got[0].Decision.Degraded != consent.DegradedDenied ||
		!got[1].HasState || got[1].Decision.Degraded != 0 || got[1].Decision.StateAge != 0 {
		t.Errorf("lines are %+v", got)
	}
}

// TestALineHasAllOfADecision: what the log says is what was decided, whatever the requests' memory becomes.
func TestALineHasAllOfADecision(t *testing.T) {
	for _, name := range []string{"log.jsonl", "log.jsonl.zst"} {
		file := filepath.Join(t.TempDir(), "new", name)
		l := open(t, Config{Sink: file})
		d := sampleDecided()
		d.Request.Recipient = consent.Recipient{Kind: 1, ID: "acme", Country: "US"}
		d.Request.Context = map[string]any{"gpc": true, "n": 1.5, "s": "\"", "l": []any{nil, "x"}}
		d.Request.DataCategories = []string{"a.b", "c"}
		d.Decision.PermittedDataCategories = []string{"c"}
		d.Decision.Obligations = append(d.Decision.Obligations, consent.Obligation{
			Code: consent.ExcludeDataCategories, Parameters: consent.Parameters{Categories: []string{"a.b"}},
		})
		d.Decision.Degraded, d.Decision.StateAge = consent.DegradedStale, 90*time.Second+1
		who := &caller.Caller{Kind: caller.KindToken, ID: "mailer", Issuer: "https://issuer.example"}
		if err := l.Recorded(caller.With(t.Context(), who), d); err != nil {
			t.Fatal(err)
		}
		l.Reported(t.Context(), &authz.Reported{
			Count: 7, Request: consent.Request{Subject: consent.Subject{Controller: "example"}, Purpose: "p"},
			Decision: consent.Decision{Effect: consent.Allow, ID: "x"},
		})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		got := readFile(t, file)
		want := line.Line{
			Time: d.Now, Caller: "token:mailer https://issuer.example", Request: *d.Request,
			Context: []byte(`{"gpc":true,"l":[null,"x"],"n":1.5,"s":"\""}`), Decision: *d.Decision, HasState: true,
		}
		want.Request.Context = nil
		if len(got) != 2 {
			t.Fatalf("%d lines, want 2", len(got))
		}
		slices.SortFunc(got, func(a, b line.Line) int { return int(a.Answers) - int(b.Answers) })
		if diff := cmp.Diff(want, got[0], cmpopts.EquateEmpty(), cmpopts.IgnoreFields(line.Line{}, "Latency")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got[0].Latency <= 0 {
			t.Errorf("latency %v", got[0].Latency)
		}
		if r := got[1]; r.Answers != 7 || r.Caller != "anonymous" || r.Decision.ID != "x" || r.HasState || r.Kind() != line.Reported {
			t.Errorf("the report is %+v", r)
		}
	}
}

// TestMemoryIsUsedAgain: many records of all sizes, from many goroutines, come out whole and once.
func TestMemoryIsUsedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log.jsonl.zst")
	l := open(t, Config{Sink: file, Overflow: Block, Buffer: minBuffer, FileSize: 1 << 30, FileTotal: 2 << 30})
	const workers, each = 8, 2000
	var all sync.WaitGroup
	for w := range workers {
		who := &caller.Caller{Kind: caller.KindKey, ID: fmt.Sprint(w)}
		all.Go(func() {
			d := sampleDecided()
			for n := range each {
				d.Decision.ID = fmt.Sprintf("%d-%d", w, n)
				d.Request.Subject.ID = fmt.Sprintf("%d-%d", w, n)
				d.Request.Context = nil
				if n%500 == 0 {
					d.Request.Context = map[string]any{"big": strings.Repeat("x", 100<<10)} // larger than a chunk
				}
				if err := l.Recorded(caller.With(t.Context(), who), d); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, got := range readFile(t, file) {
		id := got.Decision.ID
		w, _, _ := strings.Cut(id, "-")
		if seen[id] || got.Request.Subject.ID != id || got.Caller != "key:"+w {
			t.Fatalf("the line of %s: %+v", id, got)
		}
		seen[id] = true
	}
	if s := l.Stats(); len(seen) != workers*each || s.Lines != workers*each || s.Dropped+s.Lost > 0 || s.Queued != 0 {
		t.Errorf("%d of %d lines; %+v", len(seen), workers*each, s)
	}
}

// gate is a sink that takes nothing while it is shut, and fails while it is broken.
type gate struct {
	mu     sync.Mutex
	open   *sync.Cond
	shut   bool
	broken error
	data   bytes.Buffer
	tries  int
}

func newGate() *gate {
	g := &gate{}
	g.open = sync.NewCond(&g.mu)
	return g
}

func (g *gate) set(shut bool, broken error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut, g.broken = shut, broken
	g.open.Broadcast()
}

func (g *gate) Write(b *batch) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tries++
	for g.shut {
		g.open.Wait()
	}
	if g.broken != nil {
		return g.broken
	}
	g.data.Write(b.data)
	return nil
}

func (g *gate) Tick(time.Time) error { return nil }
func (g *gate) Close() error         { return nil }

func (g *gate) attempts() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tries
}

// lines parses what the gate took.
func (g *gate) lines(t *testing.T) (all []line.Line) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for text := range bytes.Lines(g.data.Bytes()) {
		l, err := line.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// gated opens a log over a gate.
func gated(t *testing.T, c Config) (*Log, *gate) {
	t.Helper()
	g := newGate()
	c.Sink = "stdout"
	l, err := openOver(c, g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.set(false, nil)
		_ = l.Close()
	})
	return l, g
}

// TestDropIsCountedAndTold: a sink that stands still delays nobody, memory is bounded, and the log says what is
// missing.
func TestDropIsCountedAndTold(t *testing.T) {
	l, g := gated(t, Config{Overflow: Drop, Buffer: minBuffer})
	g.set(true, nil)
	const n = 20_000
	began := time.Now()
	record(t, l, n)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%d decisions took %v over a sink that stands still", n, took)
	}
	s := l.Stats()
	if s.Dropped == 0 || s.Dropped >= n || s.Queued > minBuffer+int64(cap(l.full))*chunkSlack {
		t.Fatalf("%+v", s)
	}
	g.set(false, nil)
	eventually(t, "the gap is told", func() bool { return l.counts.untold.Load() == 0 })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	decisions, missing := 0, uint64(0)
	for _, got := range g.lines(t) {
		missing += got.Dropped
		if got.Kind() == line.Decided {
			decisions++
		}
	}
	if s := l.Stats(); missing != s.Dropped || decisions+int(missing) != n {
		t.Errorf("%d lines and %d told to be missing of %d; %+v", decisions, missing, n, s)
	}
}

// TestBlockWaitsAndThenFails: no decision is given out unlogged, and none waits beyond its deadline.
func TestBlockWaitsAndThenFails(t *testing.T) {
	l, g := gated(t, Config{Overflow: Block, Buffer: minBuffer})
	g.set(true, nil)
	logged := 0
	var refused error
	for refused == nil {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if refused = l.Recorded(ctx, decided(logged)); refused == nil {
			logged++
		}
		cancel()
	}
	if !errors.Is(refused, consent.ErrNotLogged) || logged < 1000 {
		t.Errorf("after %d: %v", logged, refused)
	}
	done := make(chan error, 1)
	go func() { done <- l.Recorded(t.Context(), decided(logged)) }()
	g.set(false, nil)
	if err := <-done; err != nil {
		t.Errorf("a call that waited: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Recorded(t.Context(), decided(0)); !errors.Is(err, consent.ErrNotLogged) {
		t.Errorf("after Close: %v", err)
	}
	decisions := 0
	for _, got := range g.lines(t) {
		if got.Kind() == line.Decided {
			decisions++
		}
	}
	if decisions != logged+1 {
		t.Errorf("%d lines of %d decisions that were given out", decisions, logged+1)
	}
}

// TestSpillLosesNothing: what the sink does not take is in the file.
func TestSpillLosesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "spilled.jsonl")
	l, g := gated(t, Config{Overflow: Spill, SpillFile: file, Buffer: minBuffer})
	g.set(true, nil)
	const n = 20_000
	record(t, l, n)
	g.set(false, nil)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, got := range append(g.lines(t), readFile(t, file)...) {
		ids[got.Decision.ID]++
	}
	s := l.Stats()
	if len(ids) != n || s.Spilled == 0 || s.Dropped > 0 || s.Lines+s.Spilled != n {
		t.Errorf("%d of %d decisions; %+v", len(ids), n, s)
	}
}

// TestASinkThatFailsIsTriedAgain: nothing in the queue is given up, the metric tells, and the log has one line each
// way.
func TestASinkThatFailsIsTriedAgain(t *testing.T) {
	var text syncBuffer
	l, g := gated(t, Config{Logger: slog.New(slog.NewTextHandler(&text, nil))})
	g.set(false, errors.New("no space left on device"))
	record(t, l, 10)
	eventually(t, "it is tried thrice", func() bool { return g.attempts() >= 3 })
	if !l.Stats().Failing {
		t.Error("the sink fails, and the metric does not tell")
	}
	g.set(false, nil)
	eventually(t, "the lines are there", func() bool { return l.Stats().Lines == 10 })
	if l.Stats().Failing || len(g.lines(t)) != 10 {
		t.Errorf("%+v, %d lines", l.Stats(), len(g.lines(t)))
	}
	for _, want := range []string{"no space left on device", "takes lines again"} {
		if got := strings.Count(text.String(), want); got != 1 {
			t.Errorf("%q stands %d times in the log:\n%s", want, got, text.String())
		}
	}
}

// TestCloseGivesUp: a sink that takes nothing does not hold the server up for ever, and what is lost is counted.
func TestCloseGivesUp(t *testing.T) {
	l, g := gated(t, Config{})
	g.set(false, errors.New("broken"))
	record(t, l, 10)
	began := time.Now()
	l.abortAfter = 100 * time.Millisecond
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 3*time.Second || l.Stats().Lost != 10 {
		t.Errorf("closing took %v; %+v", took, l.Stats())
	}
}

// TestCloseSpills what the sink does not take in the end.
func TestCloseSpills(t *testing.T) {
	file := filepath.Join(t.TempDir(), "spilled.jsonl.zst")
	l, g := gated(t, Config{Overflow: Spill, SpillFile: file})
	g.set(false, errors.New("broken"))
	record(t, l, 10)
	l.abortAfter = 10 * time.Millisecond
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	decisions := 0
	for _, got := range readFile(t, file) {
		if got.Kind() == line.Decided {
			decisions++
		}
	}
	if s := l.Stats(); decisions != 10 || s.Lost != 0 || s.Spilled != 10 {
		t.Errorf("%d lines, %+v", decisions, s)
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestWhichDecisions(t *testing.T) {
	allow, deny := decided(1).Decision, decided(2).Decision
	deny.Effect = consent.Deny
	for text, want := range map[string][2]bool{"all": {true, true}, "deny": {false, true}, "none": {}, "1/1": {true, true}} {
		r, err := parseRate(text)
		if err != nil || r.takes(allow) != want[0] || r.takes(deny) != want[1] {
			t.Errorf("%s: %v %v, %v", text, r.takes(allow), r.takes(deny), err)
		}
	}
	r, err := parseRate("1/100")
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	const n = 100_000
	for i := range n {
		if r.takes(decided(i).Decision) {
			taken++
		}
	}
	if taken < 900 || taken > 1100 {
		t.Errorf("1/100 took %d of %d", taken, n)
	}
	for _, text := range []string{"", "some", "1/0", "1/", "2/3", "0", "1/-1", "1/99999999999"} {
		if _, err := parseRate(text); err == nil {
			t.Errorf("%q was taken for a rate", text)
		}
	}
	p, err := parsePurposes("marketing_email=deny, example/analytics=none,")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(controller, purpose string) rate {
		return p.of(&consent.Request{Subject: consent.Subject{Controller: controller}, Purpose: purpose}, rate{n: 1})
	}
	if !ask("a", "marketing_email").denials || ask("example", "analytics").n != 0 || ask("a", "analytics").n != 1 {
		t.Error("purposes have other rates")
	}
	for _, text := range []string{"a", "a=", "=all", "a=all,a=none", "a=some"} {
		if _, err := parsePurposes(text); err == nil {
			t.Errorf("%q was taken for purposes", text)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	dir := t.TempDir()
	err := Config{
		Sink: "ftp://x", Decisions: "some", Purposes: "a", Overflow: "wait", Buffer: 1, FileSize: 1, FileTotal: 0, FileAge: 1,
		TLSCert: "x", SubjectKey: filepath.Join(dir, "absent"),
	}.Validate()
	for _, want := range []string{
		"decision-log: ", "decision-log-decisions: ", "decision-log-purposes: ", "decision-log-overflow: ", "decision-log-buffer: ",
		"decision-log-file-size: ", "decision-log-file-age: ", "decision-log-tls-cert, ", "decision-log-subject-key: ",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no fault of %s: %v", want, err)
		}
	}
	for _, c := range []Config{
		{Rules: "x"}, {Sink: "otlp://collector.example:4317"}, {Sink: "otlp://:4317"}, {Sink: "x", Overflow: Spill},
		{Sink: "x", Overflow: Spill, SpillFile: "x"}, {Sink: "x", FileSize: 20 << 30},
	} {
		if c.Validate() == nil {
			t.Errorf("%+v has no fault", c)
		}
	}
	for _, c := range []Config{{}, {Sink: "otlp://127.0.0.1:4317"}, {Sink: "otlps://collector.example:4317"}, {Sink: "x.zst"}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if l, err := Open(Config{}); l != nil || err != nil {
		t.Errorf("no log: %v, %v", l, err)
	}
	if _, err := Open(Config{Sink: dir}); err == nil {
		t.Error("a directory was opened as a log")
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}
